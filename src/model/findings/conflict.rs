//! Which requirements exclude each other, where no point meets all of them.
//!
//! In: a template of which it is proved that nothing is left. Out: sets of requirements that exclude all points together, none of which can be left out
//! as far as there was time to find out. What one conflict needs is no part of another.
//!
//! Constraints that share no decision exclude nothing together, so that each such part of a space is looked at by itself; and where many can be left out at
//! once, they are not left out one by one.

use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{Expr, Require};
use crate::model::counting::Counted;
use crate::model::part;
use crate::model::template::{Claim, Limit, Template};

/// The work of telling conflicts apart, in the steps of counting: about a second.
const MOST_WORK: u64 = 2_000_000;

/// At most `most` conflicts, as they are written. `is_sure` says that no point meets all of what is not known already.
pub(in crate::model) fn all(
    template: &Template,
    most: usize,
    is_sure: bool,
    is_known: &dyn Fn(&Require) -> bool,
) -> Vec<Vec<Require>> {
    within(template, most, is_sure, is_known, &mut { MOST_WORK })
}

/// The same within some work, which is taken from `work`.
fn within(
    template: &Template,
    most: usize,
    is_sure: bool,
    is_known: &dyn Fn(&Require) -> bool,
    work: &mut u64,
) -> Vec<Vec<Require>> {
    let mut asked = Asked {
        template,
        limits: template.limits().iter().collect(),
        claims: template.claims().iter().collect(),
        work,
    };
    asked.leave_out(is_known);
    let mut found: Vec<Vec<Require>> = Vec::new();
    while found.len() < most {
        let Some(needed) = asked.conflict(found.is_empty() && is_sure) else {
            break;
        };
        asked.leave_out(&|written| needed.iter().any(|n| n.span == written.span));
        let is_last = needed.is_empty();
        found.push(needed);
        if is_last {
            break;
        }
    }
    // As they are written.
    found.sort_by_key(|needed| needed.iter().map(|n| n.span.start).min());
    found
}

/// What is asked for still.
struct Asked<'a> {
    template: &'a Template,
    limits: Vec<&'a Limit>,
    claims: Vec<&'a Claim>,
    work: &'a mut u64,
}

impl<'a> Asked<'a> {
    fn leave_out(&mut self, is_out: &dyn Fn(&Require) -> bool) {
        self.limits.retain(|limit| !is_out(&limit.written));
        self.claims.retain(|claim| !is_out(&claim.written));
    }

    /// Some of these claims and limits that exclude all points together, none of which can be left out. `None` if it is not proved that they do.
    fn conflict(&mut self, is_sure: bool) -> Option<Vec<Require>> {
        if self.limits.is_empty()
            && let Some(needed) = self.apart(&self.claims.clone())
        {
            return Some(written(needed));
        }
        if !is_sure && !self.excludes(&self.claims.clone(), &self.limits.clone()) {
            return None;
        }
        let claims = self.claims.clone();
        let limits = shrunk(&self.limits.clone(), &mut |limits| {
            self.excludes(&claims, limits)
        });
        if limits.is_empty()
            && let Some(needed) = self.apart(&claims)
        {
            return Some(written(needed));
        }
        let claims = shrunk(&claims, &mut |claims| self.excludes(claims, &limits));
        let of_limits = limits.iter().map(|limit| limit.written.clone());
        Some(written(claims).into_iter().chain(of_limits).collect())
    }

    /// Whether it is proved that no point meets these. Without work left, nothing is.
    fn excludes(&mut self, claims: &[&Claim], limits: &[&Limit]) -> bool {
        let requires: Vec<usize> = limits.iter().map(|limit| limit.require).collect();
        *self.work > 0 && self.template.excludes_all(claims, &requires, self.work)
    }

