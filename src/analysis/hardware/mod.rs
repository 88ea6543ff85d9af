//! What it runs on: targets and their memories.
//!
//! In: the declaration of a target. Out: a [`Target`](crate::ir::Target) in base units.

pub(super) mod stores;
pub(super) mod target;
