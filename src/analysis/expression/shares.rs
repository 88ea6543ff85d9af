//! Accuracies are shares, from 0 to 1: `accuracy >= 90` asks for what no network reaches.
//!
//! In: the condition of an expectation or a requirement. Out: a diagnostic for a number that an accuracy is compared with and never
//! reaches. Metrics of the experiment's own may be called so and count in percent; they are not looked at. What else no requirement
//! can reach is the model's business.

use crate::analysis::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Expr, ExprKind};

/// The most of a percentage: numbers above are no slip of `%`.
const MOST_PERCENT: f64 = 100.0;

impl Cx<'_> {
    /// Reports numbers outside of 0 to 1 that an accuracy is compared with in an expectation.
    pub(in crate::analysis) fn shares(&mut self, condition: &Expr, own: &[String]) {
        for (at, limit) in self.no_shares(condition, own) {
            self.no_share(at, limit);
        }
    }

    /// Reports percentages without their sign in a requirement, and says whether there are any.
    pub(in crate::analysis) fn shares_without_percent(
        &mut self,
        condition: &Expr,
        own: &[String],
    ) -> bool {
        let mut found = self.no_shares(condition, own);
        found.retain(|(_, limit)| self.is_percentage(*limit));
        for (at, limit) in &found {
            self.no_share(*at, *limit);
        }
        !found.is_empty()
    }

    /// Accuracies and numbers that they are compared with and never reach.
    fn no_shares(&mut self, condition: &Expr, own: &[String]) -> Vec<(Span, Span)> {
        let mut found = Vec::new();
        if own.iter().any(|metric| metric == "accuracy") {
            return found;
        }
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            let ExprKind::Binary { op, left, right } = &expr.kind else {
                continue;
            };
            match op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Implies => open.extend([&**right, left]),
                _ => {
                    found.extend(self.beyond(left, right));
                    found.extend(self.beyond(right, left));
                }
            }
        }
        found
    }

    fn beyond(&mut self, accuracy: &Expr, limit: &Expr) -> Option<(Span, Span)> {
        let at = accuracy_at(accuracy)?;
        let number = self.plain_number(limit)?;
        let is_share = (0.0..=1.0).contains(&number);
        (!is_share).then_some((at, limit.span))
    }

    fn no_share(&mut self, at: Span, limit: Span) {
        let name = self.text(at);
        let written = self.text(limit);
        let message = format!("`{name}` is a share, from 0 to 1: {written} is none");
        let diagnostic = Diagnostic::error("bnas::domain::out_of_range", message)
            .label(limit, "no share")
            .label(at, "from 0 to 1, or 0 % to 100 %");
        let is_percentage = self.is_percentage(limit);
        self.report(match is_percentage {
            true => diagnostic.help(format!("write `{written} %`")),
            false => diagnostic,
        });
    }

    /// Whether a number has no unit and could be a percentage.
    fn is_percentage(&self, limit: Span) -> bool {
        let number: Option<f64> = self.text(limit).parse().ok();
        number.is_some_and(|number| (0.0..=MOST_PERCENT).contains(&number))
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
