//! One trained network: what `bnas train` prints.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::json::{number, value};
use super::quantity::percent;
use super::words::goal_value;
use crate::interpreter::single::Single;
use crate::interpreter::train::Trained;
use crate::ir::Experiment;
use crate::model::metrics::METRICS;
use crate::model::{Decision, Template};

/// For people. `test` is the accuracy on the test split, if it was read.
pub fn text(
    experiment: &Experiment,
    template: &Template,
    one: &Single,
    trained: &Trained,
    test: Option<f64>,
) -> String {
    let mut out = String::new();
    let mut put = |name: &str, text: String| {
        let _ = writeln!(out, "  {name:<24}  {text}");
    };
    for (decision, chosen) in choices(template, one) {
        put(&decision.path, decision.shown(chosen));
    }
    for (stage, accuracy) in one.candidate.stages.iter().zip(&trained.after) {
        put(&format!("after `{}`", stage.name), percent(*accuracy));
    }
    put("validation", percent(trained.validation));
    if let Some(test) = test {
        put("test", percent(test));
    }
    for metric in METRICS {
        if let Some(known) = one.known.0.get(metric.name) {
            put(
                metric.name,
                goal_value(&experiment.units, metric.name, *known, metric.unit),
            );
        }
    }
    format!(
        "{}, {} epochs of training\n{out}",
        experiment.name, trained.epochs
    )
}

/// For programs; numbers are in base units.
pub fn json(
    experiment: &Experiment,
    template: &Template,
    one: &Single,
    trained: &Trained,
    test: Option<f64>,
) -> Json {
    let stages = one.candidate.stages.iter().zip(&trained.after);
    let decisions = choices(template, one);
    json!({
        "schema": 1,
        "experiment": experiment.name,
        "seed": experiment.seed,
        "trial": one.trial,
        "decisions": decisions.map(|(d, v)| (d.path.clone(), value(v))).collect::<Map<_, _>>(),
        "epochs": trained.epochs,
        "loss": trained.loss.map(number),
        "stages": stages.map(|(s, a)| (s.name.clone(), number(*a))).collect::<Map<_, _>>(),
        "validation": number(trained.validation),
        "test": test.map(number),
        "known": one.known.0.iter().map(|(n, v)| (n.clone(), number(*v))).collect::<Map<_, _>>(),
    })
}

/// The decisions that exist, with what was chosen.
fn choices<'a>(
    template: &'a Template,
    one: &'a Single,
) -> impl Iterator<Item = (&'a Decision, &'a crate::ir::Value)> {
    let decisions = template.decisions().all.iter().zip(&one.point.0);
    decisions.filter_map(|(d, v)| Some((d, v.as_ref()?)))
}
