//! How many points a space has, and all of them in order.
//!
//! In: [`Decisions`]. Out: an exact [`Count`], or [`Members`] one by one. Knows nothing of what decisions mean.
//!
//! Counting is recursive conditioning (Darwiche 2001). Only decisions that a guard or a constraint mentions, the keys, are tried
//! value by value; all others multiply the count by the size of their domain where their guard holds. After each value, what is left of guards
//! and constraints is folded; parts that share no key any more are counted apart and multiplied, and equal parts are counted once.
//! So sixty layers behind a depth take sixty steps, not 8^60, and a bound on a sum takes one step per partial sum.

mod members;
mod residual;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use num_bigint::BigUint;

pub use members::{Endless, Members, members};
use residual::{Id, Residuals};

use super::decision::Decisions;
use crate::ir::Expr;

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

/// Operations on residual expressions before a count is given up: about a second.
const MOST_STEPS: u64 = 2_000_000;

/// The number of points of a space.
pub fn count(decisions: &Decisions) -> Count {
    let exact = |constraints: &[Expr]| Counter::new(decisions, constraints)?.total();
    match exact(&decisions.constraints).or_else(|| exact(&[]).map(Total::at_most)) {
        Some(Total::Finite(n)) => Count::Exact(n),
        Some(Total::Infinite) => Count::Infinite,
        Some(Total::AtMost(n)) => Count::TooHard { at_most: n },
        None if decisions.all.iter().any(|d| d.choices.len().is_none()) => Count::Infinite,
        None => Count::TooHard {
            // Every guard both holds and does not.
            at_most: decisions
                .all
                .iter()
                .map(|d| {
                    let optional = u64::from(d.guard != Expr::bool(true));
                    BigUint::from(d.choices.len().unwrap_or(0) + optional)
                })
                .product(),
        },
    }
}

/// A number of points.
#[derive(Debug, Clone, PartialEq)]
enum Total {
    Finite(BigUint),
    Infinite,
    AtMost(BigUint),
}

impl Total {
    fn at_most(self) -> Total {
        match self {
            Total::Finite(n) => Total::AtMost(n),
            other => other,
        }
    }

    fn is_zero(&self) -> bool {
        *self == Total::Finite(BigUint::ZERO)
    }

    fn times(self, other: Total) -> Total {
        match (self, other) {
            (Total::Finite(a), Total::Finite(b)) => Total::Finite(a * b),
            // No point times any number of values is no point.
            (a, b) if a.is_zero() || b.is_zero() => Total::Finite(BigUint::ZERO),
            _ => Total::Infinite,
        }
    }

    fn plus(self, other: Total) -> Total {
        match (self, other) {
            (Total::Finite(a), Total::Finite(b)) => Total::Finite(a + b),
            _ => Total::Infinite,
        }
    }
}

/// What is left to count after some keys have values. Equal parts are equal values of this type, whatever led to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Part {
    /// Keys without a value yet, each with what is left of its guard; ascending.
    keys: BTreeMap<usize, Id>,
    /// What is left of constraints.
    constraints: BTreeSet<Id>,
    /// Decisions that are no keys, by what is left of their guard: how many values they have together (`None`: infinitely many).
    leaves: BTreeMap<Id, Option<BigUint>>,
}

struct Counter<'a> {
    decisions: &'a Decisions,
    residuals: Residuals,
    counted: HashMap<Part, Total>,
    whole: Part,
}

impl<'a> Counter<'a> {
    /// `None` if a key is real: its values can't be tried.
    fn new(decisions: &'a Decisions, constraints: &[Expr]) -> Option<Self> {
        let mut residuals = Residuals::new(MOST_STEPS);
        let guards: Vec<Id> = decisions
            .all
            .iter()
            .map(|d| residuals.add(&d.guard))
            .collect();
        let mut part = Part::default();
        for constraint in constraints {
            let id = residuals.add(constraint);
            residuals.conjuncts(id, &mut part.constraints);
        }
        let mentioned: BTreeSet<usize> = guards
            .iter()
            .chain(&part.constraints)
            .flat_map(|id| residuals.mentions(*id).iter().copied())
            .collect();
        for (i, (decision, guard)) in decisions.all.iter().zip(guards).enumerate() {
            let size = decision.choices.len();
            if mentioned.contains(&i) {
                size?;
                part.keys.insert(i, guard);
            } else {
                let size = size.map(BigUint::from);
                let product = part
                    .leaves
                    .entry(guard)
                    .or_insert(Some(BigUint::from(1_u32)));
                *product = product.take().zip(size).map(|(a, b)| a * b);
            }
        }
        Some(Counter {
            decisions,
            residuals,
            counted: HashMap::new(),
            whole: part,
        })
    }

    /// `None` if it takes too long.
    fn total(mut self) -> Option<Total> {
        let whole = std::mem::take(&mut self.whole);
        self.simplified(whole)
    }

