//! One trial: build the candidate of a point, price it, train it, see what goals and requirements say.
//!
//! In: a point and the number of the trial. Out: a [`Measured`] trial with its trained network, a failure being a result, too. Knows
//! nothing of other trials, of files and of who chose the point.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::command::{self, CommandError};
use super::conclude::turned;
use super::keep::Checkpoints;
use super::search::{KnownCosts, interval};
use super::store::trial::{LayerBits, Repeat, Stages, Status, Trial};
use super::train::{self, Data, Keeper, Model, TrainError, Trained, Watch};
use super::{Observer, Phase, model_metadata, model_name};
use crate::ir::{Command, Evaluator, Experiment, Expr, Value, json};
use crate::model::expression::evaluate::Failure;
use crate::model::template::{OWN, rows};
use crate::model::{Candidate, Metrics, Network, Point, Quantizer, Template, hardware};
use crate::stream::Key;

/// Stages whose accuracies have names of their own.
const SHORTHANDS: [&str; 2] = ["train", "finetune"];

/// Everything that trials share; nothing in it changes.
pub(super) struct Bench<'a> {
    pub experiment: &'a Experiment,
    pub template: &'a Template,
    /// Absent in a search over formulas.
    pub data: Option<&'a Data>,
    pub stop: &'a AtomicBool,
    pub observer: &'a dyn Observer,
    /// The hash of the spec's text.
    pub spec: String,
    /// Absent without a run folder.
    pub checkpoints: Option<Checkpoints>,
    /// Whether a core is left to make batches beside each trainer.
    pub aside: bool,
}

/// How a trial ended.
#[allow(clippy::large_enum_variant)] // a few live at a time, between a worker and the loop
pub(super) enum Measured {
    /// It has values, or a reason why it has none.
    Ended {
        trial: Trial,
        /// What was trained, one network for each repeat.
        models: Vec<Model>,
    },
    /// Somebody asked to stop; nothing is known.
    Stopped,
}

/// Why a trial has no values.
enum Halt {
    Stopped,
    Failed(String),
    /// An expression has no value at this point.
    Valueless(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Halt {
        Halt::Valueless(failure)
    }
}

impl Bench<'_> {
    /// What is known of a point before training, for the sampler; `None` if it cannot be built or priced. In a search over
    /// formulas nothing is: the objective is measured, trial by trial, as a black box.
    pub fn price(&self, point: &Point) -> Option<KnownCosts> {
        let known = self.template.known(point).ok()?;
        if let Some(Evaluator::Table(table)) = &self.experiment.evaluator {
            // What has no row is no candidate.
            table.row(&rows::key(self.template, table, point))?;
        }
        let goals = self.template.goals().iter().zip(&self.experiment.goals);
        let goals = goals.map(|(goal, written)| {
            if self.experiment.space.is_none() || !self.template.is_known(goal) {
                return Some(None);
            }
            let value = self.template.evaluate(goal, point, &known).ok()?;
            Some(Some(turned(written.direction, value.as_number()?)))
        });
        let goals = goals.collect::<Option<Vec<_>>>()?;
        let mut requires = self.template.requires().iter();
        let feasible = requires.all(|require| {
            !self.template.is_known(require) || self.holds(require, point, &known) == Ok(true)
        });
        Some(KnownCosts { goals, feasible })
    }

