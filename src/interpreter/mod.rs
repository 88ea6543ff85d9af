//! Runs an experiment.

pub mod search;
