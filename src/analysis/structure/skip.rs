//! Skip connections: `add input when …`, `add stem via conv_shortcut`.
//!
//! In: an `add` of a space or block. Out: [`Skip`]. Whether the layer that it names is there, and has the right shape, is known when the
//! space is unrolled; a name that nothing in the declaration has is reported here.

use super::block::BARE;
use crate::analysis::context::{Cx, list};
use crate::analysis::merged::Merged;
use crate::analysis::schema::Kind;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{LayerPath, Shortcut, Skip, Source};
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind, Step};

/// How a skip connection changes shape.
const SHORTCUTS: &[(&str, Shortcut)] = &[
    ("pad_shortcut", Shortcut::Pad),
    ("conv_shortcut", Shortcut::Conv),
];

/// The most names of a body of which those that can be added are listed.
const MOST_LISTED: usize = 12;

impl Cx<'_> {
    pub(in crate::analysis) fn skip(&mut self, add: &ast::Add, span: Span) -> Option<Skip> {
        let source = self.added(&add.value);
        let via = match &add.via {
            None => None,
            Some(via) => Some(self.shortcut(via)?),
        };
        let when = self.when(add.when.as_ref());
        Some(Skip {
            source: source?,
            via,
            when,
            span,
        })
    }

    /// Whether something in the declaration has the name that `add` begins with; says so. Where that stands is the model's business.
    pub(in crate::analysis) fn is_anywhere(&mut self, merged: &Merged, e: &ast::Expr) {
        let ExprKind::Path(path) = &e.kind else {
            return;
        };
        let mut names = vec!["input"];
        parts(&merged.entries, &mut names);
        let head = &path.head.text;
        // The layers of a bare block stand beside its own.
        if names.contains(&head.as_str()) || names.contains(&BARE) {
            return;
        }
        let diagnostic = Diagnostic::error(
            "bnas::skip::missing",
            format!("there is no layer `{}` to add", self.text(e.span)),
        )
        .label(e.span, "nothing here has this name");
        let help = match did_you_mean(head, names.iter().copied()) {
            Some(alike) => format!("did you mean `{alike}`?"),
            None if names.len() <= MOST_LISTED => {
                let mut known = vec!["input".to_string()];
                above(&merged.entries, e.span, "", &mut known);
                let known = list(known.iter().map(String::as_str));
                format!("what can be added here is {known}")
            }
            None => "a layer is named by its path: `stem`, `s[0].d[1].project`".to_string(),
        };
        self.report(diagnostic.help(help));
    }

    /// What stands behind `when`.
    pub(in crate::analysis) fn when(
        &mut self,
        when: Option<&ast::Expr>,
    ) -> Option<crate::ir::Expr> {
        when.map(|e| self.truth(e, "what stands behind `when`").expr)
    }

    fn added(&mut self, e: &ast::Expr) -> Option<Source> {
        let ExprKind::Path(path) = &e.kind else {
            self.report(
                Diagnostic::error(
                    "bnas::skip::source",
                    "a skip connection adds `input` or a layer",
                )
                .label(e.span, "this is neither")
                .help("name a layer by its path: `add stem`, `add s[0].d[1].project`"),
            );
            return None;
        };
        if path.as_name().is_some_and(|name| name.text == "input") {
            return Some(Source::Input);
        }
        let mut parts = vec![(path.head.text.clone(), None)];
        for step in &path.steps {
            match step {
                Step::Member(name) => parts.push((name.text.clone(), None)),
                Step::Index(index) => {
                    let index = self.expr(index, Some(Kind::Whole)).expr;
                    let last = parts.last_mut().expect("a path has a head");
                    last.1 = Some(index);
                }
                Step::All(at) => {
                    self.report(
                        Diagnostic::error("bnas::skip::source", "a skip connection adds one layer")
                            .label(*at, "every copy")
                            .help("write the number of the copy: `s[0]`"),
                    );
                    return None;
                }
            }
        }
        Some(Source::Layer(LayerPath {
            parts,
            span: path.span,
        }))
    }

    fn shortcut(&mut self, via: &ast::Expr) -> Option<Shortcut> {
        let name = match &via.kind {
            ExprKind::Path(path) => crate::analysis::expression::fields::whole(path).text,
            _ => self.text(via.span),
        };
        if let Some((_, shortcut)) = SHORTCUTS.iter().find(|(known, _)| *known == name) {
            return Some(*shortcut);
        }
        let known = SHORTCUTS.iter().map(|(name, _)| *name);
        let diagnostic =
            Diagnostic::error("bnas::skip::via", format!("there is no shortcut `{name}`"))
                .label(via.span, "does not change a shape");
        self.report(match did_you_mean(&name, known.clone()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic.help(format!("shortcuts are {}", list(known))),
        });
        None
    }
}

/// The names of layers, and of what has layers, in a body and below.
fn parts<'e>(entries: &'e [Entry], names: &mut Vec<&'e str>) {
    for entry in entries {
        match &entry.kind {
            EntryKind::Layer(layer) => names.push(&layer.name.text),
            EntryKind::Repeat(repeat) => {
                names.push(&repeat.index.text);
                parts(&repeat.entries, names);
            }
            EntryKind::Parallel(parallel) => parts(&parallel.entries, names),
            EntryKind::Branch(branch) => {
                names.push(&branch.name.text);
                parts(&branch.entries, names);
            }
            EntryKind::OfCopy(of_copy) => {
                parts(std::slice::from_ref(&of_copy.entry), names);
                parts(std::slice::from_ref(&of_copy.otherwise), names);
            }
            EntryKind::Optional(optional) => match &*optional.statement {
                EntryKind::Field(field) => names.push(&field.target.head.text),
                EntryKind::Choice(choice) => names.push(&choice.target.head.text),
                _ => {}
            },
            EntryKind::Field(field) => names.push(&field.target.head.text),
            EntryKind::Choice(choice) => names.push(&choice.target.head.text),
            _ => {}
        }
    }
}

/// The paths of the layers in a body that stand above a place; names of the copies around it are left out there.
fn above(entries: &[Entry], at: Span, prefix: &str, found: &mut Vec<String>) {
    for entry in entries {
        if entry.span.source == at.source && entry.span.start >= at.start {
            continue;
        }
        let below = |part: String| match entry.span.holds(at) {
            true => String::new(),
            false => format!("{prefix}{part}"),
        };
        match &entry.kind {
            EntryKind::Layer(layer) => found.push(format!("{prefix}{}", layer.name.text)),
            EntryKind::Repeat(repeat) => {
                let prefix = below(format!("{}[0].", repeat.index.text));
                above(&repeat.entries, at, &prefix, found);
            }
            EntryKind::Parallel(parallel) => above(&parallel.entries, at, prefix, found),
            EntryKind::Branch(branch) => {
                let prefix = below(format!("{}.", branch.name.text));
                above(&branch.entries, at, &prefix, found);
            }
            _ => {}
        }
    }
}
