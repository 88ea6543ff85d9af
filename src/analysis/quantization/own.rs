//! Formulas that call each other: `forward(w) = scale(w) * sign(normalize(w))`, and those that an author names, `delta(w) = …`.
//!
//! In: the formulas of a quantizer as they are written, and calls of one in another. Out: the body of what is called in place of the call.
//! The author's are lowered before what calls them, wherever they stand; none may need itself.

use super::formulas::{ORDER, PARAMETERS};
use crate::analysis::context::{Cx, list};
use crate::analysis::expression::expr::Typed;
use crate::analysis::expression::functions::function;
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, meant};
use crate::ir::{Expr, PROGRESS};
use crate::model::expression::evaluate;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

/// The most parts that the calls in one formula may stand for: papers write tens.
const MOST_PARTS: usize = 1000;

/// How many formulas may call each other in a row.
const LONGEST_CHAIN: usize = 128;

/// The formulas of a quantizer that are known so far.
#[derive(Debug, Default)]
pub(in crate::analysis) struct Known {
    /// Each over `x`. One that is wrong has no body.
    bodies: Vec<(String, Option<Expr>)>,
    /// All that are written, in whatever order.
    written: Vec<String>,
    /// The parts that calls stand for in the formula that is being lowered.
    parts: usize,
}

impl Known {
    /// Of those that are written in these entries none is known yet.
    pub(super) fn of(entries: &[Entry]) -> Known {
        let written = entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::Formula(formula) => Some(formula.name.text.clone()),
            _ => None,
        });
        Known {
            written: written.collect(),
            ..Known::default()
        }
    }

    /// The names of those that are known.
    pub(in crate::analysis) fn names(&self) -> impl Iterator<Item = &str> {
        self.bodies.iter().map(|(name, _)| name.as_str())
    }

    /// The names of all.
    pub(in crate::analysis) fn written(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str)
    }

    /// Whether one of this name is written, which may be known later.
    pub(in crate::analysis) fn is_written(&self, name: &str) -> bool {
        self.written.iter().any(|written| written == name)
    }

    /// Adds one that is lowered.
    pub(super) fn add(&mut self, name: &str, body: Option<Expr>) {
        self.bodies.push((name.into(), body));
    }

    fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

