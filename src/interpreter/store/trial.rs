//! What is known of one trial: a point of the space and what became of it.
//!
//! In: what the loop measured. Out: plain data that the journal keeps and reports read. Knows nothing of how it was measured.

use serde::{Deserialize, Serialize};

use crate::model::{Metrics, Point};

/// A candidate that was tried.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Counts from 0 in the order of suggestions.
    pub number: usize,
    /// What was chosen.
    pub point: Point,
    /// Whether it has values for all goals.
    pub status: Status,
    /// In base units; measured ones are of the validation split.
    pub metrics: Metrics,
    /// Accuracy after each stage of training, the mean over its repeats; absent in a search over formulas.
    pub stages: Option<Stages>,
    /// Each training of a trial that was trained more than once; empty if it was trained once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<Repeat>,
    /// Value of each goal in the order of the spec; empty if the trial failed.
    pub goals: Vec<f64>,
    /// Indices of the requirements that it does not meet.
    pub violated: Vec<usize>,
    /// How the layers with weights are represented, in the order of execution.
    pub layers: Vec<LayerBits>,
    /// Hashes of its stored networks, one for each training.
    pub models: Vec<String>,
    /// Wall-clock time of building, pricing and training.
    pub seconds: f64,
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every goal has a value.
    Complete,
    /// It was built and has no result, for this reason. That is a result, too.
    Failed(String),
}

/// Accuracy on the validation split on the way through training, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// Of the float network; absent if it was never trained as such.
    pub float: Option<f64>,
    /// Quantized after training, without further training; absent without quantizers.
    pub ptq: Option<f64>,
    /// After quantization-aware training of what had been trained otherwise; absent without it.
    pub qaft: Option<f64>,
    /// After each stage with a name of the author's own, quantized as the stage is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<(String, f64)>,
}

/// One of several trainings of a trial, with a seed of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    /// Accuracy on the validation split at the end.
    pub accuracy: f64,
    /// The same after each stage.
    pub stages: Stages,
}

/// Representation of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerBits {
    /// Its path.
    pub layer: String,
    /// Codes of its weights: `binary`, `ternary`, `int4`, `float`.
    pub weights: String,
    /// Codes of what enters it.
    pub activations: String,
}

impl Trial {
    /// Whether it is complete and meets every requirement.
    pub fn is_feasible(&self) -> bool {
        self.status == Status::Complete && self.violated.is_empty()
    }
}
