//! Stages of training: what is quantized in each, who teaches.
//!
//! In: the sections `stage name { … }` of an experiment in the order of the text, or their shorthands `train` and `finetune`. Out:
//! [`Stage`]s. What each minimizes stands in `loss`.

use super::loss::Teacher;
use crate::analysis::context::{Cx, list};
use crate::analysis::expression::fields::{Given, Written, find};
use crate::analysis::merged::Merged;
use crate::analysis::quantization::quantizer::target;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{Domain, DomainKind, Expr, Loss, Slot, Stage, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// Adam's learning rate where a stage does not say its optimizer.
const LEARNING_RATE: f64 = 2e-3;

/// A section that is short for a stage.
struct Shorthand {
    name: &'static str,
    quantize: &'static str,
    /// The learning rate of Adam.
    rate: f64,
    /// What the stage might be called.
    stage: &'static str,
}

const SHORTHANDS: [Shorthand; 2] = [
    Shorthand {
        name: "train",
        quantize: "none",
        rate: LEARNING_RATE,
        stage: "float",
    },
    // It starts from a trained network.
    Shorthand {
        name: "finetune",
        quantize: "all",
        rate: 5e-4,
        stage: "tuned",
    },
];

/// Words that begin paths of decisions, so that no stage may have them as its name.
const TAKEN: &[&str] = &[
    "train", "finetune", "space", "policy", "target", "data", "init", "repairs", "search", "best",
    "pareto",
];

/// What results call the accuracies of every network beside those of named stages.
const RESULTS: &[&str] = &["ptq", "qaft"];

impl Cx<'_> {
    /// Every stage of an experiment in order; empty if it says none.
    pub(in crate::analysis) fn stages(
        &mut self,
        merged: &Merged,
        sections: &[&ast::Section],
    ) -> Vec<Stage> {
        let named = |name: &str| sections.iter().find(|s| s.name.text == name);
        let own: Vec<&ast::Section> = (sections.iter().copied())
            .filter(|s| s.name.text == "stage")
            .collect();
        let shorthand = SHORTHANDS.iter().find_map(|s| Some((s, named(s.name)?)));
        if let (Some((short, section)), Some(stage)) = (shorthand, own.first()) {
            self.mixed(short, section, stage);
        }
        let mut stages = Vec::new();
        for short in &SHORTHANDS {
            if let Some(training) = self.training(merged, sections, short.name, short.rate) {
                stages.push(Stage {
                    name: short.name.into(),
                    quantize: Slot::word(short.quantize),
                    training,
                    teacher: None,
                    loss: Loss::default(),
                    loss_choice: None,
                    span: named(short.name).map_or(merged.name.span, |s| s.name.span),
                });
            }
        }
        if own.is_empty() || !stages.is_empty() {
            return stages;
        }
        for section in &own {
            if !self.is_misspelt(section, &own) {
                let stage = self.stage(merged, section, &stages);
                stages.push(stage);
            }
        }
        stages
    }

    /// Whether a stage that does not say what it quantizes was meant to amend another one, whose name is spelled alike; says so.
    fn is_misspelt(&mut self, section: &ast::Section, all: &[&ast::Section]) -> bool {
        let says = |name: &str| {
            let names = section.entries.iter().filter_map(target);
            names.into_iter().any(|path| path.head.text == name)
        };
        let Some(name) = section.label.as_ref().filter(|_| !says("quantize")) else {
            return false;
        };
        let others = all.iter().filter_map(|other| other.label.as_ref());
        let others: Vec<&ast::Name> = others.filter(|other| other.text != name.text).collect();
        let known = others.iter().map(|other| other.text.as_str());
        let Some(alike) = did_you_mean(&name.text, known) else {
            return false;
        };
        let declared = others.iter().find(|other| other.text == alike);
        let diagnostic = Diagnostic::error(
            "bnas::name::unknown",
            format!("there is no stage `{}` to amend", name.text),
        )
        .label(name.span, "a new stage says what it quantizes");
        self.report(match declared {
            Some(declared) => diagnostic
                .label(declared.span, "a stage")
                .help(format!("did you mean `{alike}`?")),
            None => diagnostic,
        });
        true
    }

    fn mixed(&mut self, short: &Shorthand, section: &ast::Section, stage: &ast::Section) {
        let around = |span: Span| self.modules.around(span).map(|d| &d.name);
        let (of_short, of_stage) = (around(section.name.span), around(stage.name.span));
        let base = of_short.filter(|base| of_stage.is_some_and(|own| own.span != base.span));
        let help = match base {
            Some(base) => format!(
                "`{}` has `{}`, which can be amended, `{} {{ epochs = … }}`, and not be taken out: amend it, or write this experiment without `: {}`",
                base.text, short.name, short.name, base.text
            ),
            None => format!(
                "write `stage {} {{ quantize = {}  … }}`",
                short.stage, short.quantize
            ),
        };
        self.report(
            Diagnostic::error(
                "bnas::stage::mixed",
                format!("`{}` stands beside `stage`s", short.name),
            )
            .label(section.name.span, "a shorthand for one stage")
            .label(stage.name.span, "stages are said one by one here")
            .help(help),
        );
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
        let is_float = quantize == Slot::word("none");
        if RESULTS.contains(&name.text.as_str()) || name.text == "float" && !is_float {
            let (text, what) = match name.text.as_str() {
                "float" => ("a stage that quantizes", "before it is quantized"),
                "ptq" => ("a stage", "that is quantized after training"),
                _ => ("a stage", "that is tuned with its quantizers"),
            };
            self.report(
                Diagnostic::error(
                    "bnas::stage::name",
                    format!("{text} cannot be called `{}`", name.text),
                )
                .label(name.span, format!("so results call the network {what}"))
                .help("choose another name, such as `tuned`"),
            );
        }
        let training = self.training_of(&written, known, LEARNING_RATE);
        let errors = self.sink.errors();
        let teacher = self.teacher(&written, before);
        let asked = match (&teacher, self.sink.errors() > errors) {
            (None, _) if written.is_meant("teacher") => Teacher::Reported,
            (None, _) => Teacher::None,
            (Some(_), false) => Teacher::Named,
            (Some(_), true) => Teacher::Reported,
        };
        let (loss, loss_choice) = self.losses(&written, asked);
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
        if self.meant.iter().any(|(_, key)| key == "stage") || names.contains(&"stage") {
            // It may be the one that was written under a wrong name, or without one.
            return None;
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
