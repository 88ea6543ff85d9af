//! Points as vectors.
//!
//! In: a [`Point`]. Out: numbers that a kernel compares, one [`Feature`] each; equal vectors belong to equal points.
//!
//! * Numbers (ordered sets, integers, reals) lie on an axis from 0 to 1: sets by rank, so that {1, 2, 4, 8} is evenly spaced, others by
//!   value or, where the domain says so, by logarithm.
//! * Categories are their index. A category that does not exist at a point is one more category.
//! * A number that does not exist stands at the middle of its axis, and a flag beside it says whether it exists. Ignoring the axis
//!   instead would not do: two points that differ on it would both be at distance 0 from a third one without it, which is no distance and
//!   gives no positive-definite kernel. (The arc kernel of Hutter and Osborne, arXiv:1310.5738, serves the same end.)

use crate::ir::{Expr, Value};
use crate::model::{Choices, Decisions, Point};

/// What a component of a vector means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// A place on an axis from 0 to 1.
    Number,
    /// An index that is equal or not.
    Category,
    /// 1 if a number exists, else 0.
    Flag,
}

/// How the points of some decisions become vectors.
#[derive(Debug, Clone)]
pub struct Encoding<'a> {
    decisions: &'a Decisions,
    /// The decision behind each component. Those with a single member have none: they are constant or follow from others.
    features: Vec<(Feature, usize)>,
}

/// Where a number that does not exist stands.
const NOWHERE: f64 = 0.5;
/// The category of one that does not exist.
const ABSENT: f64 = -1.0;

impl<'a> Encoding<'a> {
    /// The encoding of points of `decisions`: numbers first, then categories, then flags.
    pub fn new(decisions: &'a Decisions) -> Self {
        let varies = |i: &usize| decisions.all[*i].choices.len() != Some(1);
        let is_category = |i: &usize| matches!(decisions.all[*i].choices, Choices::Categories(_));
        let is_optional = |i: &usize| decisions.all[*i].guard != Expr::bool(true);
        let all = || (0..decisions.all.len()).filter(varies);
        let numbers = || all().filter(|i| !is_category(i));
        let features = numbers()
            .map(|i| (Feature::Number, i))
            .chain(all().filter(is_category).map(|i| (Feature::Category, i)))
            .chain(numbers().filter(is_optional).map(|i| (Feature::Flag, i)))
            .collect();
        Encoding {
            decisions,
            features,
        }
    }

    /// What each component means.
    pub fn features(&self) -> Vec<Feature> {
        self.features.iter().map(|(feature, _)| *feature).collect()
    }

    /// The vector of a point: as many numbers as there are features.
    ///
    /// # Panics
    /// If a value is no member of its decision.
    pub fn encode(&self, point: &Point) -> Vec<f64> {
        self.features
            .iter()
            .map(|(feature, i)| {
                let value = point.0.get(*i).and_then(Option::as_ref);
                let choices = &self.decisions.all[*i].choices;
                match (feature, value) {
                    (Feature::Flag, value) => f64::from(u8::from(value.is_some())),
                    (Feature::Number, None) => NOWHERE,
                    (Feature::Category, None) => ABSENT,
                    (Feature::Number, Some(value)) => position(choices, value),
                    (Feature::Category, Some(value)) => index(choices, value) as f64,
                }
            })
            .collect()
    }

    /// What two points share only if they are equal; for sets of points.
    pub fn key(&self, point: &Point) -> Vec<u64> {
        self.encode(point).iter().map(|x| x.to_bits()).collect()
    }
}

fn index(choices: &Choices, value: &Value) -> u64 {
    choices
        .index_of(value)
        .expect("invariant: the values of a point are members of its decisions")
}

/// Where a number lies on its axis, from 0 to 1.
pub fn position(choices: &Choices, value: &Value) -> f64 {
    match choices {
        Choices::Reals { .. } | Choices::Integers { .. } => choices.share(
            value
                .as_number()
                .expect("invariant: the values of a point are members of its decisions"),
        ),
        Choices::Ordered(values) => index(choices, value) as f64 / (values.len() - 1).max(1) as f64,
        Choices::Categories(_) => index(choices, value) as f64,
    }
}

/// The member at a share `u` in [0, 1) of a domain: equal shares to the members of a finite domain, equal lengths to reals, and
/// equal lengths of the logarithm where the domain says so.
pub fn member_at(choices: &Choices, u: f64) -> Value {
    choices.at(u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_and_shares() {
        let bits = Choices::Ordered(vec![1.0, 2.0, 4.0, 8.0]);
        assert_eq!(position(&bits, &Value::Number(4.0)), 2.0 / 3.0);
        let rate = Choices::Reals {
            low: 1e-4,
            high: 1e-2,
            log: true,
        };
        assert!((position(&rate, &Value::Number(1e-3)) - 0.5).abs() < 1e-12);
        let half = member_at(&rate, 0.5).as_number().unwrap();
        assert!((half - 1e-3).abs() < 1e-12);
        let channels = Choices::Integers {
            low: 8,
            high: 64,
            step: 8,
            log: true,
        };
        let draws: Vec<f64> = (0..1000)
            .map(|i| {
                member_at(&channels, f64::from(i) / 1000.0)
                    .as_number()
                    .unwrap()
            })
            .collect();
        assert!(draws.iter().all(|d| channels.contains(&Value::Number(*d))));
        assert_eq!((draws[0], draws[999]), (8.0, 64.0));
        // From 4 to 68: the share of 8 is log(12 / 4) / log(68 / 4).
        let share = draws.iter().filter(|d| **d == 8.0).count();
        assert!((share as f64 - 387.8).abs() < 2.0, "{share}");
    }
}
