//! Decisions: what a search may choose, and when each choice exists.
//!
//! A [`Decision`] refers only to decisions before it, through its guard, so that a [`Point`] can be filled from front to
//! back. Samplers, encodings and counting see nothing else of a space.

use std::cmp::Ordering::{Equal, Less};
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::expression::bounds;
use super::expression::evaluate;
use super::expression::members::Values;
use crate::ir::{Expr, Value};
use crate::source::Span;
use crate::units::{Unit, significant};

/// One thing to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Its readable path: `space.s[1].d[0].kernel`, `policy.stem.q`, `train.optimizer.adam.lr`.
    pub path: String,
    /// What may be chosen; never empty.
    pub choices: Choices,
    /// The member of the first trial, of `train` and of `cost`.
    pub default: Value,
    /// Truth value over earlier decisions: whether the decision exists. Constant `true` if always.
    pub guard: Expr,
    /// The unit that its members are shown in; empty for plain numbers and names.
    #[serde(default)]
    pub unit: String,
    /// Where its domain is written.
    pub span: Span,
}

impl Decision {
    /// A member as its author would write it: `300 MHz`.
    pub fn shown(&self, member: &Value) -> String {
        match (member, Unit::parse(&self.unit)) {
            (Value::Number(n), Ok(unit)) if !self.unit.is_empty() => {
                format!("{} {}", significant(unit.from_base(*n)), self.unit)
            }
            _ => member.to_string(),
        }
    }
}

/// The members of a decision's domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choices {
    /// Numbers with an order, ascending.
    Ordered(Vec<f64>),
    /// Values without an order.
    Categories(Vec<Value>),
    /// `low, low + step, …` up to `high`.
    Integers {
        /// First member.
        low: i64,
        /// Last possible member.
        high: i64,
        /// Distance of neighbors.
        step: i64,
        /// Whether distances are between logarithms.
        log: bool,
    },
    /// All reals from `low` to `high`.
    Reals {
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
        /// Whether distances are between logarithms.
        log: bool,
    },
}

impl Choices {
    /// Number of members; `None` for reals.
    pub fn len(&self) -> Option<u64> {
        match self {
            Choices::Ordered(values) => Some(values.len() as u64),
            Choices::Categories(values) => Some(values.len() as u64),
            Choices::Integers { low, high, .. } if low > high => Some(0),
            Choices::Integers {
                low, high, step, ..
            } => {
                let steps = high.abs_diff(*low) / step.unsigned_abs().max(1);
                Some(steps.saturating_add(1))
            }
            Choices::Reals { .. } => None,
        }
    }

    /// Whether there is no member. Analysis rejects such domains.
    pub fn is_empty(&self) -> bool {
        match self {
            // Neither has a member if an end is NaN.
            Choices::Reals { low, high, .. } => {
                !matches!(low.partial_cmp(high), Some(Less | Equal))
            }
            _ => self.len() == Some(0),
        }
    }

    /// The member with this index, for finite domains.
    pub fn member(&self, index: u64) -> Option<Value> {
        match self {
            Choices::Ordered(values) => values.get(index as usize).map(|v| Value::Number(*v)),
            Choices::Categories(values) => values.get(index as usize).cloned(),
            Choices::Integers { low, step, .. } if Some(index) < self.len() => {
                let member = i128::from(*low) + i128::from(index) * i128::from((*step).max(1));
                Some(Value::Number(member as f64))
            }
            _ => None,
        }
    }

    /// The index of a member, for finite domains.
    pub fn index_of(&self, value: &Value) -> Option<u64> {
        match self {
            Choices::Ordered(values) => values
                .iter()
                .position(|v| Value::Number(*v) == *value)
                .map(|i| i as u64),
            Choices::Categories(values) => values.iter().position(|v| v == value).map(|i| i as u64),
            Choices::Integers {
                low, high, step, ..
            } => {
                let n = value.as_number().filter(|n| n.fract() == 0.0)? as i64;
                let (from_low, step) = (n.abs_diff(*low), step.unsigned_abs().max(1));
                (n >= *low && n <= *high && from_low.is_multiple_of(step)).then(|| from_low / step)
            }
            Choices::Reals { .. } => None,
        }
    }

    /// The member at a share `u` in [0, 1) of a domain: equal shares to the members of a finite domain, equal lengths to reals, and
    /// equal lengths of the logarithm where the domain says so.
    ///
    /// # Panics
    /// If a finite domain has no member.
    pub fn at(&self, u: f64) -> Value {
        match self {
            Choices::Reals { low, high, log } => Value::Number(if *log {
                (low * libm::exp(u * libm::log(high / low))).clamp(*low, *high)
            } else {
                (low + u * (high - low)).clamp(*low, *high)
            }),
            Choices::Integers {
                low,
                high,
                step,
                log: true,
            } => {
                // Each member has the share from half a step below to half a step above it.
                let (low, high, half) = (*low as f64, *high as f64, *step as f64 / 2.0);
                let first = (low - half).max(low / 2.0);
                let x = first * libm::exp(u * libm::log((high + half) / first));
                let last = self.len().map_or(0, |n| n.saturating_sub(1));
                let nearest = ((x - low) / (2.0 * half)).round().max(0.0) as u64;
                self.member(nearest.min(last))
                    .expect("domains are not empty")
            }
            _ => {
                let n = self.len().unwrap_or(0);
                self.member(((u * n as f64) as u64).min(n.saturating_sub(1)))
                    .expect("domains are not empty")
            }
        }
    }

