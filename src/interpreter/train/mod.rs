//! How good is a candidate? Trains it, quantizes it, fine-tunes it and scores it on the validation split.
//!
//! In: a [`Candidate`], [`Data`], and the [`Key`] of its random numbers. Out: a [`Trained`] model with its
//! accuracies, or a [`TrainError`]. One trial runs on one thread, and its bits depend on nothing but what goes in. Knows nothing
//! of searches, goals and costs.
//!
//! # A trial
//!
//! 1. The float stage: `candidate.train` epochs with every quantizer off. Validation gives `float_validation`.
//! 2. Calibration, if the network has placed quantizers: one pass over training images finds the scales of activations and the
//!    statistics of batch norm, front to back, each with everything before it quantized ([`Model::calibrate`]). Validation gives
//!    `post_training_validation`.
//! 3. Fine-tuning, if `candidate.finetune` asks for it: quantized forward, surrogate gradients backward; weights find their
//!    scales anew at every step, activations keep the calibrated ones.
//! 4. Validation gives `validation`: after fine-tuning, whether or not it helped.
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
pub mod data;
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

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod folded;

use std::sync::atomic::AtomicBool;

pub use self::data::{Data, DataError, Split};
pub use self::model::Model;
pub use self::plan::PlanError;
pub use self::storage::StorageError;
use crate::model::Candidate;
use crate::stream::Key;

/// A candidate after training.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The network with its final parameters; quantized if the candidate is.
    pub model: Model,
    /// Accuracy on the validation split after the float stage.
    pub float_validation: f64,
    /// The same after quantization and before any fine-tuning; `None` without quantizers.
    pub post_training_validation: Option<f64>,
    /// The same at the end.
    pub validation: f64,
    /// Epochs that were trained, of both stages.
    pub epochs: usize,
    /// Mean training loss of the last epoch; `None` without epochs.
    pub loss: Option<f64>,
}

/// Which part of a trial is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Without quantizers.
    Float,
    /// With quantizers.
    Finetune,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Float => "training",
            Stage::Finetune => "fine-tuning",
        })
    }
}

/// What is known after an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Which stage.
    pub stage: Stage,
    /// Epochs of the stage that are done, from 1.
    pub epoch: usize,
    /// Epochs of the stage.
    pub epochs: usize,
    /// Mean training loss of the epoch.
    pub loss: f64,
}

/// Why a trial has no accuracy.
#[derive(Debug, Clone, PartialEq)]
pub enum TrainError {
    /// The loss is no finite number any more.
    Diverged {
        /// When.
        stage: Stage,
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
}

impl std::fmt::Display for TrainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TrainError::Diverged { stage, epoch, loss } => {
                write!(f, "{stage} diverged in epoch {epoch}: the loss is {loss}")
            }
            TrainError::Stopped => f.write_str("stopped"),
            TrainError::Mismatch { network, data } => {
                write!(f, "the network is for {network}, the data are {data}")
            }
            TrainError::Plan(e) => write!(f, "{e}"),
            TrainError::Tensor(e) => write!(f, "a tensor could not be made: {e}"),
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

/// Trains, quantizes and scores a candidate. `stop` is looked at before every step; `progress` is called after every epoch.
pub fn train(
    candidate: &Candidate,
    data: &Data,
    key: Key,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trained, TrainError> {
    let mut model = Model::new(candidate, key)?;
    model.check(data)?;
    let mut run = stage::Run {
        candidate,
        data,
        key,
        stop,
        progress,
    };
    let mut loss = run.stage(&mut model, Stage::Float, &candidate.train)?;
    let mut epochs = candidate.train.epochs;
    let float_validation = model.accuracy(data.validation());
    let mut trained = Trained {
        float_validation,
        post_training_validation: None,
        validation: float_validation,
        epochs,
        loss,
        model,
    };
    if !trained.model.has_quantizers() {
        return Ok(trained);
    }
    trained.model.calibrate(data.train());
    trained.validation = trained.model.accuracy(data.validation());
    trained.post_training_validation = Some(trained.validation);
    if let Some(recipe) = candidate.finetune.as_ref().filter(|r| r.epochs > 0) {
        loss = run.stage(&mut trained.model, Stage::Finetune, recipe)?;
        epochs += recipe.epochs;
        trained.validation = trained.model.accuracy(data.validation());
        trained.loss = loss;
        trained.epochs = epochs;
    }
    Ok(trained)
}

#[cfg(test)]
mod tests;
