//! Training after the search.
//!
//! In: the section `final { … }` of an experiment and its stages. Out: [`FinalTraining`]; a stage that is not there and choices, which
//! nobody would try, are reported.

use crate::analysis::context::{Cx, list};
use crate::analysis::expression::fields::{Given, Written, find};
use crate::analysis::merged::Merged;
use crate::analysis::paths::{Paths, of_slot};
use crate::analysis::schema::{Fixed, Instead};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, FinalTraining, Slot, Stage, Techniques};
use crate::syntax::ast;

/// Why its stage is fixed.
const STAGE: Fixed = Fixed {
    why: "nothing is trained in the search with what follows it",
    instead: Instead::Arm("final."),
};

impl Cx<'_> {
    /// `final { on = pareto  epochs = 200 }`.
    pub(in crate::analysis) fn final_training(
        &mut self,
        merged: &Merged,
        sections: &[&ast::Section],
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
            Some((key, Given::Searched(domain, _))) => {
                self.not_searched("stage", &STAGE, domain, key.span);
                return None;
            }
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
            epochs: given("epochs"),
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
}
