//! Bayesian optimization.
//!
//! The first trial is the default point, the next ones a Latin hypercube over decisions (not over points, most of which are at the far end of a space
//! with depths); then each trial is the point whose acquisition is the largest
//! that a search over random points, neighbors of the best trials and hill climbing finds. What a point is worth is for [`belief`](super::belief) to say.

use rand_chacha::ChaCha8Rng;

use super::belief::Belief;
use super::climb::{climb, neighbors};
use super::feasible::{Feasible, Taken};
use super::kernel::Layout;
use super::pareto::non_dominated;
use super::sampler::{Observation, Sampler, Suggestion};
use crate::model::Point;
use crate::stream::{Purpose, shuffle, stream, uniform};

/// Random feasible points among the candidates, and how many are drawn for them at most.
const POOL: usize = 500;
const MOST_TRIES: u64 = 2_000;
/// Best trials whose neighbors are candidates.
const INCUMBENTS: usize = 4;
/// Candidates from which to climb, and calls of the acquisition for each.
const CLIMBS: usize = 5;
const CLIMB_BUDGET: usize = 200;

/// Bayesian optimization over a space.
pub struct Bayes<'a> {
    feasible: Feasible<'a>,
    layout: Layout,
    seed: u64,
    initial: usize,
}

impl<'a> Bayes<'a> {
    /// A search whose first `initial` trials need no model.
    pub fn new(feasible: Feasible<'a>, seed: u64, initial: usize) -> Self {
        Bayes {
            layout: Layout::new(feasible.encoding.features()),
            feasible,
            seed,
            initial: initial.max(1),
        }
    }

    /// The point of the initial design for a trial.
    fn design(&self, trial: usize, taken: &Taken, rng: &mut ChaCha8Rng) -> Option<Point> {
        if trial == 0 {
            return Some(self.feasible.decisions.default_point());
        }
        // A Latin hypercube: trial k falls into stratum order[k - 1] of each decision. The orders belong to no single trial, so their
        // stream has a number that no trial has.
        let mut orders = stream(self.seed, u64::MAX, Purpose::Search);
        let strata = self.initial - 1;
        let mut order: Vec<usize> = (0..strata).collect();
        let shares: Vec<f64> = (0..self.feasible.decisions.all.len())
            .map(|_| {
                shuffle(&mut orders, &mut order);
                (order[trial - 1] as f64 + uniform(rng)) / strata as f64
            })
            .collect();
        let even = self.feasible.evenly(rng, taken, &shares);
        even.or_else(|| self.feasible.at(&shares))
    }

    /// The candidate of most worth: the best of random points and neighbors of good trials, after climbing.
    fn best_candidate(
        &self,
        belief: &Belief,
        taken: &Taken,
        incumbents: &[&Point],
        rng: &mut ChaCha8Rng,
    ) -> Suggestion {
        let mut ask = |point: &Point| {
            let vector = self.feasible.encoding.encode(point);
            if taken.contains(&vector) {
                return None;
            }
            let costs = self.feasible.price(point)?;
            let worth = belief.log_worth(&vector, &costs);
            Some(if worth.is_nan() {
                f64::NEG_INFINITY
            } else {
                worth
            })
        };
        let mut candidates: Vec<(Point, f64)> = Vec::new();
        let (mut looks, mut tries, mut accepted) = (0, 0, 0);
        while candidates.len() < POOL && looks < MOST_TRIES {
            let Some(point) = self.feasible.any(rng) else {
                break;
            };
            looks += 1;
            // What was proposed before says nothing of the share of points that may be.
            if taken.contains(&self.feasible.encoding.encode(&point)) {
                continue;
            }
            tries += 1;
            if let Some(worth) = ask(&point) {
                accepted += 1;
                candidates.push((point, worth));
            }
        }
        for incumbent in incumbents {
            for point in neighbors(self.feasible.decisions, incumbent, 0.05, rng) {
                if let Some(worth) = ask(&point) {
                    candidates.push((point, worth));
                }
            }
        }
        if candidates.is_empty() {
            return self.feasible.draw(rng, taken, None);
        }
        // Stable: among equals, the first found wins.
        candidates.sort_by(|a, b| b.1.total_cmp(&a.1));
        candidates.truncate(CLIMBS);
        let mut best: Option<(Point, f64)> = None;
        for (start, worth) in candidates {
            let decisions = self.feasible.decisions;
            let top = climb(decisions, start, worth, rng, CLIMB_BUDGET, &mut ask);
            if best.as_ref().is_none_or(|b| top.1 > b.1) {
                best = Some(top);
            }
        }
        let (point, _) = best.expect("invariant: there is at least one candidate");
        Suggestion::Evaluate {
            point,
            tries,
            accepted,
        }
    }
}

impl Sampler for Bayes<'_> {
    fn suggest(&mut self, trial: usize, seen: &[Observation], pending: &[Point]) -> Suggestion {
        let mut rng = stream(self.seed, trial as u64, Purpose::Search);
        let taken = self.feasible.taken(seen, pending);
        if trial < self.initial {
            let first = self.design(trial, &taken, &mut rng);
            return self.feasible.draw(&mut rng, &taken, first);
        }
        if seen.is_empty() {
            return self.feasible.draw(&mut rng, &taken, None);
        }
        let belief = Belief::new(&self.feasible, &self.layout, seen, pending, &mut rng);
        let incumbents: Vec<&Point> = best_of(seen);
        self.best_candidate(&belief, &taken, &incumbents, &mut rng)
    }
}

/// The best acceptable trials: of one goal the highest, of several the latest of the front.
fn best_of(seen: &[Observation]) -> Vec<&Point> {
    let good: Vec<&Observation> = seen.iter().filter(|o| o.is_acceptable()).collect();
    let mut order: Vec<usize> = (0..good.len()).collect();
    if good.first().is_some_and(|o| o.goals.len() == 1) {
        order.sort_by(|a, b| good[*b].goals[0].total_cmp(&good[*a].goals[0]));
    } else {
        let goals: Vec<Vec<f64>> = good.iter().map(|o| o.goals.clone()).collect();
        order = non_dominated(&goals);
        order.reverse();
    }
    order.truncate(INCUMBENTS);
    order.into_iter().map(|i| &good[i].point).collect()
}
