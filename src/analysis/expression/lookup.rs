//! What a name in an expression is.
//!
//! In: a path and the kind of the field that it fills. Out: a [`Typed`] expression: a name in scope, a declaration, a word of the field, or
//! a decision by its path; or a diagnostic that suggests what was meant.

use std::collections::BTreeSet;

use super::expr::{Typed, is_scalar};
use super::functions::function;
use super::meant_path::path_help;
use super::measures::is_formula;
use super::takes;
use super::types::Type;
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::paths::Paths;
use crate::analysis::schema::{self, Kind};
use crate::analysis::structure::operations::{ACTIVATIONS, ELSEWHERE};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{AUTHOR, Expr, Value};
use crate::syntax::ast;

impl Cx<'_> {
    /// A name: in scope, a declaration, or a word of the field.
    pub(in crate::analysis) fn path(&mut self, path: &ast::Path, want: Option<Kind>) -> Typed {
        let span = path.span;
        if self.paths.is_some() && self.is_lost(path) {
            return Typed::poison(span);
        }
        if let Some(of_best) = self.path_of_best(path) {
            return of_best;
        }
        let Some(text) = members(path) else {
            return self.decision_path(path, "");
        };
        if let Some(local) = self.outer(&text, span) {
            let name = Expr::Name(format!("{AUTHOR}{text}"), span);
            return Typed {
                expr: local.constant.unwrap_or(name),
                ty: local.ty,
                span,
                values: local.values,
            };
        }
        if let Some(local) = self.locals.used(&text) {
            // `opt == sgd`, of `opt in {sgd(…), adam(…)}`: alternatives are compared by their names.
            let is_calls = matches!(local.ty, Type::Optimizer | Type::Scale | Type::Augment);
            let paths = self.paths.as_ref();
            if let Some(ty) = paths.filter(|_| is_calls).and_then(|p| p.get(&text)) {
                return Typed::new(Expr::Name(text, span), ty.clone(), span);
            }
            // Names of a quantizer keep their name: they may be given another value where it is used.
            let is_fixed =
                |value: &&Expr| (is_scalar(value) || is_formula(value)) && self.formulas.is_none();
            return Typed {
                expr: (local.constant.as_ref().filter(is_fixed).cloned())
                    .unwrap_or(Expr::Name(text, span)),
                ty: local.ty.clone(),
                span,
                values: local.values.clone(),
            };
        }
        if let Some(name) = path.as_name() {
            // Words of the field first: a data set may be called like what it holds.
            if want.is_some_and(|kind| words(kind).contains(&text.as_str())) {
                return Typed::new(Expr::Value(Value::Name(text)), Type::Word, span);
            }
            // `space == resnet20`, of `space in {…}`.
            if let Some(ty) = self.paths.as_ref().and_then(|paths| paths.get(&text)) {
                return Typed::new(Expr::Name(text, span), ty.clone(), span);
            }
            if let Some(typed) = self.declared(name) {
                return typed;
            }
            // `space.block == basic_1`, of `block in {basic(…), basic(…)}`.
            let is_block = |paths: &Paths| paths.blocks.contains(&text);
            if self.paths.as_ref().is_some_and(is_block) {
                let ty = Type::Declared("block");
                return Typed::new(Expr::Value(Value::Name(text)), ty, span);
            }
            // `train.optimizer == adam`, of `optimizer in {adam(…), sgd(…)}`.
            if self
                .paths
                .as_ref()
                .is_some_and(|p| p.labels.contains(&text))
            {
                return Typed::new(Expr::Value(Value::Name(text)), Type::Word, span);
            }
            if let Some(typed) = self.schedule_word(&text, span) {
                return typed;
            }
            if schema::is_word(&text) && !matches!(want, Some(Kind::Number(_) | Kind::Whole)) {
                return Typed::new(Expr::Value(Value::Name(text)), Type::Word, span);
            }
            if text == "pi" {
                return Typed::new(Expr::number(std::f64::consts::PI), Type::PLAIN, span);
            }
            if let Some(known) = &self.formulas
                && known.names().any(|known| known == text)
            {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", format!("`{text}` is a formula"))
                        .label(span, "a number is needed here")
                        .help(format!("call it: `{text}({})`", self.parameter())),
                );
                return Typed::poison(span);
            }
            if function(&text).is_some() || schema::called(&text).is_some() {
                self.report(
                    Diagnostic::error("bnas::type::mismatch", format!("`{text}` is called"))
                        .label(span, "a value is needed here")
                        .help(match self.may_be_word {
                            true if text == "tanh" || ELSEWHERE.contains(&text.as_str()) => format!(
                                "activations are {}, and a word of your own stands in quotes: `\"{text}\"`",
                                list(ACTIVATIONS.iter().copied())
                            ),
                            true => format!("write `{text}(…)`, or `\"{text}\"` for a word of your own"),
                            false if want == Some(Kind::Optimizer) => {
                                format!("write `{text}(lr = 1e-3)`")
                            }
                            false => format!("write `{text}(…)`"),
                        }),
                );
                return Typed::poison(span);
            }
        } else if self.paths.is_some() && (self.heads_decisions(path) || self.heads_layers(path)) {
            return self.decision_path(path, "");
        }
        self.unknown_name(&text, span, want.map(words).unwrap_or_default());
        Typed::poison(span)
    }

    /// Whether a path begins with what is given and wrong, which has been said.
    pub(in crate::analysis) fn is_lost(&mut self, path: &ast::Path) -> bool {
        let head = path.head.text.as_str();
        let is_poison = |local: &Local| local.ty == Type::Poison;
        self.lost.contains(head)
            || self.locals.find(head).is_some_and(is_poison) && self.locals.used(head).is_some()
    }

    /// Whether a path leads to a block that is given and wrong, which has been said.
    fn is_of_lost_block(&self, path: &ast::Path) -> bool {
        let is_lost = |name: &ast::Name| self.lost_blocks.contains(&name.text);
        let mut steps = path.steps.iter();
        is_lost(&path.head)
            || steps.any(|step| matches!(step, ast::Step::Member(name) if is_lost(name)))
    }

    /// A name that a file declares or imports.
    fn declared(&mut self, name: &ast::Name) -> Option<Typed> {
        let id = self.find(name)?;
        let kind = self.modules.declaration(id).kind.text.clone();
        // An experiment is no value: a name that is like its own is misspelt where it is defined.
        let own = self.locals.iter().filter(|local| local.span.is_some());
        let own = own.map(|local| local.name.as_str());
        if kind == "experiment" && did_you_mean(&name.text, own).is_some() {
            return None;
        }
        let value = Expr::Value(Value::name(&name.text));
        Some(match kind.as_str() {
            "quantizer" => match self.reach_quantizer(id) {
                true => Typed::new(value, Type::Quantizer, name.span),
                false => Typed::poison(name.span),
            },
            "repair" => match self.reach_repair(id) {
                true => Typed::new(value, Type::Repair, name.span),
                false => Typed::poison(name.span),
            },
            other => match schema::declaration(other) {
                Some(known) => Typed::new(value, Type::Declared(known.kind), name.span),
                None => Typed::poison(name.span),
            },
        })
    }

    /// Whether decisions have paths that begin with this word.
    pub(super) fn heads_decisions(&self, path: &ast::Path) -> bool {
        let head = format!("{}.", path.head.text);
        let mut paths = self.paths.iter().flat_map(|paths| paths.keys());
        schema_head(path) || paths.any(|p| p.starts_with(&head))
    }

    /// Whether values of the space have paths that begin with this word: `space.` may be left out.
    pub(super) fn heads_layers(&self, path: &ast::Path) -> bool {
        let head = format!("space.{}.", path.head.text);
        let mut paths = self.paths.iter().flat_map(|paths| paths.keys());
        paths.any(|p| p.starts_with(&head))
    }

    /// `space.s[1].channels`, `space.s[*].channels`: a value by its path, where goals and requirements speak of it.
    /// `root` stands before it in what is said of it.
    pub(super) fn decision_path(&mut self, path: &ast::Path, root: &str) -> Typed {
        let span = path.span;
        let (mut text, mut plain) = (path.head.text.clone(), path.head.text.clone());
        let paths = self.paths.clone().unwrap_or_default();
        if self.paths.is_some() && !self.heads_decisions(path) && self.heads_layers(path) {
            text.insert_str(0, "space.");
            plain.insert_str(0, "space.");
        } else if self.paths.is_some() && !self.heads_decisions(path) {
            if self.is_of_lost_block(path) {
                return Typed::poison(span);
            }
            if let Some(copies) = self.copies_named(&path.head) {
                // Nothing is known of them: something is wrong with what they hold.
                self.doubts.insert(path.head.span, BTreeSet::from([copies]));
            }
            self.unknown_name(&path.head.text, path.head.span, &[]);
            return Typed::poison(span);
        } else if self.paths.is_none() {
            self.report(
                Diagnostic::error(
                    "bnas::unsupported",
                    "copies of a `repeat` are named in goals and requirements",
                )
                .label(span, "this path has an index")
                .help("a value is a formula of the names around it: in the body of a `repeat`, a name alone is that of its copy"),
            );
            return Typed::poison(span);
        }
        for step in &path.steps {
            match step {
                ast::Step::Member(name) => {
                    text.push_str(&format!(".{}", name.text));
                    plain.push_str(&format!(".{}", name.text));
                }
                ast::Step::Index(index) => {
                    if self.is_any_copy(index) {
                        return Typed::poison(span);
                    }
                    let typed = self.expr(index, Some(Kind::Whole));
                    match typed.expr {
                        _ if typed.ty == Type::Poison => return typed,
                        Expr::Value(Value::Number(n)) => text.push_str(&format!("[{n}]")),
                        _ => {
                            self.later("an index that is not a number", index.span);
                            return Typed::poison(span);
                        }
                    }
                }
                ast::Step::All(at) => {
                    if plain == "space" {
                        self.report(
                            Diagnostic::error("bnas::type::mismatch", "a space has no copies")
                                .label(*at, "copies are those of a `repeat`")
                                .help(format!(
                                    "write `{}`",
                                    self.text(span).replacen("[*]", "", 1)
                                )),
                        );
                        return Typed::poison(span);
                    }
                    text.push_str("[*]");
                    match self.lists.last_mut() {
                        Some(star) => *star = star.or(Some(*at)),
                        None => {
                            self.report(
                                Diagnostic::error(
                                    "bnas::type::mismatch",
                                    "a value of every copy is a list, not a value",
                                )
                                .label(span, "the values of all copies")
                                .help(format!(
                                    "say what is made of them: `sum({text}…)`, `max(…)`, `all(… <= 32)`, `nondecreasing(…)`"
                                )),
                            );
                            return Typed::poison(span);
                        }
                    }
                }
            }
        }
        let Some(ty) = paths.type_of(&plain) else {
            if self.is_of_lost_block(path) {
                return Typed::poison(span);
            }
            let diagnostic = Diagnostic::error(
                "bnas::name::unknown",
                format!("there is no decision `{root}{text}`"),
            );
            let fixed = match paths.same.get(&plain) {
                Some(other) => Some(format!("write `{other}`, whose value it has")),
                None => takes::of_fixed_field(&plain),
            };
            let diagnostic = match (path_help(&text, &plain, &paths), fixed) {
                (Some(help), None) => {
                    let own = format!("`{}.", plain.split('.').next().unwrap_or_default());
                    let help = help.replace(&own, &own.replacen('`', &format!("`{root}"), 1));
                    diagnostic.label(span, "nothing has this path").help(help)
                }
                (_, Some(help)) => diagnostic.label(span, "no decision stands here").help(help),
                (None, None) => {
                    let diagnostic = diagnostic.label(span, "nothing has this path");
                    match self.instead_of_path(&plain, &paths) {
                        Some(help) => diagnostic.help(help),
                        None => diagnostic,
                    }
                }
            };
            let known = paths.keys().map(String::as_str);
            if did_you_mean(&plain, known).is_none() && paths.side_alike(&plain).is_none() {
                let mut behind = self.behind(&path.head.text);
                behind.extend(self.copies_named(&path.head));
                self.doubts.insert(span, behind);
            }
            self.report(diagnostic);
            return Typed::poison(span);
        };
        // `opt.sgd.lr` reads `opt`.
        self.locals.used(&path.head.text);
        Typed {
            expr: Expr::Name(text, span),
            ty,
            span,
            values: None,
        }
    }
}

/// `input.channels` as text, unless there is an index.
pub(in crate::analysis) fn members(path: &ast::Path) -> Option<String> {
    let mut text = path.head.text.clone();
    for step in &path.steps {
        match step {
            ast::Step::Member(name) => {
                text.push('.');
                text.push_str(&name.text);
            }
            ast::Step::Index(_) | ast::Step::All(_) => return None,
        }
    }
    Some(text)
}

/// Whether a path begins with a part of an experiment.
pub(super) fn schema_head(path: &ast::Path) -> bool {
    matches!(
        path.head.text.as_str(),
        "space" | "policy" | "train" | "finetune" | "search" | "target" | "data" | "init"
    )
}

/// The words that a field of this kind takes.
pub(in crate::analysis) fn words(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Word(words)
        | Kind::WholeOr(words)
        | Kind::TruthOr(words)
        | Kind::WordOrFormula(words) => words,
        Kind::Scale => schema::SCALES,
        Kind::Quantizer => &["float"],
        Kind::Augment => &["flip", "none"],
        _ => &[],
    }
}
