//! Bucket elimination (Dechter, *Bucket elimination: a unifying framework for reasoning*, 1999): counting one decision at a time, from the
//! bottom up.
//!
//! In: decisions, the constraints to count, bounds that are no constraints. Out: [`Eliminated`], from which points are drawn; or nothing if that is too much work.
//!
//! 1. Guards, constraints and the terms of sums become tables over the few decisions that each mentions (`tabulate`, `comparison`). A row says
//!    whether it can be, what it adds to each sum, and how many members decisions have there that nothing mentions.
//! 2. The sums are told apart in whole numbers, exactly or in steps (`units`, `factors`).
//! 3. A decision is summed out: the tables that mention it are multiplied, and rows that differ only in it are joined. What is left is a
//!    table over the decisions around it, whose rows are histograms: how many ways lead to each partial sum (`histogram`; long ones multiply as long numbers, `product`). What would
//!    exceed a limit, given the least that all else must add, is dropped. The order is found beforehand (`order`). What ties two decisions with many members
//!    is no table but runs of members (`relation`): one of them is summed out onto the other.
//! 4. The last table has one row: the count of each whole sum. A walk back through the tables, with odds by the counts, draws a
//!    point (`tree`, `walk`; `live` says which members occur).

mod begin;
mod cheapest;
mod comparison;
mod factors;
mod free;
mod histogram;
mod layout;
mod live;
mod order;
mod priced;
mod product;
mod raw;
mod relation;
mod shared;
mod tabulate;
mod tally;
mod tree;
mod units;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigUint;

pub use self::comparison::{Against, End, Sum, Term, combinations, conjuncts};
use self::factors::Factors;
use self::layout::Layout;
use self::order::{Asked, Plans};
pub use self::priced::{Costs, Priced};
use self::product::Mark;
use self::raw::Raw;
use self::tally::{Tally, Words};
use self::tree::{Failed, Tree};
use self::units::{Side, Unit};
use super::graph::{Draw, Total};
use crate::model::decision::Decisions;

/// A constraint over so few combinations is a table, even if it limits a sum.
const FEW: u64 = 1000;
/// Products of counts before it is given up: about a second.
const MOST_WORK: u64 = 400_000_000;
/// The same where sums are rounded: about a tenth of a second.
const MOST_WORK_ROUGHLY: u64 = 50_000_000;
/// What may be planned: that many rows cannot be is only known later.
const MOST_PLANNED: f64 = 100.0 * MOST_WORK as f64;
/// In how many steps a sum is cut that cannot be told apart exactly: so many at first, and then as many as the work of these says that there
/// is time for; one by one, fewer where that is too much.
const STEPS: [u64; 3] = [200, 50, 10];
/// The steps where all partial sums are told apart, and the work that may be planned for that.
const MOST_TINY_STEPS: u64 = 1 << 28;
const MOST_PLANNED_TWICE: f64 = 5e6;

const MOST_STEPS: u64 = 8000;

/// So many partial sums of several sums are told apart exactly, if at all.
const MOST_TOLD_APART: f64 = 200_000.0;
/// How many of several sums are tried alone.
const MOST_ALONE: usize = 4;

/// A space whose decisions are summed out.
#[derive(Debug, Clone)]
pub struct Eliminated {
    tree: Arc<dyn Points>,
    pub(super) total: Total,
    /// Decisions that were summed out one by one.
    pub variables: usize,
    /// Whether there are partial sums.
    pub has_sums: bool,
    /// Constraints that are not met by everything that is drawn.
    pub left_out: Vec<usize>,
    /// Bounds, by number, that nothing that is drawn keeps to; those that are rounded; and those within which everything is.
    pub dropped: Vec<usize>,
    pub rounded: Vec<usize>,
    pub idle: Vec<usize>,
    /// The products of counts that it took.
    pub(super) work: u64,
}

