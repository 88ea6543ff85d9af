//! Where an expression has a value.
//!
//! In: an expression that may mention decisions that exist at some points only. Out: the same as a requirement that every point
//! can answer. A requirement does not bind where evaluating it would need a decision, a value or a shape that does not exist: `require
//! space.s[0].d[2].kernel <= 3` says nothing of a network whose stage has two blocks.

use std::collections::HashMap;
use std::sync::Arc;

use super::evaluate::{both, choose, either, implies, negate};
use super::fold::{same, walk};
use super::quick::ByAddress;
use crate::ir::{BinaryOp, Expr, Function, Slot, UnaryOp, Value};
use crate::model::decision::Decisions;
use crate::source::Span;

/// No path is written like this.
const NOTHING: &str = "";

/// What stands in an expression where a part of the network does not exist: evaluating it meets something that is not there.
pub(in crate::model) fn nothing() -> Expr {
    Expr::Name(NOTHING.into(), Span::default())
}

/// `expr`, or true where it needs a decision that does not exist.
pub(in crate::model) fn where_it_exists(expr: &Expr, decisions: &Decisions) -> Expr {
    implies(condition(expr, decisions), expr.clone())
}

/// `value` of something that exists under `guard`: the value itself, if it needs decisions that exist nowhere else.
pub(in crate::model) fn guarded(value: &Expr, guard: &Expr, decisions: &Decisions) -> Expr {
    match entails(&condition(value, decisions), guard) {
        true => value.clone(),
        false => choose(guard.clone(), value.clone(), nothing()),
    }
}

/// Where evaluating an expression meets only what exists.
pub(in crate::model) fn condition(expr: &Expr, decisions: &Decisions) -> Expr {
    let mut existence = Existence {
        decisions,
        active: HashMap::new(),
        shared: ByAddress::default(),
    };
    reached(&existence.of(expr))
}

/// Where a value is one that can be compared: the largest and the smallest of an empty list are none.
pub(in crate::model) fn finite(expr: &Expr) -> Expr {
    finite_part(expr, &mut ByAddress::default())
}

/// `known` are the shared parts that have been met, by address.
fn finite_part(expr: &Expr, known: &mut ByAddress<Expr>) -> Expr {
    let mut part = |expr: &Arc<Expr>| {
        if let Some(known) = known.get(&Arc::as_ptr(expr)) {
            return known.clone();
        }
        let found = finite_part(expr, known);
        known.insert(Arc::as_ptr(expr), found.clone());
        found
    };
    match expr {
        Expr::Value(Value::Number(n)) => Expr::bool(n.is_finite()),
        Expr::Unary(_, x) => part(x),
        Expr::Binary(_, x, y) => both(part(x), part(y)),
        Expr::If(c, x, y) => match (part(x), part(y)) {
            (yes, no) if yes == no => yes,
            (yes, no) => choose((**c).clone(), yes, no),
        },
        // Of nothing and something, that is taken which is there.
        Expr::Call(Function::Max | Function::Min, items) => {
            let items = items.iter().map(|e| finite_part(e, known));
            items.fold(Expr::bool(false), either)
        }
        Expr::Call(_, items) => {
            let items = items.iter().map(|e| finite_part(e, known));
            items.fold(Expr::bool(true), both)
        }
        _ => Expr::bool(true),
    }
}

/// A condition that looks at values only behind what says that they exist, with the values alone.
fn reached(condition: &Expr) -> Expr {
    match has_nothing(condition) {
        true => there(condition, &mut ByAddress::default()),
        false => condition.clone(),
    }
}

/// `known` are the shared parts that have been met, by address.
fn there(expr: &Expr, known: &mut ByAddress<Arc<Expr>>) -> Expr {
    let mut part = |expr: &Arc<Expr>| {
        if let Some(known) = known.get(&Arc::as_ptr(expr)) {
            return known.clone();
        }
        let found = Arc::new(there(expr, known));
        known.insert(Arc::as_ptr(expr), found.clone());
        found
    };
    match expr {
        Expr::If(_, x, y) if matches!(&**y, Expr::Name(name, _) if name == NOTHING) => {
            (*part(x)).clone()
        }
        Expr::If(c, x, y) => Expr::If(part(c), part(x), part(y)),
        Expr::Unary(op, x) => Expr::Unary(*op, part(x)),
        Expr::Binary(op, x, y) => Expr::Binary(*op, part(x), part(y)),
        Expr::Call(f, items) => Expr::Call(*f, items.iter().map(|e| there(e, known)).collect()),
        Expr::Set(items) => Expr::Set(items.iter().map(|e| there(e, known)).collect()),
        other => other.clone(),
    }
}

/// Whether something stands in an expression that does not exist everywhere.
fn has_nothing(expr: &Expr) -> bool {
    let mut found = false;
    walk(expr, &mut |part| {
        found |= matches!(part, Expr::Name(name, _) if name == NOTHING)
    });
    found
}

struct Existence<'a> {
    decisions: &'a Decisions,
    /// Where each decision exists, as far as known.
    active: HashMap<usize, Expr>,
    shared: ByAddress<Expr>,
}