    /// Runs a trial, or trains it again after the search. Takes minutes; a panic in it is caught, so that others go on.
    pub fn measure(&self, phase: Phase, number: usize, point: Point) -> Measured {
        let start = Instant::now();
        let mut trial = Trial {
            number,
            point,
            status: Status::Complete,
            metrics: Metrics::default(),
            stages: None,
            repeats: Vec::new(),
            goals: Vec::new(),
            violated: Vec::new(),
            layers: Vec::new(),
            models: Vec::new(),
            seconds: 0.0,
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| self.fill(phase, &mut trial)));
        trial.seconds = start.elapsed().as_secs_f64();
        let models = match outcome {
            Ok(Ok(models)) => models,
            Ok(Err(Halt::Stopped)) => return Measured::Stopped,
            Ok(Err(Halt::Failed(reason))) => {
                fail(&mut trial, reason);
                Vec::new()
            }
            Ok(Err(Halt::Valueless(failure))) => {
                let reason = self.explain(&failure);
                fail(&mut trial, reason);
                Vec::new()
            }
            Err(_) => {
                fail(
                    &mut trial,
                    "the interpreter has a bug here: it panicked".into(),
                );
                Vec::new()
            }
        };
        Measured::Ended { trial, models }
    }

    /// Build, price, train, score.
    fn fill(&self, phase: Phase, trial: &mut Trial) -> Result<Vec<Model>, Halt> {
        let mut models = Vec::new();
        if let Some(candidate) = self.candidate(phase, &trial.point)? {
            trial.layers = layers(&candidate.network);
            trial.metrics = hardware::known_metrics(&candidate.network, candidate.target.as_ref())
                .map_err(|e| Halt::Failed(e.to_string()))?;
            if let Some(data) = self.data {
                let mut repeats = Vec::new();
                for repeat in 0..self.experiment.repeats {
                    let trained = self.train(&candidate, data, phase, trial.number, repeat)?;
                    repeats.push(Repeat {
                        accuracy: trained.validation,
                        stages: stages(&candidate, &trained),
                    });
                    models.push(trained.model);
                }
                let (accuracy, stages) = means(&repeats);
                trial.metrics.0.insert("accuracy".into(), accuracy);
                trial.stages = Some(stages);
                if repeats.len() > 1 {
                    trial.repeats = repeats;
                }
            }
        }
        if let Some(Evaluator::Command(command)) = &self.experiment.evaluator {
            trial.metrics.0 = self.command(command, trial)?;
        }
        if let Some(Evaluator::Table(table)) = &self.experiment.evaluator {
            let key = rows::key(self.template, table, &trial.point);
            trial.metrics.0 = table.row(&key).ok_or_else(|| {
                let wanted = table.decisions.iter().zip(&key);
                let wanted: Vec<String> = wanted.map(|(name, v)| format!("{name} = {v}")).collect();
                Halt::Failed(format!(
                    "`{}` has no row for {}",
                    table.name,
                    wanted.join(", ")
                ))
            })?;
        }
        self.score(trial)?;
        Ok(models)
    }

    /// What a command says of a trial.
    fn command(&self, command: &Command, trial: &Trial) -> Result<BTreeMap<String, f64>, Halt> {
        let decisions = self.template.decisions().all.iter().enumerate();
        let decisions = decisions.filter_map(|(index, decision)| {
            let value = self.template.chosen(index, &trial.point)?;
            Some((decision.path.clone(), json::value(&value)))
        });
        let request = serde_json::json!({
            "experiment": self.experiment.name,
            "seed": self.experiment.seed,
            "trial": trial.number,
            "decisions": decisions.collect::<serde_json::Map<_, _>>(),
        });
        command::run(command, &request, self.stop).map_err(|e| match e {
            CommandError::Stopped => Halt::Stopped,
            CommandError::Failed(reason) => Halt::Failed(reason),
        })
    }

    /// Which training this is: what its network says of itself.
    pub fn identity(&self, number: usize, repeat: usize) -> BTreeMap<String, String> {
        model_metadata(self.experiment, &self.spec, number, repeat)
    }

    /// What is trained at a point.
    pub fn candidate(&self, phase: Phase, point: &Point) -> Result<Option<Candidate>, Failure> {
        match phase {
            Phase::Search => self.template.candidate(point),
            Phase::Final => self.template.final_candidate(point),
        }
    }

    /// Trains a candidate as trial `number` trains it in this repeat: the same bits whenever it is called.
    fn train(
        &self,
        candidate: &Candidate,
        data: &Data,
        phase: Phase,
        number: usize,
        repeat: usize,
    ) -> Result<Trained, Halt> {
        let key = Key {
            seed: self.experiment.seed,
            trial: number as u64,
            repeat: repeat as u32,
        };
        let key = match phase {
            Phase::Search => key,
            Phase::Final => key.of_final(),
        };
        let mut progress = |p| self.observer.epoch(number, p);
        let note = |text: &str| self.observer.note(&format!("trial {number}: {text}"));
        let mut keeper = self.checkpoints.as_ref().map(|checkpoints| {
            let name = model_name(phase, number, repeat);
            checkpoints.keeper(&name, self.identity(number, repeat), &note)
        });
        let watch = Watch {
            stop: self.stop,
            progress: &mut progress,
            validates: false,
            aside: self.aside,
            keeper: keeper.as_mut().map(|k| k as &mut dyn Keeper),
        };
        train::train(candidate, data, key, watch).map_err(|e| match e {
            TrainError::Stopped => Halt::Stopped,
            other if self.experiment.repeats > 1 => {
                Halt::Failed(format!("repeat {repeat}: {other}"))
            }
            other => Halt::Failed(other.to_string()),
        })
    }

    /// The network of an earlier trial, trained again; `None` if somebody asked to stop.
    pub fn retrain(
        &self,
        phase: Phase,
        number: usize,
        repeat: usize,
        point: &Point,
    ) -> Result<Option<Model>, String> {
        let candidate = self.candidate(phase, point);
        let candidate = candidate.map_err(|failure| self.explain(&failure))?;
        let (Some(candidate), Some(data)) = (candidate, self.data) else {
            return Err("there is nothing to train".into());
        };
        match self.train(&candidate, data, phase, number, repeat) {
            Ok(trained) => Ok(Some(trained.model)),
            Err(Halt::Stopped) => Ok(None),
            Err(Halt::Failed(reason)) => Err(reason),
            Err(Halt::Valueless(failure)) => Err(self.explain(&failure)),
        }
    }

    /// A failure with the path of the decision that it is about.
    fn explain(&self, failure: &Failure) -> String {
        match failure {
            Failure::Inactive(index) => {
                let path = self.template.decisions().all.get(*index).map(|d| &d.path);
                let path = path.map_or("a decision", String::as_str);
                format!("`{path}` does not exist at this point")
            }
            Failure::Unknown(name) => match (&self.experiment.evaluator, name.strip_prefix(OWN)) {
                (Some(Evaluator::Table(table)), Some(metric)) => format!(
                    "`{metric}` was not measured: its cell in `{}` is empty",
                    table.name
                ),
                _ => failure.to_string(),
            },
            other => other.to_string(),
        }
    }

    /// Goals and requirements at what is known and measured by now.
    fn score(&self, trial: &mut Trial) -> Result<(), Halt> {
        for (goal, written) in self.template.goals().iter().zip(&self.experiment.goals) {
            let value = self.template.evaluate(goal, &trial.point, &trial.metrics)?;
            match value.as_number() {
                Some(number) if number.is_finite() => trial.goals.push(number),
                _ => {
                    let text = &written.text;
                    return Err(Halt::Failed(format!(
                        "the goal `{text}` is {value}, which cannot be compared"
                    )));
                }
            }
        }
        for (index, require) in self.template.requires().iter().enumerate() {
            if !self.holds(require, &trial.point, &trial.metrics)? {
                trial.violated.push(index);
            }
        }
        Ok(())
    }

    fn holds(&self, require: &Expr, point: &Point, metrics: &Metrics) -> Result<bool, Failure> {
        match self.template.evaluate(require, point, metrics)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(Failure::Kind("a truth value", other.to_string())),
        }
    }
}

