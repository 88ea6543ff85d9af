//! The nodes that a network may have, and who may read whom, whatever the decisions are.
//!
//! In: template nodes. Out: [`Places`]. Which of them are there, and who reads whom, `flow` says once it is decided.

use std::collections::BTreeSet;

use crate::model::shape::operation::{How, TemplateOp};
use crate::model::unroll::TemplateNode;

/// A node that a network may have, in the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Sample,
    Of(usize),
    /// The addition of this branch to those before it.
    Sum(usize, usize),
}

/// The places of a template, by number.
pub struct Places {
    pub all: Vec<Place>,
    /// For each place those that may read it.
    pub may_read: Vec<Vec<usize>>,
    /// For each template node the places whose result may flow behind it.
    pub behind: Vec<BTreeSet<usize>>,
    /// The place of each template node: of a sum, that of its first addition.
    pub first: Vec<usize>,
}

impl Places {
    pub fn new(nodes: &[TemplateNode]) -> Places {
        let mut places = Places {
            all: vec![Place::Sample],
            may_read: Vec::new(),
            behind: Vec::with_capacity(nodes.len()),
            first: Vec::with_capacity(nodes.len()),
        };
        for (index, node) in nodes.iter().enumerate() {
            places.first.push(places.all.len());
            match &node.op {
                TemplateOp::Join(How::Sum, arms) => {
                    let sums = (1..arms.len()).map(|arm| Place::Sum(index, arm));
                    places.all.extend(sums);
                }
                _ => places.all.push(Place::Of(index)),
            }
        }
        for (index, node) in nodes.iter().enumerate() {
            let behind = places.behind_node(index, node);
            places.behind.push(behind);
        }
        places.may_read = vec![Vec::new(); places.all.len()];
        for reader in 0..places.all.len() {
            for read in places.read_by(reader, nodes) {
                places.may_read[read].push(reader);
            }
        }
        places
    }

    /// The places whose result may flow behind a node; of the sample there is one.
    fn behind(&self, at: Option<usize>) -> BTreeSet<usize> {
        at.map_or(BTreeSet::from([0]), |i| self.behind[i].clone())
    }

    /// The same of a node behind all that are known.
    fn behind_node(&self, index: usize, node: &TemplateNode) -> BTreeSet<usize> {
        let first = self.first[index];
        let mut here = BTreeSet::new();
        match &node.op {
            TemplateOp::Join(how, arms) => {
                (arms.iter()).for_each(|arm| here.extend(self.behind(arm.end.at)));
                match how {
                    How::Sum => here.extend((1..arms.len()).map(|arm| first + arm - 1)),
                    How::Concat => {
                        here.insert(first);
                    }
                    How::Either => {}
                }
            }
            _ => {
                here.insert(first);
            }
        }
        if node.guard.as_value().is_none() {
            here.extend(self.behind(node.from));
        }
        here
    }

    /// The places that a place may read.
    fn read_by(&self, reader: usize, nodes: &[TemplateNode]) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        let (Place::Of(index) | Place::Sum(index, _)) = self.all[reader] else {
            return all;
        };
        match &nodes[index].op {
            TemplateOp::Join(_, arms) => {
                (arms.iter()).for_each(|arm| all.extend(self.behind(arm.end.at)));
                if let Place::Sum(_, arm) = self.all[reader] {
                    all.extend((1..arm).map(|before| self.first[index] + before - 1));
                }
            }
            TemplateOp::Add(mark, _) => {
                all.extend(self.behind(nodes[index].from));
                all.extend(self.behind(mark.at));
            }
            _ => all.extend(self.behind(nodes[index].from)),
        }
        all
    }
}
