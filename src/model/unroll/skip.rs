//! Skip connections: `add input`, `add stem via conv_shortcut`.
//!
//! In: a [`Skip`]. Out: the nodes that bring what it adds to the shape of what flows, and the addition, where both are there. A source
//! that is not there, or only later, is reported at the end, when all layers are known.

use super::{Layer, Place, Unroller};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{BinaryOp, Expr, LayerPath, Shortcut, Skip, Source};
use crate::model::expression::evaluate::{both, combine, either};
use crate::model::expression::frame::Frame;
use crate::model::shape::extent::Extent;
use crate::model::shape::operation::{Mark, Origin, TemplateOp};
use crate::source::Span;

/// The name of the layer of a projection.
const PROJECTION: &str = "shortcut";

/// A layer that a skip connection names and that was not there.
pub(super) struct Missing {
    /// Its path as written, indices settled.
    path: String,
    /// What it may be called in full, innermost first.
    candidates: Vec<String>,
    /// Whether it is the layer of one copy, which no candidate has.
    is_absent: bool,
    span: Span,
}

impl Unroller<'_, '_> {
    pub(super) fn skip(&mut self, skip: &Skip, names: &Frame, place: &Place) {
        self.settler.reads.pause();
        let guard = self.condition(skip.when.as_ref(), names, place);
        self.settler.reads.resume();
        if guard == Expr::bool(false) {
            return;
        }
        let (source, layer, there) = match &skip.source {
            Source::Input => (place.input.clone(), None, Expr::bool(true)),
            Source::Layer(path) => {
                let Some((path, layer)) = self.source(path, names, place) else {
                    return;
                };
                let origin = (path, layer.span);
                (layer.end, Some(origin), layer.guard)
            }
        };
        if let Some(when) = &skip.when {
            // Where there is nothing to add, nobody asks.
            let asked = both(place.guard.clone(), there.clone());
            self.settler.note_reads(when, &asked, names);
        }
        let guard = both(guard, there);
        if guard == Expr::bool(false) {
            return;
        }
        let source = match skip.via {
            None => source,
            Some(shortcut) => self.reshaped(source, shortcut, &guard, skip.span, place),
        };
        let origin = Origin {
            layer,
            has_when: skip.when.is_some(),
        };
        let op = TemplateOp::Add(source, origin);
        let output = self.flow.extent.clone();
        self.push(&place.at("add"), guard, op, output, skip.span);
    }

