//! Stages of training: what is quantized in each, who teaches, what is minimized.
//!
//! In: the sections `stage name { … }` of an experiment in the order of the text, or their shorthands `train` and `finetune`. Out:
//! [`Stage`]s. A loss is linear in `task` and `distill(kl)`; what stands before them may depend on choices.

use std::sync::Arc;

use super::context::{Cx, list};
use super::fields::{Given, Written, find};
use super::merged::Merged;
use super::schema::Kind;
use super::types::Type;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{
    BinaryOp, Expr, FinalTraining, Loss, Quantize, Slot, Stage, Techniques, UnaryOp, Value,
};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// Adam's learning rate where a stage does not say its optimizer.
const LEARNING_RATE: f64 = 2e-3;
/// The same in `finetune`, which starts from a trained network.
const TUNING_RATE: f64 = 5e-4;

/// Words that begin paths of decisions, so that no stage may have them as its name.
const TAKEN: &[&str] = &[
    "train", "finetune", "space", "policy", "target", "data", "repairs", "search", "best", "pareto",
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
            ("train", Quantize::None, LEARNING_RATE),
            ("finetune", Quantize::All, TUNING_RATE),
        ] {
            if let Some(training) = self.training(merged, sections, name, lr) {
                stages.push(Stage {
                    name: name.into(),
                    quantize,
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
        let chooses = match &training.optimizer {
            Some(Slot::Fixed(Expr::Record(_, fields, _))) => fields
                .iter()
                .any(|(_, slot)| matches!(slot, Slot::Chosen(_))),
            _ => false,
        };
        if let (true, Some((key, given))) = (chooses, written.get("optimizer")) {
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
        let quantize = match self.slot(&written, find(known, "quantize")) {
            Some(Slot::Fixed(Expr::Value(Value::Name(word)))) => match word.as_str() {
                "none" => Quantize::None,
                "activations" => Quantize::Activations,
                "weights" => Quantize::Weights,
                _ => Quantize::All,
            },
            _ => Quantize::All,
        };
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

    /// The index of the stage that `teacher` names.
    fn teacher(&mut self, written: &Written, before: &[Stage]) -> Option<usize> {
        let (key, given) = written.get("teacher")?;
        let name = match given {
            Given::Fixed(ast::Expr {
                kind: ExprKind::Path(path),
                ..
            }) => path.as_name(),
            _ => None,
        };
        let names: Vec<&str> = before.iter().map(|s| s.name.as_str()).collect();
        if let Some(index) = name.and_then(|n| names.iter().position(|known| *known == n.text)) {
            return Some(index);
        }
        let text = self.text(given.span());
        let mut diagnostic = Diagnostic::error(
            "bnas::stage::teacher",
            format!("there is no earlier stage `{text}`"),
        )
        .label(given.span(), "a stage that stands above this one")
        .label(key.span, "whose network is asked");
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
        // One message is enough: the loss is read as if there were a teacher.
        Some(0)
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
        let Given::Fixed(expr) = given else {
            self.report(
                Diagnostic::error("bnas::domain::not_searched", "`loss` cannot be searched")
                    .label(given.span(), "a domain")
                    .label(key.span, "this field is fixed")
                    .help(
                        "search a number in it: `loss = share * task + (1 - share) * distill(kl)`",
                    ),
            );
            return Loss::default();
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
            temperature: temperature.map_or(Expr::number(1.0), |(t, _)| t),
        }
    }

    /// What an expression is in `task` and `distill`; nothing after a diagnostic.
    fn part(&mut self, e: &ast::Expr, temperature: &mut Option<(Expr, Span)>) -> Option<Part> {
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
        temperature: &mut Option<(Expr, Span)>,
    ) -> Option<()> {
        let mut wanted = (Expr::number(1.0), span);
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
                    let value = self.expr(value, Some(Kind::Number("")));
                    if value.ty == Type::Poison {
                        return None;
                    }
                    let low = value.values.iter().flatten().filter_map(Value::as_number);
                    if !value.ty.fits(&Type::PLAIN) || low.fold(1.0, f64::min) <= 0.0 {
                        self.expected("a plain number above 0", &value);
                        return None;
                    }
                    wanted = (value.expr, value.span);
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
