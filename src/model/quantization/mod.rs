//! Which quantizer each operand of a network has.
//!
//! In: policies and repairs over decisions. Out: the quantizers of a concrete network, and what codes they may have before every choice is made.

mod asked;
pub(super) mod coded;
pub mod grids;
pub(super) mod output;
pub(super) mod place;
pub(super) mod policy;
pub mod quantizer;
pub(super) mod repair;
pub(super) mod select;
