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
//!    point (`tree`).

mod comparison;
mod factors;
mod histogram;
mod order;
mod tally;
mod tree;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigUint;

pub use self::comparison::{End, Sum, Term};
use self::factors::Raw;
use self::tally::Tally;
use self::tree::Tree;
use super::graph::{Draw, Total};
use crate::model::decision::Decisions;

/// A constraint over so few combinations is a table, even if it limits a sum.
const FEW: u64 = 1000;
/// Products of counts before it is given up: about a second.
const MOST_WORK: u64 = 400_000_000;
/// What may be planned: rows that cannot be are only known later.
const MOST_PLANNED: f64 = 20.0 * MOST_WORK as f64;
/// In how many steps a sum is cut that cannot be told apart exactly; fewer where that is too much.
const STEPS: [(bool, u64); 5] = [
    (true, 2000),
    (true, 500),
    (true, 100),
    (false, 500),
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
    let t0 = std::time::Instant::now();
    let raw = factors::raw(decisions, constraints, &[], FEW)?;
    eprintln!("raw {:?} beyond {:?}", t0.elapsed(), raw.beyond);
    if !raw.beyond.is_empty() {
        return None;
    }
    let units = raw.units(true, 0)?;
    eliminated(&raw, &units, decisions)
}

/// Counts the points that meet all guards and as much of these constraints and bounds as can be: not fewer than the points that meet them.
pub fn roughly(
    decisions: &Decisions,
    constraints: &[usize],
    bounds: &[Sum],
) -> Option<Eliminated> {
    let raw = factors::raw(decisions, constraints, bounds, FEW)?;
    STEPS.iter().find_map(|(exact, steps)| {
        let units = raw.units(*exact, *steps)?;
        eliminated(&raw, &units, decisions)
    })
}

fn eliminated(raw: &Raw, units: &[units::Unit], decisions: &Decisions) -> Option<Eliminated> {
    let (tree, parts, real) = match factors::bits(decisions) {
        0..=127 => {
            let (tree, real) = carried_out::<u128>(raw, units)?;
            let total = tree.total();
            (Numbers::Short(Arc::new(tree)), total, real)
        }
        _ => {
            let (tree, real) = carried_out::<BigUint>(raw, units)?;
            let total = tree.total();
            (Numbers::Long(Arc::new(tree)), total, real)
        }
    };
    let mut left_out: BTreeSet<usize> = raw.beyond.iter().copied().collect();
    let sums = raw.sums.iter().zip(units);
    left_out.extend(sums.filter(|(_, u)| !u.is_exact()).flat_map(|(s, _)| &s.constraints));
    Some(Eliminated {
        tree,
        total: Total { parts, real },
        variables: raw.variables.len(),
        has_sums: !units.is_empty(),
        left_out: left_out.into_iter().collect(),
    })
}

/// A tree, and whether a real exists at some point.
fn carried_out<N: Tally>(raw: &Raw, units: &[units::Unit]) -> Option<(Tree<N>, bool)> {
    let factors = raw.factors::<N>(units)?;
    let sizes: Vec<u64> = factors.variables.iter().map(|v| v.size()).collect();
    let scopes: Vec<Vec<usize>> = factors.tables.iter().map(|t| t.scope.clone()).collect();
    let plan = order::plan(&sizes, &scopes, factors.sums.most())?;
    eprintln!("plan: work {:e} sums {:?} most {}", plan.work, units.iter().map(|u| (&u.digit, u.is_exact())).collect::<Vec<_>>(), factors.sums.most());
    let t0 = std::time::Instant::now();
    if plan.work * N::COST as f64 > MOST_PLANNED {
        return None;
    }
    let mut left = MOST_WORK;
    let tree = Tree::new(&factors, plan, &mut left);
    eprintln!("tree: {} {} {:?}", tree.is_some(), MOST_WORK - left, t0.elapsed());
    let tree = tree?;
    let mut reals = factors.reals.iter();
    let real = reals.any(|(table, exists)| tree.passes(*table, |row| exists[row]));
    Some((tree, real))
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
