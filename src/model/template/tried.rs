//! Candidates that are few: each is built and priced, so that what requirements leave is exact.
//!
//! In: a template that is counted, but for requirements that neither constraints nor sums over layers say. Out: the decisions on which these
//! requirements hang, counted again by looking at each combination ([`Each`]); all other decisions stay as they are counted. A requirement is
//! evaluated as it is when a candidate that was drawn is looked at.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use num_bigint::BigUint;

use super::limits::{self, Limit, Limited};
use super::{Claim, Template};
use crate::ir::{Expr, Value};
use crate::model::counting::{Counted, Next, members};
use crate::model::decision::{Decisions, Point};
use crate::model::expression::evaluate;
use crate::model::metrics::Metrics;

/// Nodes of all networks together that are built and priced, before candidates are called too many: about a tenth of a second.
const MOST_NODES: u64 = 100_000;
/// As much work as a node is: parts of expressions.
const PARTS_PER_NODE: u64 = 20;
/// The work of finding the combinations.
const MOST_WORK: u64 = 5_000_000;

/// What trying each candidate has told.
#[derive(Debug, Clone)]
pub(super) struct Each {
    /// The decisions on which the requirements hang.
    keys: BTreeSet<usize>,
    /// Whether more was asked of each combination than what constraints say.
    is_priced: bool,
    /// Of those that meet all requirements; absent if they were not priced, or some of them may break a limit.
    ends: Option<Ends>,
    /// Every combination that there is, whatever is required, if these are few, once that was wanted.
    whole: OnceLock<Option<Vec<Combination>>>,
}

/// Members of some decisions, priced.
#[derive(Debug, Clone)]
struct Combination {
    /// By decision; none for those that do not exist, or are not among these.
    numbers: Vec<Option<u64>>,
    point: Point,
    /// Absent where there is no network, or no price.
    metrics: Option<Metrics>,
}

/// The smallest and the largest value of each metric.
pub(in crate::model) type Ends = BTreeMap<String, (f64, f64)>;

/// A template's space, counted so.
pub(super) struct Tried {
    pub(super) counted: Counted,
    pub(super) limits: Vec<Limit>,
    pub(super) each: Each,
}

impl Template {
    /// What the requirements leave, found by trying each candidate. `None` where everything is counted anyhow, or candidates are too many.
    pub(super) fn tried(&self) -> Option<Tried> {
        let is_priced = !self.tests().is_empty();
        self.has_open().then(|| self.each(is_priced))?
    }

    /// The smallest and the largest value of each metric over the candidates, if these are few. Reals may exclude some of them.
    pub(in crate::model) fn ends(&self) -> Option<Ends> {
        match &self.each {
            Some(Each {
                ends: Some(ends), ..
            }) => Some(ends.clone()),
            _ => self.each(true)?.each.ends,
        }
    }

    /// The same over every combination that there is, whatever is required.
    pub(in crate::model) fn ends_of_all(&self) -> Option<Ends> {
        let priced = self.whole()?.iter().filter_map(|one| one.metrics.as_ref());
        let mut ends = Ends::new();
        priced.for_each(|metrics| widen(&mut ends, metrics));
        Some(ends)
    }