/// A tree of counts, however long they are.
trait Points: std::fmt::Debug + Send + Sync {
    /// The bits that a count may have.
    #[cfg(test)]
    fn room(&self) -> u64;
    fn total(&self) -> BigUint;
    fn draw(&self, decisions: usize, draw: &mut dyn Draw) -> Option<Vec<Option<u64>>>;
    fn reached(&self, work: &mut u64) -> BTreeMap<usize, BTreeSet<u64>>;
    fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool;
    /// Whether a real exists at some point.
    fn has_reals(&self, factors: &Factors<BigUint>) -> bool;
}

impl<N: Tally + Send + Sync> Points for Tree<N> {
    #[cfg(test)]
    fn room(&self) -> u64 {
        N::ROOM
    }

    fn total(&self) -> BigUint {
        self.total.big()
    }

    fn draw(&self, decisions: usize, draw: &mut dyn Draw) -> Option<Vec<Option<u64>>> {
        Tree::draw(self, decisions, draw)
    }

    fn reached(&self, work: &mut u64) -> BTreeMap<usize, BTreeSet<u64>> {
        Tree::reached(self, work)
    }

    fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        Tree::may_begin(self, members, work)
    }

    fn has_reals(&self, factors: &Factors<BigUint>) -> bool {
        let mut reals = factors.reals.iter();
        reals.any(|(table, exists)| self.passes(*table, |row| exists[row]))
    }
}

/// What comes of counting exactly.
pub enum Exactly {
    Counted(Eliminated),
    /// There are too many partial sums of the one that there is.
    TooMuch,
    /// There is more than tables and one sum, or sums cannot be told apart.
    Beyond,
}

/// Counts the points that meet all guards and these constraints, exactly.
pub fn exactly(decisions: &Decisions, constraints: &[usize]) -> Exactly {
    let tables = || {
        let (raw, _) = tabulate::raw(decisions, constraints, &[], &[], FEW)?;
        let units = raw.beyond.is_empty().then(|| raw.units(true, 0))?;
        Some((raw, units?))
    };
    match tables() {
        None => Exactly::Beyond,
        Some((raw, units)) => match eliminated(&raw, &units) {
            Some(found) => Exactly::Counted(found),
            None if raw.sums.len() == 1 => Exactly::TooMuch,
            None => Exactly::Beyond,
        },
    }
}

/// Counts the points that meet all guards and as much of these constraints and bounds as can be: not fewer than the points that meet them.
/// `too_much` says that it is too much to count all of them exactly.
pub fn roughly(
    decisions: &Decisions,
    constraints: &[usize],
    bounds: &[Sum],
    too_much: bool,
) -> Option<Eliminated> {
    let (mut raw, _) = tabulate::raw(decisions, constraints, bounds, &[], FEW)?;
    if let Some(found) = best(&mut raw, too_much) {
        return Some(found);
    }
    best(&mut raw.untied()?, false)
}

fn best(raw: &mut Raw, too_much: bool) -> Option<Eliminated> {
    if raw.sums.len() < 2 {
        return finest(raw, too_much);
    }
    // Several at once are told apart coarsely: one of them alone may leave out more. What leaves out most is best.
    let mut best = finest(raw, too_much);
    let all = raw.sums.clone();
    for one in all.iter().take(MOST_ALONE) {
        raw.sums = vec![one.clone()];
        let Some(mut alone) = finest(raw, false) else {
            continue;
        };
        let is_less = |best: &Eliminated| alone.total.parts < best.total.parts;
        if best.as_ref().is_none_or(is_less) {
            for other in all.iter().filter(|other| *other != one) {
                alone.left_out.extend(&other.constraints);
                alone.dropped.extend(&other.bounds);
            }
            alone.left_out.sort_unstable();
            alone.left_out.dedup();
            best = Some(alone);
        }
    }
    raw.sums = all;
    best
}

