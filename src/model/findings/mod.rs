//! What is wrong or suspect with a space as a whole, and where it came from.
//!
//! In: a template. Out: diagnostics: what no candidate can meet, settings that are silently off, amendments that made it so.

pub mod blame;
pub(super) mod conflict;
pub(super) mod consequences;
pub(super) mod given;
mod origin;
pub(super) mod prove;
mod reads;
pub(super) mod rescaled;
pub(super) mod suspect;
pub(super) mod unquantized;
pub(super) mod unrepaired;
