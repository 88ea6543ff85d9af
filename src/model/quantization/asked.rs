//! What a policy and its rules require of their own names: `require weights != binary`.
//!
//! In: names with what they stand for. Out: requirements over decisions, in which a choice among calls is compared by the names of its members, as
//! everywhere: `q == int`, of `q in {int { bits in {2, 4} }, binary}`.

use crate::ir::{Expr, Policy, Require, Rule, Slot, Value};
use crate::model::expression::evaluate::{self, implies};
use crate::model::expression::frame::Frame;
use crate::model::expression::partial;
use crate::model::settling::settle::Settler;

/// Names as requirements compare them.
pub(super) struct Asked {
    frame: Frame,
    /// Where decisions that belong to these names begin.
    from: usize,
}

impl Asked {
    /// Those that are known around a policy, before decisions are made of names of its own.
    pub fn of_policy(policy: &Policy, around: &Frame, settler: &Settler) -> Asked {
        let mut rules = policy.rules.iter();
        let requires = !policy.requires.is_empty() || rules.any(|rule| !rule.requires.is_empty());
        Asked::new(around, requires, settler)
    }

    /// The same for a rule of a policy.
    pub fn within(&self, rule: &Rule, settler: &Settler) -> Asked {
        Asked::new(&self.frame, !rule.requires.is_empty(), settler)
    }

    fn new(around: &Frame, requires: bool, settler: &Settler) -> Asked {
        Asked {
            frame: match requires {
                true => around.clone(),
                false => Frame::default(),
            },
            from: settler.decisions.all.len(),
        }
    }

    /// A name of `slot` at `path`, which stands for `value`.
    pub fn define(&mut self, name: &str, slot: &Slot, path: &str, value: &Expr, settler: &Settler) {
        let compared = match slot {
            Slot::Fixed(Expr::Name(other, _)) => self.frame.get(other),
            Slot::Fixed(Expr::Record(quantizer, ..)) => Some(Expr::Value(Value::name(quantizer))),
            Slot::Chosen(_) if has_calls(value) => settler.choice_at(path, self.from),
            _ => None,
        };
        self.frame
            .define(name, compared.unwrap_or_else(|| value.clone()));
    }

    /// Requires these where `exists`, which is at `path`.
    pub fn require(&self, requires: &[Require], path: &str, exists: &Expr, settler: &mut Settler) {
        for require in requires {
            let mark = settler.uses.len();
            let holds = settler.unread(|s| s.expr(&require.holds, path, exists, &self.frame));
            partial::belong_to(&mut settler.uses[mark..], require.span, &require.holds);
            // A name that no field needs here stands for nothing.
            if evaluate::names(&holds).is_empty() {
                settler.require(require, &implies(exists.clone(), holds));
            }
        }
    }
}

/// Whether one of the members is a call with values of its own.
fn has_calls(value: &Expr) -> bool {
    let mut found = false;
    evaluate::walk(value, &mut |part| found |= matches!(part, Expr::Record(..)));
    found
}
