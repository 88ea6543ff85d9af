//! What a candidate is, without training, and what it costs.
//!
//! In: a checked [`crate::ir::Experiment`]. Out: a [`Template`] (every decision with its guard, every node that may be
//! there), from which a [`Point`] makes a [`Candidate`]: a [`Network`] with placed quantizers, a recipe and a target.
//! Knows nothing of training or of how points are chosen.
//!
//! `settling` makes decisions of slots, with values as `expression` has them; `unroll` copies the space, `shape` says which networks it has and `quantization`
//! what represents their operands. `counting` counts and draws points, `hardware` prices networks, and `findings` says what no point can be.

mod additive;
pub mod candidate;
pub mod counting;
pub mod decision;
pub mod expression;
mod extremes;
pub mod findings;
pub mod formula;
pub mod hardware;
mod least;
pub mod metrics;
pub mod network;
mod part;
pub mod quantization;
pub mod range;
pub mod settling;
mod shape;
pub mod survey;
mod targets;
pub mod template;
#[cfg(test)]
mod tests;
mod training;
mod unroll;

pub use candidate::{Candidate, Loss, Optimizer, Recipe, Schedule, Stage};
pub use decision::{Choices, Decision, Decisions, Point};
pub use metrics::Metrics;
pub use network::{
    Activation, Convolution, LayerKind, Network, Node, Op, Placement, PoolKind, Shape,
};
pub use quantization::quantizer::{Grid, Quantizer, ScaleRule};
pub use template::{OfBest, Template};
