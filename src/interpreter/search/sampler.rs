//! The contract of samplers.
//!
//! All goals are maximized in this module and below: who minimizes energy passes its negative, here and in [`KnownCosts`]. A sampler
//! is asked once per trial, in order; with the fixed lag of a search, suggestion `k` sees the results of trials `0 … k - slots` and
//! the points of the others, and is a pure function of these, the seed and `k`.

use crate::model::Point;

/// A finished trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What was tried.
    pub point: Point,
    /// The value of each goal, maximized. Ignored where the trial failed.
    pub goals: Vec<f64>,
    /// Whether every requirement on measurements holds.
    pub feasible: bool,
    /// Whether the trial gave no result: training diverged or stopped with an error. A goal that isn't finite counts as a failure, too.
    pub failed: bool,
}

impl Observation {
    /// Whether the goals say something.
    pub fn has_values(&self) -> bool {
        !self.failed && self.goals.iter().all(|g| g.is_finite())
    }

    /// Whether the point is one that a user would accept.
    pub fn is_acceptable(&self) -> bool {
        self.feasible && self.has_values()
    }
}

/// What is known of a point before training.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCosts {
    /// One entry per goal: its value, maximized, or `None` where only a trial tells. The same entries are `None` at every point.
    pub goals: Vec<Option<f64>>,
    /// Whether every requirement on known metrics holds.
    pub feasible: bool,
}

/// Who tells what is known of a point before training.
pub trait Known {
    /// The known costs; `None` if the point can't be built.
    fn price(&self, point: &Point) -> Option<KnownCosts>;
}

impl<F: Fn(&Point) -> Option<KnownCosts>> Known for F {
    fn price(&self, point: &Point) -> Option<KnownCosts> {
        self(point)
    }
}

/// Nothing is known: every point is allowed and each of this many goals is measured.
#[derive(Debug, Clone, Copy)]
pub struct Unknown {
    /// Number of goals.
    pub goals: usize,
}

impl Known for Unknown {
    fn price(&self, _: &Point) -> Option<KnownCosts> {
        Some(KnownCosts {
            goals: vec![None; self.goals],
            feasible: true,
        })
    }
}

/// The answer of a sampler.
#[derive(Debug, Clone, PartialEq)]
pub enum Suggestion {
    /// Try this point. It meets every constraint and every known requirement, and was neither tried nor suggested before.
    Evaluate {
        /// The point.
        point: Point,
        /// Random points that were drawn for it and had not been suggested before.
        tries: u64,
        /// Those among them that met constraints and known requirements: `accepted / tries` estimates the feasible share of the space.
        accepted: u64,
    },
    /// No new point was found.
    Exhausted {
        /// Points that were looked at.
        tries: u64,
        /// Whether it is certain that there is none; else those that are left may be too rare to be hit.
        used_up: bool,
    },
}

/// Who proposes candidates.
pub trait Sampler {
    /// The point of trial `trial`. `seen` are the finished trials that it may know, in the order of their numbers; `pending` the
    /// points of those that it may not know yet. Every point must be a member of the decisions that the sampler was made with.
    fn suggest(&mut self, trial: usize, seen: &[Observation], pending: &[Point]) -> Suggestion;
}