/// Sums told apart exactly, unless that is too much, or in as many steps as there is time for.
fn finest(raw: &Raw, too_much: bool) -> Option<Eliminated> {
    if let Some(exact) = between(raw) {
        return Some(exact);
    }
    if !too_much
        && let Some(units) = raw.units(true, MOST_STEPS)
        && (raw.sums.len() < 2 || units.iter().map(Unit::most).product::<f64>() <= MOST_TOLD_APART)
        && let Some(exact) = eliminated(raw, &units)
    {
        return Some(exact);
    }
    let rounded = |steps: u64| eliminated(raw, &raw.units(false, steps)?).map(|e| (steps, e));
    let (steps, first) = STEPS.iter().find_map(|steps| rounded(*steps))?;
    // The work grows about as the number of all partial sums does.
    let growth = MOST_WORK_ROUGHLY as f64 / first.work.max(1) as f64;
    let growth = growth.powf(1.0 / raw.sums.len().max(1) as f64);
    let finer = ((steps as f64 * growth) as u64).min(MOST_STEPS);
    let mut finer = [finer, finer / 3].into_iter().filter(|f| *f > steps);
    let best = finer.find_map(rounded).map(|(_, best)| best);
    Some(best.unwrap_or(first))
}

/// Where there are few partial sums, terms that are no multiples of anything are rounded by very little, once so that no point is lost and once so that
/// none is too many. If both are as many, no sum is as close to its limit as that, and they are the points that meet it.
fn between(raw: &Raw) -> Option<Eliminated> {
    if !raw.is_small() {
        return None;
    }
    let units = |side: Side| raw.units_on(true, MOST_TINY_STEPS, side);
    let (outside, inside) = (units(Side::Outside)?, units(Side::Inside)?);
    if outside.iter().all(Unit::is_exact) {
        return None;
    }
    let mut outer = eliminated_within(raw, &outside, MOST_PLANNED_TWICE)?;
    let inner = eliminated_within(raw, &inside, MOST_PLANNED_TWICE)?;
    (outer.total.parts == inner.total.parts).then(|| {
        outer.left_out.clone_from(&raw.beyond);
        outer.rounded.clear();
        outer
    })
}

fn eliminated(raw: &Raw, units: &[Unit]) -> Option<Eliminated> {
    eliminated_within(raw, units, MOST_PLANNED)
}

fn eliminated_within(raw: &Raw, units: &[Unit], most_planned: f64) -> Option<Eliminated> {
    let (factors, layout, planned) = ordered(raw, |raw| raw.factors(units), most_planned, None)?;
    let is_doubtful = planned > MOST_WORK as f64 && factors.sums.len() == 1;
    if is_doubtful && is_too_much(&factors, &layout) {
        return None;
    }
    let (tree, work) = counts(&factors, &layout)?;
    let mut left_out: BTreeSet<usize> = raw.beyond.iter().copied().collect();
    let mut rounded = Vec::new();
    for (sum, unit) in raw.sums.iter().zip(units) {
        if !unit.is_exact() {
            left_out.extend(&sum.constraints);
            rounded.extend(&sum.bounds);
        }
    }
    Some(Eliminated {
        total: Total {
            parts: tree.total(),
            real: tree.has_reals(&factors),
        },
        tree,
        variables: raw.variables.iter().filter(|v| v.width > 0).count(),
        has_sums: !units.is_empty(),
        left_out: left_out.into_iter().collect(),
        dropped: Vec::new(),
        rounded,
        idle: raw.idle.clone(),
        work,
    })
}

/// Counts in the shortest numbers that have room for them.
fn counts(factors: &Factors<BigUint>, layout: &Layout) -> Option<(Arc<dyn Points>, u64)> {
    fn of<N: Tally + Send + Sync + 'static>(
        factors: &Factors<BigUint>,
        layout: &Layout,
    ) -> Result<(Arc<dyn Points>, u64), Failed> {
        let mut left = MOST_WORK;
        let tree = Tree::<N>::new(factors, layout.clone(), N::of, &mut left)?;
        Ok((Arc::new(tree), MOST_WORK - left))
    }
    for count in [of::<u128>, of::<Words<4>>, of::<Words<8>>, of::<BigUint>] {
        match count(factors, layout) {
            Ok(counted) => return Some(counted),
            Err(Failed::TooMuch) => return None,
            Err(Failed::NoRoom) => {}
        }
    }
    None
}

