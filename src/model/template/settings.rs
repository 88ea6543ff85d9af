//! What an experiment says of its candidates besides their network: training, repairs, target.
//!
//! In: an experiment and its settler. Out: [`Settings`], whose choices are decisions. What does not fit goes to the settler's sink.

use super::body::Body;
use crate::ir::{self, Experiment, Expr, Value};
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate::both;
use crate::model::expression::frame::Frame;
use crate::model::settling::settle::Settler;
use crate::model::targets;
use crate::model::training::stage::{Final, Stage};

/// Settings over decisions, and the declarations that they name.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The set of repairs that are applied, by name.
    pub(super) repairs: Expr,
    pub(super) repair_definitions: Vec<ir::Repair>,
    pub(super) quantizers: Vec<ir::Quantizer>,
    pub(super) stages: Vec<Stage>,
    pub(super) final_training: Option<Final>,
    /// Each target that may be there, under its condition; one of them is, or there is none.
    pub(super) targets: Vec<(Expr, ir::Target)>,
    /// What training images go through.
    pub(super) augment: Expr,
    pub(super) init: Expr,
}

impl Settings {
    /// Settles everything in the order of decisions; the targets' fields join `places` by their paths.
    pub(super) fn new(
        experiment: &Experiment,
        body: &Body,
        names: &Frame,
        places: &mut Places,
        settler: &mut Settler,
    ) -> Settings {
        let always = Expr::bool(true);
        let repairs = settler.slot(&experiment.repairs, "repairs", &always, names);
        let stages = stages(experiment, body, names, settler);
        let final_training = (experiment.final_training.as_ref())
            .map(|training| Final::new(training, settler, names));
        let targets = targets::settle(experiment, names, settler);
        places.extend(targets.iter().flat_map(targets::places));
        let augment = augment(experiment, names, settler);
        let init = settler.slot(&experiment.init, "init", &always, names);
        Settings {
            repairs,
            repair_definitions: experiment.repair_definitions.clone(),
            quantizers: experiment.quantizers.clone(),
            stages,
            final_training,
            targets: targets.into_iter().map(|s| (s.guard, s.target)).collect(),
            augment,
            init,
        }
    }
}

fn stages(
    experiment: &Experiment,
    body: &Body,
    names: &Frame,
    settler: &mut Settler,
) -> Vec<Stage> {
    let stages = experiment.stages.iter().enumerate().map(|(i, stage)| {
        let earlier = &experiment.stages[..i];
        let before = settler.decisions.all.len();
        let settled = settler.unread(|settler| Stage::new(stage, earlier, settler, names));
        let is_there = match settled.is_tuning() {
            // It is left out for a network without quantizers.
            true => body.is_quantized(),
            false => Expr::bool(true),
        };
        let trains = both(is_there.clone(), settled.trains());
        if trains != Expr::bool(true) {
            settler.named.extend(before..settler.decisions.all.len());
        }
        for part in settled.parts() {
            settler.note_reads(part, &is_there, names);
        }
        for part in settled.recipe_parts() {
            settler.note_reads(part, &trains, names);
        }
        settled
    });
    stages.collect()
}

fn augment(experiment: &Experiment, names: &Frame, settler: &mut Settler) -> Expr {
    let Some(data) = &experiment.data else {
        return Expr::Value(Value::name("none"));
    };
    let (path, always) = ("data.augment", Expr::bool(true));
    let value = settler.slot(&data.augment, path, &always, names);
    settler.member(value, path, &always, names)
}
