//! `result.json`: the result for programs.
//!
//! Numbers are in base units and in the shortest form that reads back to the same bits, keys stand in a fixed order, and there is no
//! wall-clock time unless asked, so that two equal runs give equal files. `docs/runs.md` says what is in it.

use serde_json::{Map, Value as Json, json};

use crate::interpreter::result::{ArmsResult, RunResult};
use crate::interpreter::store::ARMS;
use crate::interpreter::store::trial::{Stages, Status, Trial};
use crate::interpreter::{Phase, model_name};
use crate::ir::Direction;
pub use crate::ir::json::{number, value};

/// The whole result as text that ends in a newline. `timings` adds the seconds of each trial.
pub fn result(result: &RunResult, timings: bool) -> String {
    let trials: Vec<Json> = result
        .trials
        .iter()
        .map(|t| trial(t, result, timings))
        .collect();
    let document = json!({
        "schema": 1,
        "experiment": result.experiment,
        "seed": result.seed,
        "goals": goals(result),
        "requires": result.requires.iter().map(|r| json!({
            "require": r.text,
            "why": r.why,
        })).collect::<Vec<_>>(),
        "trials": trials,
        "pareto": result.pareto,
        "best": result.best,
        "tests": result.tests.iter()
            .map(|(number, accuracy)| (number.to_string(), self::number(*accuracy)))
            .collect::<Map<_, _>>(),
        "hypervolume": result.hypervolume.as_ref().map(|h| json!({
            "value": self::number(h.value),
            "reference": h.reference.iter().map(|r| self::number(*r)).collect::<Vec<_>>(),
        })),
        "expects": result.expects.iter().map(|e| json!({
            "expect": e.text,
            "holds": e.holds,
            "parts": e.parts.iter().map(|p| json!({
                "text": p.text,
                "value": p.value.as_ref().map(value),
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "provenance": result.provenance.iter().map(|p| json!({
            "subject": p.subject,
            "kind": p.kind,
            "text": p.text,
        })).collect::<Vec<_>>(),
    });
    let mut text =
        serde_json::to_string_pretty(&document).expect("invariant: a JSON value can be written");
    text.push('\n');
    text
}

/// The summary of an experiment with arms; each arm's own `result.json` has everything.
pub fn arms(result: &ArmsResult) -> String {
    let arms: Vec<Json> = result
        .arms
        .iter()
        .map(|arm| {
            let run = &arm.result;
            let best = run.best.and_then(|n| run.trial(n));
            json!({
                "settings": arm.settings.iter()
                    .map(|(path, value)| (path.clone(), Json::from(value.as_str())))
                    .collect::<Map<_, _>>(),
                "folder": format!("{ARMS}/{}", arm.folder),
                "trials": run.trials.len(),
                "feasible": run.trials.iter().filter(|t| t.is_feasible()).count(),
                "pareto": run.pareto.len(),
                "best": run.best,
                "goals": best.map(|t| t.goals.iter().map(|g| number(*g)).collect::<Vec<_>>()),
                "test_accuracy": run.best.and_then(|n| run.tests.get(&n)).map(|a| number(*a)),
                "hypervolume": run.hypervolume.as_ref().map(|h| number(h.value)),
                "meets_expectations": run.meets_expectations(),
            })
        })
        .collect();
    let first = result.arms.first().map(|a| &a.result);
    // Where arms do not compare, each has its own, in its own file.
    let reference = result
        .arms
        .iter()
        .filter(|_| result.comparable)
        .find_map(|a| a.result.hypervolume.as_ref());
    let document = json!({
        "schema": 1,
        "experiment": result.experiment,
        "seed": result.seed,
        "goals": first.map(goals),
        "hypervolume_reference": reference
            .map(|h| h.reference.iter().map(|r| number(*r)).collect::<Vec<_>>()),
        "arms": arms,
    });
    let mut text =
        serde_json::to_string_pretty(&document).expect("invariant: a JSON value can be written");
    text.push('\n');
    text
}

fn goals(result: &RunResult) -> Vec<Json> {
    let goals = result.goals.iter().map(|g| {
        json!({
            "goal": g.text,
            "direction": match g.direction {
                Direction::Maximize => "maximize",
                Direction::Minimize => "minimize",
            },
            // Numbers are shares here.
            "unit": if g.unit == "%" { "" } else { &g.unit },
        })
    });
    goals.collect()
}

fn trial(trial: &Trial, result: &RunResult, timings: bool) -> Json {
    let mut out = Map::new();
    let mut put = |key: &str, value: Json| out.insert(key.into(), value);
    put("number", trial.number.into());
    put(
        "decisions",
        result
            .decisions
            .iter()
            .zip(&trial.point.0)
            .filter_map(|(path, v)| Some((path.clone(), value(v.as_ref()?))))
            .collect::<Map<_, _>>()
            .into(),
    );
    match &trial.status {
        Status::Complete => put("status", "complete".into()),
        Status::Failed(reason) => {
            put("status", "failed".into());
            put("reason", reason.as_str().into())
        }
    };
    put("feasible", trial.is_feasible().into());
    put(
        "violated",
        trial
            .violated
            .iter()
            .filter_map(|i| Some(Json::from(result.requires.get(*i)?.text.as_str())))
            .collect(),
    );
    put("goals", trial.goals.iter().map(|g| number(*g)).collect());
    put(
        "metrics",
        trial
            .metrics
            .0
            .iter()
            .map(|(name, v)| (name.clone(), number(*v)))
            .collect::<Map<_, _>>()
            .into(),
    );
    if let Some(stages) = &trial.stages {
        put("stages", self::stages(stages));
    }
    if let Some(intervals) = result.intervals.get(&trial.number) {
        put("accuracy_half_width", number(intervals.accuracy));
        if let Some(half_width) = intervals.test {
            put("test_half_width", number(half_width));
        }
        // Where a trial was trained again, it is those networks that were tested.
        let is_final = result.finals.contains_key(&trial.number);
        let tests = if is_final { &[][..] } else { &intervals.tests };
        put("repeats", repeats(trial, tests));
    }
    if !trial.layers.is_empty() {
        put(
            "layers",
            trial
                .layers
                .iter()
                .map(|l| {
                    json!({
                        "layer": l.layer,
                        "weights": l.weights,
                        "activations": l.activations,
                    })
                })
                .collect(),
        );
    }
    if !trial.models.is_empty() {
        put("model", model(Phase::Search, trial.number, 0));
    }
    if let Some(last) = result.finals.get(&trial.number) {
        let tests = result.intervals.get(&trial.number).map(|of| &of.tests[..]);
        put("final", finally(last, tests.unwrap_or_default(), timings));
    }
    if timings {
        put("seconds", number(trial.seconds));
    }
    out.into()
}

/// The trainings after the search, and the accuracies of several on the test split.
fn finally(last: &Trial, tests: &[f64], timings: bool) -> Json {
    let models = 0..last.models.len();
    let mut out = json!({
        "reason": match &last.status {
            Status::Complete => Json::Null,
            Status::Failed(reason) => reason.as_str().into(),
        },
        "accuracy": last.metrics.0.get("accuracy").map(|a| number(*a)),
        "stages": last.stages.as_ref().map(stages),
        "repeats": last.repeats.iter().map(|r| number(r.accuracy)).collect::<Vec<_>>(),
        "models": models.map(|i| model(Phase::Final, last.number, i)).collect::<Vec<_>>(),
    });
    if !tests.is_empty() {
        out["test_accuracies"] = tests.iter().map(|a| number(*a)).collect();
    }
    if timings {
        out["seconds"] = number(last.seconds);
    }
    out
}

/// Each training of a trial, and the accuracies of those on the test split.
fn repeats(trial: &Trial, tests: &[f64]) -> Json {
    let repeats = trial.repeats.iter().enumerate();
    repeats
        .map(|(i, repeat)| {
            json!({
                "accuracy": number(repeat.accuracy),
                "stages": stages(&repeat.stages),
                "test_accuracy": tests.get(i).map(|a| number(*a)),
                "model": model(Phase::Search, trial.number, i),
            })
        })
        .collect()
}

fn stages(stages: &Stages) -> Json {
    let mut out = json!({
        "float": stages.float.map(number),
        "ptq": stages.ptq.map(number),
        "qaft": stages.qaft.map(number),
    });
    for (name, accuracy) in &stages.after {
        out[name.as_str()] = number(*accuracy);
    }
    out
}

/// Where a network is stored.
fn model(phase: Phase, trial: usize, repeat: usize) -> Json {
    let name = model_name(phase, trial, repeat);
    format!("models/{name}.safetensors").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn the_form_is_stable() {
        insta::assert_snapshot!(result(&fixtures::digits(), false));
    }

    #[test]
    fn timings_only_when_asked() {
        let mut run = fixtures::digits();
        let before = result(&run, false);
        assert!(result(&run, true).contains("\"seconds\""));
        run.trials[0].seconds = 1e6;
        assert_eq!(result(&run, false), before);
    }

    #[test]
    fn numbers_read_back_to_the_same_bits() {
        for x in [0.1, 1.0 / 3.0, 6.02e23, 5e-324, -0.0, 35e-15, 8.0, f64::MAX] {
            let text = number(x).to_string();
            let back: f64 = serde_json::from_str(&text).unwrap();
            assert_eq!(back.to_bits(), x.to_bits(), "{text}");
        }
    }
}
