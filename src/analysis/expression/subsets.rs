//! `subsets {a, b}`: all subsets of a set.
//!
//! In: a set of constants and calls. Out: its subsets as members, the empty one first.

use super::expr::Typed;
use super::types::Type;
use crate::analysis::context::Cx;
use crate::analysis::schema::Kind;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Value};
use crate::source::Span;
use crate::syntax::ast;

/// The most members of a set whose subsets are listed.
const MOST_IN_SUBSETS: usize = 10;

impl Cx<'_> {
    /// All subsets of a set, as a set.
    pub(in crate::analysis) fn subsets(
        &mut self,
        of: &ast::Expr,
        span: Span,
        want: Option<Kind>,
    ) -> Typed {
        match self.subsets_of(of, want) {
            Some((items, of)) => self.folded(Expr::Set(items), of.set(), span),
            None => Typed::poison(span),
        }
    }

    /// All subsets of a set of constants and calls, the empty one first, then by their members in the order of the set; and their type.
    pub(super) fn subsets_of(
        &mut self,
        of: &ast::Expr,
        want: Option<Kind>,
    ) -> Option<(Vec<Expr>, Type)> {
        let set = self.expr(of, want);
        if set.ty.is_poisoned() {
            return None;
        }
        let is_member = |item: &Expr| matches!(item, Expr::Value(_) | Expr::Record(..));
        let items: Vec<Expr> = match set.expr {
            Expr::Value(Value::Set(items)) => items.into_iter().map(Expr::Value).collect(),
            Expr::Set(items) if items.iter().all(is_member) => items,
            _ => {
                self.report(
                    Diagnostic::error(
                        "bnas::domain::subsets",
                        "`subsets` takes a set of constants",
                    )
                    .label(set.span, "this is none")
                    .help("write `subsets {a, b}`"),
                );
                return None;
            }
        };
        if items.len() > MOST_IN_SUBSETS {
            let text = format!(
                "a set of {} has more than {} subsets",
                items.len(),
                1 << MOST_IN_SUBSETS
            );
            self.report(
                Diagnostic::error("bnas::domain::subsets", text)
                    .label(set.span, format!("{MOST_IN_SUBSETS} members at most")),
            );
            return None;
        }
        let members = |mask: usize| {
            let chosen = items.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
            let chosen: Vec<Expr> = chosen.map(|(_, item)| item.clone()).collect();
            let values = chosen.iter().map(|item| item.as_value().cloned()).collect();
            match values {
                Some(values) => Expr::Value(Value::Set(values)),
                None => Expr::Set(chosen),
            }
        };
        Some(((0..1 << items.len()).map(members).collect(), set.ty))
    }
}