impl Cx<'_> {
    /// Lowers a formula over `x` and adds it to those that are known, after the author's that it calls.
    pub(super) fn lower_formula<'f>(
        &mut self,
        formula: &'f ast::Formula,
        all: &[&'f ast::Formula],
        open: &mut Vec<&'f ast::Name>,
    ) -> Option<Expr> {
        open.push(&formula.name);
        let mut called = Vec::new();
        names_in(&formula.body, &mut called);
        for name in called.iter().copied() {
            let own = |f: &&&ast::Formula| f.name.text == name && is_own(f);
            let Some(callee) = all.iter().find(own) else {
                continue;
            };
            let start = open.iter().position(|known| known.text == name);
            if self.formulas.as_ref().is_some_and(|known| known.has(name)) {
                continue;
            }
            if let Some(start) = start {
                self.calls_itself(&open[start..]);
            } else if open.len() > LONGEST_CHAIN {
                self.calls_too_deep(&callee.name);
            } else {
                self.lower_formula(callee, all, open);
                continue;
            }
            // Said once: what else is as deep is not looked at.
            let is_lost = |f: &&&ast::Formula| match start {
                Some(_) => f.name.text == name,
                None => is_own(f),
            };
            if let Some(known) = &mut self.formulas {
                for lost in all.iter().filter(is_lost) {
                    known.add(&lost.name.text, None);
                }
            }
        }
        open.pop();
        if let Some(known) = &mut self.formulas {
            known.parts = 0;
        }
        // What calls a formula that is wrong is not looked at any further.
        let calls_wrong = self.formulas.as_ref().is_some_and(|known| {
            let mut wrong = known.bodies.iter().filter(|(_, body)| body.is_none());
            wrong.any(|(wrong, _)| called.iter().any(|name| name == wrong))
        });
        let body = self.formula_body(formula).filter(|_| !calls_wrong);
        if let Some(known) = &mut self.formulas
            && !known.has(&formula.name.text)
        {
            known.add(&formula.name.text, body.clone());
        }
        body
    }

    /// Those of the author's that nothing has called: lowered, and warned of where this declaration says them.
    pub(super) fn uncalled(&mut self, merged: &Merged, all: &[&ast::Formula]) {
        let is_known = |cx: &Self, f: &ast::Formula| {
            let known = cx.formulas.as_ref();
            known.is_some_and(|known| known.has(&f.name.text))
        };
        let uncalled: Vec<&ast::Formula> = (all.iter().copied())
            .filter(|f| is_own(f) && !is_known(self, f))
            .collect();
        let declared = merged.lineage.last();
        for formula in uncalled {
            let name = &formula.name;
            let names = merged.schema.formulas;
            if meant(&name.text, names.iter().copied()).is_some() {
                self.unknown_key(&merged.owner(), name, Some(merged.name.span), names);
                continue;
            }
            // Another one that nothing calls has called it.
            if is_known(self, formula) {
                continue;
            }
            self.lower_formula(formula, all, &mut Vec::new());
            if declared.is_some_and(|declared| declared.holds(name.span)) {
                let parameter = (formula.params.first()).map_or("w", |param| &param.name.text);
                self.report(
                    Diagnostic::warning(
                        "bnas::name::unused",
                        format!("`{}` of `{}` has no effect", name.text, merged.name.text),
                    )
                    .label(name.span, "no formula calls it")
                    .help(format!(
                        "call it, `{}({parameter})`, in one of {}, or remove it",
                        name.text,
                        list(ORDER.into_iter())
                    )),
                );
            }
        }
    }

    /// Whether a formula of the author's has a name that already means something; reported.
    pub(super) fn has_taken_name(&mut self, merged: &Merged, formula: &ast::Formula) -> bool {
        let name = &formula.name;
        let word = name.text.as_str();
        let is_field = merged.schema.fields.iter().any(|field| field.name == word);
        let is_function = ["mean", "std", "stop"].contains(&word)
            || function(word).is_some()
            || schema::called(word).is_some();
        let is_value = PARAMETERS.contains(&word)
            || PROGRESS.contains(&word)
            || ["low", "high", "pi"].contains(&word);
        let (what, help) = match (is_field, is_function || is_value) {
            (true, _) => ("a field, and no formula", format!("write `{word} = …`")),
            (_, true) => (
                match is_value {
                    true => "a value that formulas have",
                    false => "a function of the language",
                },
                format!("take another name: `own_{word}(…) = …`"),
            ),
            _ => return false,
        };
        self.report(
            Diagnostic::error("bnas::name::duplicate", format!("`{word}` is {what}"))
                .label(name.span, "defined as a formula here")
                .help(help),
        );
        true
    }

    /// A call of a formula that is known: its body, at the argument. `None`: there is none of this name.
    pub(super) fn call_of_formula(
        &mut self,
        name: &ast::Name,
        args: &[ast::Argument],
        span: Span,
    ) -> Option<Typed> {
        let known = self.formulas.as_ref()?;
        let (_, body) = known.bodies.iter().find(|(n, _)| *n == name.text)?;
        // What is wrong with the formula has been said.
        let Some(body) = body.clone() else {
            return Some(Typed::poison(span));
        };
        let [
            ast::Argument::Positional {
                value,
                filter: None,
            },
        ] = args
        else {
            self.report(
                Diagnostic::error(
                    "bnas::type::arity",
                    format!("`{}` is a formula of one number", name.text),
                )
                .label(span, format!("{} given", args.len()))
                .help(format!("write `{}({})`", name.text, self.parameter())),
            );
            return Some(Typed::poison(span));
        };
        let of = self.number_of_formula(value);
        let of = of.filter(|of| self.may_write_out(&body, of, span));
        let expr = of.and_then(|of| substituted(&placed(&body, span), "x", &of));
        Some(expr.map_or_else(
            || Typed::poison(span),
            |expr| Typed::new(expr, Type::PLAIN, span),
        ))
    }

    /// What the formula that is lowered calls its value.
    pub(in crate::analysis) fn parameter(&self) -> &'static str {
        let is_known = |name: &&str| self.locals.find(name).is_some();
        PARAMETERS.into_iter().find(is_known).unwrap_or("x")
    }

    /// Whether a body with an argument in place of each `x` is short enough, beside those of this formula before it.
    fn may_write_out(&mut self, body: &Expr, argument: &Expr, span: Span) -> bool {
        let (own, places) = size(body);
        let (each, _) = size(argument);
        let Some(known) = &mut self.formulas else {
            return false;
        };
        let before = known.parts;
        let after = before.saturating_add(own.saturating_add(places.saturating_mul(each)));
        known.parts = after;
        if before <= MOST_PARTS && after > MOST_PARTS {
            self.report(
                Diagnostic::error(
                    "bnas::quantizer::length",
                    format!("this formula has more than {MOST_PARTS} parts where its calls are written out"),
                )
                .label(span, "this call is one too many")
                .help("call fewer formulas that call others"),
            );
        }
        after <= MOST_PARTS
    }

    /// The first calls the second, and so on, and the last the first.
    fn calls_itself(&mut self, circle: &[&ast::Name]) {
        let first = circle[0];
        let next = |i: usize| &circle[(i + 1) % circle.len()].text;
        let diagnostic = Diagnostic::error(
            "bnas::name::circular",
            format!("`{}` calls itself", first.text),
        );
        let diagnostic = (0..circle.len()).fold(diagnostic, |diagnostic, i| {
            diagnostic.label(circle[i].span, format!("calls `{}`", next(i)))
        });
        self.report(diagnostic.help(match circle.len() {
            1 => "write it without itself",
            2 => "write one of them without the other",
            _ => "write one of them without the next",
        }));
    }

    fn calls_too_deep(&mut self, name: &ast::Name) {
        self.report(
            Diagnostic::error(
                "bnas::parse::nesting",
                format!("more than {LONGEST_CHAIN} formulas call each other in a row"),
            )
            .label(name.span, "this one is too many")
            .help("write what it computes where it is called"),
        );
    }
}