/// Whether it takes too many products of counts. Which sums occur says that, and of one sum that is found out faster than the counts.
fn is_too_much(factors: &Factors<BigUint>, layout: &Layout) -> bool {
    let of = |n: &BigUint| Some(Mark(*n != BigUint::ZERO));
    let tree = Tree::new(factors, layout.clone(), of, &mut { MOST_WORK });
    tree.is_err_and(|failed| failed == Failed::TooMuch)
}

/// The tables and the order for them, and about how much work that is: with variables for what several decisions come to where that is less. `None` if
/// it is too much. The order may be among those that are known.
fn ordered<W>(
    raw: &Raw,
    tables: impl Fn(&Raw) -> Option<Factors<W>>,
    most: f64,
    known: Option<&Plans>,
) -> Option<(Factors<W>, Layout, f64)> {
    let in_order = |raw: &Raw| {
        let factors = tables(raw)?;
        let (layout, work) = planned(&factors, most, known)?;
        Some((factors, layout, work))
    };
    let plain = in_order(raw);
    let work = plain.as_ref().map_or(f64::INFINITY, |(.., work)| *work);
    if work <= MOST_WORK_ROUGHLY as f64 {
        return plain;
    }
    let shared = raw.shared().and_then(|raw| in_order(&raw));
    shared.filter(|(.., less)| *less < work).or(plain)
}

/// The order for these tables, and about how much work it is. `None` if it is too much.
fn planned<W>(factors: &Factors<W>, most: f64, known: Option<&Plans>) -> Option<(Layout, f64)> {
    let sizes: Vec<u64> = factors.variables.iter().map(|v| v.size()).collect();
    let pairs: Vec<[usize; 2]> = factors.relations.iter().map(|r| r.variables).collect();
    let given = factors.tables.iter().map(|table| {
        let mut sums = table.rows.iter().flatten().map(|(sum, _)| *sum);
        let first = sums.next();
        order::Given {
            scope: table.scope.clone(),
            // Between tables alone, every decision is taken for one that adds to sums.
            varies: pairs.is_empty() || sums.any(|sum| Some(sum) != first),
        }
    });
    let given: Vec<order::Given> = given.collect();
    let place = |decision: usize| {
        let mut all = factors.variables.iter();
        all.position(|v| v.width > 0 && v.decision == decision)
    };
    let behind = factors.variables.iter();
    let behind = behind.map(|v| (v.width == 0).then(|| place(v.decision)).flatten());
    let behind: Vec<Option<usize>> = behind.collect();
    let asked = Asked {
        sizes,
        behind,
        given,
        relations: pairs,
        most_sums: factors.sums.most(),
    };
    let plan = match known {
        Some(known) => known.of(asked)?,
        None => asked.plan()?,
    };
    if plan.work > most {
        return None;
    }
    let (variables, relations) = (factors.variables.clone(), factors.relations.clone());
    let work = plan.work;
    Some((Layout::new(variables, relations, plan), work))
}

impl Eliminated {
    /// For each decision, the number of its member where it is summed out and exists. `None` if there is no point.
    pub fn draw(&self, decisions: usize, draw: &mut dyn Draw) -> Option<Vec<Option<u64>>> {
        self.tree.draw(decisions, draw)
    }

    /// Whether a point may have these members of the first decisions; if not, none has.
    pub fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        self.tree.may_begin(members, work)
    }

    /// For each decision that was summed out, the members that some point has; more of them where finding that out is too much work.
    pub fn reached(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        self.tree.reached(&mut { live::MOST_SPLITS })
    }
}

#[cfg(test)]
mod tests;
