//! A stage of training over decisions.

use super::schedule;
use crate::diagnostic::Diagnostic;
use crate::ir::{self, BinaryOp, Expr, PROGRESS, Quantize, Slot, Techniques, Value};
use crate::model::candidate::{self, Optimizer, Recipe, Schedule};
use crate::model::expression::evaluate::{self, Failure, Scope};
use crate::model::expression::fold;
use crate::model::expression::frame::Frame;
use crate::model::settling::settle::{Settler, span_of};
use crate::source::Span;

/// A stage of training over decisions.
#[derive(Debug, Clone)]
pub(in crate::model) struct Stage {
    name: String,
    quantize: Expr,
    teacher: Option<Expr>,
    /// The stages before it.
    earlier: Vec<String>,
    loss: Loss,
    epochs: Expr,
    batch: Expr,
    optimizer: Expr,
    schedule: Expr,
    label_smoothing: Expr,
    weight_decay: Option<Expr>,
    techniques: Techniques<Expr>,
}

/// What is minimized, over decisions.
#[derive(Debug, Clone)]
struct Loss {
    task: Expr,
    distill: Expr,
    temperature: Expr,
    /// Under which condition a teacher is asked.
    asks: Expr,
}

impl Loss {
    /// The loss of a stage, or the one of several that is chosen.
    fn new(stage: &ir::Stage, settler: &mut Settler, names: &Frame) -> Loss {
        let path = format!("{}.loss", stage.name);
        let choice = stage.loss_choice.as_ref();
        let all = settler.one_of(&stage.loss, choice, &path, |loss| &loss.name);
        let settled = all.into_iter().map(|one| {
            let fixed = |expr: &Expr| Slot::Fixed(expr.clone());
            let mut part = |slot: &Slot, path: &str| settler.slot(slot, path, &one.guard, names);
            let loss = Loss {
                task: part(&fixed(&one.what.task), &one.path),
                distill: part(&fixed(&one.what.distill), &one.path),
                temperature: part(&one.what.temperature, &format!("{}.temperature", one.path)),
                asks: match one.what.distill.as_value() == Some(&Value::Number(0.0)) {
                    true => Expr::bool(false),
                    false => one.guard.clone(),
                },
            };
            (one.guard, loss)
        });
        let settled: Vec<(Expr, Loss)> = settled.collect();
        let chosen = settled
            .into_iter()
            .rev()
            .reduce(|(_, others), (guard, loss)| {
                let either = |x, y| evaluate::choose(guard.clone(), x, y);
                let loss = Loss {
                    task: either(loss.task, others.task),
                    distill: either(loss.distill, others.distill),
                    temperature: either(loss.temperature, others.temperature),
                    asks: fold::either(loss.asks, others.asks),
                };
                (guard, loss)
            });
        chosen.expect("invariant: a choice has members").1
    }
}

impl Stage {
    /// Makes decisions of a stage's choices, at paths below its name. `earlier` are the stages before it.
    pub(in crate::model) fn new(
        stage: &ir::Stage,
        earlier: &[ir::Stage],
        settler: &mut Settler,
        names: &Frame,
    ) -> Stage {
        let training = &stage.training;
        let always = Expr::bool(true);
        let mut field = |slot: &Slot, name: &str| {
            let path = format!("{}.{name}", stage.name);
            let value = settler.slot(slot, &path, &always, names);
            // A stage of no epoch is there, and what it would train with is not.
            settler.or_default(value, &always)
        };
        let (epochs, batch) = (
            field(&training.epochs, "epochs"),
            field(&training.batch, "batch"),
        );
        let optimizer = field(&training.optimizer, "optimizer");
        let schedule = schedule::expanded(&field(&training.schedule, "schedule"));
        let label_smoothing = field(&training.label_smoothing, "label_smoothing");
        let weight_decay = (training.weight_decay.as_ref()).map(|w| field(w, "weight_decay"));
        let techniques = Techniques::of(|name| Some(field(training.techniques.get(name)?, name)));
        let quantize = field(&stage.quantize, "quantize");
        let loss = Loss::new(stage, settler, names);
        let path = format!("{}.teacher", stage.name);
        let teacher = stage.teacher.as_ref();
        let teacher = teacher.map(|slot| settler.slot(slot, &path, &loss.asks, names));
        Stage {
            name: stage.name.clone(),
            quantize,
            teacher,
            earlier: earlier.iter().map(|s| s.name.clone()).collect(),
            loss,
            epochs,
            batch,
            optimizer,
            schedule,
            label_smoothing,
            weight_decay,
            techniques,
        }
    }

    /// Whether it is `finetune`, which is for quantized networks only.
    pub(in crate::model) fn is_tuning(&self) -> bool {
        self.name == "finetune"
    }

