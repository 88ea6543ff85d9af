//! Names within an expression: each with its place, and others, or other things, in their place.
//!
//! In: an expression. Out: the same with other names. Nothing is folded, and places in the text are kept.

use std::sync::Arc;

use crate::ir::Expr;
use crate::source::Span;

/// An expression with other names, at the same places.
pub fn renamed(expr: &Expr, rename: &dyn Fn(&str) -> Option<String>) -> Expr {
    replaced(expr, &|name, span| {
        rename(name).map(|other| Expr::Name(other, span))
    })
}

/// An expression with other things in place of names.
pub fn replaced(expr: &Expr, other: &dyn Fn(&str, Span) -> Option<Expr>) -> Expr {
    let again = |e: &Expr| replaced(e, other);
    let inner = |e: &Arc<Expr>| Arc::new(again(e));
    match expr {
        Expr::Name(name, span) => other(name, *span).unwrap_or_else(|| expr.clone()),
        Expr::Unary(op, x) => Expr::Unary(*op, inner(x)),
        Expr::Binary(op, x, y) => Expr::Binary(*op, inner(x), inner(y)),
        Expr::If(c, x, y) => Expr::If(inner(c), inner(x), inner(y)),
        Expr::Call(function, args) => Expr::Call(*function, args.iter().map(again).collect()),
        Expr::Set(items) => Expr::Set(items.iter().map(again).collect()),
        Expr::Value(_) | Expr::Decision(_) | Expr::Record(..) => expr.clone(),
    }
}

/// Every name in an expression with its place.
pub fn visit_names(expr: &Expr, see: &mut impl FnMut(&str, Span)) {
    match expr {
        Expr::Name(name, span) => see(name, *span),
        Expr::Unary(_, x) => visit_names(x, see),
        Expr::Binary(_, x, y) => {
            visit_names(x, see);
            visit_names(y, see);
        }
        Expr::If(c, x, y) => [c, x, y].into_iter().for_each(|e| visit_names(e, see)),
        Expr::Call(_, items) | Expr::Set(items) => items.iter().for_each(|e| visit_names(e, see)),
        Expr::Value(_) | Expr::Decision(_) | Expr::Record(..) => {}
    }
}
