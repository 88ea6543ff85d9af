//! A stage of training over decisions.

use super::candidate::{Optimizer, Recipe, Schedule};
use super::evaluate::{self, Failure, Scope};
use super::settle::{Frame, Settler};
use crate::ir::{self, Expr, PROGRESS, Slot, Value};

/// A stage of training over decisions.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    epochs: Expr,
    batch: Expr,
    optimizer: Expr,
    schedule: Expr,
    label_smoothing: Expr,
}

impl Stage {
    /// Makes decisions of a stage's choices, at paths below `path`.
    pub(super) fn new(
        training: &ir::Training,
        path: &str,
        settler: &mut Settler,
        names: &Frame,
    ) -> Stage {
        let mut field = |slot: &Slot, name: &str| {
            settler.slot(slot, &format!("{path}.{name}"), &Expr::bool(true), names)
        };
        Stage {
            epochs: field(&training.epochs, "epochs"),
            batch: field(&training.batch, "batch"),
            optimizer: field(&training.optimizer, "optimizer"),
            schedule: field(&training.schedule, "schedule"),
            label_smoothing: field(&training.label_smoothing, "label_smoothing"),
        }
    }

    /// The recipe of a point.
    pub(super) fn recipe(&self, scope: &dyn Scope) -> Result<Recipe, Failure> {
        Ok(Recipe {
            epochs: evaluate::count(&self.epochs, 0, scope)?,
            batch: evaluate::count(&self.batch, 1, scope)?,
            optimizer: optimizer(&evaluate::value(&self.optimizer, scope)?)?,
            schedule: schedule(&self.schedule, scope)?,
            label_smoothing: evaluate::number(&self.label_smoothing, scope)?,
        })
    }
}

/// A word, or a formula in which only the names of progress are left.
fn schedule(expr: &Expr, scope: &dyn Scope) -> Result<Schedule, Failure> {
    let fixed = evaluate::fix(expr, scope)?;
    let Some(value) = fixed.as_value() else {
        let mut names = evaluate::names(&fixed).into_iter();
        return match names.find(|n| !PROGRESS.contains(&n.as_str())) {
            Some(name) => Err(Failure::Unknown(name)),
            None => Ok(Schedule::Formula(fixed)),
        };
    };
    match (value.as_name(), value.as_number()) {
        (Some("constant"), _) => Ok(Schedule::Constant),
        (Some("cosine"), _) => Ok(Schedule::Cosine),
        (_, Some(_)) => Ok(Schedule::Formula(fixed)),
        _ => Err(Failure::Kind("a schedule", value.to_string())),
    }
}

fn optimizer(value: &Value) -> Result<Optimizer, Failure> {
    // Defaults are filled in by analysis; a bare name takes them, too.
    let field = |name: &str, default: f64| match value {
        Value::Record(record) => match record.get(name) {
            Some(Value::Number(n)) => Ok(*n),
            Some(other) => Err(Failure::Kind("a number", other.to_string())),
            None => Ok(default),
        },
        _ => Ok(default),
    };
    match value.as_name() {
        Some("adam") => Ok(Optimizer::Adam {
            lr: field("lr", 2e-3)?,
            beta1: field("beta1", 0.9)?,
            beta2: field("beta2", 0.999)?,
            weight_decay: field("weight_decay", 0.0)?,
        }),
        Some("sgd") => Ok(Optimizer::Sgd {
            lr: field("lr", 0.1)?,
            momentum: field("momentum", 0.9)?,
            weight_decay: field("weight_decay", 0.0)?,
        }),
        _ => Err(Failure::Kind("`adam(…)` or `sgd(…)`", value.to_string())),
    }
}
