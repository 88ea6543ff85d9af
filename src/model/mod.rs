//! What a candidate is, without training, and what it costs.
//!
//! In: a checked [`crate::ir::Experiment`]. Out: a [`Template`] (every decision with its guard, every node that may be
//! there), from which a [`Point`] makes a [`Candidate`]: a [`Network`] with placed quantizers, a recipe and a target.
//! Knows nothing of training or of how points are chosen.

mod additive;
pub mod aggregate;
mod arrangement;
mod augment;
pub mod blame;
pub mod bounds;
mod build;
pub mod candidate;
mod coded;
mod compare;
mod conflict;
pub mod counting;
pub mod decision;
mod domain;
pub mod evaluate;
mod existence;
mod extent;
mod extremes;
mod fit;
mod fold;
pub mod formula;
mod frame;
mod given;
pub mod grids;
pub mod hardware;
mod least;
pub mod limits;
mod members;
pub mod metrics;
pub mod network;
mod operation;
mod output;
mod own;
mod part;
pub mod partial;
mod place;
mod plain;
mod policy;
mod prove;
pub mod quantizer;
mod quick;
pub mod range;
mod reach;
mod reads;
mod records;
mod repair;
mod rescaled;
mod schedule;
mod select;
mod settle;
mod stage;
pub mod survey;
mod suspect;
mod targets;
pub mod template;
#[cfg(test)]
mod tests;
mod unquantized;
mod unrepaired;
mod unroll;

pub use candidate::{Candidate, Loss, Optimizer, Recipe, Schedule, Stage};
pub use decision::{Choices, Decision, Decisions, Point};
pub use metrics::Metrics;
pub use network::{
    Activation, Convolution, LayerKind, Network, Node, Op, Placement, PoolKind, Shape,
};
pub use quantizer::{Grid, Quantizer, ScaleRule};
pub use template::Template;
