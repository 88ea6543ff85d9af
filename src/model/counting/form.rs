//! What was counted, as it can be drawn from.
//!
//! A graph from the top down, tables from the bottom up, or two parts of a space that were counted apart.

use std::collections::{BTreeMap, BTreeSet};

use super::elimination::Eliminated;
use super::graph::{Draw, Graph, Total};

/// What is drawn from.
#[derive(Debug, Clone)]
pub(super) enum Form {
    Graph(Graph),
    Eliminated(Eliminated),
    /// Two parts that share no decision.
    Apart(Graph, Box<Form>, Total),
}

impl Form {
    pub fn total(&self) -> &Total {
        match self {
            Form::Graph(graph) => &graph.total,
            Form::Eliminated(eliminated) => &eliminated.total,
            Form::Apart(_, _, total) => total,
        }
    }

    /// Puts the number of its member in the place of each decision that is chosen here. Whether there is a point.
    pub fn draw(&self, chosen: &mut [Option<u64>], draw: &mut dyn Draw) -> bool {
        match self {
            Form::Graph(graph) => graph.draw(chosen, draw),
            Form::Eliminated(eliminated) => {
                let Some(members) = eliminated.draw(chosen.len(), draw) else {
                    return false;
                };
                for (chosen, member) in chosen.iter_mut().zip(members) {
                    *chosen = chosen.or(member);
                }
                true
            }
            Form::Apart(graph, rest, _) => graph.draw(chosen, draw) && rest.draw(chosen, draw),
        }
    }

    pub fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        match self {
            Form::Graph(graph) => graph.may_begin(members, work),
            Form::Eliminated(eliminated) => eliminated.may_begin(members, work),
            Form::Apart(graph, rest, _) => {
                graph.may_begin(members, work) && rest.may_begin(members, work)
            }
        }
    }

    pub fn reached(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        match self {
            Form::Graph(graph) => graph.reached(),
            Form::Eliminated(eliminated) => eliminated.reached(),
            Form::Apart(graph, rest, _) => {
                let mut reached = graph.reached();
                reached.extend(rest.reached());
                reached
            }
        }
    }
}
