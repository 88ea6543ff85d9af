//! What a network costs on a target: operations, bits moved, energy and latency per layer and in all.
//!
//! In: a [`Network`](super::Network) with placed quantizers and a [`Target`]. Out: a [`Cost`]. Nothing is trained or measured here.

use serde::{Deserialize, Serialize};

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
