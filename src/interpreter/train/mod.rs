//! How good is a candidate? Trains it in stages, quantizes it and scores it on the validation split.
//!
//! In: a [`Candidate`], [`Data`], and the [`Key`] of its random numbers. Out: a [`Trained`] model with its
//! accuracies, or a [`TrainError`]. One trial runs on one thread, and its bits depend on nothing but what goes in. Knows nothing
//! of searches, goals and costs.
//!
//! # A trial
//!
//! 1. Each stage in order. Where it quantizes other operands than the stage before it, a calibration comes first: one pass over
//!    training images finds the scales of activations and the statistics of batch norm, front to back, each with everything
//!    before it quantized ([`Model::calibrate`]). Then its epochs: quantized forward, surrogate gradients backward; weights find
//!    their scales anew at every step, activations keep the calibrated ones. Validation gives its entry of `after`.
//! 2. What is not quantized by then is quantized, again with a calibration, since the network that counts is the quantized one.
//! 3. Validation gives `validation`: whether or not the last stage helped.
//!
//! Between two epochs a training can be kept, and goes on from there with the same bits (`checkpoint.rs`).
//!
//! A stage with a teacher asks the network as it was at the end of an earlier stage, in inference, about the very images that it trains on.
//!
//! The test split is not touched: whoever reports reads it once, with [`Model::accuracy`] of [`Data::test`].
//!
//! # What an inference engine would do
//!
//! A quantized product sums integer codes. With weight codes `q_w`, activation codes `q_a`, scales `s_w` (per output channel `c`) and
//! `s_a`, and batch norm behind it, the float result is
//!
//! ```text
//! y[c] = gain[c] (s_w[c] s_a sum(q_w q_a) - mean[c]) / std[c] + bias[c]
//!      = multiplier[c] sum(q_w q_a) + offset[c]
//! multiplier[c] = gain[c] s_w[c] s_a / std[c],   offset[c] = bias[c] - gain[c] mean[c] / std[c]
//! ```
//!
//! one multiplier and one bias per channel, exactly. So weights are quantized as they are, before batch norm is folded, and what is
//! evaluated here is what runs there; in front of a binary quantizer the pair is one threshold on the sum, `sum >= -offset /
//! multiplier` (turned round where the multiplier is negative). `folded.rs` computes networks this way and must agree.

mod batch;
mod checkpoint;
pub mod data;
mod feed;
mod forward;
mod model;
pub mod ops;
mod optimizer;
mod parameters;
mod plan;
mod quantize;
mod schedule;
mod stage;
mod storage;
mod technique;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod folded;

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

pub use self::checkpoint::Keeper;
use self::checkpoint::Resumed;
pub use self::data::{Data, DataError, Split};
pub use self::model::Model;
pub use self::plan::PlanError;
use self::stage::{Ended, State};
pub use self::storage::StorageError;
use crate::ir::Quantize;
use crate::model::Candidate;
use crate::stream::Key;

/// A candidate after training.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The network with its final parameters; quantized if the candidate is.
    pub model: Model,
    /// Accuracy on the validation split after each stage, quantized as the stage is.
    pub after: Vec<f64>,
    /// The same after the last stage in which the network was float; `None` if there is none.
    pub float_validation: Option<f64>,
    /// The same when all quantizers were on for the first time, before any training with them; `None` without quantizers, and where
    /// nothing was trained before.
    pub post_training_validation: Option<f64>,
    /// The same at the end.
    pub validation: f64,
    /// Whether all quantizers were on in the last stage that trained.
    pub is_tuned: bool,
    /// Epochs that were trained, of all stages.
    pub epochs: usize,
    /// Mean training loss of the last epoch; `None` without epochs.
    pub loss: Option<f64>,
}

/// What is known after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Which stage, from 0.
    pub stage: usize,
    /// Epochs of the stage that are done, from 1.
    pub epoch: usize,
    /// Epochs of the stage.
    pub epochs: usize,
    /// Mean training loss of the epoch.
    pub loss: f64,
    /// Accuracy on the validation split, quantized as the stage is; only if it was asked for.
    pub validation: Option<f64>,
}

/// Who watches a training.
pub struct Watch<'a> {
    /// Looked at before every step.
    pub stop: &'a AtomicBool,
    /// Called after every epoch.
    pub progress: &'a mut dyn FnMut(Progress),
    /// Whether an epoch ends with a look at the validation split. It changes nothing but the time.
    pub validates: bool,
    /// Whether batches are made on a thread beside the trainer's. It changes nothing but the time.
    pub aside: bool,
    /// Who keeps checkpoints. A training that goes on from one ends with the bits of one that was never interrupted.
    pub keeper: Option<&'a mut dyn Keeper>,
}

/// Why a trial has no accuracy.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainError {
    /// The loss, or what is trained, is no finite number any more.
    Diverged {
        /// The stage's name.
        stage: String,
        /// The epoch, from 1.
        epoch: usize,
        /// The loss.
        loss: f64,
    },
    /// Somebody asked to stop.
    Stopped,
    /// The network doesn't fit the data: what is wanted, what is there.
    Mismatch {
        /// Image shape and classes of the network.
        network: String,
        /// The same of the data.
        data: String,
    },
    /// The network can't be run.
    Plan(PlanError),
    /// A tensor could not be made.
    Tensor(String),
    /// Threads could not be started.
    Threads(String),
}

