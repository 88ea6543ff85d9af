//! Choices among declarations: `target in {a, b}`, `policy in {a, b}`, `space in {a, b}`.
//!
//! In: a field that names a declaration, or a set of such. Out: each of them lowered, and which one comes first. Their decisions stand below
//! their names. Knows nothing of what the declarations say.

use super::context::Cx;
use super::expression::domain::THE_DOMAIN;
use super::expression::fields::{Given, Written};
use super::merged::Merged;
use crate::diagnostic::Diagnostic;
use crate::ir::{Block, BlockCall, BlockChoice, BlockStmt, Choice, Space, Stmt, Value};
use crate::source::Span;
use crate::syntax::ast;

impl Cx<'_> {
    /// What a field names, and the others that it may be.
    pub(super) fn one_of<T>(
        &mut self,
        fields: &Written,
        kind: &'static str,
        lower: impl Fn(&mut Self, &Merged) -> T,
        name: impl Fn(&T) -> &str,
    ) -> (Option<T>, Option<Choice<T>>) {
        let Some((_, Given::Searched(domain, default))) = fields.get(kind) else {
            let named = self.named(fields, kind);
            return (named.map(|m| lower(self, &m)), None);
        };
        let ast::ExprKind::Set(items) = &domain.kind else {
            self.report(
                Diagnostic::error(
                    "bnas::type::mismatch",
                    format!("expected a set of {kind} names"),
                )
                .label(domain.span, "this is none")
                .help(format!("write `{kind} in {{a, b}}`")),
            );
            return (None, None);
        };
        let mut all: Vec<T> = Vec::with_capacity(items.len());
        let mut is_doubled = false;
        for item in items {
            let Some(merged) = self.reference(item, kind) else {
                continue;
            };
            let one = lower(self, &merged);
            if all.iter().all(|other| name(other) != name(&one)) {
                all.push(one);
                continue;
            }
            is_doubled = true;
            self.report(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("two of these are called `{}`", name(&one)),
                )
                .label(item.span, "this one")
                .label(domain.span, "among these")
                .help(format!(
                    "declare one under another name: `{kind} {} : {} {{ … }}`",
                    self.free_name(item.span),
                    name(&one)
                )),
            );
        }
        if is_doubled {
            // Whatever speaks of one of them may mean the other.
            return (None, None);
        }
        let default = default.and_then(|e| {
            let text = self.text(e.span);
            if all.iter().any(|one| name(one) == text) {
                return Some(Value::name(text));
            }
            self.not_among(e.span, &text, domain.span);
            None
        });
        let mut all = all.into_iter();
        let first = all.next();
        if first.is_none() && items.is_empty() {
            self.report(
                Diagnostic::error("bnas::domain::empty", "nothing to choose from")
                    .label(domain.span, "this set is empty")
                    .help("write its members: `{a, b}`"),
            );
        }
        let choice = Choice {
            others: all.collect(),
            default,
            span: domain.span,
        };
        (first, Some(choice))
    }

    /// Reports a default that is no member.
    pub(super) fn not_among(&mut self, span: Span, text: &str, domain: Span) {
        self.report(
            Diagnostic::error(
                "bnas::domain::default",
                format!("the default {text} is not a member of its domain"),
            )
            .label(span, "not in the domain")
            .label(domain, THE_DOMAIN)
            .help("take the name of one of its members"),
        );
    }
}

/// Several spaces as one: a choice among blocks that are the whole network.
pub(super) fn joined(first: Space, choice: Choice<Space>) -> Space {
    let span = choice.span;
    let all: Vec<Space> = std::iter::once(first).chain(choice.others).collect();
    let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
    let name = names.join(" or ");
    let call = |space: Space| {
        let requires = space.requires.into_iter().map(Stmt::Require);
        let block = Block {
            name: space.name,
            params: Vec::new(),
            body: space.body.into_iter().chain(requires).collect(),
            span: space.span,
        };
        BlockCall {
            block: block.into(),
            args: Vec::new(),
            span: space.span,
        }
    };
    let block = BlockStmt {
        // Nothing stands between `space` and the decisions of each.
        name: Some(String::new()),
        calls: all.into_iter().map(call).collect(),
        choice: Some(BlockChoice {
            default: choice.default,
            span,
        }),
        when: None,
        span,
    };
    Space {
        name,
        body: vec![Stmt::Block(block)],
        requires: Vec::new(),
        span,
    }
}
