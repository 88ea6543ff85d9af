//! Decisions without the members that a constraint over one decision alone excludes.
//!
//! In: decisions. Out: the same with smaller domains and without these constraints, and which members are left. A bound on each of five thousand decisions
//! is five thousand runs of members, not as many tables.

use std::collections::BTreeMap;

use super::region::{self, Run};
use crate::ir::{Expr, Value};
use crate::model::counting::elimination::conjuncts;
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::evaluate;

/// Domains with fewer members are as quickly gone through, unless they have a scale that is to be kept.
const MANY: u64 = 32;
/// So many members are listed, where they are not consecutive.
const MOST_LISTED: u64 = 100_000;
/// The work on all of them, in parts of expressions.
const MOST_WORK: u64 = 20_000_000;

/// What is left of decisions.
#[derive(Debug, Clone)]
pub(super) struct Narrowed {
    pub decisions: Decisions,
    /// For each decision that has lost members, those that it has still.
    kept: BTreeMap<usize, Vec<Run>>,
}

/// The decisions with smaller domains, but for some that are to keep theirs. `None` if no domain becomes smaller.
pub(super) fn narrowed(decisions: &Decisions, but: &[usize]) -> Option<Narrowed> {
    let mut kept: BTreeMap<usize, Vec<Run>> = BTreeMap::new();
    let mut others: BTreeMap<usize, Expr> = BTreeMap::new();
    let mut work = MOST_WORK;
    let mut lost_all = None;
    for (number, constraint) in decisions.constraints.iter().enumerate() {
        let mut parts = Vec::new();
        conjuncts(constraint, &mut parts);
        let mut rest = Expr::bool(true);
        let before = parts.len();
        let mut left = 0;
        for part in parts {
            match single(part, decisions, but, &mut work) {
                Some((index, runs)) => {
                    let runs = match kept.get(&index) {
                        Some(all) => region::both(all, &runs),
                        None => runs,
                    };
                    match runs.is_empty() {
                        true => lost_all = Some(number),
                        false => _ = kept.insert(index, runs),
                    }
                }
                None => {
                    rest = evaluate::both(rest, part.clone());
                    left += 1;
                }
            }
        }
        if left < before {
            others.insert(number, rest);
        }
    }
    if others.is_empty() {
        return None;
    }
    let mut narrowed = decisions.clone();
    for (number, rest) in others {
        narrowed.constraints[number] = rest;
    }
    if let Some(none) = lost_all {
        // Without a member there is no point, whatever its domain is.
        narrowed.constraints[none] = Expr::bool(false);
    }
    for (index, runs) in &kept {
        let choices = &mut narrowed.all[*index].choices;
        *choices = subset(choices, runs);
    }
    Some(Narrowed {
        decisions: narrowed,
        kept,
    })
}

/// The members that meet a part of a constraint over one decision with many members.
fn single(
    part: &Expr,
    decisions: &Decisions,
    but: &[usize],
    work: &mut u64,
) -> Option<(usize, Vec<Run>)> {
    let of = evaluate::decisions(part);
    let (Some(index), 1) = (of.first().copied(), of.len()) else {
        return None;
    };
    let decision = &decisions.all[index];
    let is_long = decision.choices.len().is_some_and(|n| n >= MANY);
    let is_scaled = matches!(decision.choices, Choices::Integers { log: true, .. });
    if !(is_long || is_scaled) || decision.guard != Expr::bool(true) || but.contains(&index) {
        return None;
    }
    let boxes = region::boxes(part, [index], decisions, work)?;
    let runs = region::joined(boxes.into_iter().map(|[run]| run).collect());
    let left: u64 = runs.iter().map(|run| run.end - run.start).sum();
    (runs.len() < 2 || left <= MOST_LISTED).then_some((index, runs))
}

/// The domain with these members only.
fn subset(choices: &Choices, runs: &[Run]) -> Choices {
    let members = || {
        let numbers = runs.iter().cloned().flatten();
        numbers.filter_map(|member| choices.member(member))
    };
    match (choices, runs) {
        (Choices::Integers { low, step, log, .. }, [run]) => {
            let at = |member: u64| {
                let member = i128::from(*low) + i128::from(member) * i128::from((*step).max(1));
                i64::try_from(member).unwrap_or(i64::MAX)
            };
            Choices::Integers {
                low: at(run.start),
                high: at(run.end - 1),
                step: *step,
                log: *log,
            }
        }
        (Choices::Categories(_), _) => Choices::Categories(members().collect()),
        _ => Choices::Ordered(members().filter_map(|m| Value::as_number(&m)).collect()),
    }
}

impl Narrowed {
    /// Whether a decision has lost members.
    pub fn has(&self, decision: usize) -> bool {
        self.kept.contains_key(&decision)
    }

    /// What a member of the smaller domain is in the whole one.
    pub fn whole(&self, decision: usize, mut member: u64) -> u64 {
        for run in self.kept.get(&decision).into_iter().flatten() {
            let length = run.end - run.start;
            if member < length {
                return run.start + member;
            }
            member -= length;
        }
        member
    }

    /// What a member of the whole domain is in the smaller one, if it is there.
    pub fn narrow(&self, decision: usize, member: u64) -> Option<u64> {
        let Some(runs) = self.kept.get(&decision) else {
            return Some(member);
        };
        let mut before = 0;
        for run in runs {
            if run.contains(&member) {
                return Some(before + member - run.start);
            }
            before += run.end - run.start;
        }
        None
    }

    /// The members that each decision has lost, where they can be listed.
    pub fn lost(&self, whole: &Decisions) -> BTreeMap<usize, Vec<u64>> {
        let lost = self.kept.iter().filter_map(|(index, runs)| {
            let members = whole.all[*index].choices.len().unwrap_or(0);
            let left: u64 = runs.iter().map(|run| run.end - run.start).sum();
            let starts = std::iter::once(0).chain(runs.iter().map(|run| run.end));
            let ends = runs.iter().map(|run| run.start).chain([members]);
            let gaps = starts.zip(ends).flat_map(|(start, end)| start..end);
            (members - left <= MOST_LISTED).then(|| (*index, gaps.collect()))
        });
        lost.collect()
    }
}