    /// Under which condition it has an epoch.
    pub(in crate::model) fn trains(&self) -> Expr {
        let (epochs, none) = (self.epochs.clone(), Expr::number(0.0));
        // What is no number has been reported.
        fold::combine(BinaryOp::Greater, epochs, none).unwrap_or(Expr::bool(true))
    }

    /// What it is made of whether it has an epoch or not: what is quantized is calibrated all the same.
    pub(in crate::model) fn parts(&self) -> impl Iterator<Item = &Expr> {
        [&self.quantize, &self.epochs, &self.batch].into_iter()
    }

    /// What it trains with.
    pub(in crate::model) fn recipe_parts(&self) -> impl Iterator<Item = &Expr> {
        let loss = &self.loss;
        let always = [
            &loss.task,
            &loss.distill,
            &loss.temperature,
            &loss.asks,
            &self.optimizer,
            &self.schedule,
            &self.label_smoothing,
        ];
        let given = self.teacher.iter().chain(&self.weight_decay);
        let techniques = self.techniques.iter().map(|(_, part)| part);
        always.into_iter().chain(given).chain(techniques)
    }

    /// The stage of a point.
    pub(in crate::model) fn at(&self, scope: &dyn Scope) -> Result<candidate::Stage, Failure> {
        let positive = |x: f64| match x > 0.0 && x.is_finite() {
            true => Ok(x),
            false => Err(Failure::Kind("a temperature above 0", x.to_string())),
        };
        Ok(candidate::Stage {
            name: self.name.clone(),
            quantize: word(&self.quantize, Quantize::of, "operands", scope)?,
            recipe: self.recipe(scope)?,
            teacher: match &self.teacher {
                Some(teacher) if evaluate::truth(&self.loss.asks, scope)? => {
                    let earlier = |name: &str| self.earlier.iter().position(|n| n == name);
                    Some(word(teacher, earlier, "an earlier stage", scope)?)
                }
                _ => None,
            },
            loss: candidate::Loss {
                task: evaluate::number(&self.loss.task, scope)?,
                distill: evaluate::number(&self.loss.distill, scope)?,
                temperature: positive(evaluate::number(&self.loss.temperature, scope)?)?,
            },
        })
    }

    fn recipe(&self, scope: &dyn Scope) -> Result<Recipe, Failure> {
        let mut optimizer = optimizer(&evaluate::value(&self.optimizer, scope)?)?;
        if let Some(given) = &self.weight_decay {
            optimizer.decay(evaluate::number(given, scope)?);
        }
        Ok(Recipe {
            epochs: evaluate::count(&self.epochs, 0, scope)?,
            batch: evaluate::count(&self.batch, 1, scope)?,
            optimizer,
            schedule: course(&self.schedule, scope)?,
            label_smoothing: evaluate::number(&self.label_smoothing, scope)?,
            techniques: (self.techniques).try_map(|e| evaluate::number(e, scope))?,
        })
    }
}

/// What the word that an expression gives stands for.
pub(in crate::model) fn word<T>(
    expr: &Expr,
    of: impl Fn(&str) -> Option<T>,
    wanted: &'static str,
    scope: &dyn Scope,
) -> Result<T, Failure> {
    let value = evaluate::value(expr, scope)?;
    let found = value.as_name().and_then(of);
    found.ok_or_else(|| Failure::Kind(wanted, value.to_string()))
}

/// A word, or a formula in which only the names of progress are left.
fn course(expr: &Expr, scope: &dyn Scope) -> Result<Schedule, Failure> {
    let fixed = evaluate::fix(expr, scope)?;
    let Some(value) = fixed.as_value() else {
        let mut names = evaluate::names(&fixed).into_iter();
        return match names.find(|n| !PROGRESS.contains(&n.as_str())) {
            Some(name) => Err(Failure::Unknown(name)),
            None => Ok(Schedule::Formula(fixed)),
        };
    };
    match (value.as_name(), value.as_number()) {
        (Some("constant"), _) => Ok(Schedule::Constant),
        (Some("cosine"), _) => Ok(Schedule::Cosine),
        (_, Some(_)) => Ok(Schedule::Formula(fixed)),
        _ => Err(Failure::Kind("a schedule", value.to_string())),
    }
}

/// What a stage trains with after the search, in place of its own.
#[derive(Debug, Clone)]
pub(in crate::model) struct Final {
    stage: String,
    epochs: Option<Expr>,
    batch: Option<Expr>,
    optimizer: Option<Expr>,
    schedule: Option<Expr>,
    label_smoothing: Option<Expr>,
    weight_decay: Option<Expr>,
    techniques: Techniques<Expr>,
    /// The decisions that it reads, and where.
    reads: Vec<(usize, Span)>,
}

