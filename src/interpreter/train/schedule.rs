//! How far a stage of training is, and the factor on the learning rate there.

use crate::ir::Value;
use crate::model::Schedule;
use crate::model::expression::evaluate::{self, Scope};

/// How far a stage is: both go from 0 towards 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Epochs that are done / epochs: the same within an epoch.
    pub progress: f64,
    /// Steps that are done / steps.
    pub step_progress: f64,
}

impl Moment {
    /// The end of a stage, where inference is.
    pub const END: Moment = Moment {
        progress: 1.0,
        step_progress: 1.0,
    };

    /// Step `step` of `steps`, in epoch `epoch` of `epochs`; all count from 0.
    pub fn new(epoch: usize, epochs: usize, step: usize, steps: usize) -> Moment {
        Moment {
            progress: epoch as f64 / epochs.max(1) as f64,
            step_progress: step as f64 / steps.max(1) as f64,
        }
    }
}

impl Scope for Moment {
    fn name(&self, name: &str) -> Option<Value> {
        match name {
            "progress" => Some(Value::Number(self.progress)),
            "step_progress" => Some(Value::Number(self.step_progress)),
            _ => None,
        }
    }

    fn decision(&self, _: usize) -> Option<Value> {
        None
    }
}

/// The factor at a moment. A formula that has no value there is NaN, which training reports as divergence.
pub fn factor(schedule: &Schedule, at: Moment) -> f64 {
    match schedule {
        Schedule::Constant => 1.0,
        Schedule::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * at.step_progress)),
        Schedule::Formula(formula) => evaluate::number(formula, &at).unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ir::{BinaryOp, Expr};
    use crate::source::Span;

    fn at(step: usize) -> Moment {
        Moment::new(step / 10, 10, step, 100)
    }

    #[test]
    fn cosine_goes_from_one_to_zero() {
        let all: Vec<f64> = (0..=100)
            .map(|step| factor(&Schedule::Cosine, at(step)))
            .collect();
        assert_eq!((all[0], all[100]), (1.0, 0.0));
        assert!((all[50] - 0.5).abs() < 1e-15);
        assert!(all.windows(2).all(|w| w[1] < w[0]));
        // Symmetric about the middle.
        assert!((0..=100).all(|s| (all[s] + all[100 - s] - 1.0).abs() < 1e-15));
    }

    #[test]
    fn constant_stays() {
        assert_eq!(factor(&Schedule::Constant, at(99)), 1.0);
    }

    #[test]
    fn a_formula_sees_epochs_and_steps() {
        let of = |name: &str| {
            let name = Arc::new(Expr::Name(name.into(), Span::default()));
            let one = Arc::new(Expr::number(1.0));
            Schedule::Formula(Expr::Binary(BinaryOp::Subtract, one, name))
        };
        assert_eq!(factor(&of("progress"), at(57)), 0.5);
        assert_eq!(factor(&of("step_progress"), at(57)), 1.0 - 0.57);
    }
}
