//! Guards that look at what is there alone.
//!
//! In: decisions whose guards refer backwards, and what each guard says where all decisions have values. Out: the same, but for guards that would look at a
//! decision where it does not exist (`g or h` where `h` holds without `g`): these become what is left of them, decision by decision.

use std::ops::ControlFlow;

use crate::ir::{BinaryOp, Expr, Value};
use crate::model::decision::Decisions;
use crate::model::expression::evaluate;
use crate::model::expression::fold;
use crate::model::expression::members::{self, Values};

/// The most combinations of what a guard mentions that are looked at.
const MOST: u64 = 4096;

/// Makes each guard one that has a truth value at each point. `says` is what the guard of a decision says where those decisions exist that have values,
/// whatever the others are.
pub(super) fn only_what_is_there(
    decisions: &mut Decisions,
    says: impl Fn(usize, &[Option<Value>]) -> bool,
) {
    for index in 0..decisions.all.len() {
        let guard = &decisions.all[index].guard;
        if guard.as_value().is_some() || has_a_value(guard, decisions) {
            continue;
        }
        let mentioned = members::dependencies([guard], decisions);
        let mentioned: Vec<usize> = mentioned.into_iter().collect();
        let mut counts = mentioned.iter().map(|i| decisions.all[*i].choices.len());
        let all = counts.try_fold(1_u64, |all, n| all.checked_mul(n?));
        if all.is_none_or(|all| all > MOST) {
            continue;
        }
        let mut there = vec![None; decisions.all.len()];
        let guard = tree(&mentioned, decisions, &mut there, &|there| {
            says(index, there)
        });
        decisions.all[index].guard = guard;
    }
}

/// Whether a condition is not seen to look at what does not exist.
fn has_a_value(condition: &Expr, decisions: &Decisions) -> bool {
    let all = members::visit([condition], decisions, |values| {
        match evaluate::truth(condition, &Values(values)) {
            Ok(_) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    all.is_none_or(|seen| seen.is_continue())
}

/// What a condition says, by the decisions that exist, one after the other.
fn tree(
    left: &[usize],
    decisions: &Decisions,
    there: &mut Vec<Option<Value>>,
    says: &impl Fn(&[Option<Value>]) -> bool,
) -> Expr {
    let Some((first, left)) = left.split_first() else {
        return Expr::bool(says(there));
    };
    if !decisions.is_active(*first, there) {
        return tree(left, decisions, there, says);
    }
    let choices = &decisions.all[*first].choices;
    let members = (0..choices.len().unwrap_or(0)).filter_map(|i| choices.member(i));
    let mut by_member: Vec<(Value, Expr)> = Vec::new();
    for member in members {
        there[*first] = Some(member.clone());
        by_member.push((member, tree(left, decisions, there, says)));
    }
    there[*first] = None;
    let Some((_, last)) = by_member.pop() else {
        return Expr::bool(false);
    };
    { by_member.into_iter().rev() }.fold(last, |rest, (member, says)| {
        choose(is(*first, member), says, rest)
    })
}

fn is(decision: usize, member: Value) -> Expr {
    let decision = Expr::Decision(decision);
    match member {
        Value::Bool(true) => decision,
        Value::Bool(false) => evaluate::negate(decision),
        member => Expr::Binary(BinaryOp::Equal, decision.into(), Expr::Value(member).into()),
    }
}

/// `if c then x else y` of truth values, without constants.
fn choose(c: Expr, x: Expr, y: Expr) -> Expr {
    let known = |e: &Expr| e.as_value().and_then(Value::as_bool);
    match (known(&x), known(&y)) {
        (Some(true), _) => evaluate::either(c, y),
        (_, Some(false)) => evaluate::both(c, x),
        (Some(false), _) => evaluate::both(evaluate::negate(c), y),
        (_, Some(true)) => evaluate::either(evaluate::negate(c), x),
        _ => fold::choose(c, x, y),
    }
}
