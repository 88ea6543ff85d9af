//! What follows from mistakes in a network: one of them is one report.
//!
//! In: everything that was found in one experiment, and what it amends. Out: the same without what follows from copies that are not there, and with one report of a
//! value that several expressions read.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Label};
use crate::ir::Amendment;
use crate::model::expression::aggregate::EMPTY_LIST;

/// Leaves out what says of a list or a rule that it finds no copy, where a `repeat` lacks copies that are spoken of, or its count is wrong; and what
/// says of operands what was said. That a rule which is amended takes the place of another one is what amending is for.
pub(in crate::model) fn without(
    mut found: Vec<Diagnostic>,
    amendments: &[Amendment],
) -> Vec<Diagnostic> {
    let is_amended = |label: &Label| {
        let mut entries = amendments.iter().flat_map(|amendment| &amendment.at);
        entries.any(|at| at.holds(label.span))
    };
    found.retain(|d| match (d.code, &d.labels[..]) {
        ("bnas::policy::never_wins", [rule, later]) => is_amended(rule) || !is_amended(later),
        _ => true,
    });
    let lacks =
        |d: &Diagnostic| matches!(d.code, "bnas::amend::no_such_copy" | "bnas::space::count");
    if found.iter().any(lacks) {
        found.retain(|d| {
            let is_empty = d.labels.iter().any(|label| label.text == EMPTY_LIST);
            !is_empty && d.code != "bnas::policy::matches_nothing"
        });
    }
    let mut told: HashSet<String> = HashSet::new();
    found.retain(|d| d.code != "bnas::type::mismatch" || told.insert(d.message.clone()));
    found
}
