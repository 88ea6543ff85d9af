//! A decision exists only where something reads it.
//!
//! In: decisions as they were met, where each is read, what the network and the goals mention. Out: an [`Arrangement`], with which the experiment is
//! settled once more: a name that only some alternatives read exists with them and stands behind the choice among them, and what an amendment of
//! one copy has left without a reader is no decision. A name that nothing at all reads is analysis' business.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::bounds;
use super::decision::{Choices, Decision, Decisions};
use super::evaluate;
use super::existence::entails;
use super::fold;
use super::members::{self, Values};
use super::part;
use super::quick::Addresses;
use super::reads::Reads;
use crate::ir::Expr;
use crate::source::Span;

/// The most members of a decision of which each is tried.
const MOST_MEMBERS: u64 = 16;

/// Of more decisions that are read somewhere, it is not looked where.
const MOST_LOOKED_AT: usize = 200;

/// The decisions of an experiment, each where it exists, in an order in which guards refer backwards.
#[derive(Debug)]
pub(super) struct Arrangement {
    pub(super) decisions: Vec<Decision>,
    /// The number of each, by its path.
    by_path: HashMap<String, usize>,
}

/// Where a decision stands.
pub(super) enum Standing {
    /// At this number.
    At(usize),
    /// Nothing reads it.
    Nowhere,
}

impl Arrangement {
    /// Where the decision with this path stands.
    pub(super) fn standing(&self, path: &str) -> Standing {
        self.by_path
            .get(path)
            .map_or(Standing::Nowhere, |index| Standing::At(*index))
    }

    /// Another arrangement than the one in which decisions were met; `None` if that is the one. `mentioned` is everything that reads decisions of
    /// a network.
    pub(super) fn of<'e>(
        decisions: &Decisions,
        reads: &Reads,
        mentioned: impl Iterator<Item = &'e Expr>,
    ) -> Option<Arrangement> {
        let mut all = decisions.all.clone();
        let conditional = guards(decisions, reads);
        let idle = idle(&all, mentioned);
        if conditional.is_empty() && idle.is_empty() {
            return None;
        }
        for (index, guard) in conditional {
            all[index].guard = guard;
        }
        let order = match order(&all) {
            Some(order) => order,
            // A name that is read only where something that it decides is chosen: it exists before that.
            None => {
                all.clone_from(&decisions.all);
                (0..all.len()).collect()
            }
        };
        let order: Vec<usize> = order.into_iter().filter(|i| !idle.contains(i)).collect();
        let met = Decisions {
            all,
            constraints: Vec::new(),
        };
        let decisions = part::of(&[], &order, &met).all;
        let paths = decisions.iter().enumerate();
        let by_path = paths.map(|(i, d)| (d.path.clone(), i)).collect();
        Some(Arrangement { decisions, by_path })
    }
}

/// The guards of decisions that are not read wherever they could exist.
fn guards(decisions: &Decisions, reads: &Reads) -> BTreeMap<usize, Expr> {
    let found = reads.somewhere().take(MOST_LOOKED_AT);
    let found = found.filter_map(|(index, conditions)| {
        let exists = &decisions.all[index].guard;
        // Whoever is reached only by what a decision decides reads what was read before.
        let apart = |condition: &&Expr| !evaluate::decisions(condition).contains(&index);
        let conditions: Vec<&Expr> = conditions.iter().filter(apart).collect();
        if conditions.is_empty() || !is_unread_somewhere(decisions, exists, &conditions) {
            return None;
        }
        // Of conditions that follow from each other, the widest says it all.
        let mut widest: Vec<&Expr> = Vec::new();
        for condition in conditions {
            if !widest.iter().any(|known| entails(condition, known)) {
                widest.retain(|known| !entails(known, condition));
                widest.push(condition);
            }
        }
        let is_within = widest.iter().all(|one| entails(one, exists));
        let never = Expr::bool(false);
        let read = { widest.into_iter().cloned() }.fold(never, evaluate::either);
        let guard = match is_within {
            true => read,
            false => evaluate::both(exists.clone(), read),
        };
        Some((index, guard))
    });
    found.collect()
}

