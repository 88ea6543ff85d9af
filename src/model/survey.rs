//! What can be said of a space before anything runs: how many candidates, which requirements are proved, which members never occur.
//!
//! In: a template. Out: a [`Survey`]. What cannot be counted is estimated: points are drawn from what can be, and looked at.

mod absent;
mod binding;

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use self::absent::{excluded_by, nowhere};
use self::binding::{idle, never_binds};
use super::counting::{Count, Counted, Drawn, How, Uniform};
use super::decision::{Decisions, Point};
use super::expression::evaluate;
use super::expression::members::Values;
use super::metrics::Metrics;
use super::part;
use super::range::{Range, ranges};
use super::template::{Claim, Limit, Limited, Template};
use crate::ir::{Expr, Value};
use crate::stream::{Purpose, stream};

/// Points that are drawn for an estimate: fewer where each must be built and priced.
const DRAWS: u64 = 2000;
const PRICED_DRAWS: u64 = 300;
/// So many at least, and how often requirements are evaluated before the others are left out.
const FEW_DRAWS: u64 = 100;
const MOST_LOOKS: u64 = 2_000_000;
/// So many points are asked for one requirement after the other.
const AT_ONCE: u64 = 20;

/// The trial that no search has, for the stream of draws.
const NO_TRIAL: u64 = u64::MAX - 1;

/// What is known of a requirement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Every candidate meets it.
    Always,
    /// Some candidate meets it: it is counted, or a candidate was drawn that does.
    Meetable,
    /// No candidate that was drawn meets it, which proves nothing.
    Open,
    /// Only training tells.
    Measured,
}

/// The most points that are counted again without a requirement, and the most requirements for which that is done.
const FEW: u32 = 100_000;
const MOST_COUNTED: usize = 32;

/// Members of a decision that no candidate has.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruned {
    /// The path of the decision.
    pub path: String,
    /// The members, in the order of the domain.
    pub members: Vec<Value>,
    /// The requirement that excludes them, as it is written; `None` if several do so together, or a condition in the space.
    pub by: Option<String>,
}

/// Points that were drawn from what is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// So many.
    pub drawn: u64,
    /// Those that meet everything that is known before training.
    pub met: u64,
}

impl Sample {
    /// The share that meets everything, and the standard error of that share: the standard deviation of what it can be if every share was as likely
    /// before. None or all of many points are no proof that no or any point does.
    pub fn acceptance(self) -> (f64, f64) {
        let (met, missed) = (self.met as f64, (self.drawn - self.met) as f64);
        let n = met + missed;
        let variance = (met + 1.0) * (missed + 1.0) / ((n + 2.0).powi(2) * (n + 3.0));
        (met / n, variance.sqrt())
    }

