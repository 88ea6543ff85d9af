//! Schedules that have names, as formulas: `warmup(share = 0.05) * cosine()`.
//!
//! In: an expression with records for schedules, whose arguments are settled. Out: a formula of
//! [`step_progress`](crate::ir::PROGRESS) in their place; each is a factor on the learning rate, so that they are multiplied.

use std::f64::consts::PI;
use std::sync::Arc;

use crate::ir::{BinaryOp, Expr, Function, Slot};
use crate::source::Span;

/// Steps done / steps.
const DONE: &str = "step_progress";

/// The formula that an expression stands for. Words stay: `cosine` by itself is one.
pub(in crate::model) fn expanded(expr: &Expr) -> Expr {
    let shared = |e: &Arc<Expr>| Arc::new(expanded(e));
    match expr {
        Expr::Record(name, fields, span) => formula(name, fields, *span),
        Expr::Unary(op, x) => Expr::Unary(*op, shared(x)),
        Expr::Binary(op, x, y) => Expr::Binary(*op, shared(x), shared(y)),
        Expr::If(c, x, y) => Expr::If(shared(c), shared(x), shared(y)),
        Expr::Call(function, items) => Expr::Call(*function, items.iter().map(expanded).collect()),
        Expr::Set(_) | Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) => expr.clone(),
    }
}

fn formula(name: &str, fields: &[(String, Slot)], span: Span) -> Expr {
    let field = |name: &str| {
        fields.iter().find_map(|(known, slot)| match slot {
            Slot::Fixed(expr) if known == name => Some(expr.clone()),
            _ => None,
        })
    };
    let done = || Expr::Name(DONE.into(), span);
    let one = || Expr::number(1.0);
    let before = |share: Expr, yes, no| {
        let condition = binary(BinaryOp::Less, done(), share);
        Expr::If(Arc::new(condition), Arc::new(yes), Arc::new(no))
    };
    match (name, field("share"), field("at"), field("factor")) {
        ("cosine", ..) => {
            // 0.5 * (1 + cos(pi * step_progress))
            let angle = binary(BinaryOp::Multiply, Expr::number(PI), done());
            let wave = Expr::Call(Function::Cos, vec![angle]);
            let sum = binary(BinaryOp::Add, one(), wave);
            binary(BinaryOp::Multiply, Expr::number(0.5), sum)
        }
        ("warmup", Some(share), ..) => {
            let line = binary(BinaryOp::Divide, done(), share.clone());
            before(share, line, one())
        }
        ("step", _, Some(at), Some(factor)) => before(at, one(), factor),
        // Whoever evaluates it says that it is no schedule.
        _ => Expr::Record(name.into(), fields.to_vec(), span),
    }
}

fn binary(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}
