//! Every combination of the few decisions that an expression depends on.
//!
//! In: expressions over decisions. Out: calls with the values of all decisions that matter, others absent. Used where "all
//! members" must be looked at one by one: counts of repeats, shapes, requirements.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::evaluate::{self, Scope};
use crate::ir::{Expr, Value};
use crate::model::decision::Decisions;

/// The most combinations that are looked at.
const MOST: u64 = 4096;

/// Values of some decisions; names have none.
pub(in crate::model) struct Values<'a>(pub(in crate::model) &'a [Option<Value>]);

impl Scope for Values<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.held(index).cloned()
    }

    fn held(&self, index: usize) -> Option<&Value> {
        self.0.get(index)?.as_ref()
    }
}

/// The decisions that expressions depend on, guards of those decisions included.
pub(in crate::model) fn dependencies<'a>(
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

/// Calls `visit` with every combination of the decisions that `exprs` depend on, until it breaks. Combinations that violate a
/// constraint are left out, as far as looking at the constraint's other decisions is not too much. `None`: too many
/// combinations, or a real range is among them; nothing has been proved then.
pub(in crate::model) fn visit<'a, B>(
    exprs: impl IntoIterator<Item = &'a Expr>,
    decisions: &Decisions,
    mut visit: impl FnMut(&[Option<Value>]) -> ControlFlow<B>,
) -> Option<ControlFlow<B>> {
    let alone = dependencies(exprs, decisions);
    let constraints: Vec<(&Expr, BTreeSet<usize>)> = decisions
        .constraints
        .iter()
        .map(|c| (c, dependencies([c], decisions)))
        .collect();
    let related = with_related(alone.clone(), &constraints);
    let indices = match combinations(&related, decisions) {
        Some(_) => related,
        None => {
            combinations(&alone, decisions)?;
            alone
        }
    };
    let applicable: Vec<&Expr> = constraints
        .iter()
        .filter(|(_, of)| of.is_subset(&indices))
        .map(|(constraint, _)| *constraint)
        .collect();
    let indices: Vec<usize> = indices.into_iter().collect();
    let mut values = vec![None; decisions.all.len()];
    Some(descend(&indices, decisions, &mut values, &mut |values| {
        let holds = |c: &&Expr| evaluate::truth(c, &Values(values)).unwrap_or(false);
        match applicable.iter().all(holds) {
            true => visit(values),
            false => ControlFlow::Continue(()),
        }
    }))
}

/// The decisions that constraints tie to `found`, and `found`.
fn with_related(
    mut found: BTreeSet<usize>,
    constraints: &[(&Expr, BTreeSet<usize>)],
) -> BTreeSet<usize> {
    loop {
        let before = found.len();
        for (_, of) in constraints {
            if !of.is_disjoint(&found) {
                found.extend(of);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// How many combinations decisions have at most, if that is not too many.
fn combinations(indices: &BTreeSet<usize>, decisions: &Decisions) -> Option<u64> {
    indices.iter().try_fold(1u64, |product, index| {
        product
            .checked_mul(decisions.all[*index].choices.len()?)
            .filter(|p| *p <= MOST)
    })
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

/// Every number that an expression takes where `guard` holds, in no order; `None` if that would take too many combinations, or
/// it is no number.
pub(in crate::model) fn numbers(
    expr: &Expr,
    guard: &Expr,
    decisions: &Decisions,
) -> Option<Vec<f64>> {
    let mut found = Vec::new();
    let all = visit([expr, guard], decisions, |values| {
        let scope = Values(values);
        if !evaluate::truth(guard, &scope).unwrap_or(false) {
            return ControlFlow::Continue(());
        }
        match evaluate::number(expr, &scope) {
            Ok(n) => {
                if !found.contains(&n) {
                    found.push(n);
                }
                ControlFlow::Continue(())
            }
            // The expression does not exist under these values.
            Err(evaluate::Failure::Inactive(_)) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })?;
    all.is_continue().then_some(found)
}
