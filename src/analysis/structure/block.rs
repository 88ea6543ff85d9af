//! Copies of blocks: `block = residual(channels = 16)`, `first in {residual(…), plain(…)} when condition`.
//!
//! In: a field or choice of a network whose value is a block. Out: [`BlockStmt`], with the blocks lowered and their arguments checked against
//! their parameters.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::analysis::amend::key;
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::expression::domain::THE_DOMAIN;
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::analysis::names::Id;
use crate::analysis::quantization::quantizer::target;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{BlockCall, BlockChoice, BlockStmt, Value, numbered};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{self, Argument, EntryKind, ExprKind};

/// The name that puts nothing before the paths of a block's layers.
pub(in crate::analysis) const BARE: &str = "block";

impl Cx<'_> {
    /// The blocks that a statement copies, if it does; `Some(None)` after a diagnostic.
    pub(in crate::analysis) fn block_statement(
        &mut self,
        statement: &EntryKind,
        span: Span,
    ) -> Option<Option<BlockStmt>> {
        match statement {
            EntryKind::Field(f) => {
                self.block_named(&f.value)?;
                Some(self.fixed_block(&f.target, &f.value, span))
            }
            EntryKind::Choice(c) => {
                let ExprKind::Set(items) = &c.domain.kind else {
                    return None;
                };
                items.iter().find_map(|item| self.block_named(item))?;
                Some(self.searched_block(c, items, span))
            }
            EntryKind::Optional(optional) => {
                let when = &optional.when;
                match self.block_statement(&optional.statement, span) {
                    Some(block) => {
                        let when = self.when(Some(when));
                        Some(block.map(|block| BlockStmt { when, ..block }))
                    }
                    None => {
                        let domain = match &*optional.statement {
                            EntryKind::Choice(choice) => Some(choice.domain.span),
                            _ => None,
                        };
                        self.value_under_condition(when.span, domain);
                        None
                    }
                }
            }
            _ => None,
        }
    }

    /// A value with a condition, which only parts of a network have.
    pub(in crate::analysis) fn value_under_condition(&mut self, when: Span, domain: Option<Span>) {
        self.report(
            Diagnostic::error(
                "bnas::name::stray",
                "a value has no `when`: only layers, blocks, branches and `add` do",
            )
            .label(when, "a condition of a value")
            .help(match domain {
                Some(domain) => format!(
                    "leave `when {}` out: a name with `in {}` is searched only where something reads it, and what reads it may have `when`",
                    self.text(when),
                    self.text(domain)
                ),
                None => "write `name = if … then … else …`".to_string(),
            }),
        );
    }

    fn fixed_block(
        &mut self,
        target: &ast::Path,
        value: &ast::Expr,
        span: Span,
    ) -> Option<BlockStmt> {
        let name = self.block_name(target)?;
        let Some(call) = self.block_call(value) else {
            self.lose_block(name);
            return None;
        };
        Some(BlockStmt {
            name,
            calls: vec![call],
            choice: None,
            when: None,
            span,
        })
    }

    fn searched_block(
        &mut self,
        choice: &ast::Choice,
        items: &[ast::Expr],
        span: Span,
    ) -> Option<BlockStmt> {
        let name = self.block_name(&choice.target);
        let mut calls = Vec::with_capacity(items.len());
        let mut failed = false;
        for item in items {
            if self.block_named(item).is_none() {
                self.no_block(item);
                failed = true;
                continue;
            }
            match self.block_call(item) {
                Some(call) => calls.push(call),
                None => failed = true,
            }
        }
        let names = calls.iter().map(|call| call.block.name.clone());
        let labels = numbered(names.collect());
        let default = choice.default.as_deref().and_then(|default| {
            let label = |name: &&ast::Name| labels.contains(&name.text);
            let value = match &default.kind {
                ast::ExprKind::Path(path) if path.as_name().filter(label).is_some() => {
                    Some(Value::name(path.head.text.as_str()))
                }
                // It may be the member that is wrong, or is none, which is said below.
                ast::ExprKind::Path(_) => None,
                _ => self.expr(default, None).expr.as_value().cloned(),
            };
            let known = |label: &String| value.as_ref().and_then(Value::as_name) == Some(label);
            if !failed && !labels.iter().any(known) {
                let text = self.text(default.span);
                let help = format!(
                    "take one of its members: {}",
                    list(labels.iter().map(String::as_str))
                );
                self.report(
                    Diagnostic::error(
                        "bnas::domain::default",
                        format!("the default {text} is not one of these blocks"),
                    )
                    .label(default.span, "not in the domain, or there twice")
                    .label(choice.domain.span, THE_DOMAIN)
                    .help(help),
                );
                failed = true;
            }
            value
        });
        let name = name?;
        if failed {
            self.lose_block(name);
            return None;
        }
        let local = name.clone().unwrap_or(BARE.into());
        self.locals.push(Local {
            span: Some(choice.target.span),
            values: Some(labels.iter().map(Value::name).collect()),
            ..Local::built_in(local, Type::Declared("block"))
        });
        Some(BlockStmt {
            name,
            calls,
            choice: Some(BlockChoice {
                default,
                span: choice.domain.span,
            }),
            when: None,
            span,
        })
    }

    /// Notes that a block is wrong, which has been said.
    fn lose_block(&mut self, name: Option<String>) {
        self.lost_blocks.insert(name.unwrap_or(BARE.into()));
    }

    /// A member of a choice among blocks that is none.
    fn no_block(&mut self, item: &ast::Expr) {
        let unknown = head_of(item)
            .filter(|name| !self.local_named(&name.text))
            .filter(|name| self.find(name).is_none())
            .filter(|name| schema::operation(&name.text).is_none());
        let Some(name) = unknown else {
            self.report(
                Diagnostic::error(
                    "bnas::block::alternatives",
                    "a choice among blocks has blocks only",
                )
                .label(item.span, "this is no block"),
            );
            return;
        };
        let modules = self.modules;
        let blocks = self.blocks_by_name(name.span.source);
        let diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no block `{}`", name.text),
        )
        .label(name.span, "nothing has this name");
        let alike = did_you_mean(&name.text, blocks.iter().copied());
        self.report(match (modules.in_library(&name.text), alike) {
            (Some(path), _) => {
                diagnostic.help(format!("write `use {path}` at the top of the file"))
            }
            (None, Some(alike)) => diagnostic.help(format!("did you mean `{alike}`?")),
            (None, None) => {
                diagnostic.help(format!("blocks here are {}", list(blocks.into_iter())))
            }
        });
    }

    /// The blocks that have a name in a file, or in those that are amended there.
    pub(in crate::analysis) fn blocks_by_name(&self, source: SourceId) -> BTreeSet<&str> {
        let modules = self.modules;
        let files = std::iter::once(source).chain(self.also.iter().copied());
        let names = files.filter_map(|source| modules.get(source));
        let blocks = names.flat_map(|module| &module.names);
        let blocks = blocks.filter(|(_, m)| modules.declaration(m.id).kind.text == "block");
        blocks.map(|(name, _)| name.as_str()).collect()
    }

    /// What a block is called; nothing for `block`. `None` after a diagnostic.
    fn block_name(&mut self, target: &ast::Path) -> Option<Option<String>> {
        match target.as_name() {
            Some(name) if name.text == BARE => Some(None),
            Some(name) => Some(Some(name.text.clone())),
            None => {
                self.report(
                    Diagnostic::error("bnas::name::unknown_key", "a block has a plain name")
                        .label(target.span, "this is a path")
                        .help("write `block = …` or `first = …`"),
                );
                None
            }
        }
    }

    /// The block that an expression copies, if it does.
    fn block_named(&mut self, e: &ast::Expr) -> Option<(Id, ast::Name)> {
        let path = match &e.kind {
            ExprKind::Call { callee, .. } => callee,
            ExprKind::Path(path) => path,
            ExprKind::Amend { base, .. } => return self.block_named(base),
            _ => return None,
        };
        let name = path.as_name()?;
        if self.local_named(&name.text) {
            return None;
        }
        let id = self.find(name)?;
        (self.modules.declaration(id).kind.text == "block").then(|| (id, name.clone()))
    }

    /// `residual(channels = 16)`; `residual(…) { expansion = 2 }` after an amendment of the space.
    fn block_call(&mut self, e: &ast::Expr) -> Option<BlockCall> {
        let (id, name) = self.block_named(e)?;
        let declared = self.modules.declaration(id).span;
        self.reached.blocks.insert(declared);
        let mut args: Vec<Argument> = Vec::new();
        let mut inner = e;
        let mut amendments: Vec<&ast::Entry> = Vec::new();
        while let ExprKind::Amend { base, entries } = &inner.kind {
            amendments.splice(..0, entries);
            inner = base;
        }
        if let ExprKind::Call { args: given, .. } = &inner.kind {
            args.extend(given.iter().cloned());
        }
        let mut merged = self.merged(id)?;
        let is_amended = amendments.iter().any(|entry| is_within(entry, &merged));
        let (params, within) = (amendments.into_iter())
            .partition::<Vec<&ast::Entry>, _>(|entry| !is_within(entry, &merged));
        for entry in params {
            let Some((name, argument)) = as_argument(entry) else {
                self.report(
                    Diagnostic::error(
                        "bnas::amend::not_a_value",
                        "an amendment of a block gives it other values",
                    )
                    .label(entry.span, "this is no value")
                    .help("write `parameter = …`, or the path of a value in it"),
                );
                continue;
            };
            args.retain(|arg| !is_called(arg, name));
            args.push(argument);
        }
        let mut within: Vec<ast::Entry> = within.into_iter().cloned().collect();
        for entry in &mut within {
            args.extend(self.as_parameter(entry, &mut merged));
        }
        within.retain(|entry| is_within(entry, &merged));
        if !within.is_empty() {
            self.override_entries(&mut merged, &within, &name, false);
        }
        self.copy_of(&merged, is_amended, &name, &args, e.span)
    }

    /// What a space or block amends within a block that it copies is read among its own names, as arguments are: it becomes a parameter of this copy, which
    /// has the path of what is amended. What an experiment amends is read as everywhere else.
    fn as_parameter(&self, entry: &mut ast::Entry, block: &mut Merged) -> Option<Argument> {
        let around = self.modules.around(entry.span)?;
        let path = target(entry)?.clone();
        let name = ast::Name {
            text: crate::analysis::expression::lookup::members(&path)?,
            span: path.span,
        };
        if around.kind.text == "experiment" {
            return None;
        }
        let renamed = match &entry.kind {
            EntryKind::Field(f) => Argument::Fixed {
                name: name.clone(),
                value: f.value.clone(),
            },
            EntryKind::Choice(c) => Argument::Searched {
                name: name.clone(),
                domain: c.domain.clone(),
                default: c.default.clone(),
            },
            _ => return None,
        };
        match path.as_name() {
            Some(own) => Arc::make_mut(&mut block.entries)
                .retain(|e| key(e).is_none_or(|n| n.text != own.text)),
            None => {
                let value = ast::Expr {
                    kind: ExprKind::Path(path.clone()),
                    span: path.span,
                };
                entry.kind = EntryKind::Field(ast::Field {
                    target: path,
                    value,
                });
            }
        }
        let param = ast::Parameter {
            name,
            default: None,
        };
        block.params.push(param);
        Some(renamed)
    }
}

