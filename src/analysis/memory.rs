//! Declarations that have been lowered before.
//!
//! In: what a declaration of a file is as it stands there, after nothing was found wrong with it. Out: the same for the next
//! experiment that names it. It must not hold what an amendment changed or what read a name from around.

use std::collections::BTreeMap;

use super::names::Id;
use crate::ir::{Provenance, Quantizer, Target};

/// What has been lowered, by its declaration.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) targets: BTreeMap<Id, Target>,
    /// With where their numbers come from.
    pub(super) quantizers: BTreeMap<Id, (Quantizer, Vec<Provenance>)>,
}