impl Existence<'_> {
    /// The condition under which evaluating `expr` meets existing decisions only.
    fn of(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Value(_) => Expr::bool(true),
            Expr::Name(name, _) => Expr::bool(name != NOTHING),
            Expr::Decision(index) => {
                if let Some(known) = self.active.get(index) {
                    return known.clone();
                }
                let guard = &self.decisions.all[*index].guard;
                let found = both(self.of(guard), guard.clone());
                self.active.insert(*index, found.clone());
                found
            }
            Expr::Unary(_, x) => self.part(x),
            Expr::Binary(op, x, y) => {
                let left = self.part(x);
                let right = self.part(y);
                let right = match op {
                    BinaryOp::And | BinaryOp::Implies => implies((**x).clone(), given(x, right)),
                    BinaryOp::Or => either((**x).clone(), given(&negate((**x).clone()), right)),
                    _ => right,
                };
                both(left, right)
            }
            Expr::If(c, x, y) => {
                let condition = self.part(c);
                let (x, y) = (self.part(x), self.part(y));
                let (x, y) = (given(c, x), given(&negate((**c).clone()), y));
                both(condition, choose((**c).clone(), x, y))
            }
            Expr::Call(_, items) | Expr::Set(items) => self.all(items.iter()),
            Expr::Record(_, fields, _) => {
                self.all(fields.iter().filter_map(|(_, slot)| match slot {
                    Slot::Fixed(e) => Some(e),
                    Slot::Chosen(_) => None,
                }))
            }
        }
    }

    fn all<'e>(&mut self, items: impl Iterator<Item = &'e Expr>) -> Expr {
        items.fold(Expr::bool(true), |sum, item| both(sum, self.of(item)))
    }

    fn part(&mut self, expr: &Arc<Expr>) -> Expr {
        if let Some(known) = self.shared.get(&Arc::as_ptr(expr)) {
            return known.clone();
        }
        let found = self.of(expr);
        self.shared.insert(Arc::as_ptr(expr), found.clone());
        found
    }
}

/// What is left of `y` where `x` holds.
fn given(x: &Expr, y: Expr) -> Expr {
    match y {
        y if entails(x, &y) => Expr::bool(true),
        Expr::Binary(BinaryOp::And, a, b) => both(given(x, (*a).clone()), given(x, (*b).clone())),
        y => y,
    }
}

/// Pairs of parts that [`entails`] looks at before it gives up: of conditions that join others on both sides, there are as many as products of theirs.
const LOOKS: usize = 4096;

/// Whether `x` is seen to hold only where `y`, a condition that is made here, does: `y` is one of the conditions that `x` joins, or is made
/// of some of them.
pub(in crate::model) fn entails(x: &Expr, y: &Expr) -> bool {
    fn within(x: &Expr, y: &Expr, looks: &mut usize) -> bool {
        if *looks == 0 {
            return false;
        }
        *looks -= 1;
        if matches!(y, Expr::Value(Value::Bool(true))) || same(x, y) || is_further(x, y) {
            return true;
        }
        let mut seen = |x: &Expr, y: &Expr| within(x, y, looks);
        let whole = match y {
            // What an `if` looks at first is asked for beside its branches.
            Expr::Binary(BinaryOp::And, a, b) | Expr::If(_, a, b) => seen(x, a) && seen(x, b),
            Expr::Binary(BinaryOp::Or, a, b) => seen(x, a) || seen(x, b),
            Expr::Binary(BinaryOp::Implies, _, b) => seen(x, b),
            _ => false,
        };
        let mut part = |a: &Expr| within(a, y, looks);
        whole
            || match x {
                Expr::Binary(BinaryOp::And, a, b) => part(a) || part(b),
                Expr::Binary(BinaryOp::Or, a, b) => part(a) && part(b),
                _ => false,
            }
    }
    within(x, y, &mut { LOOKS })
}

/// Whether `x` asks for more copies than `y`: `depth > 2`, `depth > 0`.
fn is_further(x: &Expr, y: &Expr) -> bool {
    let (Expr::Binary(BinaryOp::Greater, a, n), Expr::Binary(BinaryOp::Greater, b, m)) = (x, y)
    else {
        return false;
    };
    let number = |e: &Expr| e.as_value()?.as_number();
    same(a, b) && number(n).zip(number(m)).is_some_and(|(n, m)| n >= m)
}

/// Where a condition can hold, whatever its `unknown` parts are; with `truth` false, where it cannot but hold.
pub(in crate::model) fn whatever(
    condition: &Expr,
    truth: bool,
    unknown: &dyn Fn(&Expr) -> bool,
) -> Expr {
    let part = |expr: &Expr, truth| whatever(expr, truth, unknown);
    match condition {
        Expr::Binary(BinaryOp::And, x, y) => both(part(x, truth), part(y, truth)),
        Expr::Binary(BinaryOp::Or, x, y) => either(part(x, truth), part(y, truth)),
        Expr::Binary(BinaryOp::Implies, x, y) => either(negate(part(x, !truth)), part(y, truth)),
        Expr::Unary(UnaryOp::Not, x) => negate(part(x, !truth)),
        Expr::If(c, x, y) if !unknown(c) => choose((**c).clone(), part(x, truth), part(y, truth)),
        other if unknown(other) => Expr::bool(truth),
        other => other.clone(),
    }
}
