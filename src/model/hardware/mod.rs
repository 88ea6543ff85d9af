//! What a network costs on a target: operations, bits moved, energy and latency per layer and in all.
//!
//! In: a [`Network`](super::Network) with placed quantizers and a [`Target`]. Out: a [`Cost`], and the metrics that are known
//! before training. Nothing is trained or measured here.
//!
//! The model, in the order of the files:
//!
//! 1. `target`: the fields of a target get their values; a multiply-accumulate runs at the cheapest precision whose codes
//!    contain both operands' codes.
//! 2. `mapping`: one vector operation works on `lanes` output channels and, in each lane, on as many input channels as codes
//!    fit into the lane's word. What a layer leaves over in lanes and words is idle.
//! 3. `price`: energy = (useful operations + `idle` · idle operations) · energy per operation; latency = cycles / clock.
//!    Multiply-accumulates are charged, and the elementwise operations that change a topology: additions and padded shortcuts.
//!    Everything else elementwise is counted and free, since the published energies speak of multiply-accumulates alone.
//! 4. `storage`: packed sizes of the weights; `buffers`: the largest sum of activations alive at once.
//! 5. `memory`: what has to fit into the memories of a target, and the energy of the bits that are moved. These are charged only where a
//!    memory says what a bit takes, since published energies are taken to be of the whole core.
//!
//! `docs/hardware.md` derives every formula and says which numbers are published and which assumed.

use serde::{Deserialize, Serialize};

use crate::ir::Holds;

mod buffers;
mod fits;
mod known;
mod mapping;
mod memory;
mod price;
mod storage;
mod target;

pub use buffers::peak_memory;
pub(super) use buffers::{Flow, Treats, buffer};
pub use fits::fits;
pub use known::known_metrics;
pub use memory::MemoryCost;
pub use price::{Charge, Cost, ElementCost, LayerCost, Operand, Unpriceable, price};
pub(super) use storage::FLOAT_BITS;
pub use storage::{model_size, stored_size};
pub use target::{Alone, without_peaks};

#[cfg(test)]
mod fixtures;

/// A transport-triggered architecture with every field known, in base units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Operations of one multiply-accumulate, op/mac.
    pub op_per_mac: f64,
    /// cycle/s.
    pub clock: f64,
    /// Bits of the vector operand.
    pub vector_width: f64,
    /// Output channels that one vector operation works on.
    pub lanes: f64,
    /// The share of a busy lane's energy that an idle lane takes, 0 to 1.
    pub idle: f64,
    /// What a multiply-accumulate can run as.
    pub precisions: Vec<Precision>,
    /// Where weights and activations are, as far as it is stated.
    #[serde(default)]
    pub memories: Vec<Memory>,
}

/// A memory of a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The author's name for it.
    pub name: String,
    /// What is in it.
    pub holds: Holds,
    /// bit.
    pub size: f64,
    /// J per bit that is read; absent where the energy per operation contains it.
    pub read: Option<f64>,
    /// J per bit that is written.
    pub write: Option<f64>,
}

/// One precision of the datapath.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// `binary`, `ternary`, `int8`.
    pub name: String,
    /// Bits of one stored code: 1, 2, 8.
    pub bits: u32,
    /// J/op at full utilization.
    pub energy: f64,
    /// mac/cycle at full utilization.
    pub macs: f64,
}