/// What a call, or an amendment of one, calls.
fn head_of(e: &ast::Expr) -> Option<ast::Name> {
    match &e.kind {
        ExprKind::Call { callee, .. } => callee.as_name().cloned(),
        ExprKind::Path(path) => path.as_name().cloned(),
        ExprKind::Amend { base, .. } => head_of(base),
        _ => None,
    }
}

/// Whether an entry of an amendment speaks of what the block says itself: a value of its body, a layer's argument. All else is meant for a parameter.
fn is_within(entry: &ast::Entry, block: &Merged) -> bool {
    let Some(path) = target(entry) else {
        return false;
    };
    match path.as_name() {
        None => true,
        Some(name) => {
            let params = block.params.iter().map(|param| param.name.text.as_str());
            let values = { block.entries.iter() }.filter_map(|e| Some(key(e)?.text.as_str()));
            let is_it = |known: &str| known == name.text;
            // A wrong name is told from those that it is like.
            let is_meant = did_you_mean(&name.text, params.clone()).is_none()
                && did_you_mean(&name.text, values.clone()).is_some();
            !params.clone().any(is_it) && (values.clone().any(is_it) || is_meant)
        }
    }
}

/// An entry of an amendment as an argument.
fn as_argument(entry: &ast::Entry) -> Option<(&str, Argument)> {
    match &entry.kind {
        EntryKind::Field(f) => f.target.as_name().map(|name| {
            let (name_, value) = (name.clone(), f.value.clone());
            (name.text.as_str(), Argument::Fixed { name: name_, value })
        }),
        EntryKind::Choice(c) => c.target.as_name().map(|name| {
            let argument = Argument::Searched {
                name: name.clone(),
                domain: c.domain.clone(),
                default: c.default.clone(),
            };
            (name.text.as_str(), argument)
        }),
        _ => None,
    }
}

fn is_called(arg: &Argument, wanted: &str) -> bool {
    match arg {
        Argument::Fixed { name, .. } | Argument::Searched { name, .. } => name.text == wanted,
        Argument::Positional { .. } => false,
    }
}
