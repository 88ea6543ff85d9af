//! What `bnas run` prints: the Pareto set, the best of it, what fine-tuning won, what was expected.
//!
//! In: a [`RunResult`]. Out: text for a terminal. Values of the search are of the validation split; the column `test` is
//! of samples that no choice has seen.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::grid::Grid;
use super::quantity::{authored, percent, points, quantity, shown};
use super::words::{goal_value, plural, verb};
use super::{Look, bits};
use crate::interpreter::result::{ArmsResult, RunResult};
use crate::interpreter::store::trial::{Status, Trial};
use crate::ir::{Direction, Value};
use crate::model::metrics::metric;

/// Metrics that have a column even where they are no goal, if they are known.
const ALWAYS: [&str; 3] = ["energy", "latency", "model_size"];

/// The most failed trials that are spelled out.
const MOST_FAILURES: usize = 5;

/// The most decisions of the best trial that are listed.
const MOST_CHOSEN: usize = 24;

/// The most decisions that a search over a formula shows as columns.
const MOST_DECISIONS: usize = 8;

/// The whole report.
pub fn summary(result: &RunResult, look: Look) -> String {
    let mut out = String::new();
    headline(result, &mut out);
    if !result.pareto.is_empty() {
        out.push('\n');
        out.push_str(&pareto(result, look));
        legend(result, &mut out);
        best(result, &mut out);
        fine_tuning(result, &mut out);
    }
    misses(result, &mut out);
    failures(result, &mut out);
    sources(result, &mut out);
    expectations(result, &mut out);
    out
}

fn headline(result: &RunResult, out: &mut String) {
    let complete = result
        .trials
        .iter()
        .filter(|t| t.status == Status::Complete);
    let feasible = result.trials.iter().filter(|t| t.is_feasible()).count();
    let goals: Vec<String> = result
        .goals
        .iter()
        .map(|g| format!("{} {}", verb(g.direction), g.text))
        .collect();
    put(out, format!("{}: {}", result.experiment, goals.join(", ")));
    let required = if result.requires.is_empty() {
        String::new()
    } else {
        format!(", {feasible} meet every requirement")
    };
    put(
        out,
        format!(
            "{}, {} complete{required}; {} on the Pareto front",
            plural(result.trials.len(), "trial"),
            complete.count(),
            result.pareto.len(),
        ),
    );
}

