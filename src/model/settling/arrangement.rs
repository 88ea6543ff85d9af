//! A decision exists only where something reads it.
//!
//! In: decisions as they were met, where each is read, what requirements, goals and the network mention. Out: an [`Arrangement`], with which the
//! experiment is settled once more: a name that only some alternatives read exists with them and stands behind the choice among them, and a name
//! that nothing reads is no decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::circle::{Guarded, MOST_MEMBERS, SMALL};
use super::reached::only_what_is_there;
use super::settle::Settler;
use crate::ir::{Expr, Value};
use crate::model::decision::{Choices, Decision, Decisions};
use crate::model::expression::bounds;
use crate::model::expression::evaluate;
use crate::model::expression::existence::whatever;
use crate::model::expression::fold;
use crate::model::expression::members::{self, Values};
use crate::model::expression::quick::Addresses;
use crate::model::part;

/// The most combinations of choices that are tried for all decisions together; what is left then exists as it was met.
const MOST_TRIED: usize = 1_000_000;

/// The decisions of an experiment, each where it exists, in an order in which guards refer backwards.
#[derive(Debug)]
pub(in crate::model) struct Arrangement {
    pub(in crate::model) decisions: Vec<Decision>,
    /// The numbers of each by its path: none if nothing reads it, two if it stands in two places.
    by_path: HashMap<String, Vec<usize>>,
}

impl Arrangement {
    /// The numbers of the decisions with this path, of which one at most exists; none if nothing reads it.
    pub(in crate::model) fn standing(&self, path: &str) -> &[usize] {
        self.by_path.get(path).map_or(&[], Vec::as_slice)
    }

    /// Another arrangement than the one in which a settler met decisions; `None` if that is the one. `mentioned` is everything that reads a decision
    /// or binds it.
    pub(in crate::model) fn of<'e>(
        settler: &Settler,
        mentioned: impl Iterator<Item = &'e Expr>,
    ) -> Option<Arrangement> {
        let mut free = settler.decisions.clone();
        // What is required excludes candidates, and says nothing of who reads what.
        free.constraints.clear();
        let conditional = conditional(settler, &mut free);
        let mut guarded = Guarded::new(&free, &settler.computed, conditional.clone());
        let idle = idle(settler, &guarded.all, mentioned);
        if conditional.is_empty() && idle.is_empty() {
            return None;
        }
        let order = guarded.ordered();
        let order: Vec<usize> = order.into_iter().filter(|i| !idle.contains(i)).collect();
        let numbers: HashMap<usize, usize> = { order.iter().enumerate() }
            .map(|(number, index)| (*index, number))
            .collect();
        let mut by_path: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, decision) in free.all.iter().enumerate() {
            let both = [Some(index), guarded.second(index)];
            let found = both
                .iter()
                .flatten()
                .filter_map(|i| numbers.get(i).copied());
            by_path.insert(decision.path.clone(), found.collect());
        }
        let met = Decisions {
            all: guarded.all.clone(),
            constraints: Vec::new(),
        };
        let mut decisions = part::of(&[], &order, &met);
        only_what_is_there(&mut decisions, |number, there| {
            let mut met: Vec<Option<Value>> = { free.all.iter() }
                .map(|decision| Some(decision.default.clone()))
                .collect();
            for (number, value) in there.iter().enumerate() {
                if value.is_some() {
                    met[guarded.met_as(order[number])] = value.clone();
                }
            }
            evaluate::truth(&guarded.said_of(order[number]), &Values(&met)).unwrap_or(false)
        });
        let decisions = decisions.all;
        Some(Arrangement { decisions, by_path })
    }
}

/// When names are read that are not read wherever they could exist. What is searched in place is read there.
fn conditional(settler: &Settler, free: &mut Decisions) -> BTreeMap<usize, Vec<Expr>> {
    let mut left = MOST_TRIED;
    let names = settler.reads.somewhere();
    let names = names.filter(|(index, _)| settler.named.contains(index));
    let found = names.filter_map(|(index, conditions)| {
        // Whether it is read may hang on what it is: then it has to exist before that.
        let conditions: Vec<Expr> = { conditions.iter() }
            .map(|condition| whatever_it_is(condition, index, free))
            .collect();
        let exists = settler.decisions.all[index].guard.clone();
        let conditions = read_under(conditions, &exists, free, &mut left)?;
        Some((index, conditions))
    });
    found.collect()
}

