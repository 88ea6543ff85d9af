//! Memories: what has to fit into them, and the energy of the bits that go through them.
//!
//! In: a target with memories. Out: as it is written, the requirements that its sizes make ([`fits`]); with every field known, the energy of a layer's moved bits
//! ([`moved`]) and how full each memory is ([`MemoryCost`]). A memory without energies charges nothing (`docs/decisions/0010-memories.md`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::price::LayerCost;
use super::{Memory, Target, Unpriceable, peak_memory, stored_size};
use crate::ir::{self, BinaryOp, Choice, Expr, Holds, Require, Value};
use crate::model::network::Network;

/// What one inference does to a memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryCost {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub holds: Holds,
    /// Its size, bit.
    pub size: f64,
    /// Bits that are in it at once, at most.
    pub held: u64,
    /// Bits that are read from it.
    pub read_bits: u64,
    /// Bits that are written to it.
    pub written_bits: u64,
    /// J; absent where it states neither energy.
    pub energy: Option<f64>,
}

impl MemoryCost {
    /// Whether everything that it holds has room.
    pub fn fits(&self) -> bool {
        self.held as f64 <= self.size
    }
}

/// The requirements that the memories of an experiment's target make: of each, that what it holds has room. Of several targets, each asks where
/// it is the one.
pub fn fits(target: &ir::Target, choice: Option<&Choice<ir::Target>>) -> Vec<Require> {
    let Some(choice) = choice else {
        return of_target(target, "target", None);
    };
    let all = std::iter::once(target).chain(&choice.others);
    all.flat_map(|one| of_target(one, &format!("target.{}", one.name), Some(&one.name)))
        .collect()
}

/// `stored_size <= target.memory.parameters.size`, perhaps behind `target == name implies`.
fn of_target(target: &ir::Target, path: &str, chosen: Option<&str>) -> Vec<Require> {
    let binary = |op, x, y| Expr::Binary(op, Arc::new(x), Arc::new(y));
    let requirement = |memory: &ir::Memory| {
        let name = |text: &str| Expr::Name(text.into(), memory.size_span);
        let (held, text, what) = match memory.holds {
            Holds::Weights => (name("stored_size"), "stored_size", "weights"),
            Holds::Activations => (name("peak_memory"), "peak_memory", "activations"),
            Holds::All => (
                binary(BinaryOp::Add, name("stored_size"), name("peak_memory")),
                "stored_size + peak_memory",
                "weights and activations",
            ),
        };
        let size = format!("{path}.memory.{}.size", memory.name);
        let text = format!("{text} <= {size}");
        let holds = binary(BinaryOp::LessEqual, held, name(&size));
        let (holds, text) = match chosen {
            None => (holds, text),
            Some(chosen) => {
                let this = Expr::Value(Value::name(chosen));
                let is_this = binary(BinaryOp::Equal, name("target"), this);
                (
                    binary(BinaryOp::Implies, is_this, holds),
                    format!("target == {chosen} implies {text}"),
                )
            }
        };
        Require {
            holds: Arc::new(holds),
            text,
            why: Some(format!("memory `{}` holds the {what}", memory.name)),
            span: memory.size_span,
        }
    };
    target.memories.iter().map(requirement).collect()
}

/// Bits that a layer reads from a memory and writes to it.
fn bits(memory: &Memory, layer: &LayerCost) -> (u64, u64) {
    let (mut read, mut written) = (0, 0);
    if memory.holds.weights() {
        read += layer.weight_bits;
    }
    if memory.holds.activations() {
        read += layer.input_bits;
        written += layer.output_bits;
    }
    (read, written)
}

/// read · bits read + write · bits written; nothing where neither is stated.
fn energy(memory: &Memory, (read, written): (u64, u64)) -> Option<f64> {
    let of = |per_bit: Option<f64>, bits: u64| per_bit.map(|e| e * bits as f64);
    match (of(memory.read, read), of(memory.write, written)) {
        (None, None) => None,
        (x, y) => Some(x.unwrap_or(0.0) + y.unwrap_or(0.0)),
    }
}

/// The energy of the bits that a layer moves; nothing where no memory of the target states one.
pub(super) fn moved(target: &Target, layer: &LayerCost) -> Option<f64> {
    let charged = target.memories.iter();
    charged
        .filter_map(|memory| energy(memory, bits(memory, layer)))
        .reduce(|sum, one| sum + one)
}

/// Each memory of a target with what a network does to it.
pub(super) fn costs(
    network: &Network,
    target: &Target,
    layers: &[LayerCost],
) -> Result<Vec<MemoryCost>, Unpriceable> {
    let of_memory = |memory: &Memory| {
        let each = layers.iter().map(|layer| bits(memory, layer));
        let all = each.fold((0, 0), |(r, w), (read, written)| (r + read, w + written));
        let mut held = 0;
        if memory.holds.weights() {
            held += stored_size(network, target)?;
        }
        if memory.holds.activations() {
            held += peak_memory(network);
        }
        Ok(MemoryCost {
            name: memory.name.clone(),
            holds: memory.holds,
            size: memory.size,
            held,
            read_bits: all.0,
            written_bits: all.1,
            energy: energy(memory, all),
        })
    };
    target.memories.iter().map(of_memory).collect()
}

#[cfg(test)]
mod tests;
