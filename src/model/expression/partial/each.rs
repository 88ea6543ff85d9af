//! Bounds of an operation at each member of what it hangs on, where they are few: `2 - k + progress` where requirements relate `k` to something else.
//!
//! In: an operation and the decisions with what is required. Out: whether it has a value at each of them that requirements leave.

use super::{Names, Use, is_safe_where};
use crate::ir::{Expr, Value};
use crate::model::decision::Decisions;
use crate::model::expression::evaluate::{self, Failure};
use crate::model::expression::fold::with_choice;

/// The most combinations that are looked at.
const MOST: u64 = 1024;

/// The most requirements that are looked at, each at each combination.
const MOST_ASKED: u64 = 8192;

/// Whether bounds prove that an operation has a value at every combination of its discrete decisions. Reals and names stay open.
pub(super) fn is_safe_at_each(one: &Use, decisions: &Decisions, names: &Names) -> bool {
    let parts = one.operands.iter().chain(&one.conditions);
    let own: Vec<usize> = parts
        .flat_map(evaluate::decisions)
        .collect::<std::collections::BTreeSet<usize>>()
        .into_iter()
        .filter(|i| decisions.all[*i].choices.len().is_some())
        .collect();
    let lens = own
        .iter()
        .map(|i| decisions.all[*i].choices.len().unwrap_or(1));
    let count = lens
        .clone()
        .try_fold(1_u64, |n, len| n.checked_mul(len).filter(|n| *n <= MOST));
    let Some(count) = count.filter(|_| !own.is_empty()) else {
        return false;
    };
    let lens: Vec<u64> = lens.collect();
    let speaks = |constraint: &&Expr| {
        let of = evaluate::decisions(constraint);
        own.iter().any(|i| of.contains(i))
    };
    let constraints: Vec<&Expr> = decisions.constraints.iter().filter(speaks).collect();
    if count.saturating_mul(constraints.len() as u64) > MOST_ASKED {
        return false;
    }
    (0..count).all(|mut number| {
        let chosen = own.iter().zip(&lens).map(|(i, len)| {
            let member = number % len;
            number /= len;
            (*i, member)
        });
        let chosen: Option<Vec<(usize, Value)>> = chosen
            .map(|(i, member)| Some((i, decisions.all[i].choices.member(member)?)))
            .collect();
        let at = |e: &Expr| -> Result<Expr, Failure> {
            let chosen = chosen.iter().flatten();
            chosen
                .into_iter()
                .try_fold(e.clone(), |e, (i, value)| with_choice(&e, *i, value))
        };
        let all = |of: &mut dyn Iterator<Item = &Expr>| of.map(at).collect::<Result<Vec<_>, _>>();
        let operands = all(&mut one.operands.iter());
        let conditions = all(&mut one.conditions.iter());
        let asked = all(&mut constraints.iter().copied());
        match (operands, conditions, asked) {
            (Ok(operands), Ok(conditions), Ok(asked)) => {
                let there = Use {
                    operands,
                    conditions,
                    ..one.clone()
                };
                is_safe_where(&there, &asked, decisions, names)
            }
            _ => false,
        }
    })
}