    /// Claims that exclude all points together, of those whose decisions nothing ties to those of others: of several such, the ones that are
    /// written last.
    fn apart(&mut self, claims: &[&'a Claim]) -> Option<Vec<&'a Claim>> {
        let decisions = self.template.decisions();
        let constraint = |claim: &Claim| &decisions.constraints[claim.constraint];
        let concerns: Vec<BTreeSet<usize>> = claims
            .iter()
            .map(|claim| part::concern(constraint(claim), decisions))
            .collect();
        let mut best: Option<(usize, Vec<usize>)> = None;
        for part in parts(&concerns) {
            let mut is_none = |part: &[usize]| {
                let concerned = part.iter().flat_map(|i| &concerns[*i]);
                let concerned: BTreeSet<usize> = concerned.copied().collect();
                let asked: Vec<&Expr> = part.iter().map(|i| constraint(claims[*i])).collect();
                if *self.work == 0 {
                    return false;
                }
                let only = part::of(&asked, &concerned, decisions);
                let counted = Counted::quickly(&only, &[], self.work);
                let claims: Vec<&Claim> = part.iter().map(|i| claims[*i]).collect();
                counted.is_empty() || self.template.tries_none(&claims, &[])
            };
            if !is_none(&part) {
                continue;
            }
            let needed = shrunk(&part, &mut is_none);
            let first = needed.first().map_or(0, |first| first + 1);
            if best.as_ref().is_none_or(|(other, _)| first > *other) {
                best = Some((first, needed));
            }
        }
        best.map(|(_, needed)| needed.iter().map(|i| claims[*i]).collect())
    }
}

fn written(claims: Vec<&Claim>) -> Vec<Require> {
    claims.iter().map(|claim| claim.written.clone()).collect()
}

/// Sets that share nothing, each by the numbers of its own.
fn parts(of: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    let mut same: Vec<usize> = (0..of.len()).collect();
    fn root(same: &mut [usize], mut i: usize) -> usize {
        while same[i] != i {
            same[i] = same[same[i]];
            i = same[i];
        }
        i
    }
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, set) in of.iter().enumerate() {
        for one in set {
            let other = *first.entry(*one).or_insert(number);
            let (x, y) = (root(&mut same, other), root(&mut same, number));
            same[x.max(y)] = x.min(y);
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for number in 0..of.len() {
        parts
            .entry(root(&mut same, number))
            .or_default()
            .push(number);
    }
    parts.into_values().collect()
}

/// Those of some that hold `excludes` up, none of which can be left out. As many as can be are left out at once, from the first on.
fn shrunk<T: Copy>(all: &[T], excludes: &mut dyn FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = Vec::new();
    // Runs of those that are not looked at yet, the first one last.
    let mut open: Vec<_> = std::iter::once(0..all.len()).collect();
    while let Some(run) = open.pop() {
        if run.is_empty() {
            continue;
        }
        let rest = &all[run.end..];
        let without: Vec<T> = kept.iter().chain(rest).copied().collect();
        if excludes(&without) {
            continue;
        }
        match run.len() {
            1 => kept.push(all[run.start]),
            n => {
                let middle = run.start + n / 2;
                open.push(middle..run.end);
                open.push(run.start..middle);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_left_out_at_once() {
        // Of a thousand, 400 and 700 hold together what excludes all.
        let all: Vec<u32> = (0..1000).collect();
        let mut looks = 0;
        let needed = shrunk(&all, &mut |some| {
            looks += 1;
            [400, 700].iter().all(|one| some.contains(one))
        });
        assert_eq!(needed, [400, 700]);
        assert!(looks < 50, "{looks}");
        // Of several, the last.
        let last = shrunk(&all, &mut |some| some.iter().any(|one| one % 100 == 0));
        assert_eq!(last, [900]);
        // Where nothing more can be looked at, all of them are left.
        assert_eq!(shrunk(&all, &mut |_| false), all);
    }

    #[test]
    fn what_shares_nothing_is_apart() {
        let of = [[1, 2], [3, 4], [2, 5], [6, 6], [4, 1], [7, 6]];
        let of = of.map(BTreeSet::from);
        assert_eq!(parts(&of), [vec![0, 1, 2, 4], vec![3, 5]]);
    }
}
