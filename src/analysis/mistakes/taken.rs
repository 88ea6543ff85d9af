//! Names that are taken: of layers, blocks and copies of one body, of indexes, and those that everybody knows.
//!
//! In: a name where it is defined. Out: a diagnostic if it is another one's, too.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::analysis::context::{Cx, Local, list};
use crate::diagnostic::Diagnostic;
use crate::ir::BlockStmt;
use crate::model::metrics::metric;
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};

/// Where the blocks, the layers and the copies of a body stand, by their names.
#[derive(Default)]
pub(in crate::analysis) struct Named {
    blocks: BTreeMap<Option<String>, Span>,
    layers: BTreeMap<String, Span>,
    repeats: BTreeMap<String, Span>,
    /// Layers of branches, `near.point`.
    branches: BTreeMap<String, Span>,
}

/// What is said of the counter of a `repeat`.
pub(in crate::analysis) const COUNTS_COPIES: &str = "counts copies here";

impl Cx<'_> {
    /// Whether a name of the author's own would hide one that everybody knows; says so.
    pub(in crate::analysis) fn is_taken(&mut self, name: &ast::Name) -> bool {
        let what = match name.text.as_str() {
            "pi" => "a constant of the language",
            text if metric(text).is_some() => "a metric",
            _ => return false,
        };
        self.misnamed.insert(name.text.clone());
        self.hides(name, what);
        true
    }

    fn hides(&mut self, name: &ast::Name, what: &str) {
        self.report(
            Diagnostic::error(
                "bnas::name::duplicate",
                format!("`{}` is {what}", name.text),
            )
            .label(name.span, "a value of the same name")
            .help(format!("take another name, such as `my_{}`", name.text)),
        );
    }

    /// Whether a value has a name that every network knows; says so.
    pub(in crate::analysis) fn is_taken_here(&mut self, statement: &EntryKind) -> bool {
        let (EntryKind::Field(ast::Field { target, .. })
        | EntryKind::Choice(ast::Choice { target, .. })) = statement
        else {
            return false;
        };
        let is_taken = (target.as_name()).is_some_and(|name| self.is_of_networks(name));
        if is_taken {
            // What reads it means the author's own.
            self.locals.push(Local::poison(target));
        }
        is_taken
    }

    /// Whether a name would hide one that every network knows; says so.
    fn is_of_networks(&mut self, name: &ast::Name) -> bool {
        let what = match name.text.as_str() {
            "classes" => "how many classes the data has",
            "input" => "what enters the network or the block",
            "space" => "what paths of the network begin with",
            _ => return self.is_taken(name),
        };
        self.hides(name, what);
        true
    }

    /// The index of a `repeat` is a name of its own: a path such as `s[0].depth` begins with it.
    pub(in crate::analysis) fn index_is_new(&mut self, index: &ast::Name) {
        if self.is_of_networks(index) {
            return;
        }
        let hidden = self.locals.used(&index.text).and_then(|l| l.span);
        if let Some(hidden) = hidden {
            self.report(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("`{}` is defined twice", index.text),
                )
                .label(index.span, COUNTS_COPIES)
                .label(hidden, "first defined here")
                .help("give the index another name: `repeat … as i`"),
            );
        }
    }

    /// Two blocks of one name would share the paths of their layers.
    pub(in crate::analysis) fn named_once(&mut self, block: &BlockStmt, named: &mut Named) {
        let first = named.blocks.entry(block.name.clone());
        if let Entry::Occupied(first) = &first {
            let first = *first.get();
            let name = block.name.as_deref().unwrap_or("block");
            self.report(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("two blocks of one body are called `{name}`"),
                )
                .label(block.span, "their layers would share paths")
                .label(first, "the first block")
                .help("give each a name: `first = …`, `second = …`"),
            );
        }
        first.or_insert(block.span);
    }

    /// Two layers of one name would have one path.
    pub(in crate::analysis) fn layer_named_once(&mut self, name: &ast::Name, named: &mut Named) {
        let text = format!("two layers of one body are called `{}`", name.text);
        let help = "give each layer a name of its own";
        self.one_path(name, &mut named.layers, text, help);
    }

    /// Copies that are counted by one name in two places would share their paths.
    pub(in crate::analysis) fn repeat_named_once(&mut self, index: &ast::Name, named: &mut Named) {
        let text = format!("two `repeat` of one body count by `{}`", index.text);
        let help = "give one of them another index: `repeat … as i`";
        self.one_path(index, &mut named.repeats, text, help);
    }

    /// Layers of one name in branches of one name would have one path; those of two `parallel` are told together.
    pub(in crate::analysis) fn branches_named_once(
        &mut self,
        parallel: &ast::Parallel,
        named: &mut Named,
    ) {
        let earlier = |(path, again)| Some((named.branches.get(&path).copied()?, path, again));
        let doubled: Vec<(Span, String, Span)> =
            layers_of_branches(parallel).filter_map(earlier).collect();
        named.branches.extend(layers_of_branches(parallel));
        let Some((first, _, again)) = doubled.first() else {
            return;
        };
        let paths = list(doubled.iter().map(|(_, path, _)| path.as_str()));
        let text = match doubled.len() {
            1 => format!("two layers have the path {paths}"),
            _ => format!("two `parallel` of one body have layers with the paths {paths}"),
        };
        let diagnostic = Diagnostic::error("bnas::name::duplicate", text)
            .label(*again, "this one")
            .label(*first, "the other stands here");
        self.report(diagnostic.help("give the branches other names, or the layers in them"));
    }

    fn one_path(
        &mut self,
        name: &ast::Name,
        known: &mut BTreeMap<String, Span>,
        text: String,
        help: &str,
    ) {
        let first = known.entry(name.text.clone());
        if let Entry::Occupied(first) = &first {
            let diagnostic = Diagnostic::error("bnas::name::duplicate", text)
                .label(name.span, "this one")
                .label(*first.get(), "the other stands here");
            self.report(diagnostic.help(help));
        }
        first.or_insert(name.span);
    }
}

/// The layers of branches by their paths, each with its name.
fn layers_of_branches(parallel: &ast::Parallel) -> impl Iterator<Item = (String, Span)> {
    let branches = parallel
        .entries
        .iter()
        .filter_map(|entry| match &entry.kind {
            EntryKind::Branch(branch) => Some(branch),
            _ => None,
        });
    branches.flat_map(|branch| {
        branch.entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Layer(layer) => {
                let path = format!("{}.{}", branch.name.text, layer.name.text);
                Some((path, layer.name.span))
            }
            _ => None,
        })
    })
}
