//! Values of expressions, and what can be said of them without a value.
//!
//! In: an expression over decisions. Out: its value at a point, its ends over all of them, where it exists, or the same made simpler.

pub mod aggregate;
pub mod bounds;
pub(super) mod compare;
pub mod evaluate;
pub(super) mod existence;
pub(super) mod fold;
pub(super) mod frame;
pub(super) mod members;
pub(super) mod necessary;
pub mod partial;
pub(super) mod plain;
pub(super) mod quick;
pub mod rename;
