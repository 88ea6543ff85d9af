//! Counts of a `repeat`.
//!
//! In: the count as it is lowered. Out: a diagnostic if it is searched over reals. Other counts that cannot be listed are the model's business.

use super::expr::Typed;
use crate::analysis::context::Cx;
use crate::diagnostic::Diagnostic;
use crate::ir::Expr;

/// The largest end of a range of counts that is written as it is meant.
const MOST_SHOWN: f64 = 64.0;

impl Cx<'_> {
    /// Whether the count of a `repeat` is whole; says so of one that is searched over reals.
    pub(in crate::analysis) fn is_counted(&mut self, count: &Typed) {
        let Expr::Name(name, _) = &count.expr else {
            return;
        };
        let defined = self.locals.find(name).and_then(|local| local.span);
        let Some((at, (low, high))) = defined.and_then(|at| Some((at, *self.reals.get(&at)?)))
        else {
            return;
        };
        let help = match low >= 0.0 && high <= MOST_SHOWN {
            true => format!(
                "write whole numbers: `{name} in {}..{}`",
                low.floor(),
                high.ceil()
            ),
            false => format!("write whole numbers: `{name} in 1..4`"),
        };
        self.report(
            Diagnostic::error(
                "bnas::space::count",
                "copies are counted, and reals are not whole",
            )
            .label(count.span, "how often")
            .label(at, format!("`{name}` is searched over reals"))
            .help(help),
        );
    }
}
