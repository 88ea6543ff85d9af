//! How many points a space has, all of them in order, and any of them at random.
//!
//! In: [`Decisions`]. Out: [`Counted`]: an exact number with a graph or with tables from which points are drawn, each equally likely; or
//! [`Members`] one by one. Knows nothing of what decisions mean.
//!
//! Only decisions that a guard or a constraint mentions, the keys, are tried value by value; all others multiply the count by the size of
//! their domain where their guard holds. Two ways lead to the same numbers:
//!
//! * `compile`: recursive conditioning (Darwiche 2001), from the top down. After each value, what is left of guards and constraints is folded; parts
//!   that share no key any more are counted apart and multiplied, and equal parts are counted once. It takes constraints of any form, and
//!   sixty layers behind a depth take sixty steps, not 8^60. What the recursion went through is kept as a graph; a walk down it with odds by the
//!   counts draws a point.
//! * `elimination`: bucket elimination (Dechter 1999), from the bottom up, over tables of partial sums. It takes what is left after the first steps:
//!   limits of sums over the layers of large networks. Where it is too much as well, it counts a little more than there is.
//!
//! Whoever has looked at points one by one hands in those that are left: [`Counted::tried`].

mod compile;
mod elimination;
mod form;
mod graph;
mod members;
mod mentions;
mod narrow;
mod points;
mod reals;
mod region;
pub(super) mod residual;
mod tried;

use std::collections::BTreeSet;
use std::sync::Arc;

use num_bigint::BigUint;

pub use graph::{Draw, Uniform};
pub use members::{Endless, Members, Next, members};
pub use points::Drawn;

use self::compile::compile;
pub(super) use self::compile::hull;
pub(super) use self::elimination::{
    Against, Costs, End, Priced, Sum, Term, combinations, conjuncts,
};
use self::elimination::{Eliminated, Exactly};
use self::form::Form;
use self::graph::Graph;
use self::narrow::Narrowed;
use self::reals::Ties;
use super::decision::{Choices, Decisions};
use super::expression::evaluate;
use crate::ir::{BinaryOp, Expr};

/// How many points meet every guard and constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Count {
    /// This many.
    Exact(BigUint),
    /// A decision over reals exists at some of them. Whether constraints over reals leave anything of its range is not asked.
    Infinite,
    /// Counting would take too long.
    TooHard {
        /// There are not more than this.
        at_most: BigUint,
    },
}

/// How a number was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Sizes of domains multiplied.
    Product,
    /// Conditioning on this many decisions.
    Conditioning(usize),
    /// Eliminating this many decisions.
    Elimination(usize),
    /// The same, where a bound on a sum makes it dynamic programming over partial sums.
    PartialSums(usize),
    /// Looking at so many combinations one by one.
    Trying(usize),
}

/// Operations on residual expressions after which bottom-up counting is tried first: about a tenth of a second.
const FIRST_STEPS: u64 = 200_000;
/// Pairs of members of decisions that a constraint ties, after which bottom-up counting is tried before anything else.
const MOST_PAIRS: u64 = 20_000;
/// Operations on residual expressions before a count is given up: about a second.
const MOST_STEPS: u64 = 2_000_000;
/// The same for each constraint that is tried alone when all together are too much, and how many may fail.
const STEPS_FOR_ONE: u64 = 300_000;
const MOST_FAILURES: usize = 6;
/// And for all that are tried alone, together.
const STEPS_FOR_ALL: u64 = MOST_STEPS / 2;
/// All of it.
const MOST_WORK: u64 = 2 * MOST_STEPS;
/// The same for one of many countings of which each only may prove that there is no point.
const MOST_WORK_TO_PROVE: u64 = 500_000;
/// So many products of counts are as much work as a step.
const PRODUCTS_PER_STEP: u64 = 200;

/// The number of points of a space.
pub fn count(decisions: &Decisions) -> Count {
    Counted::new(decisions).count(decisions)
}

/// A space that has been counted, or as much of it as could be: constraints that are too hard are left to rejection.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Absent if not even the guards can be counted.
    form: Option<Form>,
    left_out: Vec<usize>,
    how: How,
    /// What became of each bound; empty if none is counted.
    bounds: Vec<Kept>,
    /// Domains that were made smaller before.
    narrowed: Option<Arc<Narrowed>>,
    /// What constraints that are left out say of single reals.
    ties: Ties,
}

