//! Bucket elimination (Dechter, *Bucket elimination: a unifying framework for reasoning*, 1999): counting one decision at a time, from the
//! bottom up.
//!
//! In: decisions, the constraints to count, bounds that are no constraints. Out: [`Eliminated`], from which points are drawn; or nothing if that is too much work.
//!
//! 1. Guards, constraints and the terms of sums become tables over the few decisions that each mentions (`factors`, `comparison`). A row says
//!    whether it can be, what it adds to each sum, and how many members decisions have there that nothing mentions.
//! 2. The sums are told apart in whole numbers, exactly or in steps (`units`).
//! 3. A decision is summed out: the tables that mention it are multiplied, and rows that differ only in it are joined. What is left is a
//!    table over the decisions around it, whose rows are histograms: how many ways lead to each partial sum (`histogram`). What would
//!    exceed a limit, given the least that all else must add, is dropped. The order is found beforehand (`order`).
//! 4. The last table has one row: the count of each whole sum. A walk back through the tables, with odds by the counts, draws a
//!    point (`tree`, `walk`; `live` says which members occur).

mod comparison;
mod factors;
mod histogram;
mod layout;
mod live;
mod order;
mod tally;
mod tree;
mod units;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigUint;

pub use self::comparison::{End, Sum, Term};
use self::factors::{Factors, Raw};
use self::layout::Layout;
use self::tally::Tally;
use self::tree::{Failed, Tree};
use self::units::Unit;
use super::graph::{Draw, Total};
use crate::model::decision::Decisions;

/// A constraint over so few combinations is a table, even if it limits a sum.
const FEW: u64 = 1000;
/// Products of counts before it is given up: about a second.
const MOST_WORK: u64 = 400_000_000;
/// What may be planned: that many rows cannot be is only known later.
const MOST_PLANNED: f64 = 1000.0 * MOST_WORK as f64;
/// In how many steps a sum is cut that cannot be told apart exactly, and whether one that can be is; less where that is too much.
const STEPS: [(bool, u64); 5] = [
    (true, 8000),
    (true, 2000),
    (true, 400),
    (false, 200),
    (false, 50),
];

/// A space whose decisions are summed out.
#[derive(Debug, Clone)]
pub struct Eliminated {
    tree: Numbers,
    pub(super) total: Total,
    /// Decisions that were summed out one by one.
    pub variables: usize,
    /// Whether there are partial sums.
    pub has_sums: bool,
    /// Constraints that are not met by everything that is drawn.
    pub left_out: Vec<usize>,
}

#[derive(Debug, Clone)]
enum Numbers {
    Short(Arc<Tree<u128>>),
    Long(Arc<Tree<BigUint>>),
}

/// Counts the points that meet all guards and these constraints, exactly. `None` if that is too much.
pub fn exactly(decisions: &Decisions, constraints: &[usize]) -> Option<Eliminated> {
    let raw = factors::raw(decisions, constraints, &[], FEW)?;
    if !raw.beyond.is_empty() {
        return None;
    }
    let units = raw.units(true, 0)?;
    eliminated(&raw, &units)
}

/// Counts the points that meet all guards and as much of these constraints and bounds as can be: not fewer than the points that meet them.
pub fn roughly(decisions: &Decisions, constraints: &[usize], bounds: &[Sum]) -> Option<Eliminated> {
    let raw = factors::raw(decisions, constraints, bounds, FEW)?;
    let is_one = raw.sums.len() == 1;
    let mut steps = STEPS.iter().filter(|(_, steps)| is_one || *steps <= 400);
    steps.find_map(|(exact, steps)| eliminated(&raw, &raw.units(*exact, *steps)?))
}

fn eliminated(raw: &Raw, units: &[Unit]) -> Option<Eliminated> {
    let factors = raw.factors(units)?;
    let sizes: Vec<u64> = factors.variables.iter().map(|v| v.size()).collect();
    let scopes: Vec<Vec<usize>> = factors.tables.iter().map(|t| t.scope.clone()).collect();
    let plan = order::plan(&sizes, &scopes, factors.sums.most())?;
    if plan.work > MOST_PLANNED {
        return None;
    }
    let layout = Layout::new(factors.variables.clone(), plan);
    let (tree, parts, real) = match Tree::<u128>::new(&factors, layout.clone(), MOST_WORK) {
        Ok(tree) => {
            let (total, real) = (tree.total(), has_reals(&tree, &factors));
            (Numbers::Short(Arc::new(tree)), total, real)
        }
        Err(Failed::TooMuch) => return None,
        Err(Failed::NoRoom) => {
            let tree = Tree::<BigUint>::new(&factors, layout, MOST_WORK).ok()?;
            let (total, real) = (tree.total(), has_reals(&tree, &factors));
            (Numbers::Long(Arc::new(tree)), total, real)
        }
    };
    let mut left_out: BTreeSet<usize> = raw.beyond.iter().copied().collect();
    let sums = raw.sums.iter().zip(units);
    left_out.extend(
        sums.filter(|(_, u)| !u.is_exact())
            .flat_map(|(s, _)| &s.constraints),
    );
    Some(Eliminated {
        tree,
        total: Total { parts, real },
        variables: raw.variables.len(),
        has_sums: !units.is_empty(),
        left_out: left_out.into_iter().collect(),
    })
}

/// Whether a real exists at some point.
fn has_reals<N: Tally>(tree: &Tree<N>, factors: &Factors) -> bool {
    let mut reals = factors.reals.iter();
    reals.any(|(table, exists)| tree.passes(*table, |row| exists[row]))
}

impl Eliminated {
    /// For each decision, the number of its member where it is summed out and exists. `None` if there is no point.
    pub fn draw(&self, decisions: usize, draw: &mut dyn Draw) -> Option<Vec<Option<u64>>> {
        match &self.tree {
            Numbers::Short(tree) => tree.draw(decisions, draw),
            Numbers::Long(tree) => tree.draw(decisions, draw),
        }
    }

    /// For each decision that was summed out, the members that some point has.
    pub fn reached(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        match &self.tree {
            Numbers::Short(tree) => tree.reached(),
            Numbers::Long(tree) => tree.reached(),
        }
    }
}

#[cfg(test)]
mod tests;
