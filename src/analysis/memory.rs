//! Declarations that have been lowered before.
//!
//! In: what a declaration of a file is as it stands there, after nothing was found wrong with it. Out: the same for the next
//! experiment that names it. It must not hold what an amendment changed or what read a name from around.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::names::Id;
use crate::ir::{Provenance, Quantizer, Target};
use crate::model::metrics::Metrics;
use crate::source::SourceId;

/// What has been lowered, by its declaration.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) targets: BTreeMap<Id, Target>,
    /// With where their numbers come from.
    pub(super) quantizers: BTreeMap<Id, (Quantizer, Vec<Provenance>)>,
    /// Metrics of networks that facts of one declaration speak of, by the text that asks for them and the file where it stands.
    pub(super) networks: BTreeMap<(SourceId, String), Rc<Metrics>>,
}
