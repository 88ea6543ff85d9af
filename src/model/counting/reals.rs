//! What constraints leave of a real once all that is no real is known.
//!
//! In: constraints that are not counted, since they speak of reals. Out: the stretch of each real in which they hold, found by halving, so that it can be
//! drawn there in its declared scale. A constraint over several reals is left to rejection.

use std::collections::BTreeMap;

use crate::ir::{Expr, Value};
use crate::model::counting::elimination::conjuncts;
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::expression::bounds::{self, Abstract};
use crate::model::expression::evaluate;

/// How often a range is halved: an end is found to 10⁻¹² of it, which bounds decide in spite of rounding.
const MOST_HALVES: u32 = 40;
/// Looks at one constraint: a bound takes two for each time it is halved.
const MOST_LOOKS: u32 = 2000;
/// A stretch that is a smaller share of a range is what rounding leaves of an equation, and nothing to draw from.
const LEAST_SHARE: f64 = 1e-9;

/// The reals that constraints tie to nothing but themselves and what is no real.
#[derive(Debug, Clone, Default)]
pub(super) struct Ties {
    /// What is left of each real whatever else a point has.
    within: BTreeMap<usize, Stretch>,
    /// Constraints on one real and what is no real.
    parts: BTreeMap<usize, Vec<Expr>>,
}

/// From the first to the second, both included.
type Stretch = (f64, f64);

impl Ties {
    /// What these constraints, by number, say of single reals; those that are wholly met by what is drawn are taken from the numbers.
    pub fn new(decisions: &Decisions, left_out: &mut Vec<usize>) -> Ties {
        let mut ties = Ties::default();
        let guards = decisions.all.iter().map(|d| &d.guard);
        let guarding: Vec<usize> = guards.flat_map(evaluate::decisions).collect();
        left_out.retain(|number| {
            let mut parts = Vec::new();
            conjuncts(&decisions.constraints[*number], &mut parts);
            let mut is_left = false;
            for part in parts {
                let of = evaluate::decisions(part);
                let mut reals = of
                    .iter()
                    .filter(|of| range(&decisions.all[**of].choices).is_some());
                let real = match (reals.next(), reals.next()) {
                    (Some(real), None) if !guarding.contains(real) => *real,
                    _ => {
                        is_left = true;
                        continue;
                    }
                };
                let decision = &decisions.all[real];
                if of.len() == 1 && decision.guard == Expr::bool(true) {
                    let whole = ties.whole(real, &decision.choices);
                    match whole.and_then(|whole| stretch(part, real, whole, &[])) {
                        Some(left) => _ = ties.within.insert(real, left),
                        None => is_left = true,
                    }
                } else {
                    is_left = true;
                    ties.parts.entry(real).or_default().push(part.clone());
                }
            }
            is_left
        });
        ties
    }

    /// The domain of a real with what is left of it whatever else a point has.
    pub fn within(&self, real: usize, choices: &Choices) -> Option<Choices> {
        Some(between(*self.within.get(&real)?, choices))
    }

    /// Moves each real of a point into what is left of its range, where that is one stretch: at the share of its length that it had of the whole.
    pub fn settle(&self, decisions: &Decisions, point: &mut Point) {
        for (real, parts) in &self.parts {
            let choices = &decisions.all[*real].choices;
            let (Some(value), Some(whole)) = (point.0[*real].take(), self.whole(*real, choices))
            else {
                continue;
            };
            let left = parts
                .iter()
                .try_fold(whole, |within, part| stretch(part, *real, within, &point.0));
            let moved = left.and_then(|left| {
                let share = between(whole, choices).share(value.as_number()?);
                Some(between(left, choices).at(share))
            });
            point.0[*real] = Some(moved.unwrap_or(value));
        }
    }

    /// What is left of a real whatever else a point has.
    fn whole(&self, real: usize, choices: &Choices) -> Option<Stretch> {
        self.within.get(&real).copied().or(range(choices))
    }
}

/// From where to where a domain of reals goes.
fn range(choices: &Choices) -> Option<Stretch> {
    match choices {
        Choices::Reals { low, high, .. } => Some((*low, *high)),
        _ => None,
    }
}

/// Reals in the scale of a domain.
fn between((low, high): Stretch, choices: &Choices) -> Choices {
    let log = matches!(choices, Choices::Reals { log: true, .. });
    Choices::Reals { low, high, log }
}

/// Where in a range a truth value over a real holds, all other decisions having these values, but for single reals: `None` if that is not one stretch.
fn stretch(part: &Expr, real: usize, within: Stretch, others: &[Option<Value>]) -> Option<Stretch> {
    let of = evaluate::decisions(part).into_iter();
    let others = of.filter_map(|of| Some((of, others.get(of)?.clone()?)));
    let others = others.filter(|(of, _)| *of != real);
    let mut known: Vec<(usize, Abstract)> = others
        .map(|(of, value)| (of, Abstract::Values(vec![value])))
        .collect();
    let mut found: Vec<Stretch> = Vec::new();
    let mut open = vec![(within, 0)];
    let mut looks = MOST_LOOKS;
    // From the lowest up.
    while let Some(((low, high), halved)) = open.pop() {
        looks = looks.checked_sub(1)?;
        known.push((real, Abstract::interval(low, high)));
        let verdict = bounds::proves_within(part, known.iter().cloned());
        known.pop();
        match verdict {
            Some(true) => match found.last_mut() {
                Some((_, end)) if *end == low => *end = high,
                _ => found.push((low, high)),
            },
            Some(false) => {}
            None => {
                let middle = match low > 0.0 {
                    true => low * (high / low).sqrt(),
                    false => low + (high - low) / 2.0,
                };
                if halved < MOST_HALVES && low < middle && middle < high {
                    open.push(((middle, high), halved + 1));
                    open.push(((low, middle), halved + 1));
                }
            }
        }
    }
    let least = LEAST_SHARE * (within.1 - within.0);
    found.retain(|(low, high)| high - low > least);
    match found[..] {
        [one] => Some(one),
        _ => None,
    }
}