/// What the repeats of a trial come to: the mean of each accuracy. At least one repeat.
fn means(repeats: &[Repeat]) -> (f64, Stages) {
    let mean = |pick: &dyn Fn(&Repeat) -> Option<f64>| {
        let values: Option<Vec<f64>> = repeats.iter().map(pick).collect();
        values.map(|v| interval::mean(&v))
    };
    let after = repeats.first().map_or(&[][..], |r| &r.stages.after);
    let stages = Stages {
        float: mean(&|r| r.stages.float),
        ptq: mean(&|r| r.stages.ptq),
        qaft: mean(&|r| r.stages.qaft),
        after: (after.iter().enumerate())
            .filter_map(|(i, (name, _))| {
                let mean = mean(&|r| r.stages.after.get(i).map(|(_, a)| *a))?;
                Some((name.clone(), mean))
            })
            .collect(),
    };
    (mean(&|r| Some(r.accuracy)).unwrap_or_default(), stages)
}

fn fail(trial: &mut Trial, reason: String) {
    trial.status = Status::Failed(reason);
    trial.goals.clear();
    trial.violated.clear();
    // What is not finite has no place in a journal.
    trial.metrics.0.retain(|_, v| v.is_finite());
}

fn stages(candidate: &Candidate, trained: &Trained) -> Stages {
    let ptq = trained.post_training_validation;
    let own = |name: &str| !SHORTHANDS.contains(&name);
    let after = candidate.stages.iter().zip(&trained.after);
    Stages {
        float: trained.float_validation,
        ptq,
        qaft: (trained.is_tuned && ptq.is_some()).then_some(trained.validation),
        after: after
            .filter(|(stage, _)| own(&stage.name))
            .map(|(stage, accuracy)| (stage.name.clone(), *accuracy))
            .collect(),
    }
}

/// How every layer with weights is represented.
fn layers(network: &Network) -> Vec<LayerBits> {
    let codes = |quantizer: Option<&Quantizer>| {
        quantizer.map_or_else(|| "float".into(), |q| q.grid.to_string())
    };
    network
        .weighted()
        .map(|index| {
            let node = &network.nodes[index];
            let placement = node.placement.as_ref();
            LayerBits {
                layer: node.layer.clone(),
                weights: codes(placement.and_then(|p| p.weights.as_ref())),
                activations: codes(placement.and_then(|p| p.activations.as_ref())),
            }
        })
        .collect()
}