    /// Where in a range a number is, from 0 to 1, by the logarithm where the domain says so; 0 elsewhere. Of reals, [`at`](Self::at) takes it back.
    pub fn share(&self, number: f64) -> f64 {
        let (low, high, log) = match self {
            Choices::Reals { low, high, log } => (*low, *high, *log),
            Choices::Integers { low, high, log, .. } => (*low as f64, *high as f64, *log),
            Choices::Ordered(_) | Choices::Categories(_) => return 0.0,
        };
        match log {
            _ if low == high => 0.0,
            true => libm::log(number / low) / libm::log(high / low),
            false => (number - low) / (high - low),
        }
    }

    /// Whether `value` is a member.
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Choices::Reals { low, high, .. } => {
                value.as_number().is_some_and(|n| n >= *low && n <= *high)
            }
            _ => self.index_of(value).is_some(),
        }
    }
}

/// A value for each active decision, in the order of [`Decisions::all`]; `None` where a decision does not exist.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Point(pub Vec<Option<Value>>);

impl Point {
    /// The value of the one of these decisions that exists.
    pub fn one_of(&self, decisions: &[usize]) -> Option<&Value> {
        decisions.iter().find_map(|i| self.0.get(*i)?.as_ref())
    }
}

/// All decisions of an experiment, and what they must meet together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Decisions {
    /// In an order in which guards refer backwards only. Two of one path never exist together.
    pub all: Vec<Decision>,
    /// Truth values over decisions alone; every point that leaves a sampler meets them all. Those of a template have a value at
    /// every point: where a requirement needs a decision that does not exist, it does not bind.
    pub constraints: Vec<Expr>,
}

impl Decisions {
    /// Whether decision `index` exists, given the values of those before it.
    pub fn is_active(&self, index: usize, before: &[Option<Value>]) -> bool {
        match &self.all[index].guard {
            // Most exist always.
            Expr::Value(Value::Bool(always)) => *always,
            guard => evaluate::truth(guard, &Values(before)).unwrap_or(false),
        }
    }

    /// Fills a point from front to back: `choose` is asked for each decision that exists.
    pub fn fill(&self, mut choose: impl FnMut(usize, &Decision) -> Value) -> Point {
        let mut point = Point(Vec::with_capacity(self.all.len()));
        self.fill_again(&mut point, &mut choose);
        point
    }

    /// The same in place of what a point was, whose memory is taken.
    pub fn fill_again(&self, point: &mut Point, mut choose: impl FnMut(usize, &Decision) -> Value) {
        let values = &mut point.0;
        values.clear();
        for (i, decision) in self.all.iter().enumerate() {
            let value = self.is_active(i, values).then(|| choose(i, decision));
            values.push(value);
        }
    }

    /// Keeps what `point` says where that exists and is a member, and takes the default elsewhere.
    pub fn repair(&self, point: &Point) -> Point {
        self.fill(|i, decision| {
            point
                .0
                .get(i)
                .cloned()
                .flatten()
                .filter(|value| decision.choices.contains(value))
                .unwrap_or_else(|| decision.default.clone())
        })
    }

    /// The point of all defaults.
    pub fn default_point(&self) -> Point {
        self.fill(|_, decision| decision.default.clone())
    }

    /// Whether every constraint over decisions alone holds. One without a value does not.
    pub fn is_feasible(&self, point: &Point) -> bool {
        let scope = Values(&point.0);
        self.constraints
            .iter()
            .all(|c| evaluate::truth(c, &scope).unwrap_or(false))
    }

    /// The first decision of each path, with all of that path.
    pub fn by_path(&self) -> Vec<(&Decision, Vec<usize>)> {
        let mut found: Vec<(&Decision, Vec<usize>)> = Vec::with_capacity(self.all.len());
        let mut known = HashMap::new();
        for (index, decision) in self.all.iter().enumerate() {
            let at = *known.entry(&decision.path).or_insert_with(|| {
                found.push((decision, Vec::new()));
                found.len() - 1
            });
            found[at].1.push(index);
        }
        found
    }

    /// Whether one of these decisions exists at every point.
    pub fn is_always(&self, decisions: &[usize]) -> bool {
        let guards = decisions.iter().map(|i| self.all[*i].guard.clone());
        let exists = guards.fold(Expr::bool(false), evaluate::either);
        bounds::always(&exists, self)
    }

    /// Path and value of every active decision.
    pub fn named<'a>(&'a self, point: &'a Point) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.all
            .iter()
            .zip(&point.0)
            .filter_map(|(d, v)| v.as_ref().map(|v| (d.path.as_str(), v)))
    }
}
