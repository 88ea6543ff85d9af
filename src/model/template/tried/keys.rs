//! The decisions on which requirements hang, apart from all others.
//!
//! In: a template. Out: these decisions, which no condition and no constraint ties to another; both parts as decisions of their own, in which those of
//! the other part exist nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Template;
use crate::ir::{Expr, Slot, Value};
use crate::model::counting::{conjuncts, has_reals};
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::expression::evaluate;

/// The most members of all these decisions together.
const MOST_MEMBERS: u64 = 100_000;

impl Template {
    /// The decisions on which the price of a network hangs.
    pub(in crate::model) fn pricing(&self) -> BTreeSet<usize> {
        let mut exprs: Vec<&Expr> = Vec::new();
        for node in &self.body.nodes {
            exprs.push(&node.guard);
            exprs.extend(node.input.sides());
            exprs.extend(node.op.parts());
        }
        let placed = self.body.coded.layers.iter().flatten();
        exprs.extend(placed.flat_map(|p| [&p.weights, &p.activations]));
        exprs.extend([&self.body.coded.output, &self.settings.repairs]);
        exprs.extend(self.settings.targets.iter().map(|(guard, _)| guard));
        let targets = self
            .settings
            .targets
            .iter()
            .map(|(_, target)| target.clone());
        let slots = targets.flat_map(|mut target| {
            let slots: Vec<Slot> = target.slots_mut().into_iter().map(|s| s.clone()).collect();
            slots
        });
        let fields: Vec<Slot> = slots.collect();
        exprs.extend(fields.iter().flat_map(evaluate::expressions));
        exprs.into_iter().flat_map(evaluate::decisions).collect()
    }

    /// The decisions on which hangs what requirements speak of, and the price of a network where that is wanted, with those that conditions and constraints tie to them. `None` if one of them is over
    /// reals, or all together have very many members.
    pub(super) fn keys(&self, is_priced: bool) -> Option<BTreeSet<usize>> {
        let mut exprs: Vec<&Expr> = Vec::new();
        let tests = self.tests();
        exprs.extend(tests.iter().map(|test| &self.requires()[*test]));
        let left_out = self
            .counted
            .left_out()
            .iter()
            .filter(|c| !self.is_over_reals(**c));
        exprs.extend(left_out.map(|c| &self.decisions.constraints[*c]));
        // What is decided together: a decision and its condition, and the parts of constraints.
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for (index, decision) in self.decisions.all.iter().enumerate() {
            let mut of_guard = evaluate::decisions(&decision.guard);
            if !of_guard.is_empty() {
                of_guard.insert(index);
                groups.push(of_guard);
            }
        }
        for part in self.decisions.constraints.iter().flat_map(parts) {
            if !has_reals(part, &self.decisions) {
                groups.push(evaluate::decisions(part));
            }
        }
        let mut of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (number, group) in groups.iter().enumerate() {
            for decision in group {
                of.entry(*decision).or_default().push(number);
            }
        }
        let mut keys: BTreeSet<usize> = BTreeSet::new();
        let mut is_seen = vec![false; groups.len()];
        let mut open: Vec<usize> = exprs.into_iter().flat_map(evaluate::decisions).collect();
        if is_priced {
            open.extend(self.pricing());
        }
        let mut all = 0_u64;
        while let Some(decision) = open.pop() {
            if !keys.insert(decision) {
                continue;
            }
            all = all.saturating_add(self.decisions.all[decision].choices.len()?);
            for group in of.get(&decision).into_iter().flatten() {
                if !std::mem::replace(&mut is_seen[*group], true) {
                    open.extend(&groups[*group]);
                }
            }
        }
        (all <= MOST_MEMBERS).then_some(keys)
    }

    /// The decisions with none but some, under those parts of constraints that speak of nothing else.
    pub(super) fn only(&self, keys: &BTreeSet<usize>, constraints: &[Expr]) -> Decisions {
        let is_within = |part: &Expr| {
            !has_reals(part, &self.decisions) && evaluate::decisions(part).is_subset(keys)
        };
        let all = 0..self.decisions.all.len();
        self.but(all.filter(|i| !keys.contains(i)), constraints, is_within)
    }

    /// All other decisions, under all that is not said of these alone; `None` if there is no other.
    pub(super) fn others(&self, keys: &BTreeSet<usize>) -> Option<Decisions> {
        let is_beyond = |part: &Expr| {
            has_reals(part, &self.decisions) || !evaluate::decisions(part).is_subset(keys)
        };
        let constraints = &self.decisions.constraints;
        let others = self.but(keys.iter().copied(), constraints, is_beyond);
        (keys.len() < self.decisions.all.len()).then_some(others)
    }

    /// The decisions, of which some exist nowhere, under some parts of constraints.
    fn but(
        &self,
        absent: impl Iterator<Item = usize>,
        constraints: &[Expr],
        is_kept: impl Fn(&Expr) -> bool,
    ) -> Decisions {
        let mut decisions = Decisions {
            all: self.decisions.all.clone(),
            constraints: Vec::with_capacity(constraints.len()),
        };
        for index in absent {
            decisions.all[index].guard = Expr::bool(false);
            decisions.all[index].choices = Choices::Categories(vec![Value::Bool(false)]);
        }
        for constraint in constraints {
            let kept = parts(constraint).into_iter().filter(|part| is_kept(part));
            let kept = kept.cloned().reduce(evaluate::both);
            decisions.constraints.push(kept.unwrap_or(Expr::bool(true)));
        }
        decisions
    }

    /// A point with the defaults of all other decisions.
    pub(super) fn filled(&self, point: &Point, keys: &BTreeSet<usize>) -> Point {
        self.decisions.fill(|index, decision| {
            let member = point.0[index].clone().filter(|_| keys.contains(&index));
            member.unwrap_or_else(|| decision.default.clone())
        })
    }
}

/// What a constraint asks for, one by one.
fn parts(constraint: &Expr) -> Vec<&Expr> {
    let mut parts = Vec::new();
    conjuncts(constraint, &mut parts);
    parts
}