/// What became of a bound on what is known of points only once they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Everything is within it.
    Always,
    /// What is drawn is within it.
    Exactly,
    /// Some of what is drawn is not.
    Roughly,
    /// Nothing is left out for it.
    Dropped,
}

impl Counted {
    /// Counts a space.
    pub fn new(decisions: &Decisions) -> Counted {
        Counted::within(decisions, &[])
    }

    /// Counts a space within bounds of what is known of its points only once they are built. Points that are not within them are neither
    /// counted nor drawn where that is possible.
    pub(super) fn within(decisions: &Decisions, bounds: &[Sum]) -> Counted {
        Counted::with_work(decisions, bounds, &mut { MOST_WORK })
    }

    /// The same where it is only asked whether there is a point, many times: with a part of `work`, in steps, which is taken from it.
    pub(super) fn quickly(decisions: &Decisions, bounds: &[Sum], work: &mut u64) -> Counted {
        let given = MOST_WORK_TO_PROVE.min(*work);
        let mut left = given;
        let counted = Counted::with_work(decisions, bounds, &mut left);
        // To list what is counted is work, too.
        let listed = 1 + (decisions.all.len() + decisions.constraints.len()) as u64;
        *work = work.saturating_sub(given - left + listed);
        counted
    }

    fn with_work(decisions: &Decisions, bounds: &[Sum], work: &mut u64) -> Counted {
        // Terms of bounds are listed for whole domains.
        let terms = bounds.iter().flat_map(|bound| &bound.terms);
        let but: Vec<usize> = terms.flat_map(|term| &term.scope).copied().collect();
        let narrowed = narrow::narrowed(decisions, &but).map(Arc::new);
        let within = narrowed.as_ref().map_or(decisions, |n| &n.decisions);
        let mut counted = Counted::of(within, bounds, work);
        if counted.form.is_some() {
            counted.ties = Ties::new(within, &mut counted.left_out);
        }
        Counted {
            narrowed,
            ..counted
        }
    }

    fn of(decisions: &Decisions, bounds: &[Sum], work: &mut u64) -> Counted {
        let kept: BTreeSet<usize> = (0..decisions.constraints.len())
            .filter(|c| !has_reals(&decisions.constraints[*c], decisions))
            .collect();
        let numbers: Vec<usize> = (0..decisions.constraints.len()).collect();
        if !bounds.is_empty()
            && let Some(found) = elimination::roughly(decisions, &numbers, bounds, false)
        {
            *work = work.saturating_sub(found.work / PRODUCTS_PER_STEP);
            let counted = Counted::eliminated(found, &kept, decisions, bounds);
            if !counted.bounds.iter().all(|kept| *kept == Kept::Always) {
                return counted;
            }
            return Counted {
                bounds: counted.bounds,
                ..Counted::of(decisions, &[], work)
            };
        }
        // Of a conjunction over reals, too, the parts over other decisions alone are counted.
        let mut all: Vec<&Expr> = Vec::new();
        for constraint in &decisions.constraints {
            elimination::conjuncts(constraint, &mut all);
        }
        all.retain(|part| !has_reals(part, decisions));
        let conditioned = |steps: u64, work: &mut u64| {
            let given = steps.min(*work);
            let mut left = given;
            let graph = compile(decisions, &all, &mut left);
            *work -= given - left;
            graph
        };
        let exactly = |work: &mut u64| {
            let exact = elimination::exactly(decisions, &numbers);
            let steps = match &exact {
                Exactly::Counted(found) => found.work / PRODUCTS_PER_STEP,
                Exactly::TooMuch => FIRST_STEPS,
                Exactly::Beyond => 0,
            };
            *work = work.saturating_sub(steps);
            exact
        };
        let pairs = all.iter().map(|part| evaluate::decisions(part));
        let pairs = pairs.filter(|scope| scope.len() == 2);
        let pairs = pairs.filter_map(|scope| combinations(&Vec::from_iter(scope), decisions));
        let has_many = pairs.fold(0, u64::saturating_add) > MOST_PAIRS;
        let exact = has_many.then(|| exactly(work));
        if let Some(Exactly::Counted(found)) = exact {
            return Counted::eliminated(found, &kept, decisions, &[]);
        }
        if let Some(graph) = conditioned(FIRST_STEPS, work) {
            return Counted::conditioned(Some(graph), &kept, decisions);
        }
        let exact = exact.unwrap_or_else(|| exactly(work));
        let is_too_much = match exact {
            Exactly::Counted(found) => {
                return Counted::eliminated(found, &kept, decisions, &[]);
            }
            // From the top it takes more steps, and each of them longer.
            Exactly::TooMuch => true,
            Exactly::Beyond => false,
        };
        if !is_too_much && let Some(graph) = conditioned(MOST_STEPS, work) {
            return Counted::conditioned(Some(graph), &kept, decisions);
        }
        if let Some(found) = elimination::roughly(decisions, &numbers, &[], is_too_much) {
            *work = work.saturating_sub(found.work / PRODUCTS_PER_STEP);
            return Counted::eliminated(found, &kept, decisions, &[]);
        }
        let (graph, kept) = one_by_one(decisions, kept, work);
        Counted::conditioned(graph, &kept, decisions)
    }

