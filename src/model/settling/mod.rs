//! From slots to decisions.
//!
//! In: the slots of an experiment, with where they stand. Out: decisions with their guards, and expressions over them.

pub(super) mod arrangement;
mod circle;
pub(super) mod domain;
pub mod limits;
pub(super) mod own;
mod reached;
pub(super) mod reads;
pub(super) mod records;
pub(super) mod settle;
