//! How numbers are represented: quantizers, policies, repairs.
//!
//! In: their declarations. Out: fields, rules and edits, with formulas that are checked.

pub(super) mod derived;
pub(super) mod formulas;
pub(super) mod own;
pub(super) mod policy;
pub(super) mod quantizer;
pub(super) mod repair;
pub(super) mod unread;
