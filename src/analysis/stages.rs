//! Stages of training: what is quantized in each, who teaches.
//!
//! In: the sections `stage name { … }` of an experiment in the order of the text, or their shorthands `train` and `finetune`. Out:
//! [`Stage`]s. What each minimizes stands in `loss`.

use super::context::{Cx, list};
use super::fields::{Given, Written, find};
use super::merged::Merged;
use super::paths::{Paths, of_slot};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Domain, DomainKind, Expr, FinalTraining, Loss, Slot, Stage, Techniques, Value};
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
                    loss_choice: None,
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
        let (loss, loss_choice) = self.losses(&written, teacher.is_some());
        Stage {
            name: name.text,
            quantize,
            training,
            teacher,
            loss,
            loss_choice,
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
}
