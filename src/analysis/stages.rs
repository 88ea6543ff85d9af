//! Stages of training: what is quantized in each, who teaches, what is minimized.
//!
//! In: the sections `stage name { … }` of an experiment in the order of the text, or their shorthands `train` and `finetune`. Out:
//! [`Stage`]s. A loss is linear in `task` and `distill(kl)`; what stands before them may depend on choices.

use std::sync::Arc;

use super::context::{Cx, list};
use super::fields::{Given, Written, find};
use super::merged::Merged;
use super::paths::{Paths, of_slot};
use super::schema::{Kind, LOSS, TEMPERATURE};
use super::types::Type;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{
    BinaryOp, Domain, DomainKind, Expr, FinalTraining, Loss, Slot, Stage, Techniques, UnaryOp,
    Value,
};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// Adam's learning rate where a stage does not say its optimizer.
const LEARNING_RATE: f64 = 2e-3;
/// The same in `finetune`, which starts from a trained network.
const TUNING_RATE: f64 = 5e-4;

/// Words that begin paths of decisions, so that no stage may have them as its name.
const TAKEN: &[&str] = &[
    "train", "finetune", "space", "policy", "target", "data", "init", "repairs", "search", "best",
    "pareto",
];

/// A part of a loss: factors of `task` and of `distill`, or a number if it has neither.
enum Part {
    Number(Expr),
    Losses(Option<Expr>, Option<Expr>),
}