    /// The largest share with which none of so many points would be drawn once in twenty times: the upper bound of 95 % confidence where none
    /// was met.
    pub fn most(self) -> f64 {
        1.0 - 0.05_f64.powf(1.0 / self.drawn as f64)
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Points that meet every constraint that is counted.
    pub count: Count,
    /// The same with each real as one value.
    pub parts: Option<BigUint>,
    /// How it was had.
    pub how: How,
    /// Absent if everything that is known before training is counted.
    pub sample: Option<Sample>,
    /// For each requirement of the experiment.
    pub verdicts: Vec<Verdict>,
    /// Requirements on decisions of the space and the policy that every candidate meets, as they are written.
    pub idle: Vec<String>,
    /// What never occurs.
    pub pruned: Vec<Pruned>,
    /// Decisions that exist nowhere: of a layer that is the last one whenever it is there, what a rule for other layers says.
    pub nowhere: BTreeSet<usize>,
    /// Decisions that exist in no candidate, since requirements exclude what they need.
    pub excluded: BTreeSet<usize>,
    /// From where to where metrics go that are known before training.
    pub ranges: BTreeMap<&'static str, Range>,
}

/// Surveys a template's space.
pub fn survey(template: &Template) -> Survey {
    let decisions = template.decisions();
    let counted = template.counted();
    let left_out: BTreeSet<usize> = counted.left_out().iter().copied().collect();
    let mut counts: BTreeMap<usize, bool> = BTreeMap::new();
    for claim in template.claims() {
        if let Some(require) = claim.require {
            counts.entry(require).or_insert_with(|| {
                counted.is_exact()
                    || counted.parts().is_some() && !left_out.contains(&claim.constraint)
            });
        }
    }
    for limit in template.limits() {
        counts.insert(limit.require, limit.counted != Limited::Roughly);
    }
    let is_counted = |require: usize| counts.get(&require).copied().unwrap_or(false);
    let always = template.limits().iter();
    let always = always.filter(|limit| limit.counted == Limited::Always);
    let always: BTreeSet<usize> = always.map(|limit| limit.require).collect();
    let mut verdicts = Vec::new();
    for (i, require) in template.requires().iter().enumerate() {
        verdicts.push(match () {
            () if always.contains(&i) => Verdict::Always,
            () if never_binds(template, require) => Verdict::Always,
            () if is_counted(i) && excludes_none(template, i) => Verdict::Always,
            () if is_counted(i) => Verdict::Meetable,
            () if !template.is_known(require) => Verdict::Measured,
            () => Verdict::Open,
        });
    }
    let ranges = ranges(template);
    let sample = sample(template, &ranges.points, &mut verdicts);
    let (pruned, nowhere) = (pruned(template), nowhere(decisions));
    Survey {
        count: counted.count(decisions),
        parts: counted.parts().cloned(),
        how: counted.how(),
        sample,
        verdicts,
        idle: idle(template),
        excluded: excluded_by(&pruned, decisions, &nowhere),
        pruned,
        nowhere,
        ranges: ranges.of,
    }
}

/// Whether as many points are counted with what a requirement asks as without any requirement, where they are few enough that counting them again
/// costs nothing.
fn excludes_none(template: &Template, require: usize) -> bool {
    let is_own = |claim: &Claim| claim.require == Some(require);
    if template.requires().len() > MOST_COUNTED || !template.claims().iter().any(is_own) {
        return false;
    }
    let few = BigUint::from(FEW);
    let is_few = |count: &Count| matches!(count, Count::Exact(count) if *count <= few);
    if !is_few(&template.counted().count(template.decisions())) {
        return false;
    }
    let count = |is_kept: &dyn Fn(&Claim) -> bool| {
        let mut decisions = template.decisions().clone();
        let claims = template.claims().iter().filter(|claim| !is_kept(claim));
        let dropped: BTreeSet<usize> = claims.map(|claim| claim.constraint).collect();
        let mut at = 0..;
        decisions
            .constraints
            .retain(|_| at.next().is_some_and(|i| !dropped.contains(&i)));
        Counted::new(&decisions).count(&decisions)
    };
    let without = count(&|claim| claim.require.is_none() && !claim.is_part);
    is_few(&without)
        && count(&|claim| claim.require.is_none() && !claim.is_part || is_own(claim)) == without
}

/// Draws points, where something that is known before training is not counted. Requirements that one of them meets, or the default
/// member or one of the extreme ones, are meetable.
fn sample(template: &Template, extreme: &[Point], verdicts: &mut [Verdict]) -> Option<Sample> {
    let counted = template.counted();
    let open: Vec<usize> = (0..verdicts.len())
        .filter(|i| verdicts[*i] == Verdict::Open)
        .collect();
    if counted.is_empty() || open.is_empty() && counted.is_exact() {
        return None;
    }
    let priced = open
        .iter()
        .any(|i| evaluate::has_names(&template.requires()[*i]));
    // What an open requirement says as a constraint is asked of the requirement itself.
    let mut is_asked = vec![false; template.decisions().constraints.len()];
    for claim in template.claims() {
        is_asked[claim.constraint] |= claim
            .require
            .is_some_and(|r| open.binary_search(&r).is_ok());
    }
    let mut asked = Asked {
        unmet: open,
        met: Vec::new(),
        is_asked,
        priced,
        looks: 0,
    };
    asked.met_by(template, &[&template.decisions().default_point()]);
    asked.met_by(template, &extreme.iter().collect::<Vec<_>>());
    let mut rng = stream(0, NO_TRIAL, Purpose::Search);
    let most = if priced { PRICED_DRAWS } else { DRAWS };
    let (mut drawn, mut met) = (0, 0);
    let mut places: Vec<Drawn> = Vec::new();
    while drawn < most && (drawn < FEW_DRAWS || asked.looks < MOST_LOOKS) {
        let until = if drawn < FEW_DRAWS { FEW_DRAWS } else { most };
        let now = until.min(drawn + AT_ONCE) - drawn;
        places.resize_with(now as usize, Drawn::default);
        for place in &mut places {
            if !counted.draw_again(template.decisions(), &mut Uniform(&mut rng), place) {
                return None;
            }
        }
        drawn += now;
        let points: Vec<&Point> = places.iter().map(|drawn| &drawn.point).collect();
        met += asked.met_by(template, &points);
    }
    for i in &asked.met {
        verdicts[*i] = Verdict::Meetable;
    }
    Some(Sample { drawn, met })
}

/// What points are asked for that nothing proves.
struct Asked {
    /// Requirements that no point has met yet.
    unmet: Vec<usize>,
    /// All others; the one that failed last comes first.
    met: Vec<usize>,
    /// Constraints that say what one of these requirements does.
    is_asked: Vec<bool>,
    /// Whether they speak of the price of a network.
    priced: bool,
    /// How often requirements were evaluated.
    looks: u64,
}

impl Asked {
    /// How many of these points meet everything. Requirements that one of them meets have been met then: one that breaks what the space or another decision
    /// asks for is no witness.
    fn met_by(&mut self, template: &Template, points: &[&Point]) -> u64 {
        let known = points.iter().map(|point| self.known(template, point));
        let known: Vec<Option<Metrics>> = known.collect();
        let found = points.iter().zip(&known);
        let found = found.filter_map(|(point, metrics)| Some((*point, metrics.as_ref()?)));
        let mut members: Vec<(&Point, &Metrics)> = Vec::with_capacity(points.len());
        members.extend(found);
        let looks = &mut self.looks;
        let mut meets = |require: usize, member: usize| {
            *looks += 1;
            let (point, metrics) = members[member];
            let value = template.evaluate(&template.requires()[require], point, metrics);
            value == Ok(Value::Bool(true))
        };
        // Those that meet everything so far. What has been met once says nothing new but whether all are.
        let mut left: Vec<usize> = (0..members.len()).collect();
        for at in 0..self.met.len() {
            let before = left.len();
            left.retain(|member| meets(self.met[at], *member));
            if left.len() < before {
                self.met.swap(0, at);
            }
            if left.is_empty() {
                break;
            }
        }
        let (new, unmet): (Vec<usize>, Vec<usize>) = self.unmet.iter().partition(|require| {
            let meets = (0..members.len()).filter(|member| meets(**require, *member));
            let meets: BTreeSet<usize> = meets.collect();
            left.retain(|member| meets.contains(member));
            !meets.is_empty()
        });
        self.met.extend(new);
        self.unmet = unmet;
        left.len() as u64
    }

