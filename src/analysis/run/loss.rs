//! What a stage minimizes: multiples of `task` and `distill(kl)`, added up.
//!
//! In: the field `loss` of a stage, fixed or searched. Out: one [`Loss`], or several of which the search chooses one. What stands before
//! `task` and `distill` may depend on choices.

use std::sync::Arc;

use crate::analysis::context::Cx;
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::expression::types::Type;
use crate::analysis::schema::{Kind, TEMPERATURE};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Choice, Expr, Loss, Slot, UnaryOp, Value, numbered};
use crate::model::expression::evaluate;
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// A part of a loss: factors of `task` and of `distill`, or a number if it has neither.
enum Part {
    Number(Expr),
    Losses(Option<Expr>, Option<Expr>),
}

/// Whose answers a stage may learn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::analysis) enum Teacher {
    /// Nobody's.
    None,
    /// Those of the stage that it names.
    Named,
    /// It names one that is not there, which has been reported.
    Reported,
}

impl Cx<'_> {
    /// What a stage minimizes, and the others of which the search may choose.
    pub(in crate::analysis) fn losses(
        &mut self,
        written: &Written,
        teacher: Teacher,
    ) -> (Loss, Option<Choice<Loss>>) {
        let has_teacher = teacher != Teacher::None;
        let Some((_, given)) = written.get("loss") else {
            if teacher == Teacher::Named && !written.is_meant("loss") {
                let place = written.place("teacher");
                self.report(
                    Diagnostic::error("bnas::stage::teacher", "this teacher is never asked")
                        .label(place, "and the loss is `task` alone")
                        .help("add `loss = 0.2 * task + 0.8 * distill(kl)`"),
                );
            }
            return Default::default();
        };
        let items = match given {
            Given::Fixed(expr) => std::slice::from_ref(*expr),
            Given::Searched(domain, _) => match &domain.kind {
                ExprKind::Set(items) if !items.is_empty() => &items[..],
                _ => {
                    self.no_loss(domain.span, "not a set of losses");
                    return Default::default();
                }
            },
        };
        let mut losses = Vec::with_capacity(items.len());
        let mut asks = false;
        for item in items {
            let Some((loss, distills)) = self.loss(item, has_teacher) else {
                return Default::default();
            };
            asks |= distills;
            losses.push(loss);
        }
        if teacher == Teacher::Named && !asks {
            self.report(
                Diagnostic::error("bnas::stage::teacher", "this teacher is never asked")
                    .label(written.place("teacher"), "named here, and no loss reads it")
                    .help("add `0.8 * distill(kl)` to the loss, or remove `teacher`"),
            );
        }
        let names = numbered(losses.iter().map(|loss| loss.name.clone()).collect());
        for (loss, name) in losses.iter_mut().zip(&names) {
            loss.name.clone_from(name);
        }
        let Given::Searched(domain, default) = given else {
            return (losses.remove(0), None);
        };
        let default = default.and_then(|e| {
            let text = self.text(e.span);
            if names.contains(&text) {
                return Some(Value::name(text));
            }
            self.not_among(e.span, &text, domain.span);
            None
        });
        let first = losses.remove(0);
        let choice = Choice {
            others: losses,
            default,
            span: domain.span,
        };
        (first, Some(choice))
    }

    /// One loss, and whether it asks a teacher; nothing after a diagnostic.
    fn loss(&mut self, expr: &ast::Expr, has_teacher: bool) -> Option<(Loss, bool)> {
        let mut temperature = None;
        let (task, distill) = match self.part(expr, &mut temperature)? {
            Part::Losses(task, distill) => (task, distill),
            Part::Number(_) => {
                self.no_loss(expr.span, "no loss is named here");
                return None;
            }
        };
        if distill.is_some() && !has_teacher {
            self.report(
                Diagnostic::error("bnas::stage::teacher", "`distill` needs a teacher")
                    .label(expr.span, "asks a teacher, and none is named")
                    .help("add `teacher = …`: an earlier stage"),
            );
        }
        let name = match (&task, &distill) {
            (Some(_), Some(_)) => "task_distill",
            (None, Some(_)) => "distill",
            _ => "task",
        };
        let asks = distill.as_ref().is_some_and(|e| constant(e) != Some(0.0));
        let factors = [&task, &distill].into_iter().flatten();
        let factors: Vec<Option<f64>> = factors.map(constant).collect();
        if factors.iter().flatten().any(|n| *n < 0.0) {
            self.report(
                Diagnostic::error(
                    "bnas::stage::loss",
                    "a part of this loss would be made larger",
                )
                .label(expr.span, "a factor of it is below 0")
                .help("write factors from 0 up: `loss = 0.2 * task + 0.8 * distill(kl)`"),
            );
            return None;
        }
        if factors.iter().all(|n| *n == Some(0.0)) {
            self.no_loss(
                expr.span,
                "every factor of it is 0: nothing would be learned",
            );
            return None;
        }
        let zero = || Expr::number(0.0);
        let loss = Loss {
            name: name.into(),
            task: task.unwrap_or_else(zero),
            distill: distill.unwrap_or_else(zero),
            temperature: temperature.map_or(Slot::Fixed(Expr::number(1.0)), |(t, _)| t),
        };
        Some((loss, asks))
    }

    /// What an expression is in `task` and `distill`; nothing after a diagnostic.
    fn part(&mut self, e: &ast::Expr, temperature: &mut Option<(Slot, Span)>) -> Option<Part> {
        if let Some((name, meant)) = foreign_loss(e)
            && !self.local_named(name)
        {
            let text = format!("there is no loss `{name}`");
            self.report(
                Diagnostic::error("bnas::name::unknown", text)
                    .label(e.span, "no part of a loss")
                    .help(format!("write `{meant}`")),
            );
            return None;
        }
        if !speaks_of_losses(e) && !has_foreign_loss(e) {
            let number = self.expr(e, Some(Kind::Number("")));
            if number.ty == Type::Poison {
                return None;
            }
            if !number.ty.fits(&Type::PLAIN) {
                self.expected("a plain number", &number);
                return None;
            }
            return Some(Part::Number(number.expr));
        }
        match &e.kind {
            // A name of the author's own, which is called like a loss elsewhere.
            ExprKind::Path(path) if foreign_loss(e).is_some() => {
                let number = self.path(path, Some(Kind::Number("")));
                (number.ty != Type::Poison).then_some(Part::Number(number.expr))
            }
            ExprKind::Path(_) => Some(Part::Losses(Some(Expr::number(1.0)), None)),
            ExprKind::Call { args, .. } => {
                self.distill(args, e.span, temperature)?;
                Some(Part::Losses(None, Some(Expr::number(1.0))))
            }
            ExprKind::Unary {
                op: ast::UnaryOp::Neg,
                operand,
            } => match self.part(operand, temperature)? {
                Part::Losses(task, distill) => {
                    Some(Part::Losses(task.map(negated), distill.map(negated)))
                }
                number => Some(number),
            },
            ExprKind::Binary { op, left, right } => {
                let x = self.part(left, temperature)?;
                let y = self.part(right, temperature)?;
                match (op, x, y) {
                    (
                        ast::BinaryOp::Add | ast::BinaryOp::Sub,
                        Part::Losses(a, b),
                        Part::Losses(c, d),
                    ) => {
                        let turn = |e: Option<Expr>| match op {
                            ast::BinaryOp::Sub => e.map(negated),
                            _ => e,
                        };
                        Some(Part::Losses(sum(a, turn(c)), sum(b, turn(d))))
                    }
                    (ast::BinaryOp::Mul, Part::Losses(a, b), Part::Number(n))
                    | (ast::BinaryOp::Mul, Part::Number(n), Part::Losses(a, b)) => {
                        let times = |e: Expr| binary(BinaryOp::Multiply, n.clone(), e);
                        Some(Part::Losses(a.map(times), b.map(times)))
                    }
                    (ast::BinaryOp::Div, Part::Losses(a, b), Part::Number(n)) => {
                        let over = |e: Expr| binary(BinaryOp::Divide, e, n.clone());
                        Some(Part::Losses(a.map(over), b.map(over)))
                    }
                    _ => {
                        self.no_loss(e.span, "not linear in `task` and `distill`");
                        None
                    }
                }
            }
            _ => {
                self.no_loss(e.span, "not linear in `task` and `distill`");
                None
            }
        }
    }

    /// `distill(kl, temperature = 4)`.
    fn distill(
        &mut self,
        args: &[ast::Argument],
        span: Span,
        temperature: &mut Option<(Slot, Span)>,
    ) -> Option<()> {
        let mut wanted = (Slot::Fixed(Expr::number(1.0)), span);
        let mut is_kl = false;
        for arg in args {
            match arg {
                ast::Argument::Positional {
                    value:
                        ast::Expr {
                            kind: ExprKind::Path(path),
                            ..
                        },
                    filter: None,
                } if path.as_name().is_some_and(|n| n.text == "kl") => is_kl = true,
                ast::Argument::Fixed { name, value } if name.text == "temperature" => {
                    let before = self.errors;
                    let slot = self.filled(&TEMPERATURE, Given::Fixed(value), name.span);
                    (self.errors == before).then_some(())?;
                    wanted = (slot, value.span);
                }
                ast::Argument::Searched {
                    name,
                    domain,
                    default,
                } if name.text == "temperature" => {
                    let given = Given::Searched(domain, default.as_deref());
                    wanted = (self.filled(&TEMPERATURE, given, name.span), domain.span);
                }
                _ => {
                    self.bad_distill(span);
                    return None;
                }
            }
        }
        if !is_kl {
            self.bad_distill(span);
            return None;
        }
        if let Some((known, first)) = temperature
            && *known != wanted.0
        {
            let first = *first;
            self.report(
                Diagnostic::error("bnas::stage::loss", "a stage has one temperature")
                    .label(wanted.1, "another temperature")
                    .label(first, "than here")
                    .help("distill once in a loss"),
            );
            return None;
        }
        *temperature = Some(wanted);
        Some(())
    }

    fn bad_distill(&mut self, span: Span) {
        self.report(
            Diagnostic::error(
                "bnas::stage::loss",
                "`distill` takes `kl` and a temperature",
            )
            .label(
                span,
                "the Kullback-Leibler divergence is the one that there is",
            )
            .help("write `distill(kl)` or `distill(kl, temperature = 4)`"),
        );
    }

    fn no_loss(&mut self, span: Span, label: &str) {
        self.report(
            Diagnostic::error(
                "bnas::stage::loss",
                "a loss adds up multiples of `task` and `distill(kl)`",
            )
            .label(span, label)
            .help("write `loss = 0.2 * task + 0.8 * distill(kl)`"),
        );
    }
}

