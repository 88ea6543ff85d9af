//! Where an expression has operations without a value for some operands, and what holds there.
//!
//! In: an expression as it is settled, the condition under which it is there, what its names stand for. Out: a [`Use`] for each operation
//! whose operands are not constants that are fine.

use super::kind::Kind;
use crate::ir::{BinaryOp, Expr, Function, Slot, show};
use crate::model::expression::evaluate;
use crate::model::expression::fold;
use crate::model::training::schedule;
use crate::source::Span;

/// An operation that is reached where its conditions hold.
#[derive(Debug, Clone)]
pub struct Use {
    pub kind: Kind,
    /// What must not be just any number, over decisions and names.
    pub operands: Vec<Expr>,
    /// What holds where it is reached.
    pub conditions: Vec<Expr>,
    /// Where the operands are written, and the first of them.
    pub span: Span,
    pub written: String,
    /// The requirement that it is part of, which does not excuse it.
    pub within: Option<Span>,
}

impl Use {
    /// Whether the operation itself stands in an expression.
    pub fn is_part_of(&self, expr: &Expr) -> bool {
        let is_it = |operands: &[&Expr]| {
            operands.len() == self.operands.len()
                && (operands.iter().zip(&self.operands)).all(|(x, y)| fold::same(x, y))
        };
        let mut found = false;
        evaluate::walk(expr, &mut |part| {
            found |= operation(part)
                .is_some_and(|(kind, operands)| kind == self.kind && is_it(&operands));
        });
        found
    }

    /// Whether it reads a name that is no decision.
    pub fn has_names(&self) -> bool {
        let mut parts = self.operands.iter().chain(&self.conditions);
        parts.any(|e| !evaluate::names(e).is_empty())
    }
}

/// The kind of an operation that has no value for some operands, and the operands that matter.
fn operation(expr: &Expr) -> Option<(Kind, Vec<&Expr>)> {
    let (kind, operands) = match expr {
        Expr::Binary(BinaryOp::Divide, _, y) => return Some((Kind::Divide, vec![y])),
        Expr::Binary(BinaryOp::Power, x, y) => return Some((Kind::Power, vec![x, y])),
        Expr::Call(Function::Ln | Function::Log2, args) => (Kind::Logarithm, &args[..1]),
        Expr::Call(Function::Sqrt, args) => (Kind::Root, &args[..1]),
        Expr::Call(Function::MultipleOf, args) => (Kind::Multiple, &args[..1]),
        Expr::Call(Function::Within, args) => (Kind::Limits { is_whole: false }, &args[..]),
        Expr::Call(Function::WholeWithin, args) => (Kind::Limits { is_whole: true }, &args[..]),
        _ => return None,
    };
    Some((kind, operands.iter().collect()))
}

/// Whether an expression is an operation that may be without a value. Most divisors and exponents are constants that are fine.
pub fn is_fallible(expr: &Expr) -> bool {
    operation(expr).is_some_and(|(kind, operands)| !is_fine(kind, &operands))
}

/// Whether operands are constants that are fine, as far as they matter.
fn is_fine(kind: Kind, operands: &[&Expr]) -> bool {
    let constants = operands.iter().map(|e| e.as_value()?.as_number());
    let constants: Option<Vec<f64>> = constants.collect();
    constants.is_some_and(|c| !kind.fails(&c)) || is_whole_power(kind, operands)
}

/// Every operation of `expr` that has no value for some operands; names are replaced by what `names` says.
pub fn uses(expr: &Expr, guard: &Expr, names: &dyn Fn(&str) -> Option<Expr>) -> Vec<Use> {
    let mut walk = Walk {
        names,
        guard,
        conditions: Vec::new(),
        found: Vec::new(),
    };
    walk.expr(expr);
    walk.found
}

struct Walk<'a> {
    names: &'a dyn Fn(&str) -> Option<Expr>,
    guard: &'a Expr,
    /// What decides whether the walk comes here, as written, and how it has to decide.
    conditions: Vec<(&'a Expr, bool)>,
    found: Vec<Use>,
}

