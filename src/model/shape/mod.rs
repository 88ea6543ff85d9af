//! Shapes: of everything that may be there, and of one network.
//!
//! In: operations over decisions. Out: a concrete network with shapes; a diagnostic with the choices that lead to what does not fit.

pub(super) mod build;
mod doubt;
pub(super) mod extent;
pub(super) mod fit;
mod matters;
pub(super) mod misfit;
pub(super) mod operation;
pub(super) mod reach;
