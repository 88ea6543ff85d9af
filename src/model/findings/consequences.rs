//! What follows from mistakes in a network: one of them is one report.
//!
//! In: everything that was found in one experiment, and what it amends. Out: the same without what follows from copies that are not there, and with one report of a
//! value that several expressions read.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Label};
use crate::ir::Amendment;
use crate::model::expression::aggregate::EMPTY_LIST;

/// What is said where a path leads to a copy that is not there.
pub(in crate::model) const NO_COPY: &str = "no copy has this path";

/// Whether it says that a path or a list finds no copy.
fn speaks_of_copies(diagnostic: &Diagnostic) -> bool {
    let mut labels = diagnostic.labels.iter();
    labels.any(|label| label.text == EMPTY_LIST || label.text == NO_COPY)
}

/// Whether it says that a layer of a copy is not there to be added.
fn is_skip(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == "bnas::skip::missing" && copied(diagnostic).is_some()
}

/// What is copied of the path that a message speaks of: `s` of `space.s[1].cells`.
fn copied(diagnostic: &Diagnostic) -> Option<&str> {
    let (_, path) = diagnostic.message.split_once('`')?;
    let (of, _) = path.split_once('[')?;
    Some(of.strip_prefix("space.").unwrap_or(of))
}

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
            !speaks_of_copies(d) && !is_skip(d) && d.code != "bnas::policy::matches_nothing"
        });
    }
    // What is added from a copy that is not there is read from it by others, too.
    let skips = found.iter().filter(|d| is_skip(d));
    let lacking: HashSet<String> = skips.filter_map(copied).map(str::to_string).collect();
    found.retain(|d| !speaks_of_copies(d) || !copied(d).is_some_and(|of| lacking.contains(of)));
    let mut told: HashSet<String> = HashSet::new();
    found.retain(|d| d.code != "bnas::type::mismatch" || told.insert(d.message.clone()));
    found
}