/// The report of an experiment with arms: one row for each, then what failed.
pub fn arms(result: &ArmsResult, look: Look) -> String {
    let mut out = String::new();
    let goals = result.arms.first().map_or(&[][..], |a| &a.result.goals);
    let written: Vec<String> = goals
        .iter()
        .map(|g| format!("{} {}", verb(g.direction), g.text))
        .collect();
    put(
        &mut out,
        format!("{}: {}", result.experiment, written.join(", ")),
    );
    put(&mut out, format!("{}\n", plural(result.arms.len(), "arm")));
    let has_tests = result.arms.iter().any(|a| !a.result.tests.is_empty());
    let mut header: Vec<String> = vec!["arm".into(), "trials".into(), "feasible".into()];
    header.extend(goals.iter().map(|g| g.text.clone()));
    if has_tests {
        header.push("test accuracy".into());
    }
    header.extend(["on the front".into(), "hypervolume".into()]);
    let mut grid = Grid::new(&header, &[0], look);
    for arm in &result.arms {
        let run = &arm.result;
        let best = run.best.and_then(|n| run.trial(n));
        let mut row = vec![
            arm.label.clone(),
            run.trials.len().to_string(),
            run.trials
                .iter()
                .filter(|t| t.is_feasible())
                .count()
                .to_string(),
        ];
        row.extend((0..goals.len()).map(|i| best.map_or_else(dash, |t| goal_of(run, i, t))));
        if has_tests {
            row.push(best.map_or_else(dash, |t| test(run, t)));
        }
        row.push(run.pareto.len().to_string());
        row.push(
            run.hypervolume
                .as_ref()
                .map_or_else(dash, |h| quantity(h.value, "")),
        );
        grid.row(&row, false);
    }
    out.push_str(&grid.finish());
    out.push_str("goals: of the best by validation in the first goal\n");
    let reference = result
        .arms
        .iter()
        .find_map(|a| a.result.hypervolume.as_ref());
    if let Some(reference) = reference {
        let units = &result.arms[0].result.units;
        let point = goals.iter().zip(&reference.reference);
        let point: Vec<String> = point
            .map(|(g, v)| format!("{} {}", g.text, goal_value(units, &g.text, *v, &g.unit)))
            .collect();
        put(
            &mut out,
            format!(
                "hypervolume: in base units, from {}: the worst of all arms",
                point.join(", ")
            ),
        );
    }
    for arm in &result.arms {
        let mut said = String::new();
        misses(&arm.result, &mut said);
        failures(&arm.result, &mut said);
        expectations(&arm.result, &mut said);
        if !said.is_empty() {
            let _ = write!(out, "\n{}{said}", arm.label);
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    out
}

/// One row for each member of the Pareto set, the best first goal on top.
fn pareto(result: &RunResult, look: Look) -> String {
    let mut members: Vec<&Trial> = result
        .pareto
        .iter()
        .filter_map(|n| result.trial(*n))
        .collect();
    if let Some(goal) = result.goals.first() {
        members.sort_by(|a, b| {
            let order = first_goal(a).total_cmp(&first_goal(b));
            let order = match goal.direction {
                Direction::Maximize => order.reverse(),
                Direction::Minimize => order,
            };
            order.then(a.number.cmp(&b.number))
        });
    }
    let columns = columns(result);
    let header: Vec<String> = columns.iter().map(|c| c.title.clone()).collect();
    let text: Vec<usize> = (0..columns.len()).filter(|i| columns[*i].is_text).collect();
    let mut grid = Grid::new(&header, &text, look);
    for trial in members {
        let cells: Vec<String> = columns.iter().map(|c| (c.cell)(trial)).collect();
        grid.row(&cells, result.best == Some(trial.number));
    }
    grid.finish()
}

struct Column<'a> {
    title: String,
    is_text: bool,
    cell: Box<dyn Fn(&Trial) -> String + 'a>,
}

fn columns<'a>(result: &'a RunResult) -> Vec<Column<'a>> {
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
        for (i, path) in result.decisions.iter().enumerate() {
            add(
                path,
                false,
                Box::new(move |t| {
                    let chosen = t.point.0.get(i).and_then(Option::as_ref);
                    chosen.map_or_else(dash, |v| show(v, &result.decision_units[i]))
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
fn goal_of(result: &RunResult, index: usize, trial: &Trial) -> String {
    let (Some(value), Some(goal)) = (trial.goals.get(index), result.goals.get(index)) else {
        return dash();
    };
    let shown = goal_value(&result.units, &goal.text, *value, &goal.unit);
    match result.intervals.get(&trial.number) {
        Some(of) if goal.text == "accuracy" => with_interval(shown, of.accuracy),
        _ => shown,
    }
}

fn test(result: &RunResult, trial: &Trial) -> String {
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

fn legend(result: &RunResult, out: &mut String) {
    let measured = if result.tests.is_empty() {
        ""
    } else {
        "accuracy on the validation split, which chose; test: on the test split, read once\n"
    };
    if result.best.is_some() {
        put(out, "*: best by the first goal".into());
    }
    out.push_str(measured);
    if !result.finals.is_empty() {
        out.push_str("final: after training again, on the validation split; the test split was read for these networks\n");
    }
    for last in result.finals.values() {
        if let Status::Failed(reason) = &last.status {
            put(
                out,
                format!("final training of trial {} failed: {reason}", last.number),
            );
        }
    }
    let repeats = result.trials.iter().map(|t| t.repeats.len()).max();
    if let Some(repeats) = repeats.filter(|n| *n > 1) {
        put(
            out,
            format!("±: 95 % interval of the mean of {repeats} trainings (Student's t)"),
        );
    }
    if result.trials.iter().any(|t| gain(t).is_some()) {
        put(
            out,
            "over PTQ: points of accuracy that fine-tuning won over quantizing after training"
                .into(),
        );
    }
    if result.trials.iter().any(|t| !t.layers.is_empty()) {
        put(out, bits::LEGEND.into());
    }
}

fn best(result: &RunResult, out: &mut String) {
    let Some(trial) = result.best.and_then(|n| result.trial(n)) else {
        return;
    };
    let _ = writeln!(out, "\nbest: trial {}", trial.number);
    let decisions = result.decisions.iter().zip(&result.decision_units);
    let chosen: Vec<(&String, String)> = decisions
        .zip(&trial.point.0)
        .filter_map(|((path, unit), v)| Some((path, show(v.as_ref()?, unit))))
        .collect();
    let width = chosen
        .iter()
        .map(|(p, _)| p.chars().count())
        .max()
        .unwrap_or(0);
    for (path, value) in chosen.iter().take(MOST_CHOSEN) {
        let _ = writeln!(out, "  {path:width$}  {value}");
    }
    if chosen.len() > MOST_CHOSEN {
        let more = chosen.len() - MOST_CHOSEN;
        let _ = writeln!(out, "  and {more} more: see `result.json`");
    }
}

/// Means over the trials that were fine-tuned, since one trial may be lucky.
fn fine_tuning(result: &RunResult, out: &mut String) {
    let tuned: Vec<(f64, f64, f64)> = result
        .trials
        .iter()
        .filter_map(|t| t.stages.as_ref())
        .filter_map(|s| Some((s.float?, s.ptq?, s.qaft?)))
        .collect();
    if tuned.is_empty() {
        return;
    }
    let mean = |pick: fn(&(f64, f64, f64)) -> f64| {
        tuned.iter().map(pick).sum::<f64>() / tuned.len() as f64
    };
    let (float, ptq, qaft) = (mean(|t| t.0), mean(|t| t.1), mean(|t| t.2));
    let _ = writeln!(
        out,
        "\nfine-tuning against post-training quantization: {} points of accuracy\n  (mean of {}: float {}, PTQ {}, fine-tuned {})",
        points(qaft - ptq),
        plural(tuned.len(), "trial"),
        percent(float),
        percent(ptq),
        percent(qaft),
    );
}

/// How many trials miss each requirement.
fn misses(result: &RunResult, out: &mut String) {
    let complete = result
        .trials
        .iter()
        .filter(|t| t.status == Status::Complete);
    let mut missed: BTreeMap<usize, usize> = BTreeMap::new();
    for index in complete.flat_map(|t| &t.violated) {
        *missed.entry(*index).or_default() += 1;
    }
    if !missed.is_empty() {
        out.push('\n');
    }
    for (index, count) in missed {
        if let Some(require) = result.requires.get(index) {
            let why = require
                .why
                .as_ref()
                .map_or(String::new(), |w| format!(" ({w})"));
            let verb = if count == 1 { "misses" } else { "miss" };
            let _ = writeln!(
                out,
                "{} {verb} `{}`{why}",
                plural(count, "trial"),
                require.text
            );
        }
    }
}

fn failures(result: &RunResult, out: &mut String) {
    let failed: Vec<(usize, &String)> = result
        .trials
        .iter()
        .filter_map(|t| match &t.status {
            Status::Failed(reason) => Some((t.number, reason)),
            Status::Complete => None,
        })
        .collect();
    if failed.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{} failed:", plural(failed.len(), "trial"));
    for (number, reason) in failed.iter().take(MOST_FAILURES) {
        let _ = writeln!(out, "  trial {number}: {reason}");
    }
    if failed.len() > MOST_FAILURES {
        let _ = writeln!(
            out,
            "  and {} more: see `trials.csv`",
            failed.len() - MOST_FAILURES
        );
    }
}

fn sources(result: &RunResult, out: &mut String) {
    let mut papers: Vec<&str> = Vec::new();
    for source in result.provenance.iter().filter(|p| p.kind == "paper") {
        if !papers.contains(&source.text.as_str()) {
            papers.push(&source.text);
        }
    }
    let assumptions = result
        .provenance
        .iter()
        .filter(|p| p.kind != "paper")
        .count();
    if papers.is_empty() && assumptions == 0 {
        return;
    }
    let mut parts = Vec::new();
    if !papers.is_empty() {
        parts.push(papers.join("; "));
    }
    if assumptions > 0 {
        parts.push(format!(
            "{} (`bnas cost` lists them)",
            plural(assumptions, "assumption")
        ));
    }
    let _ = writeln!(out, "\nconstants from {}", parts.join(", and "));
}

/// Every `expect` line; a failed one with the values of its parts.
fn expectations(result: &RunResult, out: &mut String) {
    if !result.expects.is_empty() {
        out.push('\n');
    }
    for expect in &result.expects {
        let verdict = if expect.holds { "ok    " } else { "FAILED" };
        let _ = writeln!(out, "{verdict}  expect {}", expect.text);
        if expect.holds {
            continue;
        }
        for part in &expect.parts {
            let value = match &part.value {
                Some(Value::Number(n)) => {
                    let of = part.text.strip_prefix("best.").unwrap_or(&part.text);
                    format!("= {}", shown(*n, &part.unit, result.units.get(of)))
                }
                Some(other) => format!("= {other}"),
                None => "has no value".into(),
            };
            let _ = writeln!(out, "          {} {value}", part.text);
        }
    }
}

/// A sentence for standard error when no trial is feasible.
pub fn nothing_feasible(result: &RunResult) -> String {
    if result.trials.is_empty() {
        return "no candidate was found that has a price and meets every requirement that is known before training: relax one, or widen a domain that it speaks of"
            .into();
    }
    if result.trials.iter().all(|t| t.goals.is_empty()) {
        return format!(
            "{} failed: `trials.csv` has the reasons",
            match result.trials.len() {
                1 => "the only trial".into(),
                n => format!("all {n} trials"),
            }
        );
    }
    format!(
        "none of {} meets every requirement",
        plural(result.trials.len(), "trial")
    )
}

fn gain(trial: &Trial) -> Option<f64> {
    let stages = trial.stages.as_ref()?;
    Some(stages.qaft? - stages.ptq?)
}

fn first_goal(trial: &Trial) -> f64 {
    trial.goals.first().copied().unwrap_or(f64::NAN)
}

/// A decision's value; real ones with four digits.
fn show(value: &Value, unit: &str) -> String {
    match value {
        Value::Number(n) => authored(*n, unit),
        other => other.to_string(),
    }
}

fn dash() -> String {
    "–".into()
}

fn put(out: &mut String, line: String) {
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    const LOOK: Look = Look {
        color: false,
        width: 100,
    };

    #[test]
    fn a_summary_reads_well() {
        insta::assert_snapshot!(summary(&fixtures::digits(), LOOK));
    }

    #[test]
    fn color_is_used_only_when_wanted() {
        let look = Look {
            color: true,
            ..LOOK
        };
        assert!(summary(&fixtures::digits(), look).contains('\u{1b}'));
        assert!(!summary(&fixtures::digits(), LOOK).contains('\u{1b}'));
    }

    #[test]
    fn nothing_feasible_is_said() {
        let mut run = fixtures::digits();
        run.pareto.clear();
        run.best = None;
        run.tests.clear();
        let text = summary(&run, LOOK);
        assert!(text.contains("0 on the Pareto front"), "{text}");
        assert_eq!(
            nothing_feasible(&run),
            "none of 4 trials meets every requirement"
        );
    }
}