/// Where a condition can hold, whatever a decision is.
fn whatever_it_is(condition: &Expr, index: usize, free: &Decisions) -> Expr {
    let mentions = |part: &Expr| evaluate::decisions(part).contains(&index);
    if !mentions(condition) {
        return condition.clone();
    }
    let choices = &free.all[index].choices;
    let count = choices.len().filter(|n| *n <= MOST_MEMBERS);
    let each = count.filter(|_| evaluate::is_small(condition, SMALL));
    let each = each.and_then(|count| {
        let mut members = (0..count).map(|i| choices.member(i));
        members.try_fold(Expr::bool(false), |found, member| {
            let holds = fold::with_choice(condition, index, &member?).ok()?;
            Some(evaluate::either(found, holds))
        })
    });
    each.unwrap_or_else(|| whatever(condition, true, &mentions))
}

/// Of the conditions under which a decision is read, those that do not follow from the others; `None` if there seem to be no choices with which it
/// could exist and none of them holds. All combinations are tried, where these are few, and else the members of one other decision.
fn read_under(
    mut conditions: Vec<Expr>,
    exists: &Expr,
    free: &mut Decisions,
    left: &mut usize,
) -> Option<Vec<Expr>> {
    // Which conditions hold together; a condition is a bit.
    let mut met: BTreeSet<u64> = BTreeSet::new();
    let parts = conditions.iter().chain([exists]);
    let all = members::visit(parts, free, |values| {
        let holds = |e: &Expr| evaluate::truth(e, &Values(values)).unwrap_or(false);
        if *left == 0 {
            return ControlFlow::Break(());
        }
        *left -= 1;
        if holds(exists) {
            let held = conditions.iter().enumerate().filter(|(_, c)| holds(c));
            met.insert(held.fold(0, |bits, (i, _)| bits | 1 << i));
        }
        ControlFlow::Continue(())
    });
    match all {
        Some(ControlFlow::Continue(())) => {
            met.remove(&0).then_some(())?;
            let mentioned = |i: &usize| evaluate::decisions(&conditions[*i]).len();
            let mut order: Vec<usize> = (0..conditions.len()).collect();
            // One that says more than others is told by these.
            order.sort_by_key(|i| std::cmp::Reverse((mentioned(i), *i)));
            let mut kept = u64::MAX;
            for i in order {
                let without = kept & !(1 << i);
                if met.iter().all(|held| held & without != 0) {
                    kept = without;
                }
            }
            let mut at = 0;
            conditions.retain(|_| {
                at += 1;
                kept & (1 << (at - 1)) != 0
            });
            Some(conditions)
        }
        Some(ControlFlow::Break(())) => None,
        None => is_unread_somewhere(&conditions, exists, free).then_some(conditions),
    }
}

/// Whether one other decision has a member with which a decision could exist and none of these conditions holds.
fn is_unread_somewhere(conditions: &[Expr], exists: &Expr, free: &mut Decisions) -> bool {
    let others: BTreeSet<usize> = { conditions.iter() }
        .flat_map(evaluate::decisions)
        .collect();
    others.into_iter().any(|other| {
        let choices = &free.all[other].choices;
        let count = choices.len().filter(|n| *n <= MOST_MEMBERS).unwrap_or(0);
        let members: Vec<Value> = (0..count).filter_map(|i| choices.member(i)).collect();
        members.into_iter().any(|member| {
            let all = Choices::Categories(vec![member]);
            let chosen = std::mem::replace(&mut free.all[other].choices, all);
            let never = |guard: &Expr| bounds::proves(guard, free, &|_| None) == Some(false);
            let found = conditions.iter().all(never) && !never(exists);
            free.all[other].choices = chosen;
            found
        })
    })
}

/// Names that nothing reads and nothing mentions, and that decide of nothing else whether it exists: as it was met, or as it is `guarded` now.
fn idle<'e>(
    settler: &Settler,
    guarded: &[Decision],
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
        let guards = [&all[index].guard, &guarded[index].guard];
        let decide = guards.into_iter().flat_map(evaluate::decisions);
        open.extend(decide.filter(|one| unread.remove(one)));
    }
    unread
}
