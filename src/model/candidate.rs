//! A candidate: everything that a point of the space determines.

use serde::{Deserialize, Serialize};

use super::hardware::Target;
use super::network::Network;
use crate::ir::{Expr, Init, Quantize, Techniques};

/// A network with its quantizers placed and repairs applied, how it is trained, and what prices it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// What is trained and priced.
    pub network: Network,
    /// How it is trained, in order.
    pub stages: Vec<Stage>,
    /// What runs it.
    pub target: Option<Target>,
    /// Names of the repairs that were applied.
    pub repairs: Vec<String>,
    /// What its weights start from.
    #[serde(default)]
    pub init: Init,
    /// Pixels that training images are shifted by at most.
    pub shift: usize,
    /// Whether training images are flipped.
    pub flip: bool,
    /// Side of the square that is cut out of training images; 0: none.
    pub cutout: usize,
}

/// A stage of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What is quantized meanwhile.
    pub quantize: Quantize,
    /// How it trains.
    pub recipe: Recipe,
    /// The index of the earlier stage whose network is asked.
    pub teacher: Option<usize>,
    /// What is minimized.
    pub loss: Loss,
}

/// `task * cross-entropy + distill * divergence`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Weight of the cross-entropy with the labels.
    pub task: f64,
    /// Weight of the divergence from the teacher.
    pub distill: f64,
    /// By which the logits of both are divided in the divergence.
    pub temperature: f64,
}

impl Default for Loss {
    /// The cross-entropy.
    fn default() -> Loss {
        Loss {
            task: 1.0,
            distill: 0.0,
            temperature: 1.0,
        }
    }
}

/// How a stage trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Passes over the training split; 0: none.
    pub epochs: usize,
    /// Samples per step.
    pub batch: usize,
    /// What steps.
    pub optimizer: Optimizer,
    /// How the learning rate goes.
    pub schedule: Schedule,
    /// 0 to 1.
    pub label_smoothing: f64,
    /// What it does besides stepping; `patience` is a whole number of epochs.
    pub techniques: Techniques<f64>,
}

/// What updates parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Classical momentum; 0: none.
        momentum: f64,
        /// L2 penalty on weights, not on batch norm or biases.
        weight_decay: f64,
    },
    /// Adam (arXiv:1412.6980).
    Adam {
        /// Learning rate.
        lr: f64,
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// L2 penalty on weights, not on batch norm or biases.
        weight_decay: f64,
    },
    /// The same with decoupled weight decay (arXiv:1711.05101).
    #[serde(rename = "adamw")]
    AdamW {
        /// Learning rate.
        lr: f64,
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Decoupled weight decay on weights, not on batch norm or biases.
        weight_decay: f64,
    },
}

impl Optimizer {
    /// Sets the weight decay.
    pub(super) fn decay(&mut self, by: f64) {
        let (Optimizer::Sgd { weight_decay, .. }
        | Optimizer::Adam { weight_decay, .. }
        | Optimizer::AdamW { weight_decay, .. }) = self;
        *weight_decay = by;
    }
}

/// Factor on the learning rate over the steps of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// 1.
    Constant,
    /// (1 + cos(pi · step / steps)) / 2 (arXiv:1608.03983, one cycle).
    Cosine,
    /// An expression over `progress` (epoch / epochs) and `step_progress` (step / steps).
    Formula(Expr),
}