impl<'a> Walk<'a> {
    fn expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => {}
            Expr::Unary(_, x) => self.expr(x),
            Expr::Binary(op, x, y) => {
                self.expr(x);
                match op {
                    BinaryOp::And | BinaryOp::Implies => self.under(x, true, y),
                    BinaryOp::Or => self.under(x, false, y),
                    _ => self.expr(y),
                }
            }
            Expr::If(c, x, y) => {
                self.expr(c);
                self.under(c, true, x);
                self.under(c, false, y);
            }
            Expr::Call(_, items) | Expr::Set(items) => items.iter().for_each(|i| self.expr(i)),
            Expr::Record(_, fields, _) => {
                for (_, slot) in fields {
                    if let Slot::Fixed(e) = slot {
                        self.expr(e);
                    }
                }
            }
        }
        if let Some((kind, operands)) = operation(expr) {
            self.operation(kind, &operands, expr);
        }
    }

    /// `expr`, which is looked at only where the condition has this truth value.
    fn under(&mut self, condition: &'a Expr, truth: bool, expr: &'a Expr) {
        self.conditions.push((condition, truth));
        self.expr(expr);
        self.conditions.pop();
    }

    /// What holds here; `None` if that is impossible.
    fn reached(&self) -> Option<Vec<Expr>> {
        let mut reached = vec![self.guard.clone()];
        for (condition, truth) in &self.conditions {
            let condition = evaluate::reduce(condition, self.names).ok()?;
            reached.push(match truth {
                true => condition,
                false => evaluate::negate(condition),
            });
        }
        let is = |e: &Expr, b: bool| *e == Expr::bool(b);
        if reached.iter().any(|e| is(e, false)) {
            return None;
        }
        reached.retain(|e| !is(e, true));
        Some(reached)
    }

    fn operation(&mut self, kind: Kind, operands: &[&Expr], whole: &Expr) {
        // As written or in this copy.
        if is_fine(kind, operands) {
            return;
        }
        let settled = operands.iter().map(|e| evaluate::reduce(e, self.names));
        let Ok(mut settled) = settled.collect::<Result<Vec<Expr>, _>>() else {
            return;
        };
        if matches!(kind, Kind::Limits { .. }) {
            // Of a schedule that has a name, members can be tried.
            settled[0] = schedule::expanded(&settled[0]);
        }
        if is_fine(kind, &settled.iter().collect::<Vec<_>>()) {
            return;
        }
        let Some(conditions) = self.reached() else {
            return;
        };
        let place = operands
            .iter()
            .filter_map(|e| place(e))
            .reduce(Span::to)
            .or_else(|| place(whole));
        self.found.push(Use {
            kind,
            operands: settled,
            conditions,
            span: place.unwrap_or_default(),
            written: show(operands[0]),
            within: None,
        });
    }
}

/// The use of what a goal needs, if that exists under a condition only.
pub fn absence(goal: &Expr, span: Span, exists: Expr) -> Option<Use> {
    if exists == Expr::bool(true) {
        return None;
    }
    let there = evaluate::choose(exists, Expr::number(1.0), Expr::number(0.0));
    Some(Use {
        kind: Kind::Absent,
        operands: vec![there],
        conditions: Vec::new(),
        span,
        written: show(goal),
        within: None,
    })
}

/// `x^2`: powers with whole constant exponents from 0 up.
fn is_whole_power(kind: Kind, operands: &[&Expr]) -> bool {
    let exponent = operands.get(1).and_then(|e| e.as_value()?.as_number());
    kind == Kind::Power && exponent.is_some_and(|n| n >= 0.0 && n.fract() == 0.0)
}

/// From the first name of an expression to its last.
fn place(expr: &Expr) -> Option<Span> {
    let mut found: Option<Span> = None;
    evaluate::walk(expr, &mut |part| {
        if let Expr::Name(_, span) = part
            && !span.is_empty()
        {
            found = Some(match found {
                Some(before) if before.source == span.source => before.to(*span),
                _ => *span,
            });
        }
    });
    found
}

/// Says of which requirement or goal uses are part. `written` is the expression before its paths were replaced, which knows places.
pub fn belong_to(uses: &mut [Use], span: Span, written: &Expr) {
    let places = self::uses(written, &Expr::bool(true), &|_| None);
    let is_same = places.len() == uses.len();
    for (i, found) in uses.iter_mut().enumerate() {
        found.within = Some(span);
        if is_same && !places[i].span.is_empty() {
            found.span = places[i].span;
            found.written.clone_from(&places[i].written);
        } else if found.span.is_empty() {
            found.span = span;
        }
    }
}
