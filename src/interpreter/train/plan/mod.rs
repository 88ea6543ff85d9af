//! A network as a list of steps that operations of the tape can do.
//!
//! In: a [`Network`](crate::model::Network). Out: a [`Plan`]: batch norm, the addition after it and the activation after that are one step where
//! nobody else reads what is between them, every step knows which parameters, statistics and scales are its own, and what several
//! layers read by the same quantizer is one view. Knows nothing of numbers.

mod build;
mod check;
mod step;

use std::sync::Arc;

pub use self::step::{Operands, Step, Work};
use super::quantize::FakeQuantizer;
use crate::model::Shape;

/// What to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The steps; a step reads what earlier ones made.
    pub steps: Vec<Step>,
    /// How often each node's result is read, quantized or not.
    pub reads: Vec<usize>,
    /// Learned tensors.
    pub parameters: Vec<Declaration>,
    /// Channels of each batch norm.
    pub norms: Vec<usize>,
    /// Names of each batch norm.
    pub norm_names: Vec<String>,
    /// Names of the layers whose input is quantized, one per scale.
    pub scale_names: Vec<String>,
    /// The quantized inputs.
    pub views: Vec<View>,
    /// Shapes of all nodes.
    pub shapes: Vec<Shape>,
}

/// A learned tensor before it has values.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// Unique in the network.
    pub name: String,
    /// Sizes of the axes; the output channel is last.
    pub axes: Vec<usize>,
    /// What it is.
    pub role: Role,
}

/// What a learned tensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Weights in front of a nonlinearity.
    Weight,
    /// Weights in front of the logits.
    LastWeight,
    /// Starts at 1.
    Gain,
    /// Starts at 0.
    Bias,
    /// Scales that are learned; calibration finds where they start.
    Scale,
}

/// The result of a node as a quantizer lets it through. Layers that read it by equal quantizers share it, so that it is
/// quantized once.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The node.
    pub node: usize,
    /// The quantizer.
    pub quantizer: Arc<FakeQuantizer>,
    /// The indices of its readers' scales, which are one number.
    pub scales: Vec<usize>,
    /// The parameter that holds the scale, where it is learned.
    pub learned: Option<usize>,
}

/// Why a network has no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// Path of the layer.
    pub layer: String,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for PlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.layer, self.reason)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// Everything that is quantized: of products with the index of their weights.
    pub fn operands_of_steps(&self) -> impl Iterator<Item = (Option<usize>, &Operands)> {
        self.steps.iter().filter_map(|step| match &step.work {
            Work::Convolution {
                weight, operands, ..
            }
            | Work::Linear {
                weight, operands, ..
            } => Some((Some(*weight), operands)),
            Work::Quantize { operands } => Some((None, operands)),
            _ => None,
        })
    }

    /// Whether any operand is quantized.
    pub fn is_quantized(&self) -> bool {
        self.operands_of_steps()
            .any(|(_, operands)| operands.weights.is_some() || operands.activations.is_some())
    }
}
