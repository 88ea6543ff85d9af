//! Memories: what has to fit into them, and the energy of the bits that go through them.
//!
//! In: a target with memories, every field known. Out: the energy of a layer's moved bits ([`moved`]) and how full each memory is ([`MemoryCost`]). A memory without energies charges nothing (`docs/decisions/0010-memories.md`).

use serde::{Deserialize, Serialize};

use super::price::LayerCost;
use super::{Memory, Target, Unpriceable, peak_memory, stored_size};
use crate::ir::Holds;
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
