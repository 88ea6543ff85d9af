//! What is said of mistakes: what was meant, where a value came from, and what merely follows.
//!
//! In: a name or a text that has no meaning, or diagnostics. Out: a help that can be typed; one report for one mistake.

pub(super) mod consequences;
pub(super) mod foreign;
pub(super) mod joined;
pub(super) mod lacking;
pub(super) mod misnamed;
pub(super) mod origin;
pub(super) mod taken;
pub(super) mod unit_slips;