/// What other tools call a part of a loss, and what it is here.
fn foreign_loss(e: &ast::Expr) -> Option<(&str, &'static str)> {
    let ExprKind::Path(path) = &e.kind else {
        return None;
    };
    let name = path.as_name()?.text.as_str();
    Some(match name.to_ascii_lowercase().as_str() {
        "kl" | "kd" | "kl_div" | "kldiv" | "distillation" => (name, "distill(kl)"),
        "ce" | "cross_entropy" | "crossentropy" | "hard" | "labels" => (name, "task"),
        _ => return None,
    })
}

/// Whether what other tools call a loss is a term of it.
fn has_foreign_loss(e: &ast::Expr) -> bool {
    match &e.kind {
        ExprKind::Unary { operand, .. } => has_foreign_loss(operand),
        ExprKind::Binary { left, right, .. } => has_foreign_loss(left) || has_foreign_loss(right),
        _ => foreign_loss(e).is_some(),
    }
}

/// Whether `task` or `distill(…)` stands anywhere in it.
fn speaks_of_losses(e: &ast::Expr) -> bool {
    match &e.kind {
        ExprKind::Path(path) => path.as_name().is_some_and(|n| n.text == "task"),
        ExprKind::Call { callee, args } => {
            callee.as_name().is_some_and(|n| n.text == "distill")
                || args.iter().any(|arg| match arg {
                    ast::Argument::Positional { value, .. }
                    | ast::Argument::Fixed { value, .. } => speaks_of_losses(value),
                    ast::Argument::Searched { .. } => false,
                })
        }
        ExprKind::Unary { operand, .. } => speaks_of_losses(operand),
        ExprKind::Binary { left, right, .. } => speaks_of_losses(left) || speaks_of_losses(right),
        ExprKind::If { condition, yes, no } => [condition, yes, no]
            .into_iter()
            .any(|e| speaks_of_losses(e)),
        _ => false,
    }
}

fn binary(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

/// The number that a factor is, if it depends on nothing.
fn constant(factor: &Expr) -> Option<f64> {
    let nothing = |_: &str| None;
    let value = evaluate::reduce(factor, &nothing).ok()?;
    value.as_value()?.as_number()
}

fn negated(e: Expr) -> Expr {
    Expr::Unary(UnaryOp::Negate, Arc::new(e))
}

fn sum(x: Option<Expr>, y: Option<Expr>) -> Option<Expr> {
    match (x, y) {
        (Some(x), Some(y)) => Some(binary(BinaryOp::Add, x, y)),
        (x, y) => x.or(y),
    }
}
