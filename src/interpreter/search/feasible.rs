//! Points that meet whatever is known before training: what every sampler draws from.

use std::collections::HashSet;

use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;

use super::encoding::{Encoding, member_at};
use super::sampler::{Known, KnownCosts, Observation, Suggestion};
use crate::model::counting::{Count, count, members};
use crate::model::{Decisions, Point};
use crate::stream::{below, uniform};

/// Random points that are looked at before a sampler gives up.
const MOST_TRIES: u64 = 10_000;
/// Spaces up to this size are searched to the end before they are called exhausted.
const MOST_MEMBERS: u64 = 20_000;

/// A space with what is known of it.
pub struct Feasible<'a> {
    /// What may be chosen.
    pub decisions: &'a Decisions,
    /// How points are compared.
    pub encoding: Encoding<'a>,
    known: &'a dyn Known,
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
        Feasible {
            decisions,
            encoding: Encoding::new(decisions),
            known,
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

    /// A random point, feasible or not: every decision that exists is uniform over its members (of the logarithm where the domain says so).
    pub fn any(&self, rng: &mut ChaCha8Rng) -> Point {
        self.decisions
            .fill(|_, decision| member_at(&decision.choices, uniform(rng)))
    }

    /// `first` if it is feasible and new, else a random point that is, by rejection.
    pub fn draw(&self, rng: &mut ChaCha8Rng, taken: &Taken, first: Option<Point>) -> Suggestion {
        let is_new = |point: &Point| !taken.contains(&self.encoding.encode(point));
        let (mut tries, mut accepted) = (0, 0);
        let mut next = first;
        while tries < MOST_TRIES {
            let point = next.take().unwrap_or_else(|| self.any(rng));
            tries += 1;
            if self.price(&point).is_some() {
                accepted += 1;
                if is_new(&point) {
                    return Suggestion::Evaluate {
                        point,
                        tries,
                        accepted,
                    };
                }
            }
        }
        self.last_ones(rng, is_new, tries)
    }

    /// One of the points that are left, if the space is small enough to look at them all.
    fn last_ones(
        &self,
        rng: &mut ChaCha8Rng,
        is_new: impl Fn(&Point) -> bool,
        mut tries: u64,
    ) -> Suggestion {
        let small =
            matches!(count(self.decisions), Count::Exact(n) if n <= BigUint::from(MOST_MEMBERS));
        let Some(all) = small.then(|| members(self.decisions).ok()).flatten() else {
            return Suggestion::Exhausted { tries };
        };
        let (mut feasible, mut left) = (0, Vec::new());
        for point in all {
            tries += 1;
            if self.price(&point).is_some() {
                feasible += 1;
                if is_new(&point) {
                    left.push(point);
                }
            }
        }
        if left.is_empty() {
            return Suggestion::Exhausted { tries };
        }
        Suggestion::Evaluate {
            point: left.swap_remove(below(rng, left.len() as u32) as usize),
            tries,
            accepted: feasible,
        }
    }
}
