//! What a candidate is trained with.
//!
//! In: stages over decisions. Out: the recipe of a point.

pub(super) mod augment;
pub(super) mod schedule;
pub(super) mod stage;
