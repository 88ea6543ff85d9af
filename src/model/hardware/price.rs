//! Energy and latency of a network, node by node.
//!
//! In: a [`Network`] and a [`Target`]. Out: a [`Cost`], or the first operand that the target cannot multiply.

use serde::{Deserialize, Serialize};

use super::buffers::{Built, fused_end, quantized_bits, users};
use super::mapping::work;
use super::memory::{self, MemoryCost};
use super::storage::FLOAT_BITS;
use super::{Precision, Target};
use crate::model::network::{LayerKind, Network, Node, Op};
use crate::model::quantization::quantizer::Grid;

/// What one inference costs on a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Name of the target.
    pub target: String,
    /// Nodes with weights, in order.
    pub layers: Vec<LayerCost>,
    /// Elementwise nodes, in order.
    pub elementwise: Vec<ElementCost>,
    /// The memories of the target, in order.
    pub memories: Vec<MemoryCost>,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Operations of the multiply-accumulates, op.
    pub ops: f64,
    /// Cycles of everything that is charged.
    pub cycles: f64,
    /// J.
    pub energy: f64,
    /// s.
    pub latency: f64,
}

/// What a node with weights costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerCost {
    /// Index of the node.
    pub node: usize,
    /// Path of its layer.
    pub layer: String,
    /// Its kind.
    pub kind: LayerKind,
    /// Codes of its weights.
    pub weights: Grid,
    /// Codes of what enters it.
    pub activations: Grid,
    /// The precision that it runs as.
    pub runs_as: String,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Useful operations, op.
    pub ops: f64,
    /// Operations that lanes and words without work could have done, op.
    pub idle_ops: f64,
    /// Cycles of the vector unit.
    pub cycles: f64,
    /// Useful share of the operations, 0 to 1.
    pub utilization: f64,
    /// J: of the operations, and of moved bits where memories charge them.
    pub energy: f64,
    /// J of moved bits, part of the energy; absent where no memory charges them.
    pub memory_energy: Option<f64>,
    /// s.
    pub latency: f64,
    /// Bits of its weights as stored, read once.
    pub weight_bits: u64,
    /// Bits of its input as stored, read once.
    pub input_bits: u64,
    /// Bits of its output as stored after what is fused with it, written once.
    pub output_bits: u64,
}

/// What an elementwise node costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ElementCost {
    /// Index of the node.
    pub node: usize,
    /// Path of its layer.
    pub layer: String,
    /// `norm`, `activation`, `pool`, `concat`, `add` or `pad_shortcut`.
    pub op: String,
    /// Element operations; for pooling one per value of a window.
    pub elements: u64,
    /// Whether and why it is charged.
    pub charge: Charge,
    /// Cycles, 0 if it is free.
    pub cycles: f64,
    /// J, 0 if it is free.
    pub energy: f64,
    /// s, 0 if it is free.
    pub latency: f64,
}

/// Whether an elementwise node is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// Counted only: the published energies say nothing of it.
    Free,
    /// One operation of the widest precision per element, `lanes` elements per cycle.
    Charged,
}

/// One of the two operands of a multiply-accumulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operand {
    /// The weights.
    Weights,
    /// What enters the layer.
    Activations,
}

/// Why a network has no cost on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpriceable {
    /// An operand has no quantizer, and the target multiplies codes only.
    Float {
        /// Path of the layer.
        layer: String,
        /// Which operand.
        operand: Operand,
    },
    /// No precision of the target contains the codes of both operands.
    NoPrecision {
        /// Path of the layer.
        layer: String,
        /// Codes of the weights.
        weights: Grid,
        /// Codes of the activations.
        activations: Grid,
        /// Name of the target.
        target: String,
    },
}

impl std::fmt::Display for Unpriceable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unpriceable::Float { layer, operand } => {
                let operand = match operand {
                    Operand::Weights => "weights",
                    Operand::Activations => "activations",
                };
                write!(
                    f,
                    "layer `{layer}` has float {operand}, and the target multiplies codes only"
                )
            }
            Unpriceable::NoPrecision {
                layer,
                weights,
                activations,
                target,
            } => write!(
                f,
                "no precision of `{target}` contains {weights} weights and {activations} activations of layer `{layer}`"
            ),
        }
    }
}

impl std::error::Error for Unpriceable {}

/// What one inference of `network` costs on `target`.
pub fn price(network: &Network, target: &Target) -> Result<Cost, Unpriceable> {
    let mut cost = Cost {
        target: target.name.clone(),
        layers: Vec::new(),
        elementwise: Vec::new(),
        memories: Vec::new(),
        macs: 0,
        ops: 0.0,
        cycles: 0.0,
        energy: 0.0,
        latency: 0.0,
    };
    let built = Built::new(network);
    for (index, node) in network.nodes.iter().enumerate() {
        let (cycles, energy) = if let Some(kind) = network.layer_kind(node) {
            let layer = price_layer(network, &built, target, index, kind)?;
            cost.macs += layer.macs;
            cost.ops += layer.ops;
            let charged = (layer.cycles, layer.energy);
            cost.layers.push(layer);
            charged
        } else if let Some(element) = price_elements(target, index, node) {
            let charged = (element.cycles, element.energy);
            cost.elementwise.push(element);
            charged
        } else {
            continue;
        };
        cost.cycles += cycles;
        cost.energy += energy;
    }
    cost.latency = cost.cycles / target.clock;
    cost.memories = memory::costs(network, target, &cost.layers)?;
    Ok(cost)
}

