//! Small networks and the published target, for the tests of this folder.

use super::{Precision, Target};
use crate::model::network::{Convolution, Network, Node, Op, Placement, Shape};
use crate::model::quantization::quantizer::{Grid, Quantizer, ScaleRule};

/// arXiv:2211.11331: 35, 67 and 405 fJ/op; 614, 307 and 77 GOPS at two operations per multiply-accumulate and 300 MHz.
pub fn braintta() -> Target {
    let precision = |name: &str, bits, energy, macs| Precision {
        name: name.into(),
        bits,
        energy,
        macs,
    };
    Target {
        name: "braintta".into(),
        op_per_mac: 2.0,
        clock: 300e6,
        vector_width: 1024.0,
        lanes: 32.0,
        idle: 1.0,
        precisions: vec![
            precision("binary", 1, 35e-15, 1024.0),
            precision("ternary", 2, 67e-15, 512.0),
            precision("int8", 8, 405e-15, 128.0),
        ],
        memories: Vec::new(),
    }
}

/// Signed 8-bit codes.
pub fn grid_int8() -> Grid {
    Grid::Integer {
        bits: 8,
        signed: true,
    }
}

/// Codes of 4 bits from 0 up.
pub const INT4: Grid = Grid::Integer {
    bits: 4,
    signed: false,
};

/// A quantizer with these codes, per channel.
pub fn quantizer(grid: Grid) -> Quantizer {
    Quantizer {
        name: grid.to_string(),
        grid,
        per_channel: true,
        scale: ScaleRule::MaxAbs,
        formulas: Default::default(),
    }
}

/// A network of an input (height, width, channels) alone.
pub fn input((height, width, channels): (usize, usize, usize)) -> Network {
    let mut network = Network { nodes: Vec::new() };
    let shape = Shape {
        height,
        width,
        channels,
    };
    add_node(&mut network, Op::Input, &[], shape, None);
    network
}

/// Appends a node; its layer is `n` and its index.
pub fn add_node(
    network: &mut Network,
    op: Op,
    inputs: &[usize],
    shape: Shape,
    placement: Option<Placement>,
) {
    network.nodes.push(Node {
        layer: format!("n{}", network.nodes.len()),
        op,
        inputs: inputs.to_vec(),
        shape,
        placement,
    });
}

/// One convolution with padding that keeps the size.
pub fn conv(
    from: (usize, usize, usize),
    channels: usize,
    kernel: usize,
    stride: usize,
    groups: usize,
) -> Network {
    let mut network = input(from);
    let shape = Shape {
        height: from.0.div_ceil(stride),
        width: from.1.div_ceil(stride),
        channels,
    };
    let op = Op::Convolution(Convolution {
        kernel,
        stride,
        padding: kernel / 2,
        dilation: 1,
        groups,
    });
    add_node(&mut network, op, &[0], shape, None);
    network
}

/// One fully connected layer.
pub fn linear(from: (usize, usize, usize), channels: usize) -> Network {
    let mut network = input(from);
    let shape = Shape {
        height: 1,
        width: 1,
        channels,
    };
    add_node(&mut network, Op::Linear, &[0], shape, None);
    network
}

/// The network with one grid for weights and activations of all its layers.
pub fn quantized(mut network: Network, grid: Grid) -> Network {
    for index in network.weighted().collect::<Vec<_>>() {
        network.nodes[index].placement = Some(Placement {
            weights: Some(quantizer(grid)),
            activations: Some(quantizer(grid)),
        });
    }
    network
}
