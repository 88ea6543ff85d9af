//! Declarations that have been lowered before.
//!
//! In: what a declaration of a file is as it stands there, after nothing was found wrong with it. Out: the same for the next
//! experiment that names it. It must not hold what an amendment changed or what read a name from around.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::context::Reached;
use super::names::Id;
use crate::ir::{Amendment, Block, Policy, Provenance, Quantizer, Target};
use crate::model::metrics::Metrics;
use crate::source::SourceId;

/// What has been lowered, by its declaration.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// With what they amend.
    pub(super) targets: BTreeMap<Id, (Target, Vec<Amendment>)>,
    /// Within one space, or one block that no space copies: whoever lowers another one begins anew, since what blocks reach is of each.
    pub(super) blocks: BTreeMap<Id, Copied>,
    /// With what they reach.
    pub(super) policies: BTreeMap<Id, (Policy, Reached)>,
    /// With where their numbers come from, and with what they amend.
    pub(super) quantizers: BTreeMap<Id, (Quantizer, Vec<Provenance>, Vec<Amendment>)>,
    /// Metrics of networks that facts of one declaration speak of, by the text that asks for them and the file where it stands.
    pub(super) networks: BTreeMap<(SourceId, String), Rc<Metrics>>,
    /// Goals and requirements as results call them, by how they are written.
    pub(super) texts: HashMap<String, String>,
}

/// A block, and how far what it copies goes.
#[derive(Debug, Clone)]
pub(super) struct Copied {
    pub(super) block: Arc<Block>,
    pub(super) inner: Inner,
}

/// What is copied within what is lowered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inner {
    /// How many blocks copy each other in a row.
    pub(super) height: usize,
    /// How many copies there are in all.
    pub(super) copies: usize,
}
