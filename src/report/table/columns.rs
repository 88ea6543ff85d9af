//! The columns of the Pareto set: what is chosen, goals, prices, and accuracies on each split.

use super::super::bits;
use super::super::quantity::{authored, percent, points, shown};
use super::super::words::goal_value;
use super::dash;
use crate::interpreter::result::RunResult;
use crate::interpreter::store::trial::Trial;
use crate::ir::Value;
use crate::model::metrics::metric;

/// Metrics that have a column even where they are no goal, if they are known.
const ALWAYS: [&str; 3] = ["energy", "latency", "model_size"];

/// The most decisions that a search over a formula shows as columns.
const MOST_DECISIONS: usize = 8;

pub(super) struct Column<'a> {
    pub title: String,
    pub is_text: bool,
    pub cell: Box<dyn Fn(&Trial) -> String + 'a>,
}

pub(super) fn columns<'a>(result: &'a RunResult) -> Vec<Column<'a>> {
    let mut columns = Vec::new();
    let mut add = |title: &str, is_text: bool, cell: Box<dyn Fn(&Trial) -> String + 'a>| {
        columns.push(Column {
            title: title.into(),
            is_text,
            cell,
        });
    };
    add(
        "trial",
        false,
        Box::new(|t| {
            let mark = if result.best == Some(t.number) {
                "* "
            } else {
                ""
            };
            format!("{mark}{}", t.number)
        }),
    );
    let has_layers = result.trials.iter().any(|t| !t.layers.is_empty());
    if !has_layers && result.decisions.len() <= MOST_DECISIONS {
        for (path, places) in result.columns() {
            let unit = &result.decision_units[places[0]];
            add(
                path,
                false,
                Box::new(move |t| {
                    let chosen = t.point.one_of(&places);
                    chosen.map_or_else(dash, |v| show(v, unit))
                }),
            );
        }
    }
    for (i, goal) in result.goals.iter().enumerate() {
        add(&goal.text, false, Box::new(move |t| goal_of(result, i, t)));
        if goal.text == "accuracy" && !result.finals.is_empty() {
            add("final", false, Box::new(|t| final_accuracy(result, t)));
        }
        if goal.text == "accuracy" && !result.tests.is_empty() {
            add("test", false, Box::new(|t| test(result, t)));
        }
    }
    if !result.tests.is_empty() && result.goals.iter().all(|g| g.text != "accuracy") {
        add("test accuracy", false, Box::new(|t| test(result, t)));
    }
    for name in ALWAYS {
        let is_goal = result.goals.iter().any(|g| g.text == name);
        let is_known = result.trials.iter().any(|t| t.metrics.0.contains_key(name));
        if let (false, true, Some(metric)) = (is_goal, is_known, metric(name)) {
            // What a table or a command measures is called as its author likes, and has no unit.
            let unit = if has_layers { metric.unit } else { "" };
            add(
                name,
                false,
                Box::new(move |t| {
                    let value = t.metrics.0.get(name);
                    value.map_or_else(dash, |v| shown(*v, unit, result.units.get(name)))
                }),
            );
        }
    }
    if result.trials.iter().any(|t| gain(t).is_some()) {
        add(
            "over PTQ",
            false,
            Box::new(|t| gain(t).map_or_else(dash, points)),
        );
    }
    if has_layers {
        add("bits", true, Box::new(|t| bits::compact(&t.layers)));
    }
    columns
}

/// Accuracy on the validation split after final training.
fn final_accuracy(result: &RunResult, trial: &Trial) -> String {
    let last = result.finals.get(&trial.number);
    let accuracy = last.and_then(|t| t.metrics.0.get("accuracy"));
    accuracy.map_or_else(dash, |a| percent(*a))
}

/// The value of a goal, with the interval that repeats give.
pub(super) fn goal_of(result: &RunResult, index: usize, trial: &Trial) -> String {
    let (Some(value), Some(goal)) = (trial.goals.get(index), result.goals.get(index)) else {
        return dash();
    };
    let shown = goal_value(&result.units, &goal.text, *value, &goal.unit);
    match result.intervals.get(&trial.number) {
        Some(of) if goal.text == "accuracy" => with_interval(shown, of.accuracy),
        _ => shown,
    }
}

pub(super) fn test(result: &RunResult, trial: &Trial) -> String {
    let Some(accuracy) = result.tests.get(&trial.number) else {
        return dash();
    };
    let intervals = result.intervals.get(&trial.number);
    match intervals.and_then(|of| of.test) {
        Some(half_width) => with_interval(percent(*accuracy), half_width),
        None => percent(*accuracy),
    }
}

/// `93.6 ± 0.4 %`.
fn with_interval(share: String, half_width: f64) -> String {
    let half_width = percent(half_width);
    match (share.strip_suffix(" %"), half_width.strip_suffix(" %")) {
        (Some(share), Some(half_width)) => format!("{share} ± {half_width} %"),
        _ => format!("{share} ± {half_width}"),
    }
}

/// What fine-tuning won over quantizing after training.
pub(super) fn gain(trial: &Trial) -> Option<f64> {
    let stages = trial.stages.as_ref()?;
    Some(stages.qaft? - stages.ptq?)
}

/// A decision's value; real ones with four digits.
pub(super) fn show(value: &Value, unit: &str) -> String {
    match value {
        Value::Number(n) => authored(*n, unit),
        other => other.to_string(),
    }
}
