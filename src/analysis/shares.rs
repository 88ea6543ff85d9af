//! Accuracies are shares, from 0 to 1: `accuracy >= 90` asks for what no network reaches.
//!
//! In: the condition of an expectation. Out: a diagnostic for a number that an accuracy is compared with and never reaches. Metrics
//! of the experiment's own may be called so and count in percent; they are not looked at. Requirements are the model's business.

use super::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind};

/// The most of a percentage: numbers above are no slip of `%`.
const MOST_PERCENT: f64 = 100.0;

impl Cx<'_> {
    /// Reports numbers outside of 0 to 1 that an accuracy is compared with.
    pub(super) fn shares(&mut self, condition: &Expr, own: &[String]) {
        if own.iter().any(|metric| metric == "accuracy") {
            return;
        }
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            let ExprKind::Binary { op, left, right } = &expr.kind else {
                continue;
            };
            match op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Implies => open.extend([&**right, left]),
                _ => {
                    self.share(left, right);
                    self.share(right, left);
                }
            }
        }
    }

    fn share(&mut self, accuracy: &Expr, limit: &Expr) {
        let (Some(at), Some(number)) = (accuracy_at(accuracy), self.plain_number(limit)) else {
            return;
        };
        if (0.0..=1.0).contains(&number) {
            return;
        }
        let name = self.text(at);
        let written = self.text(limit.span);
        let message = format!("`{name}` is a share, from 0 to 1: {written} is none");
        let diagnostic = Diagnostic::error("bnas::domain::out_of_range", message)
            .label(limit.span, "no share")
            .label(at, "from 0 to 1, or 0 % to 100 %");
        let is_bare = written.ends_with(|c: char| c.is_ascii_digit());
        self.report(match is_bare && (0.0..=MOST_PERCENT).contains(&number) {
            true => diagnostic.help(format!("write `{written} %`")),
            false => diagnostic,
        });
    }

    /// The value of a number as it is written.
    fn plain_number(&mut self, expr: &Expr) -> Option<f64> {
        match &expr.kind {
            ExprKind::Number(_) => self.expr(expr, None).expr.as_value()?.as_number(),
            _ => None,
        }
    }
}

/// Where an accuracy stands, if it is one: `accuracy`, `best.test.accuracy`.
fn accuracy_at(expr: &Expr) -> Option<Span> {
    let ExprKind::Path(path) = &expr.kind else {
        return None;
    };
    let name = super::lookup::members(path)?;
    let is_of_best = || name.starts_with("best.") && name.ends_with(".accuracy");
    (name == "accuracy" || is_of_best()).then_some(path.span)
}
