//! Spaces and blocks: statements of a network with choices in it.
//!
//! In: a merged declaration. Out: [`Space`], whose blocks are copied in by reference. Shapes are not known here: `input.channels` is
//! a name that gets its value when the space is unrolled.

use std::sync::Arc;

use super::context::{Cx, Local};
use super::fields::{Given, Written};
use super::merged::Merged;
use super::names::Id;
use super::paths::{self, Paths};
use super::schema::COUNT;
use super::types::Type;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Block, LayerStmt, Require, Slot, Space, Stmt};
use crate::source::Span;
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

/// Names that every block and space knows.
const KNOWN: &[&str] = &["classes", "input.height", "input.width", "input.channels"];

impl Cx<'_> {
    /// Lowers a space. With `sees`, its amendments may use constants of the scope around.
    pub(super) fn space(&mut self, merged: &Merged, sees: bool) -> Space {
        self.provenance(merged);
        if let Some(param) = merged.params.first() {
            self.report(
                Diagnostic::error("bnas::space::parameters", "a space has no parameters")
                    .label(param.name.span, "a parameter")
                    .help(format!(
                        "write `{} = …` in the space, and amend it: `{} {{ … }}`",
                        param.name.text, merged.name.text
                    )),
            );
        }
        self.reads(&merged.entries);
        self.inside(merged, sees, |cx| {
            let mark = cx.locals.len();
            cx.locals
                .extend(KNOWN.iter().map(|name| Local::built_in(*name, Type::PLAIN)));
            let mut requires = Vec::new();
            let body = cx.body(merged, &merged.entries, Some(&mut requires));
            let names = cx.leave(mark);
            cx.unused(&names, std::iter::empty(), &merged.owner());
            let layers = body.iter().any(|s| !matches!(s, Stmt::Let(_)));
            if !layers && !cx.sink.has_errors() {
                cx.report(
                    Diagnostic::error(
                        "bnas::space::empty",
                        format!("`{}` has no layer", merged.name.text),
                    )
                    .label(merged.name.span, "nothing to compute")
                    .help("add `layer head = pool(average) -> linear(classes)`"),
                );
            }
            Space {
                name: merged.name.text.clone(),
                body,
                requires,
                span: merged.name.span,
            }
        })
    }

    /// Lowers a block.
    pub(super) fn block(&mut self, merged: &Merged) -> Block {
        self.provenance(merged);
        self.inside(merged, false, |cx| {
            let mark = cx.locals.len();
            cx.locals
                .extend(KNOWN.iter().map(|name| Local::built_in(*name, Type::PLAIN)));
            let mut params = Vec::with_capacity(merged.params.len());
            for param in &merged.params {
                let default = param.default.as_ref().map(|e| cx.expr(e, None));
                let local = Local {
                    name: param.name.text.clone(),
                    ty: default.as_ref().map_or(Type::PLAIN, |d| d.ty.clone()),
                    span: Some(param.name.span),
                    values: None,
                    constant: None,
                    used: false,
                };
                cx.define(local, mark);
                params.push((
                    param.name.text.clone(),
                    default.map(|d| Slot::Fixed(d.expr)),
                ));
            }
            let body = cx.body(merged, &merged.entries, None);
            let names = cx.leave(mark);
            cx.unused(&names, std::iter::empty(), &merged.owner());
            Block {
                name: merged.name.text.clone(),
                params,
                body,
                span: merged.name.span,
            }
        })
    }

    /// Statements in order; names defined here stay in scope until the caller leaves.
    fn body(
        &mut self,
        merged: &Merged,
        entries: &[Entry],
        mut requires: Option<&mut Vec<Require>>,
    ) -> Vec<Stmt> {
        let mark = self.locals.len();
        let mut body = Vec::with_capacity(entries.len());
        let mut block_before: Option<Span> = None;
        for entry in entries {
            match &entry.kind {
                EntryKind::Field(f) if self.is_later(merged, &f.target) => {}
                EntryKind::Field(f) => match self.block_of(&f.value) {
                    Some(found) => {
                        if let Some(first) = block_before {
                            self.later_blocks(entry.span, first);
                        }
                        block_before = Some(entry.span);
                        body.extend(found);
                    }
                    None => body.extend(self.binding(entry, mark).map(Stmt::Let)),
                },
                EntryKind::Choice(_) => body.extend(self.binding(entry, mark).map(Stmt::Let)),
                EntryKind::Layer(layer) => body.push(Stmt::Layer(self.layer(layer))),
                EntryKind::Repeat(repeat) => {
                    let count = self.expr(&repeat.count, Some(COUNT.kind));
                    self.fits(&count, &COUNT, repeat.count.span);
                    let inner = self.locals.len();
                    self.locals.push(Local {
                        span: Some(repeat.index.span),
                        ..Local::built_in(&repeat.index.text, Type::PLAIN)
                    });
                    let copies = self.body(merged, &repeat.entries, None);
                    let names = self.leave(inner);
                    self.unused(&names, std::iter::empty(), &merged.owner());
                    body.push(Stmt::Repeat {
                        count: count.expr,
                        index: repeat.index.text.clone(),
                        body: copies,
                        span: entry.span,
                    });
                }
                EntryKind::Add(add) => body.extend(self.add(add, entry.span)),
                EntryKind::Require(claim) => {
                    if requires.is_some() {
                        let mut known = Paths::new();
                        paths::of_body(&body, "space", &mut known);
                        self.paths = Some(known);
                    }
                    let require = self.require(claim, entry.span);
                    self.paths = None;
                    match &mut requires {
                        Some(requires) => requires.extend(require),
                        None => self.later("`require` inside a block or `repeat`", entry.span),
                    }
                }
                EntryKind::Check(_) if requires.is_some() => {}
                EntryKind::Section(section) => {
                    let keys = ["repeat", "layer"];
                    self.unknown_key(
                        &merged.owner(),
                        &section.name,
                        Some(merged.name.span),
                        &keys,
                    );
                }
                _ => self.stray(
                    merged,
                    entry,
                    "a network holds values, layers, blocks, `repeat`, `add` and `require`, a space also `check`",
                ),
            }
        }
        body
    }

    fn later_blocks(&mut self, again: Span, first: Span) {
        self.report(
            Diagnostic::error(
                "bnas::unsupported",
                "a second block in one body is not built yet: their layers would share paths",
            )
            .label(again, "the second block")
            .label(first, "the first block")
            .help("put each in a `repeat` of its own"),
        );
    }

    /// `require condition, "why"`.
    pub(super) fn require(&mut self, claim: &ast::Claim, span: Span) -> Option<Require> {
        let holds = self.truth(&claim.condition, "a requirement");
        (holds.ty != Type::Poison).then(|| Require {
            text: self.text(claim.condition.span),
            why: claim.message.as_ref().map(|m| m.value.clone()),
            holds: Arc::new(holds.expr),
            span,
        })
    }

    fn layer(&mut self, layer: &ast::Layer) -> LayerStmt {
        let chain = layer
            .chain
            .iter()
            .filter_map(|e| self.operation(e))
            .collect();
        let when = layer
            .when
            .as_ref()
            .map(|e| self.truth(e, "what stands behind `when`").expr);
        LayerStmt {
            name: layer.name.text.clone(),
            chain,
            when,
            span: layer.name.span,
        }
    }

    fn add(&mut self, add: &ast::Add, span: Span) -> Option<Stmt> {
        let is_input = matches!(&add.value.kind, ExprKind::Path(path) if path.as_name().is_some_and(|n| n.text == "input"));
        if !is_input {
            self.later("adding anything but `input`", add.value.span);
            return None;
        }
        if let Some(via) = &add.via {
            self.later("`via` in a block", via.span);
            return None;
        }
        let when = add
            .when
            .as_ref()
            .map(|e| self.truth(e, "what stands behind `when`").expr);
        Some(Stmt::AddInput { when, span })
    }

    /// `inverted_residual(channels = 16)`: a copy of a block, if that is what it is. `Some(None)` after a diagnostic.
    fn block_of(&mut self, e: &ast::Expr) -> Option<Option<Stmt>> {
        let none: &[Argument] = &[];
        let (path, args) = match &e.kind {
            ExprKind::Call { callee, args } => (callee, args.as_slice()),
            ExprKind::Path(path) => (path, none),
            _ => return None,
        };
        let name = path.as_name()?;
        if self.locals.iter().any(|l| l.name == name.text) {
            return None;
        }
        let id = self.find(name)?;
        if self.modules.declaration(id).kind.text != "block" {
            return None;
        }
        Some(self.copy_of(id, name, args, e.span))
    }

    fn copy_of(&mut self, id: Id, name: &ast::Name, args: &[Argument], span: Span) -> Option<Stmt> {
        let merged = self.merged(id)?;
        let block = self.block(&merged);
        let mut written = Written::new(format!("`{}`", name.text), name.span);
        let known: Vec<&str> = block.params.iter().map(|(n, _)| n.as_str()).collect();
        // Parameters that were probably meant: they are not missing.
        let mut meant: Vec<&str> = Vec::new();
        for arg in args {
            let (key, given) = match arg {
                Argument::Fixed { name, value } => (name, Given::Fixed(value)),
                Argument::Searched {
                    name,
                    domain,
                    default,
                } => (name, Given::Searched(domain, default.as_ref())),
                Argument::Positional { value, .. } => {
                    let text = self.text(value.span);
                    let first = known.first().copied().unwrap_or("name");
                    self.report(
                        Diagnostic::error(
                            "bnas::name::positional",
                            format!("arguments of `{}` are named", name.text),
                        )
                        .label(value.span, "has no name")
                        .help(format!("write `{first} = {text}`")),
                    );
                    continue;
                }
            };
            if !known.contains(&key.text.as_str()) {
                let diagnostic = Diagnostic::error(
                    "bnas::name::unknown_key",
                    format!("`{}` has no parameter `{}`", name.text, key.text),
                )
                .label(key.span, "unknown parameter")
                .label(block.span, "declared here");
                meant.extend(did_you_mean(&key.text, known.iter().copied()));
                self.report(match did_you_mean(&key.text, known.iter().copied()) {
                    Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                    None => diagnostic.help(format!(
                        "its parameters are {}",
                        super::context::list(known.iter().copied())
                    )),
                });
            } else if let Some((first, _)) = written.get(&key.text) {
                let first = first.span;
                self.twice(&key.text, key.span, first);
            } else {
                written.given.push((key.clone(), given));
            }
        }
        let mut slots = Vec::with_capacity(written.given.len());
        for (key, given) in &written.given {
            let slot = match given {
                Given::Fixed(e) => Slot::Fixed(self.expr(e, None).expr),
                Given::Searched(domain, default) => {
                    Slot::Chosen(self.domain(domain, *default, None).0)
                }
            };
            slots.push((key.text.clone(), slot));
        }
        for (param, default) in &block.params {
            if default.is_none() && written.get(param).is_none() && !meant.contains(&param.as_str())
            {
                self.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        format!("`{}` needs `{param}`", name.text),
                    )
                    .label(span, format!("`{param}` is missing"))
                    .label(block.span, "declared here")
                    .help(format!("add `{param} = …`")),
                );
            }
        }
        Some(Stmt::Block {
            block: Arc::new(block),
            args: slots,
            span,
        })
    }
}