    /// What is left of the combinations of `keys` after `looks` of them were looked at: for each its members, by decision, in order. `rest` has all other
    /// decisions, counted; none of them depends on a key. `None` if `rest` could not be counted. `is_rough` says that something that is drawn
    /// may break a bound.
    pub(super) fn tried(
        keys: &BTreeSet<usize>,
        left: &[Vec<Option<u64>>],
        looks: usize,
        rest: Option<Counted>,
        is_rough: bool,
    ) -> Option<Counted> {
        let graph = tried::graph(keys, left);
        let mut counted = Counted {
            form: None,
            left_out: Vec::new(),
            how: How::Trying(looks),
            bounds: is_rough.then_some(Kept::Roughly).into_iter().collect(),
            narrowed: None,
            ties: Ties::default(),
        };
        counted.form = Some(match rest {
            None => Form::Graph(graph),
            Some(rest) => {
                let form = rest.form?;
                let mut total = graph.total.clone();
                total.times(form.total());
                counted.left_out = rest.left_out;
                counted.narrowed = rest.narrowed;
                counted.ties = rest.ties;
                Form::Apart(graph, Box::new(form), total)
            }
        });
        Some(counted)
    }

    fn conditioned(graph: Option<Graph>, kept: &BTreeSet<usize>, decisions: &Decisions) -> Counted {
        let keys = graph.as_ref().map_or(0, |g| g.keys.len());
        let sums = kept
            .iter()
            .any(|c| bounds_a_sum(&decisions.constraints[*c]));
        Counted {
            form: graph.map(Form::Graph),
            left_out: others(kept, decisions),
            how: match keys {
                0 => How::Product,
                n if sums => How::PartialSums(n),
                n => How::Conditioning(n),
            },
            bounds: Vec::new(),
            narrowed: None,
            ties: Ties::default(),
        }
    }

    fn eliminated(
        found: Eliminated,
        kept: &BTreeSet<usize>,
        decisions: &Decisions,
        bounds: &[Sum],
    ) -> Counted {
        let mut left_out = others(kept, decisions);
        left_out.extend(&found.left_out);
        left_out.sort_unstable();
        left_out.dedup();
        let of = |all: &[usize]| all.iter().copied().collect::<BTreeSet<usize>>();
        let (dropped, rounded, idle) = (of(&found.dropped), of(&found.rounded), of(&found.idle));
        let bounds = bounds.iter().enumerate();
        let bounds = bounds.map(|(number, bound)| match () {
            () if dropped.contains(&number) => Kept::Dropped,
            () if !bound.is_all || rounded.contains(&number) => Kept::Roughly,
            () if idle.contains(&number) => Kept::Always,
            () => Kept::Exactly,
        });
        Counted {
            bounds: bounds.collect(),
            how: match found.variables {
                0 => How::Product,
                n if found.has_sums => How::PartialSums(n),
                n => How::Elimination(n),
            },
            form: Some(Form::Eliminated(found)),
            left_out,
            narrowed: None,
            ties: Ties::default(),
        }
    }