    /// What is left after each combination was looked at; `is_priced` says whether for more than constraints. `None` if they are too many.
    fn each(&self, is_priced: bool) -> Option<Tried> {
        let keys = self.keys(is_priced)?;
        let rest = self.others(&keys).map(|rest| Counted::new(&rest));
        // The parts have nothing in common, so the one is the whole by the other.
        let mut most = self.counted.parts()?.clone();
        if let Some(rest) = &rest {
            let of_rest = rest.parts()?;
            (*of_rest != BigUint::ZERO).then_some(())?;
            most /= of_rest;
        }
        if most > BigUint::from(self.most(&keys)) {
            return None;
        }
        let only = self.only(&keys, &self.decisions.constraints);
        let few = match &rest {
            None => self.few(&keys, &only, &self.counted, is_priced)?,
            Some(_) => {
                let (counted, _) = limits::count(&self.asked, &only, &self.source());
                self.few(&keys, &only, &counted, is_priced)?
            }
        };
        // Where nothing has a price, another error says why.
        if !few.is_empty() {
            few.iter().find(|one| one.metrics.is_some())?;
        }
        let tests = self.tests();
        let mut is_all_met = vec![true; tests.len()];
        let mut left = Vec::new();
        let mut ends = Ends::new();
        for one in &few {
            let met = tests.iter().map(|test| self.meets(*test, one));
            let met: Vec<bool> = met.collect();
            is_all_met
                .iter_mut()
                .zip(&met)
                .for_each(|(all, met)| *all &= met);
            if let (Some(metrics), true) = (&one.metrics, met.iter().all(|met| *met)) {
                left.push(one.numbers.clone());
                widen(&mut ends, metrics);
            }
        }
        // What training decides as well is no test, and limits of it stay what they are.
        let each_test: BTreeSet<usize> = tests.iter().copied().collect();
        let is_test = |limit: &Limit| each_test.contains(&limit.require);
        let mut limits: Vec<Limit> = self.limits.clone();
        limits.retain(|limit| !is_test(limit));
        let is_rough = limits.iter().any(|limit| limit.counted == Limited::Roughly);
        let claimed: BTreeSet<usize> = self.claims().iter().filter_map(|c| c.require).collect();
        let before: BTreeMap<usize, Limited> = (self.limits.iter())
            .map(|limit| (limit.require, limit.counted))
            .collect();
        for (require, is_all_met) in tests.iter().zip(is_all_met) {
            if claimed.contains(require) {
                continue;
            }
            let known = before.get(require).copied();
            limits.push(Limit {
                require: *require,
                written: self.asked.written[*require].clone(),
                counted: match known {
                    Some(Limited::Always) => Limited::Always,
                    // What its limit has cut off has not been looked at.
                    None if is_all_met && !few.is_empty() => Limited::Always,
                    _ => Limited::Exactly,
                },
            });
        }
        limits.sort_by_key(|limit| limit.require);
        let always = Expr::bool(true);
        let is_whole = self.limits.is_empty() && only.constraints.iter().all(|c| *c == always);
        let looks = few.len();
        let whole = is_whole.then_some(Some(few));
        Some(Tried {
            counted: Counted::tried(&keys, &left, looks, rest, is_rough)?,
            limits,
            each: Each {
                keys,
                is_priced,
                ends: (is_priced && !is_rough).then_some(ends),
                whole: whole.map_or_else(OnceLock::new, OnceLock::from),
            },
        })
    }

    /// Every combination that there is, whatever is required, if each candidate was tried and these are few as well.
    fn whole(&self) -> Option<&[Combination]> {
        let each = self.each.as_ref()?;
        let whole = || {
            let free = self.only(&each.keys, &[]);
            self.few(&each.keys, &free, &Counted::new(&free), each.is_priced)
        };
        each.whole.get_or_init(whole).as_deref()
    }

    /// Whether it is proved, by trying each combination, that no point meets these claims and requirements.
    pub(in crate::model) fn tries_none(&self, claims: &[&Claim], requires: &[usize]) -> bool {
        let Some(each) = &self.each else {
            return false;
        };
        let mut tests = self.tests();
        tests.retain(|test| requires.contains(test));
        let asked = claims.iter().map(|claim| claim.constraint);
        let asked: Vec<Expr> = asked
            .map(|c| self.decisions.constraints[c].clone())
            .collect();
        let only = self.only(&each.keys, &asked);
        let is_met = |one: &Combination| {
            only.is_feasible(&one.point) && tests.iter().all(|test| self.meets(*test, one))
        };
        // Where nothing has a price, another error says why.
        let is_none = |all: &[Combination]| {
            all.iter().any(|one| one.metrics.is_some()) && !all.iter().any(is_met)
        };
        if let Some(whole) = self.whole() {
            return is_none(whole);
        }
        let source = self.source();
        let sums = limits::sums(requires.iter().map(|i| &self.requires()[*i]), &source);
        let counted = Counted::within(&only, &sums);
        let few = self.few(&each.keys, &only, &counted, each.is_priced);
        few.is_some_and(|few| is_none(&few))
    }

