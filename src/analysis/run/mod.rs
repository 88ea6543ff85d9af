//! What is run: an experiment, its training, its goals, its arms.
//!
//! In: an experiment with the declarations that it names. Out: an [`Experiment`](crate::ir::Experiment) for each arm.

pub(super) mod arms;
pub(super) mod augment;
pub(super) mod author;
pub(super) mod evaluator;
pub(super) mod experiment;
pub(super) mod final_training;
pub(super) mod goals;
pub(super) mod loss;
pub(super) mod parts;
pub(super) mod recipe;
pub(super) mod schedule;
pub(super) mod stages;
pub(super) mod table;
