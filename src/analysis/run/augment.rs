//! What training images go through: `shift(1)`, `crop(padding = 4)`, `flip`, `cutout(8)`, `none`, or a set of them.
//!
//! In: the field `augment` of a data set, fixed or searched. Out: its slot, in which no set says one change twice.

use crate::analysis::context::Cx;
use crate::analysis::dataset::all_fields;
use crate::analysis::expression::fields::{Given, Written, find};
use crate::diagnostic::Diagnostic;
use crate::ir::{DomainKind, Expr, Slot, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

impl Cx<'_> {
    /// The changes that a data set says, or of which the search chooses some.
    pub(in crate::analysis) fn augment(&mut self, written: &Written) -> Slot {
        let Some((name, given)) = written.get("augment") else {
            return Slot::word("none");
        };
        let before = self.errors;
        let slot = self.filled(find(all_fields(), "augment"), *given, name.span);
        if self.errors == before {
            for (written, changes) in members(given, &slot) {
                self.each_once(written, changes);
            }
        }
        slot
    }

    /// Reports what a set says twice, and what does not belong into it.
    fn each_once(&mut self, written: &ast::Expr, changes: &Expr) {
        let (names, is_set): (Vec<String>, bool) = match changes {
            Expr::Set(items) => (items.iter().map(name_of).collect(), true),
            Expr::Value(Value::Set(items)) => (items.iter().map(Value::to_string).collect(), true),
            one => (vec![name_of(one)], false),
        };
        let place = |i: usize| match &written.kind {
            ExprKind::Set(items) => items.get(i).map_or(written.span, |e| e.span),
            _ => written.span,
        };
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let does = match name.as_str() {
                "shift" | "crop" => "moves",
                "cutout" => "cuts out",
                "flip" => "flips",
                "none" if is_set && names.len() > 1 => {
                    self.report(
                        Diagnostic::error(
                            "bnas::type::mismatch",
                            "`none` stands beside other changes of images",
                        )
                        .label(place(i), "changes nothing")
                        .help("remove it; in a domain it stands alone: `augment in {none, flip}`"),
                    );
                    continue;
                }
                "none" => continue,
                // Known where the names of the experiment are.
                "" => continue,
                other => {
                    self.report(
                        Diagnostic::error(
                            "bnas::type::mismatch",
                            format!("`augment` cannot be `{other}`"),
                        )
                        .label(place(i), "no change of images")
                        .help("one of `shift(…)`, `crop(…)`, `cutout(…)`, `flip`, `none`"),
                    );
                    continue;
                }
            };
            match seen.iter().find(|(other, _)| *other == does) {
                Some((_, first)) => self.report(
                    Diagnostic::error("bnas::name::duplicate", format!("`augment` {does} twice"))
                        .label(place(i), "again here")
                        .label(*first, "first here")
                        .help("remove one of the two"),
                ),
                None => seen.push((does, place(i))),
            }
        }
    }
}

/// What may be chosen, as it is written and as it is.
fn members<'w, 's>(given: &Given<'w>, slot: &'s Slot) -> Vec<(&'w ast::Expr, &'s Expr)> {
    let (domain, items) = match (given, slot) {
        (Given::Fixed(written), Slot::Fixed(expr)) => return vec![(*written, expr)],
        (Given::Searched(written, _), Slot::Chosen(domain)) => match &domain.kind {
            DomainKind::Set(items) | DomainKind::Categories(items) => (*written, items),
            _ => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    let written = match &domain.kind {
        ExprKind::Categories(inner) => inner,
        // The last subset is all of it.
        ExprKind::Subsets(inner) => {
            return items
                .last()
                .map(|all| (&**inner, all))
                .into_iter()
                .collect();
        }
        _ => domain,
    };
    match &written.kind {
        ExprKind::Set(each) => each.iter().zip(items).collect(),
        _ => items.iter().map(|item| (written, item)).collect(),
    }
}

/// The name of a change; empty for a name of the experiment's own.
fn name_of(change: &Expr) -> String {
    match change {
        Expr::Record(name, ..) => name.clone(),
        Expr::Value(value) => value.to_string(),
        _ => String::new(),
    }
}
