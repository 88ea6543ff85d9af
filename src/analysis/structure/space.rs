//! Spaces and blocks: statements of a network with choices in it.
//!
//! In: a merged declaration. Out: [`Space`], whose blocks are copied in by reference. Shapes are not known here: `input.channels` is
//! a name that gets its value when the space is unrolled.

use std::sync::Arc;

use super::network::{Network, from_outside};
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::expression::balance::balanced;
use crate::analysis::expression::types::Type;
use crate::analysis::memory::Inner;
use crate::analysis::merged::Merged;
use crate::analysis::mistakes::taken::Named;
use crate::analysis::paths::{self, Paths};
use crate::analysis::schema::COUNT;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Block, Branch, Join, LayerStmt, Parallel, Require, Slot, Space, Stmt};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};

/// Names that every block and space knows.
const KNOWN: &[&str] = &["classes", "input.height", "input.width", "input.channels"];

/// How branches may be joined.
const JOINS: &[&str] = &["concat", "add"];

/// What a space requires.
#[derive(Default)]
pub(in crate::analysis) struct Asked {
    of_decisions: Vec<Require>,
    /// In the names of an experiment.
    of_metrics: Vec<Require>,
    /// What they may name, as far as the body has been read for that.
    known: Paths,
    read: usize,
}

