//! Runs an experiment: ask, build, price, train, tell.

pub mod result;
pub mod store;
pub mod trial;
