//! Schedules that have names, in formulas: `warmup(0.05) * cosine`.
//!
//! In: a word or a call, where the progress of a stage is known. Out: a record, whose arguments may be searched; which formula it stands
//! for is the model's business. Each is a factor on the learning rate, so that they are multiplied.

use crate::analysis::context::Cx;
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::types::Type;
use crate::analysis::schema::SCHEDULES;
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;
use crate::source::Span;
use crate::syntax::ast;

/// Steps done / steps.
const DONE: &str = "step_progress";

impl Cx<'_> {
    /// `cosine` or `constant` beside something else. By itself it is a word of the field.
    pub(in crate::analysis) fn schedule_word(&self, name: &str, span: Span) -> Option<Typed> {
        if !self.knows_progress() {
            return None;
        }
        let factor = match name {
            "cosine" => Expr::Record(name.into(), Vec::new(), span),
            "constant" => Expr::number(1.0),
            _ => return None,
        };
        Some(Typed::new(factor, Type::PLAIN, span))
    }

    /// `warmup(0.05)`, `step(at = 0.5, factor in {0.1, 0.2})`.
    pub(in crate::analysis) fn schedule_call(
        &mut self,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Option<Typed> {
        let callable = SCHEDULES.iter().find(|c| c.name == name.text)?;
        if !self.knows_progress() {
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("`{}` is a factor on a learning rate", name.text),
                )
                .label(span, "no stage of training goes on here")
                .help("write it in the `schedule` of a stage"),
            );
            return Some(Typed::poison(span));
        }
        let written = self.arguments(name, args, callable);
        let fields = self.filled_args(&written, callable);
        if fields.len() < callable.fields.len() {
            // What is missing has been reported.
            return Some(Typed::poison(span));
        }
        let record = Expr::Record(name.text.clone(), fields, span);
        Some(Typed::new(record, Type::PLAIN, span))
    }

    /// The schedules that are words, where there can be one.
    pub(in crate::analysis) fn schedule_words(&self) -> &'static [&'static str] {
        match self.knows_progress() {
            true => &["constant", "cosine"],
            false => &[],
        }
    }

    /// Whether a stage's progress can be named here, and is not a name of the author's own.
    fn knows_progress(&self) -> bool {
        self.locals.find(DONE).is_some_and(|l| l.span.is_none())
    }
}
