//! The walk over the combinations of the decisions that an expression depends on.
//!
//! In: an expression and the decisions. Out: the join of its outcomes. Decisions that are too many to enumerate keep their whole domain
//! in each outcome, as if they were independent of each other.

use std::collections::BTreeMap;

use super::evaluation::Evaluation;
use super::{Abstract, MEMBERS, Outcome, RESULTS};
use crate::ir::Expr;
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::members;

/// How many combinations are enumerated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// If that covers all decisions that an expression depends on.
    pub exact: u64,
    /// If it does not: of the first decisions.
    pub split: u64,
}

/// How many looks at a decision all combinations take together, if they are only of the first decisions.
const MOST_LOOKS: u64 = 16384;

impl Default for Limits {
    fn default() -> Self {
        Limits {
            exact: 4096,
            split: 64,
        }
    }
}

/// What `expr` can be, over all combinations of the decisions that are enumerated.
pub(super) fn over_points(
    expr: &Expr,
    decisions: &Decisions,
    names: &dyn Fn(&str) -> Option<Abstract>,
    limits: Limits,
) -> Outcome {
    // Ascending, so that guards come before what they guard.
    let needed: Vec<usize> = members::dependencies([expr], decisions)
        .into_iter()
        .collect();
    let lengths: Vec<Option<u64>> = needed
        .iter()
        .map(|&i| decisions.all[i].choices.len())
        .collect();
    let all = lengths.iter().try_fold(1_u64, |product, length| {
        product
            .checked_mul((*length)?)
            .filter(|p| *p <= limits.exact)
    });
    let mut budget = if all.is_some() {
        limits.exact
    } else {
        // Each combination looks at all of them.
        limits.split.min(MOST_LOOKS / needed.len() as u64).max(1)
    };
    let enumerated = lengths
        .iter()
        .map(|length| match length {
            Some(length) if *length <= budget => {
                budget /= (*length).max(1);
                true
            }
            _ => false,
        })
        .collect();
    let mut search = Enumeration {
        expr,
        decisions,
        names,
        needed,
        enumerated,
        known: BTreeMap::new(),
        result: None,
    };
    search.descend(0);
    search.result.unwrap_or(Outcome::FAILURE)
}

/// Depth-first over the decisions that are enumerated.
struct Enumeration<'a> {
    expr: &'a Expr,
    decisions: &'a Decisions,
    names: &'a dyn Fn(&str) -> Option<Abstract>,
    needed: Vec<usize>,
    enumerated: Vec<bool>,
    /// What the decisions so far can be.
    known: BTreeMap<usize, Outcome>,
    result: Option<Outcome>,
}

impl Enumeration<'_> {
    /// Goes through the decisions from `depth` on. It calls itself for those with several members that are enumerated, which are few.
    fn descend(&mut self, depth: usize) {
        for depth in depth..self.needed.len() {
            let index = self.needed[depth];
            let outcomes = self.outcomes(depth, index);
            if let [only] = &outcomes[..] {
                self.known.insert(index, only.clone());
                continue;
            }
            for outcome in outcomes {
                self.known.insert(index, outcome);
                self.descend(depth + 1);
            }
            return;
        }
        let outcome = Evaluation::new(self.names, &self.known).outcome(self.expr);
        self.result = Some(match self.result.take() {
            Some(result) => result.join(outcome, RESULTS),
            None => outcome,
        });
    }

    /// What one decision can be, after those before it.
    fn outcomes(&self, depth: usize, index: usize) -> Vec<Outcome> {
        let decision = &self.decisions.all[index];
        // Guards see decisions alone, and a guard without a value is not met.
        let nothing = |_: &str| Some(Abstract::Values(Vec::new()));
        let exists = Evaluation::new(&nothing, &self.known)
            .outcome(&decision.guard)
            .verdict();
        if exists == Some(false) {
            return vec![Outcome::FAILURE];
        }
        if !self.enumerated[depth] {
            return vec![Outcome {
                value: domain(&decision.choices),
                may_fail: exists.is_none(),
            }];
        }
        let members = (0..decision.choices.len().unwrap_or(0)).map(|i| {
            let member = decision.choices.member(i);
            Outcome::certain(Abstract::Values(member.into_iter().collect()))
        });
        let absent = exists.is_none().then_some(Outcome::FAILURE);
        members.chain(absent).collect()
    }
}

/// Every member of a domain.
fn domain(choices: &Choices) -> Abstract {
    match choices {
        Choices::Reals { low, high, .. } => Abstract::interval(*low, *high),
        Choices::Integers {
            low, high, step, ..
        } if choices.len() > Some(MEMBERS as u64) => {
            Abstract::interval(*low as f64, (low + (high - low) / step * step) as f64)
        }
        _ => {
            let members = (0..choices.len().unwrap_or(0)).filter_map(|i| choices.member(i));
            Abstract::of(members.collect(), MEMBERS)
        }
    }
}