impl Final {
    /// Nothing in it is chosen: analysis sees to that.
    pub(in crate::model) fn new(
        training: &ir::FinalTraining,
        settler: &mut Settler,
        names: &Frame,
    ) -> Final {
        let mut reads = Vec::new();
        let mut field = |slot: &Slot| {
            let value = settler.unread(|s| s.slot(slot, "final", &Expr::bool(true), names));
            let place = evaluate::expressions(slot).first().map(span_of);
            let read = evaluate::decisions(&value).into_iter();
            reads.extend(read.map(|index| (index, place.unwrap_or_default())));
            value
        };
        let mut training = Final {
            stage: training.stage.clone(),
            epochs: training.epochs.as_ref().map(&mut field),
            batch: training.batch.as_ref().map(&mut field),
            optimizer: training.optimizer.as_ref().map(&mut field),
            schedule: (training.schedule.as_ref()).map(|s| schedule::expanded(&field(s))),
            label_smoothing: training.label_smoothing.as_ref().map(&mut field),
            weight_decay: training.weight_decay.as_ref().map(&mut field),
            techniques: Techniques::of(|name| training.techniques.get(name).map(&mut field)),
            reads: Vec::new(),
        };
        training.reads = reads;
        training
    }

    /// Remembers that it reads decisions, once everything that is searched has done so: what nothing else reads would be searched for nothing.
    pub(in crate::model) fn read(&self, settler: &mut Settler) {
        for (index, span) in &self.reads {
            if !settler.reads.is_paused() && !settler.reads.has(*index) {
                let decision = &settler.decisions.all[*index];
                let text = format!("`{}` is searched, and only `final` reads it", decision.path);
                let unsearched = Diagnostic::error("bnas::domain::not_searched", text)
                    .label(*span, "what `final` trains is not searched")
                    .label(decision.span, "this choice changes nothing that is")
                    .help("write the value to train with, or let what is searched read it, too");
                settler.sink.push(unsearched);
            }
            settler.note_reads(
                &Expr::Decision(*index),
                &Expr::bool(true),
                &Frame::default(),
            );
        }
    }

    /// Changes the stage that is meant; a float network may not have it.
    pub(in crate::model) fn apply(
        &self,
        stages: &mut [candidate::Stage],
        scope: &dyn Scope,
    ) -> Result<(), Failure> {
        let Some(stage) = stages.iter_mut().find(|s| s.name == self.stage) else {
            return Ok(());
        };
        let recipe = &mut stage.recipe;
        if let Some(epochs) = &self.epochs {
            recipe.epochs = evaluate::count(epochs, 0, scope)?;
        }
        if let Some(batch) = &self.batch {
            recipe.batch = evaluate::count(batch, 1, scope)?;
        }
        if let Some(given) = &self.optimizer {
            recipe.optimizer = optimizer(&evaluate::value(given, scope)?)?;
        }
        if let Some(given) = &self.schedule {
            recipe.schedule = course(given, scope)?;
        }
        if let Some(given) = &self.label_smoothing {
            recipe.label_smoothing = evaluate::number(given, scope)?;
        }
        if let Some(given) = &self.weight_decay {
            recipe.optimizer.decay(evaluate::number(given, scope)?);
        }
        let given = (self.techniques).try_map(|e| evaluate::number(e, scope))?;
        recipe.techniques = given.or(recipe.techniques);
        Ok(())
    }
}

fn optimizer(value: &Value) -> Result<Optimizer, Failure> {
    // Defaults are filled in by analysis; a bare name takes them, too.
    let field = |name: &str, default: f64| match value {
        Value::Record(record) => match record.get(name) {
            Some(Value::Number(n)) => Ok(*n),
            Some(other) => Err(Failure::Kind("a number", other.to_string())),
            None => Ok(default),
        },
        _ => Ok(default),
    };
    match value.as_name() {
        Some("adam") => Ok(Optimizer::Adam {
            lr: field("lr", 2e-3)?,
            beta1: field("beta1", 0.9)?,
            beta2: field("beta2", 0.999)?,
            weight_decay: field("weight_decay", 0.0)?,
        }),
        Some("adamw") => Ok(Optimizer::AdamW {
            lr: field("lr", 2e-3)?,
            beta1: field("beta1", 0.9)?,
            beta2: field("beta2", 0.999)?,
            weight_decay: field("weight_decay", 0.01)?,
        }),
        Some("sgd") => Ok(Optimizer::Sgd {
            lr: field("lr", 0.1)?,
            momentum: field("momentum", 0.9)?,
            weight_decay: field("weight_decay", 0.0)?,
        }),
        _ => Err(Failure::Kind(
            "`adam(…)`, `adamw(…)` or `sgd(…)`",
            value.to_string(),
        )),
    }
}
