//! Where values that are chosen are read.
//!
//! In: each expression as it is settled, with the condition under which it is. Out: for each decision, the conditions under which something reads it. A
//! name that is defined by another one reads nothing yet, and neither does a requirement: it binds what is there.

use std::collections::BTreeMap;

use super::existence::entails;
use super::fold::same;
use crate::ir::Expr;

/// A decision that is read under more conditions than these counts as always read.
const MOST_CONDITIONS: usize = 64;

/// The conditions under which decisions are read.
#[derive(Debug, Default)]
pub(super) struct Reads {
    of: BTreeMap<usize, Where>,
    /// How many times it was asked not to look.
    paused: usize,
}

#[derive(Debug)]
enum Where {
    /// Wherever the decision exists.
    Always,
    /// Where one of these holds.
    Under(Vec<Expr>),
}

impl Reads {
    pub(super) fn is_paused(&self) -> bool {
        self.paused > 0
    }

    pub(super) fn pause(&mut self) {
        self.paused += 1;
    }

    pub(super) fn resume(&mut self) {
        self.paused -= 1;
    }

    /// A decision that exists under `exists` is read under `condition`.
    pub(super) fn note(&mut self, decision: usize, exists: &Expr, condition: &Expr) {
        let found = (self.of.entry(decision)).or_insert_with(|| Where::Under(Vec::new()));
        let Where::Under(conditions) = found else {
            return;
        };
        if *condition == Expr::bool(true) || same(condition, exists) {
            *found = Where::Always;
            return;
        }
        // Of conditions that follow from each other, the widest says it all.
        if conditions.iter().any(|known| entails(condition, known)) {
            return;
        }
        conditions.retain(|known| !entails(known, condition));
        match conditions.len() == MOST_CONDITIONS {
            true => *found = Where::Always,
            false => conditions.push(condition.clone()),
        }
    }

    /// Whether anything reads a decision.
    pub(super) fn has(&self, decision: usize) -> bool {
        self.of.contains_key(&decision)
    }

    /// Decisions that are not read wherever they exist as far as is seen, each with the conditions under which they are.
    pub(super) fn somewhere(&self) -> impl Iterator<Item = (usize, &[Expr])> {
        self.of.iter().filter_map(|(decision, found)| match found {
            Where::Always => None,
            Where::Under(conditions) => Some((*decision, &conditions[..])),
        })
    }
}
