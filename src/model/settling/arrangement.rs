//! A decision exists only where something reads it.
//!
//! In: decisions as they were met, where each is read, what requirements, goals and the network mention. Out: an [`Arrangement`], with which the
//! experiment is settled once more: a name that only some alternatives read exists with them and stands behind the choice among them, and a name
//! that nothing reads is no decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::settle::Settler;
use crate::ir::{Expr, Value};
use crate::model::decision::{Choices, Decision, Decisions};
use crate::model::expression::bounds;
use crate::model::expression::evaluate;
use crate::model::expression::existence::{entails, whatever};
use crate::model::expression::fold;
use crate::model::expression::members::{self, Values};
use crate::model::expression::quick::Addresses;
use crate::model::part;

/// The most members of a decision of which each is tried.
const MOST_MEMBERS: u64 = 16;

/// The most combinations of choices that are tried for all decisions together; what is left then exists as it was met.
const MOST_TRIED: usize = 1_000_000;

/// The decisions of an experiment, each where it exists, in an order in which guards refer backwards.
#[derive(Debug)]
pub(in crate::model) struct Arrangement {
    pub(in crate::model) decisions: Vec<Decision>,
    /// The number of each, by its path.
    by_path: HashMap<String, usize>,
}

/// Where a decision stands.
pub(in crate::model) enum Standing {
    /// At this number.
    At(usize),
    /// Nothing reads it.
    Nowhere,
}

impl Arrangement {
    /// Where the decision with this path stands.
    pub(in crate::model) fn standing(&self, path: &str) -> Standing {
        self.by_path
            .get(path)
            .map_or(Standing::Nowhere, |index| Standing::At(*index))
    }

    /// Another arrangement than the one in which a settler met decisions; `None` if that is the one. `mentioned` is everything that reads a decision
    /// or binds it.
    pub(in crate::model) fn of<'e>(
        settler: &Settler,
        mentioned: impl Iterator<Item = &'e Expr>,
    ) -> Option<Arrangement> {
        let decisions = &settler.decisions;
        let mut all = decisions.all.clone();
        let mut conditional = guards(settler);
        let idle = idle(settler, &conditional, mentioned);
        if conditional.is_empty() && idle.is_empty() {
            return None;
        }
        for (index, guard) in &conditional {
            all[*index].guard = guard.clone();
        }
        let order = loop {
            let (order, stuck) = order(&all);
            // Of names that are read only where others of them are something, the first exists before that.
            let mut stuck = stuck.into_iter();
            let Some(first) = stuck.find(|index| conditional.remove(index).is_some()) else {
                break order;
            };
            all[first].guard = decisions.all[first].guard.clone();
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

/// The guards of names that are not read wherever they could exist. What is searched in place is read there.
fn guards(settler: &Settler) -> BTreeMap<usize, Expr> {
    let decisions = &settler.decisions;
    let mut free = decisions.clone();
    // What is required excludes candidates, and says nothing of who reads what.
    free.constraints.clear();
    let mut left = MOST_TRIED;
    let names = settler.reads.somewhere();
    let names = names.filter(|(index, _)| settler.named.contains(index));
    let found = names.filter_map(|(index, conditions)| {
        let exists = &decisions.all[index].guard;
        // Whether it is read may hang on what it is: then it has to exist before that.
        let conditions: Vec<Expr> = { conditions.iter() }
            .map(|condition| {
                whatever(condition, true, &|part| {
                    evaluate::decisions(part).contains(&index)
                })
            })
            .collect();
        let conditions: Vec<&Expr> = conditions.iter().collect();
        if !is_unread_somewhere(&mut free, exists, &conditions, &mut left) {
            return None;
        }
        let is_within = conditions.iter().all(|one| entails(one, exists));
        let never = Expr::bool(false);
        let read = { conditions.into_iter().cloned() }.fold(never, evaluate::either);
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
fn is_unread_somewhere(
    free: &mut Decisions,
    exists: &Expr,
    conditions: &[&Expr],
    left: &mut usize,
) -> bool {
    let parts = conditions.iter().copied().chain([exists]);
    let every = members::visit(parts, free, |values| {
        let holds = |e: &Expr| evaluate::truth(e, &Values(values)).unwrap_or(false);
        *left = left.saturating_sub(1);
        match holds(exists) && !conditions.iter().any(|condition| holds(condition)) {
            true => ControlFlow::Break(true),
            false if *left == 0 => ControlFlow::Break(false),
            false => ControlFlow::Continue(()),
        }
    });
    match every {
        Some(ControlFlow::Break(is_unread)) => return is_unread,
        Some(ControlFlow::Continue(())) => return false,
        None => {}
    }
    let others: BTreeSet<usize> = { conditions.iter() }
        .flat_map(|condition| evaluate::decisions(condition))
        .collect();
    others.into_iter().any(|other| {
        let choices = &free.all[other].choices;
        let count = choices.len().filter(|n| *n <= MOST_MEMBERS).unwrap_or(0);
        let members: Vec<Value> = (0..count).filter_map(|i| choices.member(i)).collect();
        members.into_iter().any(|member| {
            let all = Choices::Categories(vec![member]);
            let chosen = std::mem::replace(&mut free.all[other].choices, all);
            let never = |guard: &Expr| bounds::proves(guard, free, &|_| None) == Some(false);
            let found = conditions.iter().all(|condition| never(condition)) && !never(exists);
            free.all[other].choices = chosen;
            found
        })
    })
}

/// Names that nothing reads and nothing mentions, and that decide of nothing else whether it exists: as it was met, or by one of the `conditional`
/// guards.
fn idle<'e>(
    settler: &Settler,
    conditional: &BTreeMap<usize, Expr>,
    mentioned: impl Iterator<Item = &'e Expr>,
) -> BTreeSet<usize> {
    let unread = { settler.named.iter().copied() }.filter(|index| !settler.reads.has(*index));
    let mut unread: BTreeSet<usize> = unread.collect();
    if unread.is_empty() {
        return unread;
    }
    let mut seen = Addresses::default();
    for expr in mentioned {
        fold::walk_new(expr, &mut seen, &mut |part| {
            if let Expr::Decision(index) = part {
                unread.remove(index);
            }
        });
    }
    // What is left decides nothing but whether others of them exist.
    let all = &settler.decisions.all;
    let mut open: Vec<usize> = (0..all.len()).filter(|i| !unread.contains(i)).collect();
    while let Some(index) = open.pop() {
        let guards = [Some(&all[index].guard), conditional.get(&index)];
        let decide = guards.into_iter().flatten().flat_map(evaluate::decisions);
        open.extend(decide.filter(|one| unread.remove(one)));
    }
    unread
}

/// The decisions, each behind those that its guard mentions and else as they were met; and those for which there is no such place.
fn order(all: &[Decision]) -> (Vec<usize>, Vec<usize>) {
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
    let stuck = (0..all.len()).filter(|index| missing[*index] > 0);
    (order, stuck.collect())
}
