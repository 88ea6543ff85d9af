//! Paths that requirements of copies may name: `require s[0].w <= w` in the body of `repeat 3 as s { … }`.
//!
//! In: the statements of a space or block, as they are lowered. Out: requirements that may speak of what stands above them by its path, which begins at the space or
//! block around.

use crate::analysis::context::Cx;
use crate::analysis::paths::{self, Paths};
use crate::ir::{Require, Stmt};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};

/// The paths of what stands above in the space or block that is lowered, and where in it its next statement stands.
#[derive(Debug)]
pub(in crate::analysis) struct Seen {
    at: String,
    paths: Paths,
}

impl Cx<'_> {
    /// Notes the paths of the statements of a body behind the first `seen`.
    pub(in crate::analysis) fn see(&mut self, body: &[Stmt], seen: &mut usize) {
        if let Some(known) = &mut self.seen {
            paths::of_body(&body[*seen..], &known.at, &mut known.paths);
            *seen = body.len();
        }
    }

    /// What stands in a part of a network that is called so.
    pub(in crate::analysis) fn within<T>(
        &mut self,
        name: &str,
        lower: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let Some(known) = &mut self.seen else {
            return lower(self);
        };
        let at = format!("{}.{name}", known.at);
        let around = std::mem::replace(&mut known.at, at);
        let found = lower(self);
        if let Some(known) = &mut self.seen {
            known.at = around;
        }
        found
    }

    /// What every copy of a body requires, of itself and of other copies that stand above.
    pub(in crate::analysis) fn ask_of_copy(
        &mut self,
        claim: &ast::Claim,
        span: Span,
    ) -> Option<Require> {
        let Some(mut known) = self.seen.take() else {
            return self.require(claim, span);
        };
        self.paths = Some(std::mem::take(&mut known.paths));
        let require = self.require(claim, span);
        known.paths = self.paths.take().unwrap_or_default();
        self.seen = Some(known);
        require
    }

    /// Where the copies stand that have a name in the space or block around it, or in what that derives from.
    pub(in crate::analysis) fn copies_named(&self, name: &ast::Name) -> Option<Span> {
        let mut declaration = self.modules.around(name.span)?;
        let mut visited = Vec::new();
        while !visited.contains(&declaration.span) {
            if let Some(found) = copies_named(&declaration.entries, &name.text) {
                return Some(found);
            }
            visited.push(declaration.span);
            let base = declaration.base.as_ref()?;
            let meaning = self.modules.get(base.span.source)?.names.get(&base.text)?;
            declaration = self.modules.declaration(meaning.id);
        }
        None
    }

    /// Paths are read along where a requirement among these entries names copies by them; blocks of blocks of blocks have very many.
    pub(in crate::analysis) fn to_be_seen(&self, entries: &[ast::Entry]) -> Option<Seen> {
        self.names_copies(entries).then(|| Seen {
            at: "space".into(),
            paths: Paths::default(),
        })
    }

    fn names_copies(&self, entries: &[ast::Entry]) -> bool {
        entries.iter().any(|entry| match &entry.kind {
            EntryKind::Require(claim) => {
                let text = self.sources.slice(claim.condition.span);
                text.contains('[') || text.contains("space.")
            }
            EntryKind::Repeat(repeat) => self.names_copies(&repeat.entries),
            EntryKind::Parallel(parallel) => self.names_copies(&parallel.entries),
            EntryKind::Branch(branch) => self.names_copies(&branch.entries),
            _ => false,
        })
    }
}

/// Where the `repeat` stands that counts by a name, in these entries or within.
fn copies_named(entries: &[ast::Entry], name: &str) -> Option<Span> {
    entries.iter().find_map(|entry| match &entry.kind {
        EntryKind::Repeat(repeat) if repeat.index.text == name => Some(entry.span),
        EntryKind::Repeat(repeat) => copies_named(&repeat.entries, name),
        EntryKind::Parallel(parallel) => copies_named(&parallel.entries, name),
        EntryKind::Branch(branch) => copies_named(&branch.entries, name),
        _ => None,
    })
}