impl std::fmt::Display for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainError::Diverged { stage, epoch, loss } if loss.is_finite() => {
                write!(
                    f,
                    "`{stage}` diverged in epoch {epoch}: not all of its parameters are finite numbers"
                )
            }
            TrainError::Diverged { stage, epoch, loss } => {
                write!(f, "`{stage}` diverged in epoch {epoch}: the loss is {loss}")
            }
            TrainError::Stopped => f.write_str("stopped"),
            TrainError::Mismatch { network, data } => {
                write!(f, "the network is for {network}, the data are {data}")
            }
            TrainError::Plan(e) => write!(f, "{e}"),
            TrainError::Tensor(e) => write!(f, "a tensor could not be made: {e}"),
            TrainError::Threads(e) => write!(f, "threads could not be started: {e}"),
        }
    }
}

impl std::error::Error for TrainError {}

impl From<PlanError> for TrainError {
    fn from(e: PlanError) -> TrainError {
        TrainError::Plan(e)
    }
}

impl From<dfdx::prelude::CpuError> for TrainError {
    fn from(e: dfdx::prelude::CpuError) -> TrainError {
        TrainError::Tensor(e.to_string())
    }
}

/// Trains, quantizes and scores a candidate.
pub fn train<'a>(
    candidate: &'a Candidate,
    data: &'a Data,
    key: Key,
    mut watch: Watch<'a>,
) -> Result<Trained, TrainError> {
    let mut model = Model::new(candidate, key)?;
    model.check(data)?;
    let has_quantizers = model.has_quantizers();
    let mut quantized = Quantize::None;
    let mut past = Past::default();
    let (mut first, mut state) = (0, None);
    if let Some(resumed) = resumed(candidate, key, &mut watch) {
        first = resumed.stage;
        state = Some(resumed.state);
        past = resumed.past;
        model = resumed.model;
        if has_quantizers {
            quantized = candidate.stages[first].quantize;
        }
    }
    let mut run = stage::Run {
        candidate,
        data,
        key,
        watch,
    };
    for (index, stage) in candidate.stages.iter().enumerate().skip(first) {
        if has_quantizers && stage.quantize != quantized {
            model.calibrate(data.train(), stage.quantize);
            quantized = stage.quantize;
            past.marks.quantized(quantized, &model, data);
        }
        let state = state.take().unwrap_or_else(|| State::new(&stage.recipe));
        let ended = run.stage(&mut model, index, state, &past)?;
        let accuracy = model.accuracy(data.validation());
        past.marks.stage(ended, accuracy, quantized);
        let teaches = candidate.stages.iter().any(|s| s.teacher == Some(index));
        past.teachers.push(teaches.then(|| model.clone()));
    }
    let mut marks = past.marks;
    if has_quantizers && quantized != Quantize::All {
        model.calibrate(data.train(), Quantize::All);
        marks.quantized(Quantize::All, &model, data);
    }
    Ok(Trained {
        validation: model.accuracy(data.validation()),
        model,
        after: marks.after,
        float_validation: marks.float,
        post_training_validation: marks.post_training,
        is_tuned: marks.is_tuned,
        epochs: marks.epochs,
        loss: marks.loss,
    })
}

/// The training as a checkpoint has it, if there is one of it.
fn resumed(candidate: &Candidate, key: Key, watch: &mut Watch) -> Option<Resumed> {
    let keeper = watch.keeper.as_deref_mut()?;
    let bytes = keeper.load()?;
    match checkpoint::read(candidate, key, keeper.identity(), &bytes) {
        Ok(resumed) => {
            let stage = &candidate.stages[resumed.stage];
            keeper.note(&format!(
                "goes on after epoch {} of {} of `{}`",
                resumed.state.epochs, stage.recipe.epochs, stage.name
            ));
            Some(resumed)
        }
        Err(e) => {
            keeper.note(&format!(
                "its checkpoint is of no use: {e}; trains from the beginning"
            ));
            None
        }
    }
}

/// What the stages before leave to the next.
#[derive(Debug, Default)]
struct Past {
    marks: Marks,
    /// Networks as they were after stages that teach later ones.
    teachers: Vec<Option<Model>>,
}

/// What is noted on the way through the stages.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Marks {
    after: Vec<f64>,
    float: Option<f64>,
    post_training: Option<f64>,
    is_tuned: bool,
    epochs: usize,
    loss: Option<f64>,
}

impl Marks {
    /// Quantizers were switched.
    fn quantized(&mut self, now: Quantize, model: &Model, data: &Data) {
        if now == Quantize::All && self.post_training.is_none() && !self.after.is_empty() {
            self.post_training = Some(model.accuracy(data.validation()));
        }
    }

    /// A stage has ended.
    fn stage(&mut self, ended: Ended, accuracy: f64, quantized: Quantize) {
        self.after.push(accuracy);
        if quantized == Quantize::None {
            self.float = Some(accuracy);
        }
        if ended.epochs > 0 {
            self.is_tuned = quantized == Quantize::All;
            self.epochs += ended.epochs;
            self.loss = ended.loss;
        }
    }
}

#[cfg(test)]
mod tests;
