//! What one step of a plan does, and with which of the network's numbers.

use std::sync::Arc;

use crate::interpreter::train::quantize::FakeQuantizer;
use crate::model::{Activation, Convolution, PoolKind};

/// One operation of the tape.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The node whose result it makes.
    pub node: usize,
    /// The node that it reads first.
    pub input: usize,
    /// What it does.
    pub work: Work,
}

impl Step {
    /// The view through which it reads its input when quantizers of inputs are on.
    pub fn view(&self) -> Option<usize> {
        match &self.work {
            Work::Convolution { operands, .. }
            | Work::Linear { operands, .. }
            | Work::Quantize { operands } => operands.view,
            _ => None,
        }
    }

    /// The nodes that it reads besides: to add one, or to append their channels.
    pub fn others(&self) -> &[usize] {
        match &self.work {
            Work::Norm { add, .. } => add.as_slice(),
            Work::Add(other) => std::slice::from_ref(other),
            Work::Concat(others) => others,
            _ => &[],
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A convolution without bias.
    Convolution {
        /// Its geometry.
        convolution: Convolution,
        /// Index of its weights.
        weight: usize,
        /// How its operands are represented.
        operands: Operands,
    },
    /// A matrix product with bias.
    Linear {
        /// Index of its weights.
        weight: usize,
        /// Index of its bias.
        bias: usize,
        /// How its operands are represented.
        operands: Operands,
    },
    /// Batch norm, then the addition of a node, then an activation.
    Norm {
        /// Index among the batch norms.
        norm: usize,
        /// Index of the learned scale.
        gain: usize,
        /// Index of the learned shift.
        bias: usize,
        /// A node to add.
        add: Option<usize>,
        /// What comes last.
        activation: Option<Activation>,
    },
    /// An activation alone.
    Activation(Activation),
    /// Windowed pooling.
    Pool {
        /// Which statistic.
        kind: PoolKind,
        /// Rows and columns of the window.
        kernel: (usize, usize),
        /// Distance of windows.
        stride: usize,
    },
    /// The sum with another node.
    Add(usize),
    /// The channels, and behind them those of other nodes.
    Concat(Vec<usize>),
    /// Every `stride`-th pixel, with zeros as further channels.
    PadShortcut {
        /// Distance of pixels.
        stride: usize,
    },
    /// Pixels and channels as one vector.
    Flatten,
    /// The values as a quantizer lets them through, for whoever reads them.
    Quantize {
        /// Its quantizer, as that of an input.
        operands: Operands,
    },
}

/// Quantizers of the operands of a product.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Operands {
    /// Of the weights.
    pub weights: Option<Arc<FakeQuantizer>>,
    /// Of the input, with the index of its scale.
    pub activations: Option<(Arc<FakeQuantizer>, usize)>,
    /// The parameter that holds the scales of the weights, where they are learned.
    pub weight_scale: Option<usize>,
    /// The parameter that holds the scale of the input, where it is learned.
    pub activation_scale: Option<usize>,
    /// The input as it is read, if it is quantized.
    pub view: Option<usize>,
}
