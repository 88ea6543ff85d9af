//! Members of sets: they are of one kind, and each is there once.
//!
//! In: members as they are lowered. Out: diagnostics about those that do not belong.

use super::expr::Typed;
use super::types::Type;
use crate::analysis::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::syntax::ast;

impl Cx<'_> {
    /// Reports members of another kind than the first: one of each kind, or the first itself where all others are of one kind.
    pub(in crate::analysis) fn of_one_kind(
        &mut self,
        rule: &str,
        first: &Typed,
        alike: usize,
        odd: &[Typed],
    ) {
        if let [other, _, ..] = odd
            && alike == 0
            && odd.iter().all(|o| o.ty.fits(&other.ty))
        {
            self.disagree(rule, other, first);
            return;
        }
        let mut said: Vec<&Type> = Vec::new();
        for one in odd {
            if !said.iter().any(|ty| one.ty.fits(ty)) {
                said.push(&one.ty);
                self.disagree(rule, first, one);
            }
        }
    }

    /// A member of a set that is in it already.
    pub(in crate::analysis) fn repeated(&mut self, item: &ast::Expr) {
        let text = self.text(item.span);
        self.report(
            Diagnostic::warning(
                "bnas::domain::repeated",
                format!("`{text}` is in the set already"),
            )
            .label(item.span, "a set holds each member once")
            .help("remove it"),
        );
    }
}