/// Whether there are choices with which a decision could exist and none of these conditions holds: of all combinations, where these are few, and else
/// of the members of one other decision.
fn is_unread_somewhere(decisions: &Decisions, exists: &Expr, conditions: &[&Expr]) -> bool {
    let mut free = decisions.clone();
    // What is required excludes candidates, and says nothing of who reads what.
    free.constraints.clear();
    let parts = conditions.iter().copied().chain([exists]);
    let every = members::visit(parts, &free, |values| {
        let holds = |e: &Expr| evaluate::truth(e, &Values(values)).unwrap_or(false);
        match holds(exists) && !conditions.iter().any(|condition| holds(condition)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    if let Some(found) = every {
        return found.is_break();
    }
    let others: BTreeSet<usize> = { conditions.iter() }
        .flat_map(|condition| evaluate::decisions(condition))
        .collect();
    others.into_iter().any(|other| {
        let choices = &decisions.all[other].choices;
        let count = choices.len().filter(|n| *n <= MOST_MEMBERS).unwrap_or(0);
        (0..count).filter_map(|i| choices.member(i)).any(|member| {
            let all = Choices::Categories(vec![member]);
            let chosen = std::mem::replace(&mut free.all[other].choices, all);
            let never = |guard: &Expr| bounds::proves(guard, &free, &|_| None) == Some(false);
            let found = conditions.iter().all(|condition| never(condition)) && !never(exists);
            free.all[other].choices = chosen;
            found
        })
    })
}

/// Decisions of single copies that nothing mentions, while other copies of the same have a reader.
fn idle<'e>(all: &[Decision], mentioned: impl Iterator<Item = &'e Expr>) -> BTreeSet<usize> {
    // The copies of one decision stand under its domain and are called alike.
    let mut copies: BTreeMap<(Span, String), Vec<usize>> = BTreeMap::new();
    for (index, decision) in all.iter().enumerate() {
        if decision.path.starts_with("space.") && decision.path.contains('[') {
            let of = (decision.span, without_indices(&decision.path));
            copies.entry(of).or_default().push(index);
        }
    }
    if copies.is_empty() {
        return BTreeSet::new();
    }
    let (mut seen, mut read) = (Addresses::default(), BTreeSet::new());
    let mut open = Vec::new();
    for expr in mentioned {
        fold::walk_new(expr, &mut seen, &mut |part| {
            if let Expr::Decision(index) = part {
                open.push(*index);
            }
        });
    }
    while let Some(index) = open.pop() {
        if read.insert(index) {
            open.extend(evaluate::decisions(&all[index].guard));
        }
    }
    let mut idle = BTreeSet::new();
    for copies in copies.into_values() {
        if copies.iter().any(|index| read.contains(index)) {
            idle.extend(copies.into_iter().filter(|index| !read.contains(index)));
        }
    }
    idle
}

/// `space.s[1].d[0].width` as `space.s.d.width`.
fn without_indices(path: &str) -> String {
    let parts = path.split('[').map(|part| match part.split_once(']') {
        Some((_, behind)) => behind,
        None => part,
    });
    parts.collect()
}

/// The decisions, each behind those that its guard mentions and else as they were met; `None` if there is no such order.
fn order(all: &[Decision]) -> Option<Vec<usize>> {
    let mentioned = |d: &Decision| evaluate::decisions(&d.guard);
    let needs: Vec<BTreeSet<usize>> = all.iter().map(mentioned).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (index, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|one| followers[*one].push(index));
    }
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let ready = (0..all.len()).filter(|index| missing[*index] == 0);
    let mut ready: BTreeSet<usize> = ready.collect();
    let mut order = Vec::with_capacity(all.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for follower in &followers[index] {
            missing[*follower] -= 1;
            if missing[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    (order.len() == all.len()).then_some(order)
}
