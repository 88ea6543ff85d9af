//! Schedules that have names, in formulas: `warmup(0.05) * cosine`.
//!
//! In: a word or a call, where the progress of a stage is known. Out: the formula that it stands for; each is a factor on the learning rate, so that
//! they are multiplied.

use std::f64::consts::PI;
use std::sync::Arc;

use super::context::Cx;
use super::expr::Typed;
use super::schema::SCHEDULES;
use super::types::Type;
use crate::ir::{BinaryOp, Expr, Function, Slot};
use crate::source::Span;
use crate::syntax::ast;

/// Steps done / steps.
const DONE: &str = "step_progress";

impl Cx<'_> {
    /// `cosine` beside something else. By itself it is a word of the field.
    pub(super) fn schedule_word(&self, name: &str, span: Span) -> Option<Typed> {
        if name != "cosine" || !self.knows_progress() {
            return None;
        }
        // 0.5 * (1 + cos(pi * step_progress))
        let angle = binary(BinaryOp::Multiply, Expr::number(PI), done(span));
        let wave = Expr::Call(Function::Cos, vec![angle]);
        let sum = binary(BinaryOp::Add, Expr::number(1.0), wave);
        let half = binary(BinaryOp::Multiply, Expr::number(0.5), sum);
        Some(Typed::new(half, Type::PLAIN, span))
    }

    /// `warmup(0.05)`, `step(at = 0.5, factor = 0.1)`.
    pub(super) fn schedule_call(
        &mut self,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Option<Typed> {
        let callable = SCHEDULES.iter().find(|c| c.name == name.text)?;
        if !self.knows_progress() {
            return None;
        }
        let written = self.arguments(name, args, callable);
        let mut values = callable.fields.iter().map(|field| {
            let slot = self.slot(&written, field);
            match slot {
                Some(Slot::Fixed(expr)) => Some(expr),
                _ => None,
            }
        });
        let (first, second) = (values.next().flatten(), values.next().flatten());
        let before = |share: &Expr, yes, no| {
            let condition = binary(BinaryOp::Less, done(span), share.clone());
            Expr::If(Arc::new(condition), Arc::new(yes), Arc::new(no))
        };
        let one = || Expr::number(1.0);
        let expr = match (name.text.as_str(), first, second) {
            ("warmup", Some(share), _) => {
                let line = binary(BinaryOp::Divide, done(span), share.clone());
                before(&share, line, one())
            }
            ("step", Some(at), Some(factor)) => before(&at, one(), factor),
            // What is missing has been reported.
            _ => return Some(Typed::poison(span)),
        };
        Some(Typed::new(expr, Type::PLAIN, span))
    }

    /// Whether a stage's progress can be named here, and is not a name of the author's own.
    fn knows_progress(&self) -> bool {
        self.locals.find(DONE).is_some_and(|l| l.span.is_none())
    }
}

fn done(span: Span) -> Expr {
    Expr::Name(DONE.into(), span)
}

fn binary(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}
