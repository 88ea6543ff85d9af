//! The block that is named `block` alone. Nothing stands before the paths of what is in it, so that an amendment may leave its name out, too:
//! `d.filter.padding` is `d.block.filter.padding`, as the decision is shown.
//!
//! In: the entries of a body, and a path that leads to none of them. Out: the path with the block's name, if that has what the path begins with.

use super::entry::reaches;
use super::path::Part;
use crate::analysis::context::Cx;
use crate::analysis::structure::block::BARE;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

/// Blocks within blocks that are looked through; those that copy themselves are reported elsewhere.
const MOST_WITHIN: usize = 16;

impl Cx<'_> {
    /// The path through the bare block of a body.
    pub(super) fn through_bare(&mut self, entries: &[Entry], parts: &[Part]) -> Option<Vec<Part>> {
        let first = &parts[0].name;
        if first.text == BARE || !self.bare_has(entries, first) {
            return None;
        }
        let bare = Part {
            name: ast::Name {
                text: BARE.into(),
                ..first.clone()
            },
            copy: None,
        };
        Some(std::iter::once(bare).chain(parts.iter().cloned()).collect())
    }

    /// Whether something of this name stands in the bare block of a body, or in that of the block.
    fn bare_has(&mut self, entries: &[Entry], name: &ast::Name) -> bool {
        let modules = self.modules;
        let mut entries = entries;
        for _ in 0..MOST_WITHIN {
            let Some(callee) = entries.iter().find_map(|entry| called(&entry.kind)) else {
                return false;
            };
            let Some(id) = self.find(callee) else {
                // A block that nobody knows may have anything.
                return true;
            };
            let block = modules.declaration(id);
            // What could not be read may be there.
            if block.broken
                || block.params.iter().any(|p| p.name.text == name.text)
                || block.entries.iter().any(|entry| reaches(entry, name))
            {
                return true;
            }
            entries = &block.entries;
        }
        false
    }
}

/// What `block = basic(…)` calls, amended or not.
fn called(kind: &EntryKind) -> Option<&ast::Name> {
    match kind {
        EntryKind::Field(field) if field.target.as_name()?.text == BARE => {
            let mut value = &field.value;
            while let ExprKind::Amend { base, .. } = &value.kind {
                value = base;
            }
            match &value.kind {
                ExprKind::Call { callee, .. } => callee.as_name(),
                _ => None,
            }
        }
        EntryKind::Optional(optional) => called(&optional.statement),
        EntryKind::OfCopy(of_copy) => called(&of_copy.otherwise.kind),
        _ => None,
    }
}
