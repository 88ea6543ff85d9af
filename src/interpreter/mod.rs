//! Runs an experiment.

pub mod search;
pub mod train;
