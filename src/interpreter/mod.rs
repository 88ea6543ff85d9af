//! Runs an experiment.

pub mod train;