    /// The number of points.
    pub fn count(&self, decisions: &Decisions) -> Count {
        match self.form.as_ref().map(Form::total) {
            Some(total) if total.real => Count::Infinite,
            Some(total) if self.is_exact() && !self.is_rough() || total.is_zero() => {
                Count::Exact(total.parts.clone())
            }
            Some(total) => Count::TooHard {
                at_most: total.parts.clone(),
            },
            None if decisions.all.iter().any(|d| d.choices.len().is_none()) => Count::Infinite,
            None => Count::TooHard {
                // Every guard both holds and does not.
                at_most: decisions
                    .all
                    .iter()
                    .map(|d| {
                        let optional = u64::from(d.guard != Expr::bool(true));
                        BigUint::from(d.choices.len().unwrap_or(0)) + optional
                    })
                    .product(),
            },
        }
    }

    /// How it was counted.
    pub fn how(&self) -> How {
        self.how
    }

    /// Points of which each real counts as one value: exact if no constraint is left out. `None` if guards cannot be counted.
    pub fn parts(&self) -> Option<&BigUint> {
        self.form.as_ref().map(|f| &f.total().parts)
    }

    /// Constraints, by their number, that are not counted: what is drawn may not meet them.
    pub fn left_out(&self) -> &[usize] {
        &self.left_out
    }

    /// What became of a bound, by its number.
    pub(super) fn kept(&self, bound: usize) -> Kept {
        self.bounds.get(bound).copied().unwrap_or(Kept::Dropped)
    }

    /// Whether something that is drawn may not be within a bound that leaves points out.
    fn is_rough(&self) -> bool {
        self.bounds.contains(&Kept::Roughly)
    }

    /// Whether everything that is drawn meets every constraint.
    pub fn is_exact(&self) -> bool {
        self.form.is_some() && self.left_out.is_empty()
    }

    /// Whether it is proved that no point meets the constraints.
    pub fn is_empty(&self) -> bool {
        self.form.as_ref().is_some_and(|f| f.total().is_zero())
    }
}

/// Adds one constraint after the other as long as that can be counted: the graph, absent if not even the guards can be, and what it counts.
fn one_by_one(
    decisions: &Decisions,
    kept: BTreeSet<usize>,
    work: &mut u64,
) -> (Option<Graph>, BTreeSet<usize>) {
    // Those that speak of little come first: they are the likeliest to be counted.
    let mut order: Vec<usize> = kept.into_iter().collect();
    order.sort_by_key(|c| evaluate::decisions(&decisions.constraints[*c]).len());
    let mut graph = compile(decisions, &[], &mut { MOST_STEPS });
    let mut kept = BTreeSet::new();
    let mut failures = 0;
    let mut steps = STEPS_FOR_ALL.min(*work);
    for c in order {
        if graph.is_none() || failures == MOST_FAILURES || steps == 0 {
            break;
        }
        kept.insert(c);
        let all: Vec<&Expr> = kept.iter().map(|c| &decisions.constraints[*c]).collect();
        let mut for_one = steps.min(STEPS_FOR_ONE);
        let given = for_one;
        let smaller = compile(decisions, &all, &mut for_one);
        steps -= given - for_one;
        *work -= given - for_one;
        match smaller {
            Some(smaller) => graph = Some(smaller),
            None => {
                kept.remove(&c);
                failures += 1;
            }
        }
    }
    (graph, kept)
}

/// The constraints that are not among these.
fn others(kept: &BTreeSet<usize>, decisions: &Decisions) -> Vec<usize> {
    let all = 0..decisions.constraints.len();
    all.filter(|c| !kept.contains(c)).collect()
}

/// Whether an expression mentions a decision over reals.
pub(super) fn has_reals(expr: &Expr, decisions: &Decisions) -> bool {
    any_real(&evaluate::decisions(expr), decisions)
}

/// Whether one of some decisions is over reals.
fn any_real<'a>(some: impl IntoIterator<Item = &'a usize>, decisions: &Decisions) -> bool {
    let is_real = |i: &usize| matches!(decisions.all[*i].choices, Choices::Reals { .. });
    some.into_iter().any(is_real)
}

/// Whether a comparison of a sum of several decisions is part of an expression.
fn bounds_a_sum(expr: &Expr) -> bool {
    let mut found = false;
    evaluate::walk(expr, &mut |part| {
        found |= matches!(part, Expr::Binary(BinaryOp::Add, x, y)
            if !evaluate::decisions(x).is_empty() && !evaluate::decisions(y).is_empty());
    });
    found
}

#[cfg(test)]
pub(crate) mod tests;
