//! A made-up run for the tests of reports: two good trials, one that misses a requirement, one that failed.

use std::collections::BTreeMap;

use crate::interpreter::result::{
    Expectation, GoalColumn, Hypervolume, Part, Requirement, RunResult,
};
use crate::interpreter::store::trial::{LayerBits, Stages, Status, Trial};
use crate::ir::{Direction, Provenance, Value};
use crate::model::{Metrics, Point};

fn layers(kinds: &[&str]) -> Vec<LayerBits> {
    let names = ["stem", "body[0]", "body[1]", "head"];
    names
        .iter()
        .zip(kinds)
        .map(|(layer, kind)| LayerBits {
            layer: layer.to_string(),
            weights: kind.to_string(),
            activations: kind.to_string(),
        })
        .collect()
}

fn trial(number: usize, width: f64, kind: &str, accuracy: f64, energy: f64, bits: f64) -> Trial {
    Trial {
        number,
        point: Point(vec![
            Some(Value::Number(width)),
            Some(Value::name(kind)),
            None,
        ]),
        status: Status::Complete,
        metrics: Metrics(BTreeMap::from([
            ("accuracy".into(), accuracy),
            ("energy".into(), energy),
            ("latency".into(), energy * 91.0),
            ("model_size".into(), bits),
        ])),
        stages: Some(Stages {
            float: Some(0.98),
            ptq: Some(accuracy - 0.125),
            qaft: Some(accuracy),
            after: Vec::new(),
        }),
        goals: vec![accuracy, energy],
        repeats: Vec::new(),
        violated: Vec::new(),
        layers: layers(&["int8", kind, kind, "int8"]),
        models: vec!["0123".into()],
        seconds: 1.25,
    }
}

/// The run.
pub fn digits() -> RunResult {
    let mut large = trial(1, 24.0, "int8", 0.9764309764309764, 4.75e-7, 96_000.0);
    large.violated = vec![0];
    let mut failed = trial(3, 8.0, "binary", 0.0, 1.5e-8, 9_000.0);
    failed.status = Status::Failed("the loss became infinite in epoch 2 of `train`".into());
    failed.metrics.0.remove("accuracy");
    failed.stages = None;
    failed.goals.clear();
    failed.models.clear();
    RunResult {
        experiment: "quickstart".into(),
        seed: 1,
        goals: vec![
            GoalColumn {
                text: "accuracy".into(),
                direction: Direction::Maximize,
                unit: "%".into(),
            },
            GoalColumn {
                text: "energy".into(),
                direction: Direction::Minimize,
                unit: "J".into(),
            },
        ],
        requires: vec![Requirement {
            text: "model_size <= 8 KiB".into(),
            why: Some("fits the parameter memory".into()),
        }],
        decisions: vec![
            "space.width".into(),
            "policy.body.q".into(),
            "train.optimizer.sgd.lr".into(),
        ],
        decision_units: vec![String::new(); 3],
        units: BTreeMap::new(),
        trials: vec![
            trial(
                0,
                16.0,
                "ternary",
                0.9595959595959596,
                1.234567e-8,
                24_000.0,
            ),
            large,
            trial(2, 8.0, "binary", 0.9326599326599326, 6.5e-9, 9_000.0),
            failed,
        ],
        pareto: vec![0, 2],
        best: Some(0),
        intervals: BTreeMap::new(),
        finals: BTreeMap::new(),
        tests: BTreeMap::from([(0, 0.954), (2, 0.93)]),
        hypervolume: Some(Hypervolume {
            value: 1.25e-8,
            reference: vec![0.9326599326599326, 4.75e-7],
        }),
        expects: vec![
            Expectation {
                text: "best.test.accuracy >= 95 %".into(),
                holds: true,
                parts: vec![Part {
                    text: "best.test.accuracy".into(),
                    value: Some(Value::Number(0.954)),
                    unit: "%".into(),
                }],
            },
            Expectation {
                text: "pareto.count >= 3 and best.energy <= 20 nJ".into(),
                holds: false,
                parts: vec![
                    Part {
                        text: "pareto.count".into(),
                        value: Some(Value::Number(2.0)),
                        unit: String::new(),
                    },
                    Part {
                        text: "best.energy".into(),
                        value: Some(Value::Number(1.234567e-8)),
                        unit: "J".into(),
                    },
                ],
            },
        ],
        provenance: vec![Provenance {
            subject: "target braintta".into(),
            kind: "paper".into(),
            text: "arXiv:2211.11331, abstract".into(),
        }],
    }
}
