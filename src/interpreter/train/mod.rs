//! How good is a candidate: trains it.

pub mod ops;
