//! What a call of a block copies: the block, lowered once, and its arguments.
//!
//! In: a block with the arguments of a call. Out: [`BlockCall`], whose arguments fit the parameters; how far blocks copy each other has a limit.

use std::sync::Arc;

use crate::analysis::context::{Cx, list};
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::expression::types::Type;
use crate::analysis::memory::{Copied, Inner};
use crate::analysis::merged::Merged;
use crate::analysis::paths;
use crate::diagnostic::{Diagnostic, meant_field};
use crate::ir::{Block, BlockCall, Slot};
use crate::source::Span;
use crate::syntax::ast::{self, Argument};

/// The most copies of blocks in a space; more than these are not unrolled either.
const MOST_COPIES: usize = 20_000;

impl Cx<'_> {
    /// A block to be copied, lowered once however often it is, unless it is amended; `None` if it is too deep, or there are too many copies.
    fn copied(
        &mut self,
        merged: &Merged,
        is_amended: bool,
        name: &ast::Name,
    ) -> Option<Arc<Block>> {
        let known = self.memory.blocks.get(&merged.id);
        let known = known.filter(|_| !is_amended).cloned();
        let height = known.as_ref().map_or(1, |known| known.inner.height);
        if self.is_too_deep(name, height) {
            return None;
        }
        let Copied { block, inner } = match known {
            Some(known) => known,
            None => {
                let around = std::mem::take(&mut self.inner);
                let block = Arc::new(match is_amended {
                    true => self.amended_block(merged),
                    false => self.block(merged),
                });
                let within = std::mem::replace(&mut self.inner, around);
                let inner = Inner {
                    height: within.height + 1,
                    copies: within.copies.saturating_add(1),
                };
                let copied = Copied { block, inner };
                if !is_amended {
                    self.memory.blocks.insert(merged.id, copied.clone());
                }
                copied
            }
        };
        self.inner.height = self.inner.height.max(inner.height);
        self.inner.copies = self.inner.copies.saturating_add(inner.copies);
        if self.inner.copies <= MOST_COPIES {
            return Some(block);
        }
        if !std::mem::replace(&mut self.is_long, true) {
            let text = format!("the space unrolls to more than {MOST_COPIES} copies");
            self.report(
                Diagnostic::error("bnas::space::count", text)
                    .label(name.span, "here")
                    .help("copy a block that holds fewer others"),
            );
        }
        None
    }

    pub(in crate::analysis) fn copy_of(
        &mut self,
        merged: &Merged,
        is_amended: bool,
        name: &ast::Name,
        args: &[Argument],
        span: Span,
    ) -> Option<BlockCall> {
        let block = self.copied(merged, is_amended, name)?;
        let mut written = Written::new(format!("`{}`", name.text), name.span);
        let known: Vec<&str> = block.params.iter().map(|(n, _)| n.as_str()).collect();
        let is_nameless = |i: &usize| matches!(args[*i], Argument::Positional { .. });
        let nameless: Vec<usize> = (0..args.len()).filter(is_nameless).collect();
        // Parameters that were probably meant: they are not missing.
        let mut meant = self.nameless(name, args, &nameless, &known, None);
        for arg in args {
            let (key, given) = match arg {
                Argument::Fixed { name, value } => (name, Given::Fixed(value)),
                Argument::Searched {
                    name,
                    domain,
                    default,
                } => (name, Given::Searched(domain, default.as_deref())),
                Argument::Positional { .. } => continue,
            };
            if !known.contains(&key.text.as_str()) {
                meant.extend(meant_field(&key.text, known.iter().copied()));
                self.no_parameter(&block, key);
            } else if let Some((first, _)) = written.get(&key.text) {
                let first = first.span;
                self.twice(&key.text, key.span, first);
            } else {
                written.given.push((key.clone(), given));
            }
        }
        let mut slots = Vec::with_capacity(written.given.len());
        for (key, given) in &written.given {
            let (slot, typed) = match given {
                Given::Fixed(e) => {
                    let typed = self.expr(e, None);
                    (Slot::Fixed(typed.expr.clone()), typed)
                }
                Given::Searched(domain, default) => {
                    let (domain, typed) = self.domain(domain, *default, None);
                    (Slot::Chosen(domain), typed)
                }
            };
            let param = block.params.iter().find(|(param, _)| *param == key.text);
            let default = param.and_then(|(_, default)| default.as_ref());
            // A default that is wrong where it is used says nothing of other values.
            let mut params = merged.params.iter();
            let declared = params.find(|p| p.name.text == key.text);
            let is_wrong = declared.is_some_and(|p| self.causes.is_reported(p.name.span));
            if !is_wrong {
                self.argument_fits(&name.text, key, &typed, default);
            }
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
        Some(BlockCall {
            block,
            args: slots,
            span,
        })
    }

    /// An argument that a block does not take.
    pub(in crate::analysis) fn no_parameter(&mut self, block: &Block, key: &ast::Name) {
        let known = || block.params.iter().map(|(name, _)| name.as_str());
        let diagnostic = Diagnostic::error(
            "bnas::name::unknown_key",
            format!("`{}` has no parameter `{}`", block.name, key.text),
        )
        .label(key.span, "unknown parameter")
        .label(block.span, "declared here");
        let help = match meant_field(&key.text, known()) {
            Some(alike) => format!("did you mean `{alike}`?"),
            None if block.params.is_empty() => {
                format!("it has none: write `block {}({}) {{`", block.name, key.text)
            }
            None => format!("its parameters are {}", list(known())),
        };
        self.report(diagnostic.help(help));
    }

    /// Whether a value may be given for a parameter: one of the kind of its default, else a plain number, a word or a truth value. Spaces and blocks
    /// have no units.
    fn argument_fits(
        &mut self,
        block: &str,
        key: &ast::Name,
        typed: &Typed,
        default: Option<&Slot>,
    ) {
        let wanted = match default {
            Some(Slot::Fixed(expr)) => paths::type_of(expr),
            _ => Type::Any,
        };
        let fits = match wanted {
            Type::Any => matches!(typed.ty, Type::Word | Type::Truth) || typed.ty == Type::PLAIN,
            ref ty => typed.ty.fits(ty),
        };
        if fits || typed.ty.is_open() || self.reads_reported(typed.span) {
            return;
        }
        let takes = match wanted {
            Type::Any => "a plain number, a word or a truth value".into(),
            ref ty => ty.name(),
        };
        let code = match (&typed.ty, &wanted) {
            (Type::Number(_), Type::Any | Type::Number(_)) => "bnas::unit::mismatch",
            _ => "bnas::type::mismatch",
        };
        let found = typed.ty.name();
        self.report(
            Diagnostic::error(
                code,
                format!("`{}` of `{block}` is {takes}, found {found}", key.text),
            )
            .label(typed.span, found.clone())
            .help(match code {
                "bnas::unit::mismatch" => {
                    format!("write {takes}: shapes and structure have no units")
                }
                _ => format!("write {takes}"),
            }),
        );
    }
}