    /// The layer that a path means: in the body around, or further out up to that of the block.
    fn source(
        &mut self,
        path: &LayerPath,
        names: &Frame,
        place: &Place,
    ) -> Option<(String, Layer)> {
        let mut parts = Vec::with_capacity(path.parts.len());
        for (name, index) in &path.parts {
            let Some(index) = index else {
                parts.push(name.clone());
                continue;
            };
            let guard = &place.guard;
            match self
                .settler
                .expr(index, &place.path, guard, names)
                .as_value()
                .and_then(|v| v.as_number())
            {
                Some(n) if n.fract() == 0.0 => parts.push(format!("{name}[{n}]")),
                _ => {
                    let text = "the index of a copy must be the same for every candidate";
                    self.settler.sink.push(
                        Diagnostic::error("bnas::skip::source", text)
                            .label(path.span, "depends on a choice, or is not whole")
                            .help("write a number, or the name that counts the copies: `s[0]`, `s[d - 1]`"),
                    );
                    return None;
                }
            }
        }
        let path_text = parts.join(".");
        let mut candidates = Vec::new();
        let mut around = place.path.as_str();
        loop {
            candidates.push(match around {
                "" => path_text.clone(),
                around => format!("{around}.{path_text}"),
            });
            if around == place.root {
                break;
            }
            around = around.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
        let found = candidates
            .iter()
            .find_map(|path| Some((path.clone(), self.layers.get(path)?.clone())));
        // What no candidate has is added to none.
        let is_absent = candidates.iter().any(|path| self.is_absent(path));
        let mut indices = path.parts.iter().filter_map(|(_, index)| index.as_ref());
        let is_one_copy = indices.any(|index| index.as_value().is_some());
        if found.is_none() && (!is_absent || is_one_copy) {
            self.missing.push(Missing {
                path: path_text,
                candidates,
                is_absent,
                span: path.span,
            });
        }
        found
    }

    /// Whether a layer never is there, or a block that holds it.
    fn is_absent(&self, path: &str) -> bool {
        let ends = path.match_indices('.').map(|(end, _)| end);
        let mut outer = ends.chain([path.len()]).map(|end| &path[..end]);
        outer.any(|part| self.absent.contains(part))
    }

    /// What is added, in the shape of what flows.
    fn reshaped(
        &mut self,
        source: Mark,
        shortcut: Shortcut,
        guard: &Expr,
        span: Span,
        place: &Place,
    ) -> Mark {
        let to = self.flow.extent.clone();
        let guard = both(guard.clone(), differs(&source.extent, &to));
        if guard == Expr::bool(false) {
            return source;
        }
        let main = std::mem::replace(&mut self.flow, source);
        let path = place.of(PROJECTION);
        match shortcut {
            Shortcut::Pad => {
                let op = TemplateOp::Pad(to.clone());
                self.push(&path, guard, op, to, span);
            }
            Shortcut::Conv => {
                let op = TemplateOp::Project(to.clone());
                self.push(&path, guard.clone(), op, to.clone(), span);
                self.push(&path, guard.clone(), TemplateOp::Norm, to, span);
                self.name_layer(path, guard, span);
            }
        }
        std::mem::replace(&mut self.flow, main)
    }

    /// Warns of what is added of a copy that never has it, where other copies have it.
    fn report_absent(&mut self, missing: &Missing) {
        let wanted = without_indices(&missing.path);
        let is_other = |path: &&String| {
            let plain = without_indices(path);
            plain == wanted || plain.ends_with(&format!(".{wanted}"))
        };
        let Some(other) = self.layers.keys().find(is_other) else {
            return;
        };
        let text = format!("`{}` is in no candidate: nothing is added", missing.path);
        self.settler.sink.push(
            Diagnostic::warning("bnas::space::never", text)
                .label(missing.span, "this copy never has that layer")
                .help(format!("did you mean `{other}`?")),
        );
    }

    /// Says which layers skip connections name in vain.
    pub(super) fn report_missing(&mut self) {
        let mut reported: Vec<Span> = Vec::new();
        for missing in std::mem::take(&mut self.missing) {
            if reported.contains(&missing.span) {
                continue;
            }
            reported.push(missing.span);
            if missing.is_absent {
                self.report_absent(&missing);
                continue;
            }
            let later = missing
                .candidates
                .iter()
                .find_map(|path| self.layers.get(path));
            let diagnostic = match later {
                Some(layer) => Diagnostic::error(
                    "bnas::skip::later",
                    format!(
                        "`{}` comes later: only what is there already can be added",
                        missing.path
                    ),
                )
                .label(missing.span, "added here")
                .label(layer.span, "but computed only here")
                .help("move `add` behind that layer"),
                None => {
                    let diagnostic = Diagnostic::error(
                        "bnas::skip::missing",
                        format!("there is no layer `{}` to add", missing.path),
                    )
                    .label(missing.span, "nothing here has this name");
                    let known = self.layers.keys().map(String::as_str);
                    match did_you_mean(&missing.path, known) {
                        Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                        None => diagnostic
                            .help("a layer is named by its path: `stem`, `s[0].d[1].project`"),
                    }
                }
            };
            self.settler.sink.push(diagnostic);
        }
    }
}

/// A path without the indices of its copies.
fn without_indices(path: &str) -> String {
    let parts = path.split('[').enumerate();
    parts
        .map(|(number, part)| match number {
            0 => part,
            _ => part.split_once(']').map_or("", |(_, rest)| rest),
        })
        .collect()
}

/// Whether two shapes differ.
fn differs(x: &Extent, y: &Extent) -> Expr {
    let pairs = x.sides().into_iter().zip(y.sides());
    let mut sum = Expr::bool(false);
    for (a, b) in pairs {
        if a == b {
            continue;
        }
        // What is no number has been reported where it is an argument.
        let side = combine(BinaryOp::NotEqual, a.clone(), b.clone()).unwrap_or(Expr::bool(true));
        sum = either(sum, side);
    }
    sum
}