/// Whether the author names it.
pub(super) fn is_own(formula: &ast::Formula) -> bool {
    !ORDER.contains(&formula.name.text.as_str())
}

/// Every name that an expression calls or reads.
fn names_in<'e>(expr: &'e ast::Expr, found: &mut Vec<&'e str>) {
    if let ExprKind::Path(path) | ExprKind::Call { callee: path, .. } = &expr.kind {
        found.extend(path.as_name().map(|name| name.text.as_str()));
    }
    for part in expr.parts() {
        names_in(part, found);
    }
}

/// An expression with another one in place of a name.
fn substituted(expr: &Expr, name: &str, by: &Expr) -> Option<Expr> {
    let names = |n: &str| (n == name).then(|| by.clone());
    evaluate::reduce(expr, &names).ok()
}

/// A formula that is written out in another: its names stand where it is called.
fn placed(expr: &Expr, span: Span) -> Expr {
    let mut names: Vec<String> = evaluate::names(expr).into_iter().collect();
    names.retain(|name| name != "x");
    let at = |n: &str| {
        let found = names.iter().find(|name| *name == n)?;
        Some(Expr::Name(found.clone(), span))
    };
    evaluate::reduce(expr, &at).unwrap_or_else(|_| expr.clone())
}

/// How many parts an expression has, and how many of them are `x`.
fn size(expr: &Expr) -> (usize, usize) {
    let all = |parts: &mut dyn Iterator<Item = &Expr>| {
        parts.map(size).fold((1, 0), |sum: (usize, usize), part| {
            (sum.0.saturating_add(part.0), sum.1.saturating_add(part.1))
        })
    };
    match expr {
        Expr::Name(name, _) => (1, usize::from(name == "x")),
        Expr::Unary(_, x) => all(&mut [&**x].into_iter()),
        Expr::Binary(_, x, y) => all(&mut [&**x, &**y].into_iter()),
        Expr::If(c, x, y) => all(&mut [&**c, &**x, &**y].into_iter()),
        Expr::Call(_, items) | Expr::Set(items) => all(&mut items.iter()),
        Expr::Value(_) | Expr::Decision(_) | Expr::Record(..) => (1, 0),
    }
}
