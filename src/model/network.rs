//! A concrete network: nodes in the order of execution, with shapes and placed quantizers.

use serde::{Deserialize, Serialize};

use super::quantization::quantizer::Quantizer;

/// Height, width and channels of what a node gives for one sample (activations are NHWC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

impl Shape {
    /// Values of one sample.
    pub fn len(self) -> usize {
        self.height * self.width * self.channels
    }

    /// Whether there is no value.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Rows times columns.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// A feed-forward network. Node 0 is the input; every node's inputs stand before it; the last node gives the logits
/// with shape 1x1xclasses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// In the order of execution.
    pub nodes: Vec<Node>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Path of the layer that it stands in: `stem`, `s[0].d[1].filter`.
    pub layer: String,
    /// What it does.
    pub op: Op,
    /// Indices of the nodes that it reads.
    pub inputs: Vec<usize>,
    /// What it gives.
    pub shape: Shape,
    /// For convolution and linear nodes of a quantized network: how its operands are represented. For [`Op::Quantize`] its quantizer.
    pub placement: Option<Placement>,
}

/// Quantizers of the two operands of a node's multiplications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Of the weights. `None`: float.
    pub weights: Option<Quantizer>,
    /// Of what enters the node. `None`: float.
    pub activations: Option<Quantizer>,
}

/// What a node does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The sample.
    Input,
    /// Convolution without bias; depthwise if `groups` equals the channels of its input (and of its output).
    Convolution(Convolution),
    /// Fully connected, with bias; its input has 1x1 pixels, or is read as flattened in NHWC order.
    Linear,
    /// Batch normalization with scale and shift per channel.
    Norm,
    /// Elementwise.
    Activation(Activation),
    /// Windowed pooling without padding.
    Pool {
        /// Which statistic.
        kind: PoolKind,
        /// Rows and columns of the window.
        kernel: (usize, usize),
        /// Distance of windows.
        stride: usize,
    },
    /// Sum of two nodes of one shape: a skip connection.
    Add,
    /// Sum of two branches of one shape; no skip connection, so that a repair leaves it alone.
    Sum,
    /// The channels of its inputs, one input after the other.
    Concat,
    /// Every `stride`-th pixel, channels filled up with zeros (option A of arXiv:1512.03385).
    PadShortcut {
        /// Distance of pixels.
        stride: usize,
    },
    /// Pixels and channels as one vector in NHWC order.
    Flatten,
    /// What is kept of an addition or of the result: its values by the quantizer of activations that is placed on it.
    Quantize,
}

/// Square kernel, one stride, one dilation, zero padding at all sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolution {
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Distance of windows.
    pub stride: usize,
    /// Zeros at each side.
    pub padding: usize,
    /// Distance of the kernel's taps.
    #[serde(default = "adjacent", skip_serializing_if = "is_adjacent")]
    pub dilation: usize,
    /// Groups of channels.
    pub groups: usize,
}

impl Convolution {
    /// Rows and columns from the first tap to the last.
    pub fn extent(&self) -> usize {
        self.dilation * (self.kernel - 1) + 1
    }
}

/// The dilation of a kernel whose taps are neighbors.
fn adjacent() -> usize {
    1
}

fn is_adjacent(dilation: &usize) -> bool {
    *dilation == adjacent()
}

/// Elementwise nonlinearities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// min(max(x, -1), 1).
    Hardtanh,
}

/// Statistics of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// Mean.
    Average,
    /// Maximum.
    Max,
}

/// Kinds of nodes that have weights.
pub use crate::ir::LayerKind;

impl Network {
    /// The shape of the input of a node's first operand.
    pub fn input_shape(&self, node: &Node) -> Shape {
        self.nodes[node.inputs[0]].shape
    }

    /// The kind of a node that has weights.
    pub fn layer_kind(&self, node: &Node) -> Option<LayerKind> {
        match &node.op {
            Op::Convolution(c)
                if c.groups > 1
                    && c.groups == self.input_shape(node).channels
                    && c.groups == node.shape.channels =>
            {
                Some(LayerKind::Depthwise)
            }
            Op::Convolution(_) => Some(LayerKind::Conv),
            Op::Linear => Some(LayerKind::Linear),
            _ => None,
        }
    }

    /// Indices of the nodes that have weights, in order.
    pub fn weighted(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|i| self.layer_kind(&self.nodes[*i]).is_some())
    }

    /// Number of weights of a node, without bias: kernel² · (channels in / groups) · channels out.
    pub fn weights(&self, node: &Node) -> usize {
        match &node.op {
            Op::Convolution(c) => {
                let inputs = self.input_shape(node).channels / c.groups;
                c.kernel * c.kernel * inputs * node.shape.channels
            }
            Op::Linear => self.input_shape(node).len() * node.shape.channels,
            _ => 0,
        }
    }

    /// Multiply-accumulates of a node for one sample: weights times output pixels (Ho·Wo·Co·(Ci/groups)·K²).
    pub fn macs(&self, node: &Node) -> u64 {
        self.weights(node) as u64 * node.shape.pixels() as u64
    }

    /// Learned numbers at inference, batch norm folded: weights and one bias per output channel.
    pub fn params(&self) -> u64 {
        self.weighted()
            .map(|i| &self.nodes[i])
            .map(|n| (self.weights(n) + n.shape.channels) as u64)
            .sum()
    }

    /// Multiply-accumulates for one sample.
    pub fn total_macs(&self) -> u64 {
        self.weighted().map(|i| self.macs(&self.nodes[i])).sum()
    }

    /// For each node the indices of those that read it, ascending, in one walk.
    pub fn all_readers(&self) -> Vec<Vec<usize>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &input in &node.inputs {
                if readers[input].last() != Some(&index) {
                    readers[input].push(index);
                }
            }
        }
        readers
    }

    /// Indices of the nodes that read node `index`.
    pub fn readers(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(move |i| self.nodes[*i].inputs.contains(&index))
    }
}