impl Cx<'_> {
    /// Every stage of an experiment in order; empty if it says none.
    pub(super) fn stages(&mut self, merged: &Merged, sections: &[ast::Section]) -> Vec<Stage> {
        let named = |name: &str| sections.iter().find(|s| s.name.text == name);
        let own: Vec<&ast::Section> = sections.iter().filter(|s| s.name.text == "stage").collect();
        let shorthand = named("train").or(named("finetune"));
        if let (Some(short), Some(stage)) = (shorthand, own.first()) {
            self.report(
                Diagnostic::error(
                    "bnas::stage::mixed",
                    format!("`{}` stands beside `stage`s", short.name.text),
                )
                .label(short.name.span, "a shorthand for one stage")
                .label(stage.name.span, "stages are said one by one here")
                .help(format!(
                    "write `stage {} {{ quantize = {}  … }}`",
                    if short.name.text == "train" {
                        "float"
                    } else {
                        "tuned"
                    },
                    if short.name.text == "train" {
                        "none"
                    } else {
                        "all"
                    },
                )),
            );
        }
        let mut stages = Vec::new();
        for (name, quantize, lr) in [
            ("train", "none", LEARNING_RATE),
            ("finetune", "all", TUNING_RATE),
        ] {
            if let Some(training) = self.training(merged, sections, name, lr) {
                stages.push(Stage {
                    name: name.into(),
                    quantize: Slot::word(quantize),
                    training,
                    teacher: None,
                    loss: Loss::default(),
                    span: named(name).map_or(merged.name.span, |s| s.name.span),
                });
            }
        }
        if own.is_empty() || !stages.is_empty() {
            return stages;
        }
        for section in own {
            let stage = self.stage(merged, section, &stages);
            stages.push(stage);
        }
        stages
    }

    /// `final { on = pareto  epochs = 200 }`.
    pub(super) fn final_training(
        &mut self,
        merged: &Merged,
        sections: &[ast::Section],
        stages: &[Stage],
    ) -> Option<FinalTraining> {
        let section = sections.iter().find(|s| s.name.text == "final")?;
        let known = merged.schema.section("final").map_or(&[][..], |s| s.fields);
        let written = self.written("`final`", section.name.span, &section.entries, known);
        let on = self.slot(&written, find(known, "on"));
        let only_best =
            matches!(&on, Some(Slot::Fixed(Expr::Value(v))) if v.as_name() == Some("best"));
        let stage = match written.get("stage") {
            None => stages.first()?.name.clone(),
            Some((key, given)) => {
                let text = self.text(given.span());
                let names = || stages.iter().map(|s| s.name.as_str());
                if !names().any(|n| n == text) {
                    self.report(
                        Diagnostic::error(
                            "bnas::name::unknown",
                            format!("there is no stage `{text}`"),
                        )
                        .label(given.span(), "nothing here has this name")
                        .label(key.span, "whose fields these are")
                        .help(format!("stages are {}", list(names()))),
                    );
                    return None;
                }
                text
            }
        };
        self.decays_once(&written);
        let mut given = |name: &str| self.slot(&written, find(known, name));
        let training = FinalTraining {
            only_best,
            stage,
            epochs: given("epochs")?,
            batch: given("batch"),
            optimizer: given("optimizer"),
            schedule: given("schedule"),
            label_smoothing: given("label_smoothing"),
            weight_decay: given("weight_decay"),
            techniques: Techniques::of(given),
        };
        self.chooses_nothing(&training, &written);
        Some(training)
    }

    /// What is trained in the end has no choices left: `adam(lr in …)` would be searched and never tried.
    fn chooses_nothing(&mut self, training: &FinalTraining, written: &Written) {
        let fields = [
            ("optimizer", &training.optimizer),
            ("schedule", &training.schedule),
        ];
        for (name, slot) in fields {
            let mut chosen = Paths::default();
            if let Some(Slot::Fixed(expr)) = slot {
                of_slot(&Slot::Fixed(expr.clone()), "", &mut chosen);
            }
            if let (false, Some((key, given))) = (chosen.is_empty(), written.get(name)) {
                let (at, span) = (key.span, given.span());
                self.report(
                    Diagnostic::error(
                        "bnas::domain::not_searched",
                        "what `final` trains is not searched",
                    )
                    .label(span, "a choice stands in here")
                    .label(at, "this field is fixed")
                    .help("write the value to train with"),
                );
            }
        }
    }

    fn stage(&mut self, merged: &Merged, section: &ast::Section, before: &[Stage]) -> Stage {
        let known = merged.schema.section("stage").map_or(&[][..], |s| s.fields);
        // `knows_section` has reported a stage without a name.
        let name = section.label.clone().unwrap_or(section.name.clone());
        if TAKEN.contains(&name.text.as_str()) {
            self.report(
                Diagnostic::error(
                    "bnas::stage::name",
                    format!("a stage cannot be called `{}`", name.text),
                )
                .label(name.span, "a word of the language")
                .help("choose another name, such as `first`"),
            );
        }
        let written = self.written(
            &format!("stage `{}`", name.text),
            name.span,
            &section.entries,
            known,
        );
        let quantize = self.slot(&written, find(known, "quantize"));
        let quantize = quantize.unwrap_or(Slot::word("all"));
        let training = self.training_of(&written, known, LEARNING_RATE);
        let teacher = self.teacher(&written, before);
        let loss = self.loss(&written, teacher.is_some());
        Stage {
            name: name.text,
            quantize,
            training,
            teacher,
            loss,
            span: name.span,
        }
    }

    /// The earlier stage that `teacher` names, or several of which the search chooses one.
    fn teacher(&mut self, written: &Written, before: &[Stage]) -> Option<Slot> {
        let (key, given) = written.get("teacher")?;
        let names: Vec<&str> = before.iter().map(|s| s.name.as_str()).collect();
        let (items, default) = match given {
            Given::Fixed(value) => (std::slice::from_ref(*value), None),
            Given::Searched(domain, default) => match &domain.kind {
                ExprKind::Set(items) if !items.is_empty() => (&items[..], *default),
                _ => (std::slice::from_ref(*domain), None),
            },
        };
        let mut of = |e: &ast::Expr| self.earlier_stage(e, key.span, &names);
        let named: Vec<Option<String>> = items.iter().map(&mut of).collect();
        let default = default.and_then(&mut of).map(Value::Name);
        let named = named.into_iter().collect::<Option<Vec<_>>>();
        // One message is enough: the loss is read as if there were a teacher.
        let named = named.unwrap_or_else(|| vec![names.first().copied().unwrap_or("").into()]);
        let mut named = named.into_iter().map(|n| Expr::Value(Value::Name(n)));
        Some(match given {
            Given::Fixed(_) => Slot::Fixed(named.next()?),
            Given::Searched(domain, _) => Slot::Chosen(Domain {
                kind: DomainKind::Set(named.collect()),
                default,
                unit: String::new(),
                span: domain.span,
            }),
        })
    }

    fn earlier_stage(&mut self, e: &ast::Expr, key: Span, names: &[&str]) -> Option<String> {
        let name = match &e.kind {
            ExprKind::Path(path) => path.as_name(),
            _ => None,
        };
        if let Some(name) = name.filter(|n| names.contains(&n.text.as_str())) {
            return Some(name.text.clone());
        }
        let text = self.text(e.span);
        let mut diagnostic = Diagnostic::error(
            "bnas::stage::teacher",
            format!("there is no earlier stage `{text}`"),
        )
        .label(e.span, "a stage that stands above this one")
        .label(key, "whose network is asked");
        diagnostic = match did_you_mean(&text, names.iter().copied()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None if names.is_empty() => {
                diagnostic.help("remove it: the first stage has no earlier one")
            }
            None => diagnostic.help(format!(
                "earlier stages are {}",
                list(names.iter().copied())
            )),
        };
        self.report(diagnostic);
        None
    }

    fn loss(&mut self, written: &Written, has_teacher: bool) -> Loss {
        let Some((key, given)) = written.get("loss") else {
            if has_teacher {
                let place = written.place("teacher");
                self.report(
                    Diagnostic::error("bnas::stage::teacher", "this teacher is never asked")
                        .label(place, "and the loss is `task` alone")
                        .help("add `loss = 0.2 * task + 0.8 * distill(kl)`"),
                );
            }
            return Loss::default();
        };
        let expr = match given {
            Given::Fixed(expr) => expr,
            Given::Searched(domain, _) => {
                self.not_searched("loss", &LOSS, domain, key.span);
                return Loss::default();
            }
        };
        let mut temperature = None;
        let Some(part) = self.part(expr, &mut temperature) else {
            return Loss::default();
        };
        let zero = || Expr::number(0.0);
        let (task, distill) = match part {
            Part::Losses(task, distill) => (task, distill),
            Part::Number(_) => {
                self.no_loss(expr.span, "no loss is named here");
                return Loss::default();
            }
        };
        if distill.is_some() != has_teacher {
            let (place, label, help) = match has_teacher {
                true => (
                    written.place("teacher"),
                    "this teacher is never asked",
                    "add `0.8 * distill(kl)` to the loss, or remove `teacher`",
                ),
                false => (
                    expr.span,
                    "`distill` needs a teacher",
                    "add `teacher = …`: an earlier stage",
                ),
            };
            self.report(
                Diagnostic::error("bnas::stage::teacher", label)
                    .label(place, "here")
                    .help(help),
            );
        }
        Loss {
            task: task.unwrap_or_else(zero),
            distill: distill.unwrap_or_else(zero),
            temperature: temperature.map_or(Slot::Fixed(Expr::number(1.0)), |(t, _)| t),
        }
    }

    /// What an expression is in `task` and `distill`; nothing after a diagnostic.
    fn part(&mut self, e: &ast::Expr, temperature: &mut Option<(Slot, Span)>) -> Option<Part> {
        if !speaks_of_losses(e) {
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
                    let before = self.sink.count();
                    let slot = self.filled(&TEMPERATURE, Given::Fixed(value), name.span);
                    (self.sink.count() == before).then_some(())?;
                    wanted = (slot, value.span);
                }
                ast::Argument::Searched {
                    name,
                    domain,
                    default,
                } if name.text == "temperature" => {
                    let given = Given::Searched(domain, default.as_ref());
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

fn negated(e: Expr) -> Expr {
    Expr::Unary(UnaryOp::Negate, Arc::new(e))
}

fn sum(x: Option<Expr>, y: Option<Expr>) -> Option<Expr> {
    match (x, y) {
        (Some(x), Some(y)) => Some(binary(BinaryOp::Add, x, y)),
        (x, y) => x.or(y),
    }
}