impl Cx<'_> {
    /// Lowers a space. With `sees`, its amendments may use names of the scope around.
    pub(in crate::analysis) fn space(&mut self, merged: &Merged, sees: bool) -> Network {
        self.provenance(merged);
        self.reads(&merged.entries);
        self.memory.blocks.clear();
        self.inner = Inner::default();
        self.inside(merged, sees, |cx| {
            let mark = cx.locals.len();
            cx.locals
                .extend(KNOWN.iter().map(|name| Local::built_in(*name, Type::PLAIN)));
            let mut asked = Asked::default();
            cx.seen = cx.to_be_seen(&merged.entries);
            let body = cx.body(merged, &merged.entries, Some(&mut asked));
            cx.seen = None;
            let names = cx.leave(mark);
            cx.unread(&names, merged);
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
            let space = Space {
                name: merged.name.text.clone(),
                body,
                requires: asked.of_decisions,
                span: merged.name.span,
            };
            Network::new(space, asked.of_metrics, cx.author_units(merged))
        })
    }

    /// Lowers a block as it is declared.
    pub(in crate::analysis) fn block(&mut self, merged: &Merged) -> Block {
        self.inside(merged, false, |cx| cx.block_body(merged, false))
    }

    /// Lowers a block of which values within are amended: the names of the experiment around are seen there.
    pub(in crate::analysis) fn amended_block(&mut self, merged: &Merged) -> Block {
        let mut outer = std::mem::take(&mut self.outer);
        let block = self.inside(merged, false, |cx| {
            cx.outer = std::mem::take(&mut outer);
            let block = cx.block_body(merged, true);
            outer = std::mem::take(&mut cx.outer);
            block
        });
        self.outer = outer;
        block
    }

    fn block_body(&mut self, merged: &Merged, is_amended: bool) -> Block {
        self.provenance(merged);
        let mark = self.locals.len();
        self.locals
            .extend(KNOWN.iter().map(|name| Local::built_in(*name, Type::PLAIN)));
        let mut params = Vec::with_capacity(merged.params.len());
        for param in &merged.params {
            let default = param.default.as_ref().map(|e| self.expr(e, None));
            let local = Local {
                name: param.name.text.clone(),
                // Without a default, it may be a word or a truth value as well.
                ty: default.as_ref().map_or(Type::Any, |d| d.ty.clone()),
                span: Some(param.name.span),
                values: None,
                constant: None,
                used: false,
            };
            self.define(local, mark);
            params.push((
                param.name.text.clone(),
                default.map(|d| Slot::Fixed(d.expr)),
            ));
        }
        let is_fact = |e: &ast::Entry| matches!(e.kind, EntryKind::Check(_));
        let entries = merged.entries.iter().filter(|e| !is_fact(e));
        let entries: Vec<ast::Entry> = entries.cloned().collect();
        let to_be_seen = self.to_be_seen(&entries);
        let around = std::mem::replace(&mut self.seen, to_be_seen);
        let body = self.body(merged, &entries, None);
        self.seen = around;
        let mut names = self.leave(mark);
        if is_amended {
            // What an amendment leaves behind matters where it is searched.
            let is_searched = |name: &str| {
                body.iter().any(|s| matches!(s, Stmt::Let(l) if l.name == name && matches!(l.slot, Slot::Chosen(_))))
            };
            names.retain(|local| is_searched(&local.name));
        }
        self.unread(&names, merged);
        Block {
            name: merged.name.text.clone(),
            params,
            body,
            span: merged.name.span,
        }
    }

    /// Statements in order; names defined here stay in scope until the caller leaves.
    pub(in crate::analysis) fn body(
        &mut self,
        merged: &Merged,
        entries: &[ast::Entry],
        mut asked: Option<&mut Asked>,
    ) -> Vec<Stmt> {
        let mark = self.locals.len();
        let mut body = Vec::with_capacity(entries.len());
        let mut named = Named::default();
        let mut seen = 0;
        for entry in entries {
            self.see(&body, &mut seen);
            match &entry.kind {
                EntryKind::Field(f) if self.is_later(merged, &f.target) => {}
                EntryKind::Field(_) | EntryKind::Choice(_) | EntryKind::Optional(_) => {
                    match self.block_statement(&entry.kind, entry.span) {
                        Some(Some(block)) => {
                            self.named_once(&block, &mut named);
                            body.push(Stmt::Block(block));
                        }
                        Some(None) => {}
                        None if self.is_taken_here(&entry.kind) => {}
                        None => body.extend(self.binding(&plain(entry), mark).map(Stmt::Let)),
                    }
                }
                EntryKind::Layer(layer) => {
                    self.layer_named_once(&layer.name, &mut named);
                    body.push(Stmt::Layer(self.layer(layer)));
                }
                EntryKind::Repeat(repeat) => {
                    let count = self.expr(&repeat.count, Some(COUNT.kind));
                    self.fits(&count, &COUNT, repeat.count.span);
                    self.is_counted(&count);
                    let inner = self.locals.len();
                    self.index_is_new(&repeat.index);
                    self.repeat_named_once(&repeat.index, &mut named);
                    self.locals.push(Local {
                        span: Some(repeat.index.span),
                        ..Local::built_in(&repeat.index.text, Type::PLAIN)
                    });
                    let copies = self.within(&repeat.index.text, |cx| {
                        cx.body(merged, &repeat.entries, None)
                    });
                    let names = self.leave(inner);
                    self.unread(&names, merged);
                    body.push(Stmt::Repeat {
                        count: count.expr,
                        index: repeat.index.text.clone(),
                        body: copies,
                        span: Span {
                            end: repeat.count.span.end,
                            ..entry.span
                        },
                    });
                }
                EntryKind::Add(add) => {
                    self.is_anywhere(merged, &add.value);
                    body.extend(self.skip(add, entry.span).map(Stmt::Add));
                }
                EntryKind::Parallel(parallel) => {
                    self.branches_named_once(parallel, &mut named);
                    body.extend(self.parallel(merged, parallel, entry.span));
                }
                EntryKind::OfCopy(of_copy) => body.extend(self.of_copy(merged, of_copy)),
                EntryKind::Require(claim) => match &mut asked {
                    Some(asked) => self.ask(claim, entry.span, &body, asked),
                    None => body.extend(self.ask_of_copy(claim, entry.span).map(Stmt::Require)),
                },
                EntryKind::Check(_) if asked.is_some() => {}
                EntryKind::Section(section) => {
                    self.section_of_network(merged, section, entry.span);
                }
                EntryKind::Branch(_) => self.stray(
                    merged,
                    entry,
                    "a branch stands in `parallel { … } join concat`",
                ),
                _ => self.stray(
                    merged,
                    entry,
                    "a network holds values, layers, blocks, `repeat`, `parallel`, `add` and `require`; a space or block also `check`",
                ),
            }
        }
        body
    }

    /// Names that nothing reads. What an experiment amends is judged where it is declared: another use of it may read what this one does not.
    fn unread(&mut self, names: &[Local], merged: &Merged) {
        let outermost = self.open.first().map(|id| self.modules.declaration(*id));
        if outermost.is_none_or(|d| d.kind.text != "experiment") {
            self.unused(names, std::iter::empty(), &merged.owner());
        }
    }

    /// `parallel { branch a { … }  branch b { … } when wide } join concat`.
    fn parallel(&mut self, merged: &Merged, parallel: &ast::Parallel, span: Span) -> Option<Stmt> {
        let join = match parallel.join.text.as_str() {
            "concat" => Join::Concat,
            "add" => Join::Add,
            other => {
                let diagnostic = Diagnostic::error(
                    "bnas::parallel::join",
                    format!("branches cannot be joined by `{other}`"),
                )
                .label(parallel.join.span, "no way to join");
                self.report(match did_you_mean(other, JOINS.iter().copied()) {
                    Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
                    None => diagnostic.help(format!("ways are {}", list(JOINS.iter().copied()))),
                });
                return None;
            }
        };
        let mut branches: Vec<Branch> = Vec::with_capacity(parallel.entries.len());
        for entry in &parallel.entries {
            let EntryKind::Branch(branch) = &entry.kind else {
                self.stray(merged, entry, "`parallel` holds branches: `branch a { … }`");
                continue;
            };
            if let Some(first) = branches.iter().find(|b| b.name == branch.name.text) {
                self.twice(&branch.name.text, branch.name.span, first.span);
                continue;
            }
            let when = self.when(branch.when.as_ref());
            let mark = self.locals.len();
            let body = self.within(&branch.name.text, |cx| {
                cx.body(merged, &branch.entries, None)
            });
            let names = self.leave(mark);
            self.unread(&names, merged);
            branches.push(Branch {
                name: branch.name.text.clone(),
                body,
                when,
                span: branch.name.span,
            });
        }
        if branches.len() < parallel.entries.len() && branches.len() < 2 {
            // What is there is no branch, which has been said.
            return None;
        }
        if branches.len() < 2 {
            self.report(
                Diagnostic::error("bnas::parallel::branches", "nothing is parallel here")
                    .label(span, "needs two branches at least")
                    .help("add `branch other { … }`; an empty one passes on what enters it"),
            );
            return None;
        }
        Some(Stmt::Parallel(Parallel {
            branches,
            join,
            span,
        }))
    }

    fn section_of_network(&mut self, merged: &Merged, section: &ast::Section, span: Span) {
        if section.name.text == "parallel" {
            // `join concat` among the branches has been reported.
            let is_join = |text: &str| text.trim_start().starts_with("join");
            if self
                .modules
                .unread_in(span)
                .any(|u| is_join(self.sources.slice(u)))
            {
                return;
            }
            self.report(
                Diagnostic::error("bnas::parallel::join", "these branches are not joined")
                    .label(section.name.span, "what becomes of their ends?")
                    .help("write `join concat` or `join add` behind the closing brace"),
            );
            return;
        }
        let keys = ["repeat", "layer", "parallel"];
        let owner = merged.owner();
        self.unknown_key(&owner, &section.name, Some(merged.name.span), &keys);
    }

    /// What a space requires: of its decisions, or of metrics.
    fn ask(&mut self, claim: &ast::Claim, span: Span, body: &[Stmt], asked: &mut Asked) {
        paths::of_body(&body[asked.read..], "space", &mut asked.known);
        asked.read = body.len();
        self.paths = Some(std::mem::take(&mut asked.known));
        let mark = self.locals.len();
        self.metrics("");
        for metric in self.locals.iter_mut().skip(mark) {
            metric.used = false;
        }
        let require = self.require(claim, span);
        let of_metrics = self.leave(mark).iter().any(|metric| metric.used);
        let known = self.paths.take().unwrap_or_default();
        match of_metrics {
            true => (asked.of_metrics).extend(require.map(|r| from_outside(r, &known))),
            false => asked.of_decisions.extend(require),
        }
        asked.known = known;
    }

    /// `require condition, "why"`.
    pub(in crate::analysis) fn require(
        &mut self,
        claim: &ast::Claim,
        span: Span,
    ) -> Option<Require> {
        let holds = self.truth(&claim.condition, "a requirement");
        (holds.ty != Type::Poison).then(|| Require {
            text: self.one_line(claim.condition.span),
            why: claim.message.as_ref().map(|m| m.value.clone()),
            holds: Arc::new(balanced(holds.expr)),
            span,
            parts: self.conjunction(&claim.condition),
        })
    }

    /// The parts of a conjunction as written, and where they stand; nothing of anything else.
    fn conjunction(&mut self, condition: &ast::Expr) -> Vec<(String, Span)> {
        let mut parts = Vec::new();
        conjuncts(condition, &mut parts);
        match parts.len() {
            1 => Vec::new(),
            _ => { parts.iter() }
                .map(|part| (self.one_line(part.span), part.span))
                .collect(),
        }
    }

    fn layer(&mut self, layer: &ast::Layer) -> LayerStmt {
        let chain = layer
            .chain
            .iter()
            .filter_map(|e| self.operation(e))
            .collect();
        let when = self.when(layer.when.as_ref());
        LayerStmt {
            name: layer.name.text.clone(),
            chain,
            when,
            span: layer.name.span,
        }
    }
}

/// The parts of a conjunction.
fn conjuncts<'e>(condition: &'e ast::Expr, into: &mut Vec<&'e ast::Expr>) {
    match &condition.kind {
        ast::ExprKind::Binary {
            op: ast::BinaryOp::And,
            left,
            right,
        } => {
            conjuncts(left, into);
            conjuncts(right, into);
        }
        _ => into.push(condition),
    }
}

/// A value without the `when` that it cannot have.
fn plain(entry: &ast::Entry) -> ast::Entry {
    match &entry.kind {
        EntryKind::Optional(optional) => ast::Entry {
            kind: (*optional.statement).clone(),
            ..entry.clone()
        },
        _ => entry.clone(),
    }
}
