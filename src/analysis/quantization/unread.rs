//! Formulas of a quantizer that nothing reads, and scales that cannot be divided by.
//!
//! In: the formulas of a quantizer as they are written. Out: diagnostics. A `forward` of its own computes the codes alone: what it does not
//! call has no effect, wherever it was meant to have one.

use crate::analysis::context::Cx;
use crate::analysis::merged::Merged;
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;
use crate::syntax::ast::{self, Entry, EntryKind};

impl Cx<'_> {
    /// Warns of `scale(w)` and `normalize(w)` that no other formula calls, beside a `forward` that could, where this declaration says one of the two.
    pub(in crate::analysis) fn unread_formulas(&mut self, merged: &Merged, entries: &[Entry]) {
        let written: Vec<&ast::Formula> = entries
            .iter()
            .filter_map(|entry| match &entry.kind {
                EntryKind::Formula(formula) => Some(formula),
                _ => None,
            })
            .collect();
        let Some(forward) = written.iter().find(|f| f.name.text == "forward") else {
            return;
        };
        for unread in &written {
            let name = unread.name.text.as_str();
            let declared = merged.lineage.last();
            let is_own = |f: &ast::Formula| declared.is_some_and(|d| d.holds(f.name.span));
            if !["normalize", "scale"].contains(&name) || !is_own(unread) && !is_own(forward) {
                continue;
            }
            let calls = |formula: &&&ast::Formula| {
                let words = |c: char| !c.is_alphanumeric() && c != '_';
                let text = self.sources.slice(formula.body.span);
                formula.name.text != name && text.split(words).any(|word| word == name)
            };
            if written.iter().any(|formula| calls(&formula)) {
                continue;
            }
            let parameter = unread.params.first().map_or("w", |p| p.name.text.as_str());
            let help = match name {
                "scale" => {
                    format!("multiply the codes of `forward` by `scale({parameter})`, or remove it")
                }
                _ => format!("compute `forward` from `normalize({parameter})`, or remove it"),
            };
            self.report(
                Diagnostic::warning(
                    "bnas::name::unused",
                    format!("`{name}` of `{}` has no effect", merged.name.text),
                )
                .label(unread.name.span, "no formula calls it")
                .label(forward.name.span, "this computes the codes without it")
                .help(help),
            );
        }
    }

    /// A scale is what values are divided by and codes are multiplied by: a constant is above 0.
    pub(in crate::analysis) fn scale_is_positive(&mut self, formula: &ast::Formula, body: &Expr) {
        let constant = body.as_value().and_then(|value| value.as_number());
        if constant.is_some_and(|scale| scale <= 0.0) {
            self.report(
                Diagnostic::error("bnas::domain::out_of_range", "a scale is above 0")
                    .label(formula.body.span, "values are divided by it")
                    .help("compute it from the weights: `stop(mean(abs(w), per = filter))`"),
            );
        }
    }
}