    /// The members of decisions that no combination has that meets one requirement, though some network has them.
    pub(super) fn never_with(&self, require: usize) -> Vec<(usize, Vec<u64>)> {
        let (Some(whole), true) = (self.whole(), self.tests().contains(&require)) else {
            return Vec::new();
        };
        let mut built: BTreeSet<(usize, u64)> = BTreeSet::new();
        let mut met: BTreeSet<(usize, u64)> = BTreeSet::new();
        for one in whole.iter().filter(|one| one.metrics.is_some()) {
            let members = one.numbers.iter().enumerate();
            let members = members.filter_map(|(decision, member)| Some((decision, (*member)?)));
            built.extend(members.clone());
            if self.meets(require, one) {
                met.extend(members);
            }
        }
        let mut never: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
        for (decision, member) in built.difference(&met) {
            never.entry(*decision).or_default().push(*member);
        }
        never.into_iter().collect()
    }

    /// Whether something that is known before training is not counted exactly.
    fn has_open(&self) -> bool {
        let mut left_out = self.counted.left_out().iter();
        if left_out.any(|c| !self.is_over_reals(*c)) {
            return true;
        }
        let claimed: BTreeSet<usize> = self.claims().iter().filter_map(|c| c.require).collect();
        let exact = self.limits.iter();
        let exact = exact.filter(|limit| limit.counted != Limited::Roughly);
        let exact: BTreeSet<usize> = exact.map(|limit| limit.require).collect();
        let mut tests = self.tests().into_iter();
        tests.any(|test| !claimed.contains(&test) && !exact.contains(&test))
    }

    /// Requirements on what is known of a network, by number.
    fn tests(&self) -> Vec<usize> {
        let requires = self.requires().iter().enumerate();
        let known =
            requires.filter(|(_, require)| evaluate::has_names(require) && self.is_known(require));
        known.map(|(number, _)| number).collect()
    }

    /// Whether a combination meets a requirement.
    fn meets(&self, require: usize, one: &Combination) -> bool {
        let Some(metrics) = &one.metrics else {
            return false;
        };
        let value = self.evaluate(&self.requires()[require], &one.point, metrics);
        value == Ok(Value::Bool(true))
    }

    /// How many combinations are few.
    fn most(&self, keys: &BTreeSet<usize>) -> u64 {
        let tests = self.tests();
        let requires = tests.iter().map(|test| &self.requires()[*test]);
        let expressions = requires.chain(&self.decisions.constraints);
        let parts: u64 = expressions.map(evaluate::size).sum::<u64>() + keys.len() as u64;
        MOST_NODES / (1 + self.body.nodes.len() as u64 + parts / PARTS_PER_NODE)
    }

    /// Every combination of decisions, priced where that is wanted, if these are few. `counted` are the same decisions.
    fn few(
        &self,
        keys: &BTreeSet<usize>,
        only: &Decisions,
        counted: &Counted,
        is_priced: bool,
    ) -> Option<Vec<Combination>> {
        let most = self.most(keys);
        (*counted.parts()? <= BigUint::from(most)).then_some(())?;
        let is_whole = keys.len() == self.decisions.all.len();
        let mut walk = members(only).ok()?;
        let mut work = MOST_WORK;
        let mut all = Vec::new();
        loop {
            let point = match walk.next_within(&mut work, Some(counted)) {
                Next::Member(point) if (all.len() as u64) < most => point,
                Next::Member(_) | Next::TooFar => return None,
                Next::End => break,
            };
            let metrics = match (is_priced, is_whole) {
                (false, _) => Some(Metrics::default()),
                (true, true) => self.known(&point).ok(),
                (true, false) => {
                    let metrics = self.known_untrained(&point).ok();
                    // It may have no price for want of a decision that was thought to say nothing of it.
                    let filled = || self.known(&self.filled(&point, keys));
                    if metrics.is_none() && filled().is_ok() {
                        return None;
                    }
                    metrics
                }
            };
            all.push(Combination {
                numbers: walk.numbers().to_vec(),
                point,
                metrics,
            });
        }
        Some(all)
    }
}

fn widen(ends: &mut Ends, metrics: &Metrics) {
    for (name, value) in &metrics.0 {
        let ends = ends.entry(name.clone()).or_insert((*value, *value));
        *ends = (ends.0.min(*value), ends.1.max(*value));
    }
}
