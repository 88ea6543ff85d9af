//! Every combination of the few decisions that an expression depends on.
//!
//! In: expressions over decisions. Out: calls with the values of all decisions that matter, others absent. Used where "all
//! members" must be looked at one by one: counts of repeats, shapes, requirements.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::decision::Decisions;
use super::evaluate::{self, Scope};
use crate::ir::{Expr, Value};

/// The most combinations that are looked at.
const MOST: u64 = 4096;

/// Values of some decisions; names have none.
pub(super) struct Values<'a>(pub(super) &'a [Option<Value>]);

impl Scope for Values<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.0.get(index).cloned().flatten()
    }
}

/// The decisions that expressions depend on, guards of those decisions included.
pub(super) fn dependencies<'a>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    decisions: &Decisions,
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = exprs.into_iter().flat_map(evaluate::decisions).collect();
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(evaluate::decisions(&decisions.all[index].guard));
        }
    }
    found
}

/// Calls `visit` with every combination of the decisions that `exprs` depend on, until it breaks. `None`: too many, or a real
/// range is among them; nothing has been proved then.
pub(super) fn visit<'a, B>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    decisions: &Decisions,
    mut visit: impl FnMut(&[Option<Value>]) -> ControlFlow<B>,
) -> Option<ControlFlow<B>> {
    let indices: Vec<usize> = dependencies(exprs, decisions).into_iter().collect();
    let mut product = 1u64;
    for index in &indices {
        product = product.checked_mul(decisions.all[*index].choices.len()?)?;
        if product > MOST {
            return None;
        }
    }
    let mut values = vec![None; decisions.all.len()];
    Some(descend(&indices, decisions, &mut values, &mut visit))
}

fn descend<B>(
    indices: &[usize],
    decisions: &Decisions,
    values: &mut Vec<Option<Value>>,
    visit: &mut impl FnMut(&[Option<Value>]) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let Some((index, rest)) = indices.split_first() else {
        return visit(values);
    };
    let choices = &decisions.all[*index].choices;
    if !decisions.is_active(*index, values) {
        values[*index] = None;
        return descend(rest, decisions, values, visit);
    }
    for member in 0..choices.len().unwrap_or(0) {
        values[*index] = choices.member(member);
        descend(rest, decisions, values, visit)?;
    }
    values[*index] = None;
    ControlFlow::Continue(())
}

/// The largest number that an expression takes; `None` if that would take too many combinations, or it is no number.
pub(super) fn largest(expr: &Expr, decisions: &Decisions) -> Option<f64> {
    let mut most = f64::NEG_INFINITY;
    let all = visit([expr], decisions, |values| {
        match evaluate::number(expr, &Values(values)) {
            Ok(n) => {
                most = if n > most { n } else { most };
                ControlFlow::Continue(())
            }
            // The expression does not exist under these values.
            Err(evaluate::Failure::Inactive(_)) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    match all {
        ControlFlow::Continue(()) if most > f64::NEG_INFINITY => Some(most),
        _ => None,
    }
}