    /// What is known of a point that meets all constraints, as far as that is of interest; `None` if it does not.
    fn known(&self, template: &Template, point: &Point) -> Option<Metrics> {
        let decisions = template.decisions();
        let holds = |c: usize| {
            let constraint = &decisions.constraints[c];
            self.is_asked[c] || evaluate::truth(constraint, &Values(&point.0)) == Ok(true)
        };
        if !(0..decisions.constraints.len()).all(holds) {
            return None;
        }
        match self.priced {
            true => template.known(point).ok(),
            false => Some(Metrics::default()),
        }
    }
}

/// What no point has, with the requirement that alone excludes it, if there is one.
fn pruned(template: &Template) -> Vec<Pruned> {
    let decisions = template.decisions();
    let found = of_whole_paths(template.counted().pruned(decisions), decisions);
    if found.is_empty() {
        return Vec::new();
    }
    let left_out: BTreeSet<usize> = template.counted().left_out().iter().copied().collect();
    let claims: Vec<_> = template
        .claims()
        .iter()
        .filter(|c| !left_out.contains(&c.constraint))
        .collect();
    // Which claims speak of a decision, themselves or by a guard.
    let mut about: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut concerned = Vec::new();
    for (number, claim) in claims.iter().enumerate() {
        let of_claim = part::concern(&decisions.constraints[claim.constraint], decisions);
        for key in &of_claim {
            about.entry(*key).or_default().push(number);
        }
        concerned.push(of_claim);
    }
    let by_price: Vec<(&Limit, BTreeMap<usize, Vec<u64>>)> = (template.limits().iter())
        .filter(|r| r.counted != Limited::Always)
        .map(|r| (r, template.pruned_by(r.require).into_iter().collect()))
        .collect();
    // Where one requirement alone speaks of one decision alone, nothing else can exclude its members.
    let is_all = claims.len() == decisions.constraints.len();
    let is_sole = is_all && by_price.is_empty() && !template.counted().is_empty();
    let sole = |key: usize| match about.get(&key).map(Vec::as_slice) {
        Some([only]) if is_sole && concerned[*only].len() == 1 => Some(only),
        _ => None,
    };
    let mut alone: BTreeMap<usize, BTreeMap<usize, Vec<u64>>> = BTreeMap::new();
    let mut pruned = Vec::new();
    for (key, never) in found {
        let excludes = |of_key: Option<&Vec<u64>>| {
            of_key.is_some_and(|of_key| never.iter().all(|m| of_key.binary_search(m).is_ok()))
        };
        let by = sole(key).or_else(|| {
            about.get(&key).into_iter().flatten().find(|number| {
                let claim = claims[**number];
                let excluded = alone.entry(**number).or_insert_with(|| {
                    let constraint = &decisions.constraints[claim.constraint];
                    excluded(constraint, &concerned[**number], decisions)
                });
                excludes(excluded.get(&key))
            })
        });
        let by = by.map(|number| claims[*number].written.text.clone());
        let by = by.or_else(|| {
            let (limit, _) = by_price.iter().find(|(_, of)| excludes(of.get(&key)))?;
            Some(limit.written.text.clone())
        });
        let choices = &decisions.all[key].choices;
        pruned.push(Pruned {
            path: decisions.all[key].path.clone(),
            members: never.iter().filter_map(|m| choices.member(*m)).collect(),
            by,
        });
    }
    pruned
}

/// What none of the decisions of one path has, by the first of these.
fn of_whole_paths(
    mut pruned: Vec<(usize, Vec<u64>)>,
    decisions: &Decisions,
) -> Vec<(usize, Vec<u64>)> {
    let doubled = decisions.by_path().into_iter();
    for (_, places) in doubled.filter(|(_, places)| places.len() > 1) {
        let (of_path, mut others): (Vec<_>, Vec<_>) =
            { pruned.into_iter() }.partition(|(index, _)| places.contains(index));
        if of_path.len() == places.len() {
            let (_, first) = &of_path[0];
            let is_never = |m: &u64| of_path.iter().all(|(_, never)| never.contains(m));
            let never: Vec<u64> = first.iter().copied().filter(is_never).collect();
            if !never.is_empty() {
                others.push((places[0], never));
                others.sort_unstable();
            }
        }
        pruned = others;
    }
    pruned
}

/// The numbers of members that no point has for this constraint alone, by decision: a space of the decisions that it concerns is counted.
fn excluded(
    constraint: &Expr,
    concerned: &BTreeSet<usize>,
    decisions: &Decisions,
) -> BTreeMap<usize, Vec<u64>> {
    let only = part::of(&[constraint], concerned, decisions);
    let old: Vec<usize> = concerned.iter().copied().collect();
    let pruned = Counted::new(&only).pruned(&only);
    pruned
        .into_iter()
        .map(|(n, never)| (old[n], never))
        .collect()
}
