//! Decisions that no candidate has.
//!
//! In: decisions, and members of them that never occur. Out: those whose condition never holds, by itself or without these members.

use std::collections::BTreeSet;

use super::Pruned;
use crate::ir::Value;
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::bounds;
use crate::model::least::Partial;

/// The most decisions of which it is asked whether they exist at all, and the most members of one of which some never occur.
const MOST_LOOKED_AT: usize = 1000;
const MOST_MEMBERS: u64 = 4096;

/// Decisions that exist nowhere. Of very many, conditions are not looked at.
pub(super) fn nowhere(decisions: &Decisions) -> BTreeSet<usize> {
    if decisions.all.len() > MOST_LOOKED_AT {
        return BTreeSet::new();
    }
    let partial = Partial::new(decisions);
    let all = 0..decisions.all.len();
    all.filter(|decision| partial.is_nowhere(*decision))
        .collect()
}

/// Decisions that exist nowhere once members that never occur are left out.
pub(super) fn excluded_by(
    pruned: &[Pruned],
    decisions: &Decisions,
    nowhere: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    if pruned.is_empty() || decisions.all.len() > MOST_LOOKED_AT {
        return BTreeSet::new();
    }
    let mut left = decisions.clone();
    for decision in &mut left.all {
        let Some(never) = pruned.iter().find(|p| p.path == decision.path) else {
            continue;
        };
        let Some(count) = decision.choices.len().filter(|n| *n <= MOST_MEMBERS) else {
            continue;
        };
        let members = (0..count).filter_map(|i| decision.choices.member(i));
        let members: Vec<Value> = members.filter(|m| !never.members.contains(m)).collect();
        if !members.is_empty() {
            decision.choices = Choices::Categories(members);
        }
    }
    let is_excluded = |decision: &usize| {
        let guard = &left.all[*decision].guard;
        guard.as_value().is_none()
            && !nowhere.contains(decision)
            && bounds::proves(guard, &left, &|_| None) == Some(false)
    };
    (0..left.all.len()).filter(is_excluded).collect()
}
