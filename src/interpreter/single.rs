//! One network of an experiment, trained by itself.
//!
//! In: an experiment and a point of its space. Out: the network with its accuracies. A trial of a search that is picked here has the random
//! numbers that it had there, and so the same bits.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use super::conclude;
use super::store::Store;
use super::train::{self, Data, Keeper, Progress, TrainError, Trained, Watch};
use super::{RunError, model_metadata};
use crate::ir::Experiment;
use crate::kernels::parallel;
use crate::model::{Candidate, Metrics, Point, Template, hardware};
use crate::stream::Key;
use crate::threads::cores;

/// What is trained.
#[derive(Debug, Clone)]
pub struct Single {
    /// Its choices.
    pub point: Point,
    /// The trial whose random numbers it has.
    pub trial: usize,
    /// The network and its stages.
    pub candidate: Candidate,
    /// What is known of it before training.
    pub known: Metrics,
}

/// Which trial of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The best by the first goal.
    Best,
    /// The one with this number.
    Trial(usize),
}

impl Single {
    /// The default member of the space; it has the random numbers of trial 0.
    pub fn default_of(template: &Template) -> Result<Single, RunError> {
        Single::new(template, template.decisions().default_point(), 0)
    }

    /// A trial of a run.
    pub fn picked(
        experiment: &Experiment,
        template: &Template,
        store: &Store,
        pick: Pick,
    ) -> Result<Single, RunError> {
        let number = match pick {
            Pick::Trial(number) => number,
            Pick::Best => conclude::choose(experiment, template, store)
                .best
                .ok_or_else(|| RunError::Internal("no trial of the run is feasible".into()))?,
        };
        let trials = &store.state().trials;
        let trial = trials.get(&number).ok_or_else(|| {
            let text = format!("the run has no trial {number}; it has {}", trials.len());
            RunError::Internal(text)
        })?;
        Single::new(template, trial.point.clone(), number)
    }

    fn new(template: &Template, point: Point, trial: usize) -> Result<Single, RunError> {
        let cannot =
            |why: String| RunError::Internal(format!("the network cannot be built: {why}"));
        let candidate = template.candidate(&point);
        let candidate = candidate
            .map_err(|e| cannot(e.to_string()))?
            .ok_or_else(|| RunError::Internal("the experiment has no network to train".into()))?;
        let known = hardware::known_metrics(&candidate.network, candidate.target.as_ref())
            .map_err(|e| cannot(e.to_string()))?;
        Ok(Single {
            point,
            trial,
            candidate,
            known,
        })
    }

    /// Trains it on `threads` threads, whose number changes no bit; after each epoch `progress` hears of the loss and of the accuracy
    /// on the validation split. `keeper` keeps checkpoints.
    pub fn train(
        &self,
        experiment: &Experiment,
        data: &Data,
        threads: NonZeroUsize,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(Progress),
        keeper: &mut dyn Keeper,
    ) -> Result<Trained, TrainError> {
        let key = Key {
            seed: experiment.seed,
            trial: self.trial as u64,
            repeat: 0,
        };
        let watch = Watch {
            stop,
            progress,
            validates: true,
            aside: cores() > 1,
            keeper: Some(keeper),
        };
        let work = || train::train(&self.candidate, data, key, watch);
        parallel::with_threads(threads.get(), work)
            .map_err(|e| TrainError::Threads(e.to_string()))?
    }

    /// Which training it is: what its network says of itself. `spec` is the hash of the spec's text.
    pub fn identity(&self, experiment: &Experiment, spec: &str) -> BTreeMap<String, String> {
        model_metadata(experiment, spec, self.trial, 0)
    }
}