    /// The count of a part: settles what is decided, splits the rest into components, multiplies.
    fn simplified(&mut self, mut part: Part) -> Option<Total> {
        let none = Total::Finite(BigUint::ZERO);
        let mut factor = Total::Finite(BigUint::from(1_u32));
        for id in std::mem::take(&mut part.constraints) {
            match self.residuals.truth(id) {
                Some(true) => {}
                Some(false) => return Some(none),
                None => {
                    part.constraints.insert(id);
                }
            }
        }
        for (guard, size) in std::mem::take(&mut part.leaves) {
            match self.residuals.truth(guard) {
                Some(true) => {
                    factor = factor.times(size.map_or(Total::Infinite, Total::Finite));
                }
                Some(false) => {}
                None => {
                    part.leaves.insert(guard, size);
                }
            }
        }
        for component in self.components(part) {
            factor = factor.times(self.counted(component)?);
            if factor.is_zero() {
                break;
            }
        }
        Some(factor)
    }

    /// Parts that share no key.
    fn components(&self, part: Part) -> Vec<Part> {
        // Union-find over keys.
        let mut parent: BTreeMap<usize, usize> = part.keys.keys().map(|k| (*k, *k)).collect();
        fn root(parent: &BTreeMap<usize, usize>, mut k: usize) -> usize {
            while parent[&k] != k {
                k = parent[&k];
            }
            k
        }
        let mut join = |keys: &mut dyn Iterator<Item = usize>| {
            let mut first = None;
            for k in keys {
                let r = root(&parent, k);
                let f = *first.get_or_insert(r);
                parent.insert(f.max(r), f.min(r));
                first = Some(f.min(r));
            }
        };
        for (key, guard) in &part.keys {
            join(&mut std::iter::once(*key).chain(self.residuals.mentions(*guard).iter().copied()));
        }
        for id in part.constraints.iter().chain(part.leaves.keys()) {
            join(&mut self.residuals.mentions(*id).iter().copied());
        }
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        let of = |id: Id| root(&parent, self.residuals.mentions(id)[0]);
        for (key, guard) in part.keys {
            parts
                .entry(root(&parent, key))
                .or_default()
                .keys
                .insert(key, guard);
        }
        for id in part.constraints {
            parts.entry(of(id)).or_default().constraints.insert(id);
        }
        for (id, size) in part.leaves {
            parts.entry(of(id)).or_default().leaves.insert(id, size);
        }
        parts.into_values().collect()
    }

    fn counted(&mut self, part: Part) -> Option<Total> {
        if let Some(total) = self.counted.get(&part) {
            return Some(total.clone());
        }
        let key = self.best_key(&part);
        let mut total = Total::Finite(BigUint::ZERO);
        let active = self
            .residuals
            .truth(part.keys[&key])
            .expect("invariant: guards refer backwards, so the first key's guard is decided");
        if active {
            let choices = &self.decisions.all[key].choices;
            for index in 0..choices.len().unwrap_or(0) {
                let value = choices.member(index);
                let rest = self.condition(&part, key, value)?;
                total = total.plus(self.simplified(rest)?);
            }
        } else {
            let rest = self.condition(&part, key, None)?;
            total = self.simplified(rest)?;
        }
        self.counted.insert(part, total.clone());
        Some(total)
    }

    /// The key to try next: the one that most is said about, among those whose guard is decided; the first of equals.
    fn best_key(&self, part: &Part) -> usize {
        let mut said: BTreeMap<usize, usize> = BTreeMap::new();
        let expressions = part
            .keys
            .values()
            .chain(&part.constraints)
            .chain(part.leaves.keys());
        for id in expressions {
            for key in self.residuals.mentions(*id) {
                *said.entry(*key).or_default() += 1;
            }
        }
        let mut best: Option<(usize, usize)> = None;
        for (key, guard) in &part.keys {
            let score = said.get(key).copied().unwrap_or(0);
            if self.residuals.truth(*guard).is_some() && best.is_none_or(|b| score > b.1) {
                best = Some((*key, score));
            }
        }
        best.expect("invariant: guards refer backwards, so the first key's guard is decided")
            .0
    }

    /// What is left of a part after `key` got a value or turned out not to exist.
    fn condition(
        &mut self,
        part: &Part,
        key: usize,
        value: Option<crate::ir::Value>,
    ) -> Option<Part> {
        let mut substitute = self.residuals.substitution(key, value);
        let mut rest = Part::default();
        for (k, guard) in &part.keys {
            if *k != key {
                rest.keys
                    .insert(*k, self.residuals.apply(&mut substitute, *guard)?);
            }
        }
        for id in &part.constraints {
            let id = self.residuals.apply(&mut substitute, *id)?;
            rest.constraints.insert(id);
        }
        for (guard, size) in &part.leaves {
            let guard = self.residuals.apply(&mut substitute, *guard)?;
            let one = || Some(BigUint::from(1_u32));
            let product = rest.leaves.entry(guard).or_insert_with(one);
            *product = product.take().zip(size.clone()).map(|(a, b)| a * b);
        }
        Some(rest)
    }
}

#[cfg(test)]
mod tests;
