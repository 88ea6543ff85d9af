//! Skip connections: `add input when …`, `add stem via conv_shortcut`.
//!
//! In: an `add` of a space or block. Out: [`Skip`]. Whether the layer that it names is there, and has the right shape, is known when the
//! space is unrolled.

use super::context::{Cx, list};
use super::schema::Kind;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{LayerPath, Shortcut, Skip, Source};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind, Step};

/// How a skip connection changes shape.
const SHORTCUTS: &[(&str, Shortcut)] = &[
    ("pad_shortcut", Shortcut::Pad),
    ("conv_shortcut", Shortcut::Conv),
];

impl Cx<'_> {
    pub(super) fn skip(&mut self, add: &ast::Add, span: Span) -> Option<Skip> {
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

    /// What stands behind `when`.
    pub(super) fn when(&mut self, when: Option<&ast::Expr>) -> Option<crate::ir::Expr> {
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
            ExprKind::Path(path) => super::fields::whole(path).text,
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
