//! Points that meet whatever is known before training: what every sampler draws from.

use std::collections::HashSet;

use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;

use super::encoding::Encoding;
use super::sampler::{Known, KnownCosts, Observation, Suggestion};
use crate::model::counting::{Count, Counted, Draw, Members, Next, Uniform, members};
use crate::model::{Decisions, Point};
use crate::stream::{below, uniform};

/// Random points that are looked at before a sampler gives up.
const MOST_TRIES: u64 = 10_000;
/// Points with evenly drawn decisions that are looked at before the few that constraints leave are drawn by their number.
const EVEN_TRIES: usize = 200;
/// Spaces up to this size are searched to the end before they are called exhausted.
const MOST_MEMBERS: u64 = 20_000;

/// A space with what is known of it.
pub struct Feasible<'a> {
    /// What may be chosen.
    pub decisions: &'a Decisions,
    /// How points are compared.
    pub encoding: Encoding<'a>,
    known: &'a dyn Known,
    counted: Counted,
}

/// Shares of domains that are given, not drawn: one in [0, 1) for each decision.
pub struct Shares<'a>(pub &'a [f64]);

impl Draw for Shares<'_> {
    fn below(&mut self, decision: usize, n: &BigUint) -> BigUint {
        // The share has 53 bits.
        let share = (self.0[decision] * (1_u64 << 53) as f64) as u64;
        (n * share) >> 53
    }

    fn share(&mut self, decision: usize) -> f64 {
        self.0[decision]
    }
}

/// Points that must not be suggested again. Only asked for membership, so its order reaches no result.
pub struct Taken(HashSet<Vec<u64>>);

impl Taken {
    /// Whether the point with this vector was tried or suggested.
    pub fn contains(&self, vector: &[f64]) -> bool {
        let key: Vec<u64> = vector.iter().map(|x| x.to_bits()).collect();
        self.0.contains(&key)
    }
}

impl<'a> Feasible<'a> {
    /// The feasible points of `decisions`.
    pub fn new(decisions: &'a Decisions, known: &'a dyn Known) -> Self {
        Feasible::of(decisions, Counted::new(decisions), known)
    }

    /// The same where the points have been counted.
    pub fn of(decisions: &'a Decisions, counted: Counted, known: &'a dyn Known) -> Self {
        Feasible {
            decisions,
            encoding: Encoding::new(decisions),
            known,
            counted,
        }
    }

    /// What is known of a point that meets all constraints and known requirements; `None` for any other.
    pub fn price(&self, point: &Point) -> Option<KnownCosts> {
        if !self.decisions.is_feasible(point) {
            return None;
        }
        self.known.price(point).filter(|costs| costs.feasible)
    }

    /// Which goals are known before training, from the costs of some point.
    pub fn known_goals(&self, point: &Point, goals: usize) -> Vec<bool> {
        match self.known.price(point) {
            Some(costs) => costs.goals.iter().map(Option::is_some).collect(),
            None => vec![false; goals],
        }
    }

    /// What was tried or suggested.
    pub fn taken(&self, seen: &[Observation], pending: &[Point]) -> Taken {
        let points = seen.iter().map(|o| &o.point).chain(pending);
        Taken(points.map(|p| self.encoding.key(p)).collect())
    }

    /// A random point that meets every constraint that is counted, each equally likely. `None` if there is none.
    pub fn any(&self, rng: &mut ChaCha8Rng) -> Option<Point> {
        self.counted.draw(self.decisions, &mut Uniform(rng))
    }

    /// The next of all points in order.
    pub fn next(&self, members: &mut Members, work: &mut u64) -> Next {
        members.next_within(work, Some(&self.counted))
    }

    /// A feasible and new point of which each decision, where it exists, is at its share of its own domain; where the first shares give none,
    /// at random ones. So a small network is as likely as a large one, however many points there are of each. `None` if such points
    /// are too rare.
    pub fn evenly(&self, rng: &mut ChaCha8Rng, taken: &Taken, first: &[f64]) -> Option<Point> {
        let mut shares = first.to_vec();
        for _ in 0..EVEN_TRIES {
            let point = self
                .decisions
                .fill(|i, decision| decision.choices.at(shares[i]));
            let is_new = || !taken.contains(&self.encoding.encode(&point));
            if self.price(&point).is_some() && is_new() {
                return Some(point);
            }
            shares.fill_with(|| uniform(rng));
        }
        None
    }

    /// The point at these shares of what each decision may still be, members weighed by the number of their points.
    pub fn at(&self, shares: &[f64]) -> Option<Point> {
        self.counted.draw(self.decisions, &mut Shares(shares))
    }

    /// `first` if it is feasible and new, else a random point that is. What is known of metrics, and constraints that cannot be counted, reject.
    pub fn draw(&self, rng: &mut ChaCha8Rng, taken: &Taken, first: Option<Point>) -> Suggestion {
        let is_new = |point: &Point| !taken.contains(&self.encoding.encode(point));
        let (mut looks, mut tries) = (0, 0);
        let mut next = first;
        while looks < MOST_TRIES {
            let Some(point) = next.take().or_else(|| self.any(rng)) else {
                return Suggestion::Exhausted {
                    tries: looks,
                    used_up: true,
                };
            };
            looks += 1;
            // What was proposed before says nothing of the share of points that may be.
            if !is_new(&point) {
                continue;
            }
            tries += 1;
            if self.price(&point).is_some() {
                return Suggestion::Evaluate {
                    point,
                    tries,
                    accepted: 1,
                };
            }
        }
        self.last_ones(rng, is_new, looks)
    }

    /// One of the points that are left, if the space is small enough to look at them all.
    fn last_ones(
        &self,
        rng: &mut ChaCha8Rng,
        is_new: impl Fn(&Point) -> bool,
        mut tries: u64,
    ) -> Suggestion {
        let count = self.counted.count(self.decisions);
        let small = matches!(count, Count::Exact(n) if n <= BigUint::from(MOST_MEMBERS));
        let Some(mut all) = small.then(|| members(self.decisions).ok()).flatten() else {
            return Suggestion::Exhausted {
                tries,
                used_up: false,
            };
        };
        let (mut new, mut left) = (0, Vec::new());
        while let Next::Member(point) = self.next(&mut all, &mut { u64::MAX }) {
            tries += 1;
            if is_new(&point) {
                new += 1;
                if self.price(&point).is_some() {
                    left.push(point);
                }
            }
        }
        if left.is_empty() {
            return Suggestion::Exhausted {
                tries,
                used_up: true,
            };
        }
        let accepted = left.len() as u64;
        Suggestion::Evaluate {
            point: left.swap_remove(below(rng, left.len() as u32) as usize),
            tries: new,
            accepted,
        }
    }
}
