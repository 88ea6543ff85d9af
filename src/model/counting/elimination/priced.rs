//! The cheapest points that meet guards, constraints and limits of sums.
//!
//! In: decisions, constraints, bounds, and the terms of costs. Out: [`Priced`], which looks for the cheapest point, first without sums, then with them rounded, then
//! told apart exactly: the tables of `factors` with the least cost in place of the number of points.

use std::rc::Rc;

use super::cheapest::{Added, Cost, Largest, Least, Whole};
use super::comparison::{Sum, Term};
use super::free;
use super::order::Plans;
use super::raw::{Raw, RawSum};
use super::tree::Tree;
use super::units::Unit;
use super::{
    FEW, MOST_ALONE, MOST_PLANNED, MOST_PLANNED_TWICE, MOST_TINY_STEPS, ordered, tabulate,
};
use crate::model::decision::Decisions;

/// Products of costs before a look for the cheapest point is given up.
const MOST_WORK_FOR_ONE: u64 = 50_000_000;
/// The steps of several sums, and of one alone, where the cheapest point is looked for.
const ROUGH_STEPS: u64 = 100;
const FINE_STEPS: u64 = 2000;

/// How the costs of terms become that of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Costs {
    Added,
    Largest,
    /// Where what is dear is cheap, the largest is the least.
    Least,
}

/// What points cost that meet guards, constraints and bounds.
pub struct Priced {
    raw: Raw,
    sums: Vec<RawSum>,
    costs: Costs,
    /// Those of all costs of the space.
    plans: Rc<Plans>,
}

impl Priced {
    /// The tables of several costs, which share all others; of each `None` if it is too much.
    pub fn all(
        decisions: &Decisions,
        constraints: &[usize],
        bounds: &[Sum],
        costs: &[(&[Term], Costs)],
    ) -> Vec<Option<Priced>> {
        let terms: Vec<&[Term]> = costs.iter().map(|(terms, _)| *terms).collect();
        let Some((raw, prices)) = tabulate::raw(decisions, constraints, bounds, &terms, FEW) else {
            return costs.iter().map(|_| None).collect();
        };
        let plans = Rc::new(Plans::default());
        let priced = prices.into_iter().zip(costs).map(|(prices, (_, costs))| {
            let mut raw = raw.with(prices?);
            let sums = std::mem::take(&mut raw.sums);
            Some(Priced {
                raw,
                sums,
                costs: *costs,
                plans: plans.clone(),
            })
        });
        priced.collect()
    }

    /// The same where what is dear is cheap.
    pub fn negative(&mut self) {
        self.raw.negate_prices();
        self.costs = match self.costs {
            Costs::Added => Costs::Added,
            Costs::Largest => Costs::Least,
            Costs::Least => Costs::Largest,
        };
    }

    /// What no point is cheaper than, sums left out; `None` if that is too much, or there is no point.
    pub fn bound(&mut self, decisions: usize) -> Option<f64> {
        let mut bound = None;
        self.cheapest(decisions, &mut |_, cost| {
            bound = Some(cost);
            false
        });
        bound
    }

    /// Looks for the cheapest of the points, as far as limits can be met: for each look the members of what it finds, by decision, and the cost, than
    /// which none of the points is cheaper. A look ends the search by `false`. The first one leaves sums out, the second one has all of them where that is little
    /// work. Else there is one for each sum alone, then all together are rounded.
    pub fn cheapest(
        &mut self,
        decisions: usize,
        look: &mut dyn FnMut(Vec<Option<u64>>, f64) -> bool,
    ) {
        let mut looked = |raw: &Raw, units: &[Unit], most_planned: f64| {
            let plans = &*self.plans;
            let found = match self.costs {
                Costs::Added => cheapest::<Added>(raw, units, decisions, most_planned, plans),
                Costs::Largest => cheapest::<Largest>(raw, units, decisions, most_planned, plans),
                Costs::Least => cheapest::<Least>(raw, units, decisions, most_planned, plans),
            };
            found.map(|(members, cost)| look(members, cost))
        };
        if looked(&self.raw, &[], MOST_PLANNED) != Some(true) || self.sums.is_empty() {
            return;
        }
        // All that must hold, where that is little work.
        self.raw.sums.clone_from(&self.sums);
        let units = self.raw.units(true, MOST_TINY_STEPS);
        let units = units.filter(|_| self.raw.is_small());
        let fine = units.and_then(|units| looked(&self.raw, &units, MOST_PLANNED_TWICE));
        self.raw.sums.clear();
        if fine.is_some() {
            return;
        }
        for one in self.sums.iter().take(MOST_ALONE) {
            self.raw.sums = vec![one.clone()];
            let mut fine = [true, false].into_iter().filter_map(|exact| {
                let units = self.raw.units(exact, FINE_STEPS)?;
                looked(&self.raw, &units, MOST_PLANNED)
            });
            if fine.next() == Some(false) {
                self.raw.sums.clear();
                return;
            }
        }
        self.raw.sums.clear();
        if self.sums.len() > 1 {
            self.raw.sums.clone_from(&self.sums);
            if let Some(units) = self.raw.units(false, ROUGH_STEPS) {
                looked(&self.raw, &units, MOST_PLANNED);
            }
            self.raw.sums.clear();
        }
    }
}

pub(super) fn cheapest<W: Whole>(
    raw: &Raw,
    units: &[Unit],
    decisions: usize,
    most_planned: f64,
    plans: &Plans,
) -> Option<(Vec<Option<u64>>, f64)> {
    let tables = |raw: &Raw| raw.priced(units, W::of);
    let (factors, layout, _) = ordered(raw, tables, most_planned, Some(plans))?;
    if units.is_empty()
        && let Some(found) = free::cheapest::<W>(&factors, &layout, decisions, MOST_WORK_FOR_ONE)
    {
        return found;
    }
    let of = |cost: &f64| Some(Cost::<W>::of(*cost));
    let tree = Tree::new(&factors, layout, of, &mut { MOST_WORK_FOR_ONE }).ok()?;
    tree.cheapest(decisions)
}
