//! Spaces, points and searches for tests.

use std::sync::Arc;

use super::encoding::Feature;
use super::kernel::Layout;
use super::{Observation, Sampler, Suggestion};
use crate::ir::{BinaryOp, Expr, Value};
use crate::model::{Choices, Decision, Decisions, Point};
use crate::source::Span;

fn decision(path: &str, choices: Choices, default: Value) -> Decision {
    Decision {
        path: path.into(),
        choices,
        default,
        guard: Expr::bool(true),
        unit: String::new(),
        span: Span::default(),
    }
}

/// Whole numbers from `low` to `high`, by default the lowest.
pub fn integers(path: &str, low: i64, high: i64) -> Decision {
    let choices = Choices::Integers {
        low,
        high,
        step: 1,
        log: false,
    };
    decision(path, choices, Value::Number(low as f64))
}

/// Reals from `low` to `high`, by default the middle.
pub fn reals(path: &str, low: f64, high: f64) -> Decision {
    let choices = Choices::Reals {
        low,
        high,
        log: false,
    };
    decision(path, choices, Value::Number((low + high) / 2.0))
}

/// The categories 0 … n - 1, by default 0.
pub fn categories(path: &str, n: usize) -> Decision {
    let choices = Choices::Categories((0..n).map(|i| Value::Number(i as f64)).collect());
    decision(path, choices, Value::Number(0.0))
}

/// A space without constraints.
pub fn decisions(all: Vec<Decision>) -> Decisions {
    Decisions {
        all,
        constraints: Vec::new(),
    }
}

/// The sum of these decisions is not more than `bound`.
pub fn at_most(indices: &[usize], bound: f64) -> Expr {
    let sum = indices
        .iter()
        .map(|i| Expr::Decision(*i))
        .reduce(|sum, x| Expr::Binary(BinaryOp::Add, Arc::new(sum), Arc::new(x)))
        .unwrap();
    let bound = Expr::number(bound);
    Expr::Binary(BinaryOp::LessEqual, Arc::new(sum), Arc::new(bound))
}

/// The numbers of a point; 0 where one does not exist.
pub fn numbers(point: &Point) -> Vec<f64> {
    let number = |v: &Option<Value>| v.as_ref().and_then(Value::as_number).unwrap_or(0.0);
    point.0.iter().map(number).collect()
}

/// Runs a search with a fixed lag: the trials in order.
pub fn run(
    sampler: &mut dyn Sampler,
    trials: usize,
    slots: usize,
    evaluate: impl Fn(&Point) -> Observation,
) -> Vec<Observation> {
    let mut all: Vec<Observation> = Vec::new();
    for trial in 0..trials {
        let known = (trial + 1).saturating_sub(slots);
        let pending: Vec<Point> = all[known..].iter().map(|o| o.point.clone()).collect();
        match sampler.suggest(trial, &all[..known], &pending) {
            Suggestion::Evaluate { point, .. } => all.push(evaluate(&point)),
            Suggestion::Exhausted { .. } => break,
        }
    }
    all
}

/// A trial with these goals that meets every requirement.
pub fn success(point: &Point, goals: Vec<f64>) -> Observation {
    Observation {
        point: point.clone(),
        goals,
        feasible: true,
        failed: false,
    }
}

/// Two numbers, a category and two flags.
pub fn mixed() -> Layout {
    Layout::new(vec![
        Feature::Number,
        Feature::Number,
        Feature::Category,
        Feature::Flag,
        Feature::Flag,
    ])
}

/// Mixed vectors that fill the space without pattern.
pub fn vectors(n: usize) -> Vec<Vec<f64>> {
    (0..n)
        .map(|i| {
            let i = i as f64;
            vec![
                (i * 0.618).fract(),
                (i * 0.755).fract(),
                (i * 1.3).floor() % 3.0,
                (i * 0.7).floor() % 2.0,
                (i * 0.41).floor() % 2.0,
            ]
        })
        .collect()
}
