//! Requirements on the price of a network, counted before any network is built.
//!
//! In: requirements that are no constraints over decisions, and a [`Source`] of what layers cost at least. Out: the decisions, counted
//! within what these allow, and a [`Limit`] for each that this concerns.

use std::collections::BTreeSet;

use super::Template;
use super::asked::{Asked, Claim};
use crate::ir::{self, Expr};
use crate::model::counting::{Costs, Counted, Kept, Priced, Sum};
use crate::model::decision::Decisions;
use crate::model::least::{self, Source};
#[cfg(test)]
use crate::model::{counting::Term, decision::Point};

/// A requirement on the price of a network that is counted, as far as that can be.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its number among the requirements of the experiment.
    pub require: usize,
    /// As it is written.
    pub written: ir::Require,
    /// How far.
    pub counted: Limited,
}

/// How far a requirement on the price of a network is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Every candidate meets it.
    Always,
    /// Whatever is drawn meets it.
    Exactly,
    /// Points whose layers alone break it are not drawn; it rejects others that are.
    Roughly,
}

/// Counts decisions within what requirements ask for.
pub(super) fn count(
    asked: &Asked,
    decisions: &Decisions,
    source: &Source,
) -> (Counted, Vec<Limit>) {
    // What is a constraint already needs no limit.
    let claimed: BTreeSet<usize> = asked.claims.iter().filter_map(|c| c.require).collect();
    let open = (0..asked.requires.len()).filter(|i| !claimed.contains(i));
    let (mut all, mut of) = (Vec::new(), Vec::new());
    for require in open {
        let mut limits = least::bounds(&asked.requires[require], source);
        limits.sums.retain(|sum| !never_binds(sum, decisions));
        let sums = all.len()..all.len() + limits.sums.len();
        of.push((require, sums, limits.is_all));
        all.extend(limits.sums);
    }
    let counted = Counted::within(decisions, &all);
    let limits = of.into_iter().filter_map(|(require, sums, is_all)| {
        let kept: Vec<Kept> = sums.map(|i| counted.kept(i)).collect();
        Some(Limit {
            require,
            written: asked.written[require].clone(),
            counted: Limited::of(&kept, is_all)?,
        })
    });
    let limits = limits.collect();
    (counted, limits)
}

impl Limited {
    /// By what is kept of a requirement's limits, which may be all that it asks for; `None` if none is kept.
    fn of(kept: &[Kept], is_all: bool) -> Option<Limited> {
        let every = |among: &[Kept]| kept.iter().all(|k| among.contains(k));
        if is_all && every(&[Kept::Always]) {
            Some(Limited::Always)
        } else if is_all && every(&[Kept::Always, Kept::Exactly]) {
            Some(Limited::Exactly)
        } else if kept.iter().any(|k| *k != Kept::Dropped) {
            Some(Limited::Roughly)
        } else {
            None
        }
    }
}

/// All limits that requirements set.
pub(super) fn sums<'a>(
    requires: impl Iterator<Item = &'a Expr>,
    source: &'a Source<'a>,
) -> Vec<Sum<'a>> {
    let limits = requires.map(|r| least::bounds(r, source).sums);
    limits.flatten().collect()
}

/// Whether no point that meets the constraints breaks a limit of a sum, by the largest sum.
fn never_binds(sum: &Sum, decisions: &Decisions) -> bool {
    let (Some(end), None, true) = (sum.high, sum.low, sum.is_all) else {
        return false;
    };
    // A sum around 0 is as exact as its terms are.
    if sum.terms.len() < 2 || end.at <= 0.0 {
        return false;
    }
    let constraints: Vec<usize> = (0..decisions.constraints.len()).collect();
    let costs = [(&sum.terms[..], Costs::Added)];
    let mut priced = Priced::all(decisions, &constraints, &[], &costs);
    let Some(mut priced) = priced.pop().flatten() else {
        return false;
    };
    priced.negative();
    // Sums of many numbers differ by their last bits.
    let largest = priced.bound(decisions.all.len()).map(|cost| -cost);
    largest.is_some_and(|largest| largest * (1.0 + 1e-9) < end.at)
}

impl Template {
    /// Requirements on the price of a network that are counted, exactly or by what layers cost at least.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The members that no point has for what a requirement asks for at least, by decision.
    pub(in crate::model) fn pruned_by(&self, require: usize) -> Vec<(usize, Vec<u64>)> {
        let tried = self.never_with(require);
        if !tried.is_empty() {
            return tried;
        }
        let decisions = self.with_constraints(Vec::new());
        let source = self.source();
        let limits = least::bounds(&self.requires()[require], &source);
        Counted::within(&decisions, &limits.sums).pruned(&decisions)
    }

    /// Whether it is proved that no point meets these claims and requirements, within some work, which is taken from it.
    pub(in crate::model) fn excludes_all(
        &self,
        claims: &[&Claim],
        requires: &[usize],
        work: &mut u64,
    ) -> bool {
        let constraint = |c: &&Claim| self.decisions.constraints[c.constraint].clone();
        let decisions = self.with_constraints(claims.iter().map(constraint).collect());
        let source = self.source();
        let limits = sums(requires.iter().map(|i| &self.requires()[*i]), &source);
        if self.tries_none(claims, requires) {
            return true;
        }
        Counted::quickly(&decisions, &limits, work).is_empty()
    }

    /// What a point costs at least, by the limits that a requirement sets: of each its sum.
    #[cfg(test)]
    pub(crate) fn least(&self, require: usize, point: &Point) -> Vec<f64> {
        let source = self.source();
        let of_sum = |sum: &Sum| {
            let terms = sum.terms.iter().map(|t| (t.value)(&point.0));
            terms.map(|t| t.expect("a layer with a price")).sum()
        };
        let limits = least::bounds(&self.requires()[require], &source);
        limits.sums.iter().map(of_sum).collect()
    }

    /// The peak of a point by what may be alive at each step: what it is at least and at most.
    #[cfg(test)]
    pub(crate) fn peak(&self, point: &Point) -> Option<(f64, f64)> {
        let source = self.source();
        let largest = |terms: Vec<Term>| {
            let values = terms.iter().filter_map(|t| (t.value)(&point.0));
            values.fold(0.0, f64::max)
        };
        let (least, _) = source.of("peak_memory")?;
        let (most, _) = source.most("peak_memory", 0.0)?;
        Some((largest(least), largest(most)))
    }

    /// Every decision, under these constraints alone.
    fn with_constraints(&self, constraints: Vec<Expr>) -> Decisions {
        Decisions {
            all: self.decisions.all.clone(),
            constraints,
        }
    }
}
