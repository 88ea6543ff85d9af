//! How candidates are trained and how they are chosen.
//!
//! In: the sections of an experiment's stages, and `search`. Out: [`Training`] and [`Search`] with every default filled in.

use crate::analysis::context::Cx;
use crate::analysis::expression::fields::{Given, Written, find};
use crate::analysis::merged::Merged;
use crate::analysis::schema::Field;
use crate::diagnostic::{Diagnostic, Missing};
use crate::ir::{Expr, Method, Search, Slot, Techniques, Training, Value};
use crate::source::Span;
use crate::syntax::ast;

impl Cx<'_> {
    pub(in crate::analysis) fn training(
        &mut self,
        merged: &Merged,
        sections: &[&ast::Section],
        name: &'static str,
        lr: f64,
    ) -> Option<Training> {
        let section = sections.iter().find(|s| s.name.text == name)?;
        let known: &'static [Field] = merged.schema.section(name).map_or(&[][..], |s| s.fields);
        let written = self.written(
            &format!("`{name}`"),
            section.name.span,
            &section.entries,
            known,
        );
        Some(self.training_of(&written, known, lr))
    }

    /// The fields that all stages have.
    pub(in crate::analysis) fn training_of(
        &mut self,
        written: &Written,
        known: &'static [Field],
        lr: f64,
    ) -> Training {
        let optimizer = match written.get("optimizer") {
            Some(_) => self.slot_of(written, known, "optimizer"),
            None => Slot::Fixed(adam(lr, written.span)),
        };
        self.decays_once(written);
        let [epochs, batch, schedule, label_smoothing] =
            ["epochs", "batch", "schedule", "label_smoothing"]
                .map(|n| self.slot_of(written, known, n));
        Training {
            epochs,
            batch,
            optimizer,
            schedule,
            label_smoothing,
            weight_decay: self.slot(written, find(known, "weight_decay")),
            techniques: Techniques::of(|name| self.slot(written, find(known, name))),
        }
    }

    /// `weight_decay` of a stage and of its optimizer would be two values for one thing.
    pub(in crate::analysis) fn decays_once(&mut self, written: &Written) {
        let (Some((key, _)), Some((_, Given::Fixed(optimizer)))) =
            (written.get("weight_decay"), written.get("optimizer"))
        else {
            return;
        };
        let ast::ExprKind::Call { args, .. } = &optimizer.kind else {
            return;
        };
        let names = args.iter().filter_map(|arg| match arg {
            ast::Argument::Fixed { name, .. } | ast::Argument::Searched { name, .. } => Some(name),
            ast::Argument::Positional { .. } => None,
        });
        if let Some(name) = names.into_iter().find(|n| n.text == "weight_decay") {
            let (again, first) = (name.span, key.span);
            self.twice("weight_decay", again, first);
        }
    }

    pub(in crate::analysis) fn search(
        &mut self,
        merged: &Merged,
        sections: &[&ast::Section],
    ) -> Option<Search> {
        let Some(section) = sections.iter().find(|s| s.name.text == "search") else {
            self.missing_part(
                merged,
                "search",
                merged.name.span,
                "an experiment says how its candidates are chosen",
            );
            return None;
        };
        let known: &'static [Field] = merged
            .schema
            .section("search")
            .map_or(&[][..], |s| s.fields);
        let errors = self.errors;
        let written = self.written("`search`", section.name.span, &section.entries, known);
        let method = match self.slot(&written, find(known, "method")) {
            Some(Slot::Fixed(Expr::Value(Value::Name(word)))) => match word.as_str() {
                "random" => Method::Random,
                "grid" => Method::Grid,
                _ => Method::Bayes,
            },
            _ => Method::Bayes,
        };
        let is_method_wrong = self.errors > errors && !written.is_meant("trials");
        let trials = self.count_of(&written, known, "trials");
        let is_told = self.errors > errors;
        let initial = self.count_of(&written, known, "initial");
        let slots = self.count_of(&written, known, "slots").unwrap_or(1);
        let trials = match (trials, method) {
            (Some(trials), _) => trials,
            // Every member.
            (None, Method::Grid) => find(known, "trials").high as u64,
            (None, _) => {
                // A grid needs none.
                let is_needed = !is_method_wrong && !written.is_meant("trials");
                if written.get("trials").is_none() && is_needed {
                    self.report(
                        Diagnostic::missing(Missing::one("`search`", "trials"), section.name.span)
                            .help("add `trials = 40`: candidates in all"),
                    );
                }
                1
            }
        };
        if let (Some(first), Some((name, _)), false) = (initial, written.get("initial"), is_told) {
            let all = written.get("trials").map(|(all, _)| all.span);
            self.initial(first, name.span, trials, all, method);
        }
        let initial = initial.unwrap_or_else(|| 5.max(trials / 4)).min(trials);
        Some(Search {
            method,
            trials: trials as usize,
            initial: initial as usize,
            slots: slots as usize,
        })
    }

    /// Warns of an `initial` that changes nothing: there is no model, or it is never asked.
    fn initial(&mut self, first: u64, at: Span, trials: u64, all: Option<Span>, method: Method) {
        if method != Method::Bayes {
            let text = "`initial` has no effect: a search without a model never asks one";
            self.report(
                Diagnostic::warning("bnas::search::ignored", text)
                    .label(at, "trials before the model of `bayes` is asked")
                    .help("remove it, or write `method = bayes`"),
            );
            return;
        }
        let Some(all) = all.filter(|_| first > trials) else {
            return;
        };
        self.report(
            Diagnostic::warning(
                "bnas::search::initial",
                format!("`initial` is {first}, and there are {trials} trials"),
            )
            .label(at, "the model would be asked behind these")
            .label(all, "the search ends before")
            .help(format!(
                "write fewer, such as `initial = {}`, or more `trials`",
                (trials / 4).max(1)
            )),
        );
    }
}

/// Adam with the defaults of the schema and this learning rate.
fn adam(lr: f64, span: Span) -> Expr {
    let field = |name: &str, value: f64| (name.to_string(), Slot::Fixed(Expr::number(value)));
    let fields = vec![
        field("lr", lr),
        field("beta1", 0.9),
        field("beta2", 0.999),
        field("weight_decay", 0.0),
    ];
    Expr::Record("adam".into(), fields, span)
}
