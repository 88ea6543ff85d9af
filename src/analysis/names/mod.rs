//! Files and what their names stand for.
//!
//! In: the main text and a loader. Out: [`Modules`]: every file that is reached, parsed, each with a table from name to declaration. A
//! path `std.spaces.small_cnn` is the file `spaces/small_cnn.bnas` of the library, which declares one thing of that name. It must not
//! know what declarations mean.

mod imports;
mod library;

pub(super) use imports::load;

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::did_you_mean;
use crate::source::{SourceId, Sources, Span};
use crate::syntax::ast;

/// How sources of the library are named in diagnostics.
pub(super) const LIBRARY_PREFIX: &str = "<std>/";

/// The shortest beginning that tells a name from others.
pub(super) const SHORTEST: usize = 3;

/// A declaration by its file and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) source: SourceId,
    pub(super) index: usize,
}

/// What a name of a file stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meaning {
    pub(super) id: Id,
    /// Where the name entered this file: its declaration or its `use`.
    pub(super) span: Span,
    pub(super) imported: bool,
}

/// One file.
#[derive(Debug, Default)]
pub(super) struct Module {
    pub(super) file: ast::File,
    pub(super) names: BTreeMap<String, Meaning>,
}

/// Every file that is reached from the main one.
#[derive(Debug, Default)]
pub(super) struct Modules {
    by_source: BTreeMap<SourceId, Module>,
    /// Every path of the library, for suggestions.
    library: Vec<String>,
    /// Names whose import failed: what they stand for is not known, and that has been said.
    absent: BTreeSet<String>,
    /// Whether names that no list holds may be missing, too: a file was not read in full.
    incomplete: bool,
    /// Names that stand for two things in a file.
    doubled: BTreeSet<(SourceId, String)>,
    /// Tables by the file that names them and the name.
    tables: BTreeMap<(SourceId, String), SourceId>,
}

impl Modules {
    /// Whether a name stands for two things in a file: nobody knows which of them is meant.
    pub(super) fn is_doubled(&self, source: SourceId, name: &str) -> bool {
        self.doubled.contains(&(source, name.to_string()))
    }

    /// The file of a source; sources that could not be read have none.
    pub(super) fn get(&self, source: SourceId) -> Option<&Module> {
        self.by_source.get(&source)
    }

    /// The text of a table that a file names.
    pub(super) fn table(&self, from: SourceId, file: &str) -> Option<SourceId> {
        self.tables.get(&(from, file.to_string())).copied()
    }

    /// A declaration.
    pub(super) fn declaration(&self, id: Id) -> &ast::Declaration {
        &self.by_source[&id.source].file.declarations[id.index]
    }

    /// Whether a name may stand for something that could not be read.
    pub(super) fn may_be_lost(&self, name: &str) -> bool {
        let alike = || did_you_mean(name, self.absent.iter().map(String::as_str));
        // `unitchannels` where the bracket of `unit(channels)` is missing.
        let begins = |absent: &String| name.len() >= SHORTEST && absent.starts_with(name);
        let is_absent = || self.absent.contains(name) || self.absent.iter().any(begins);
        self.incomplete || is_absent() || alike().is_some()
    }

    /// Whether a part of a file was lost that is no declaration.
    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Whether a place lies in a declaration that could not be read in full.
    pub(super) fn is_broken(&self, span: Span) -> bool {
        self.around(span).is_some_and(|d| d.broken)
    }

    /// The declaration that holds a place.
    pub(super) fn around(&self, span: Span) -> Option<&ast::Declaration> {
        let module = self.get(span.source);
        let mut declarations = module.into_iter().flat_map(|m| &m.file.declarations);
        declarations.find(|d| d.span.holds(span))
    }

    /// Whether a place is on a line of which a part could not be read.
    pub(super) fn is_beside_unread(&self, span: Span, sources: &Sources) -> bool {
        let unread = self.get(span.source).map_or(&[][..], |m| &m.file.unread);
        let line = sources.line(span);
        let last = |unread: &Span| {
            sources.line(Span {
                start: unread.end,
                ..*unread
            })
        };
        unread
            .iter()
            .any(|u| (sources.line(*u)..=last(u)).contains(&line))
    }

    /// How many stretches could not be read of which each may define a name that is not in it.
    pub(super) fn nameless(&self) -> usize {
        self.by_source.values().map(|m| m.file.nameless.len()).sum()
    }

    /// What could not be read inside of this.
    pub(super) fn unread_in(&self, span: Span) -> impl Iterator<Item = Span> {
        let unread = self.get(span.source).map_or(&[][..], |m| &m.file.unread);
        unread.iter().copied().filter(move |u| span.holds(*u))
    }

    /// The `use` path of a definition of the library with this name: `std.quantizers.int4`.
    pub(super) fn in_library(&self, name: &str) -> Option<String> {
        let file = format!("/{name}.bnas");
        let found = self.library.iter().find(|path| path.ends_with(&file))?;
        Some(dotted(found))
    }

    /// The same, if the definition is of this kind.
    pub(super) fn in_library_as(&self, name: &str, kind: &str) -> Option<String> {
        let folder = match kind {
            "dataset" => "data",
            "policy" => "policies",
            "repair" => "repairs",
            "block" => "blocks",
            "space" => "spaces",
            "quantizer" => "quantizers",
            "target" => "targets",
            _ => return None,
        };
        let file = format!("/{name}.bnas");
        let within = format!("{folder}/");
        let is_it = |path: &&String| path.starts_with(&within) && path.ends_with(&file);
        self.library.iter().find(is_it).map(|path| dotted(path))
    }
}

/// `targets/braintta.bnas` as it is imported: `std.targets.braintta`.
fn dotted(path: &str) -> String {
    format!("std.{}", path.trim_end_matches(".bnas").replace('/', "."))
}