/// energy = (useful operations + idle · idle operations) · energy per operation, and that of moved bits where memories charge them; latency =
/// cycles / clock.
fn price_layer(
    network: &Network,
    built: &Built,
    target: &Target,
    index: usize,
    kind: LayerKind,
) -> Result<LayerCost, Unpriceable> {
    let node = &network.nodes[index];
    let (weights, activations) = operands(node)?;
    let precision = layer_precision(target, node)?;
    let work = work(network, node, target, precision);
    let ops = target.op_per_mac * work.macs as f64;
    let idle_ops = target.op_per_mac * (work.slots - work.macs as f64);
    let bits = u64::from(precision.bits);
    let Ok(end) = fused_end(built, index);
    let written = stored_bits_per_value(network, built, target, end)?;
    let mut layer = LayerCost {
        node: index,
        layer: node.layer.clone(),
        kind,
        weights,
        activations,
        runs_as: precision.name.clone(),
        macs: work.macs,
        ops,
        idle_ops,
        cycles: work.cycles,
        utilization: work.utilization(),
        energy: (ops + target.idle * idle_ops) * precision.energy,
        memory_energy: None,
        latency: work.cycles / target.clock,
        weight_bits: network.weights(node) as u64 * bits,
        input_bits: network.input_shape(node).len() as u64 * bits,
        output_bits: node.shape.len() as u64 * written,
    };
    layer.memory_energy = memory::moved(target, &layer);
    layer.energy += layer.memory_energy.unwrap_or(0.0);
    Ok(layer)
}

/// The precision that a node with weights runs as.
pub(super) fn layer_precision<'a>(
    target: &'a Target,
    node: &Node,
) -> Result<&'a Precision, Unpriceable> {
    let (weights, activations) = operands(node)?;
    target
        .runs_as(weights, activations)
        .ok_or_else(|| Unpriceable::NoPrecision {
            layer: node.layer.clone(),
            weights,
            activations,
            target: target.name.clone(),
        })
}

/// Codes of both operands.
fn operands(node: &Node) -> Result<(Grid, Grid), Unpriceable> {
    let float = |operand| Unpriceable::Float {
        layer: node.layer.clone(),
        operand,
    };
    let placement = node.placement.as_ref();
    let weights = placement.and_then(|p| p.weights.as_ref());
    let activations = placement.and_then(|p| p.activations.as_ref());
    match (weights, activations) {
        (Some(w), Some(a)) => Ok((w.grid, a.grid)),
        (None, _) => Err(float(Operand::Weights)),
        (_, None) => Err(float(Operand::Activations)),
    }
}

/// Bits of one value that node `index` gives, as the target stores it: those of the widest precision that a reader runs as, or
/// an accumulator's if anything else reads it.
fn stored_bits_per_value(
    network: &Network,
    built: &Built,
    target: &Target,
    index: usize,
) -> Result<u64, Unpriceable> {
    if let Some(bits) = quantized_bits(&network.nodes[index]) {
        return Ok(bits);
    }
    let mut widest = 0;
    let Ok(users) = users(built, index);
    for reader in users {
        let node = &network.nodes[reader];
        if network.layer_kind(node).is_none() {
            return Ok(FLOAT_BITS);
        }
        widest = widest.max(u64::from(layer_precision(target, node)?.bits));
    }
    Ok(if widest == 0 { FLOAT_BITS } else { widest })
}

/// Additions and padded shortcuts: one operation per element they give, at the widest precision. All else is free.
fn price_elements(target: &Target, index: usize, node: &Node) -> Option<ElementCost> {
    let given = node.shape.len() as u64;
    let (op, elements, charge) = match &node.op {
        Op::Norm => ("norm", given, Charge::Free),
        Op::Activation(_) => ("activation", given, Charge::Free),
        Op::Concat => ("concat", given, Charge::Free),
        // A multiplier and a shift, as behind every layer.
        Op::Quantize => ("quantize", given, Charge::Free),
        Op::Pool { kernel, .. } => ("pool", given * (kernel.0 * kernel.1) as u64, Charge::Free),
        Op::Add | Op::Sum => ("add", given, Charge::Charged),
        Op::PadShortcut { .. } => ("pad_shortcut", given, Charge::Charged),
        Op::Input | Op::Flatten | Op::Convolution(_) | Op::Linear => return None,
    };
    let (cycles, energy) = match (charge, target.widest()) {
        (Charge::Charged, Some(widest)) => (
            (elements as f64 / target.lanes).ceil(),
            elements as f64 * widest.energy,
        ),
        _ => (0.0, 0.0),
    };
    Some(ElementCost {
        node: index,
        layer: node.layer.clone(),
        op: op.into(),
        elements,
        charge,
        cycles,
        energy,
        latency: cycles / target.clock,
    })
}

#[cfg(test)]
mod tests;
