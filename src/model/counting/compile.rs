//! Recursive conditioning.
//!
//! In: decisions and the constraints to count. Out: a [`Graph`], or nothing if that takes too many steps.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::graph::{Branch, Graph, Node, NodeId, Total};
use super::residual::{Id, Residuals};
use crate::ir::{BinaryOp, Expr, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::existence;
use crate::model::quick::QuickMap;

/// A constraint over so many decisions ties the order in which they are tried to the order in which it speaks of them: a sum that is
/// conditioned from its first term on has few different residuals.
const MANY: usize = 3;

/// So many entries of a part are copied without a count of steps. Beyond that each is as much work as so many steps: a part that stays
/// long is copied and split at each value of each of its keys, which is quadratic.
const SHORT: usize = 256;
const STEPS_PER_ENTRY: u64 = 8;

/// Counts the points that meet all guards and these constraints. `None` if it takes too many steps, or a key is over reals. Takes the
/// steps that it went from `steps`.
pub(super) fn compile(
    decisions: &Decisions,
    constraints: &[&Expr],
    steps: &mut u64,
) -> Option<Graph> {
    let given = *steps;
    // To number every guard is work, too.
    let listed = (decisions.all.len() + constraints.len()).saturating_sub(SHORT) as u64;
    *steps = given.saturating_sub(listed);
    let mut counter = Counter::new(decisions, constraints, given)?;
    let whole = std::mem::take(&mut counter.whole);
    let keys = whole.keys.keys().copied().collect();
    let found = counter.simplified(whole);
    *steps = counter.residuals.steps_left().min(*steps);
    let (total, roots) = found?;
    Some(Graph {
        nodes: counter.nodes,
        roots,
        total,
        keys,
    })
}

/// What is left to count after some keys have values. Equal parts are equal values of this type, whatever led to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Part {
    /// Keys without a value yet, each with what is left of its guard; ascending.
    keys: BTreeMap<usize, Id>,
    /// What is left of constraints.
    constraints: BTreeSet<Id>,
    /// Decisions that are no keys, by what is left of their guard: how many values they have together, and whether a real is among them.
    leaves: BTreeMap<Id, (BigUint, bool)>,
}

struct Counter<'a> {
    decisions: &'a Decisions,
    residuals: Residuals,
    counted: QuickMap<Part, NodeId>,
    nodes: Vec<Node>,
    whole: Part,
}

impl<'a> Counter<'a> {
    fn new(decisions: &'a Decisions, constraints: &[&Expr], most_steps: u64) -> Option<Self> {
        let mut residuals = Residuals::new(
            most_steps,
            decisions.all.iter().map(|d| hull(&d.choices)).collect(),
        );
        let guards: Vec<Id> = decisions
            .all
            .iter()
            .map(|d| residuals.add(&d.guard))
            .collect();
        let mut part = Part::default();
        for constraint in constraints {
            let id = residuals.add(constraint);
            residuals.conjuncts(id, &mut part.constraints);
            // A constraint without a value does not hold. Saying so beside it lets bounds assume that it has one.
            let condition = match constraint {
                Expr::Binary(BinaryOp::Implies, exists, claim) => {
                    let known = residuals.add(exists);
                    let needed = residuals.add(&existence::condition(claim, decisions));
                    (known != needed).then(|| existence::condition(constraint, decisions))
                }
                other => Some(existence::condition(other, decisions)),
            };
            if let Some(condition) = condition {
                let id = residuals.add(&condition);
                residuals.conjuncts(id, &mut part.constraints);
            }
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
                let product = part.leaves.entry(guard).or_insert_with(none_yet);
                product.0 *= size.unwrap_or(1);
                product.1 |= size.is_none();
            }
        }
        Some(Counter {
            decisions,
            residuals,
            counted: QuickMap::default(),
            nodes: Vec::new(),
            whole: part,
        })
    }

    /// The count of a part: settles what is decided, splits the rest into components, multiplies. `None` if it takes too long.
    fn simplified(&mut self, mut part: Part) -> Option<(Total, Vec<NodeId>)> {
        let nothing = Some((Total::none(), Vec::new()));
        let mut total = Total::one();
        let mut constraints = BTreeSet::new();
        for id in std::mem::take(&mut part.constraints) {
            self.residuals.conjuncts(id, &mut constraints);
        }
        for id in constraints {
            match self.residuals.verdict(id) {
                Some(true) => {}
                Some(false) => return nothing,
                None => {
                    part.constraints.insert(id);
                }
            }
        }
        for (guard, (size, real)) in std::mem::take(&mut part.leaves) {
            match self.residuals.truth(guard) {
                Some(true) => total.times(&Total { parts: size, real }),
                Some(false) => {}
                None => {
                    part.leaves.insert(guard, (size, real));
                }
            }
        }
        let mut children = Vec::new();
        for component in self.components(part) {
            let child = self.counted(component)?;
            total.times(&self.nodes[child as usize].total);
            if total.is_zero() {
                return nothing;
            }
            children.push(child);
        }
        Some((total, children))
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

    fn counted(&mut self, part: Part) -> Option<NodeId> {
        if let Some(node) = self.counted.get(&part) {
            return Some(*node);
        }
        let key = self.best_key(&part);
        let active = self
            .residuals
            .truth(part.keys[&key])
            .expect("invariant: guards refer backwards, so the first key's guard is decided");
        let choices = &self.decisions.all[key].choices;
        // One by one: a domain may have more members than there is memory, and the steps end long before.
        let (all, absent) = match active {
            true => (choices.len().unwrap_or(0), None),
            false => (0, Some(None)),
        };
        let members = (0..all).map(Some).chain(absent);
        let mut total = Total::none();
        let mut branches = Vec::new();
        for member in members {
            let value = member.and_then(|m| choices.member(m));
            let rest = self.condition(&part, key, value)?;
            let (of_branch, children) = self.simplified(rest)?;
            if of_branch.is_zero() {
                continue;
            }
            total.plus(&of_branch);
            branches.push(Branch {
                member,
                total: of_branch,
                children,
            });
        }
        let node = self.nodes.len() as NodeId;
        self.nodes.push(Node {
            key,
            total,
            branches,
        });
        self.counted.insert(part, node);
        Some(node)
    }

    /// The key to try next, one whose guard is decided: where a constraint speaks of many, the first that it speaks of; else the one that
    /// most is said about, the first of equals.
    fn best_key(&self, part: &Part) -> usize {
        let longest = part
            .constraints
            .iter()
            .map(|id| (self.residuals.mentions(*id).len(), std::cmp::Reverse(*id)))
            .max()
            .filter(|(length, _)| *length >= MANY);
        if let Some((_, id)) = longest {
            let mut key = self.residuals.first(id.0);
            while let Some(k) = key {
                let guard = part.keys[&k];
                match self.residuals.truth(guard) {
                    Some(_) => return k,
                    None => key = self.residuals.first(guard),
                }
            }
        }
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
    fn condition(&mut self, part: &Part, key: usize, value: Option<Value>) -> Option<Part> {
        let entries = part.keys.len() + part.constraints.len() + part.leaves.len();
        self.residuals
            .spend(STEPS_PER_ENTRY * entries.saturating_sub(SHORT) as u64)?;
        let mut substitute = self.residuals.substitution(key, value)?;
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
        for (guard, (size, real)) in &part.leaves {
            let guard = self.residuals.apply(&mut substitute, *guard)?;
            let product = rest.leaves.entry(guard).or_insert_with(none_yet);
            product.0 *= size;
            product.1 |= real;
        }
        Some(rest)
    }
}

fn none_yet() -> (BigUint, bool) {
    (BigUint::from(1_u32), false)
}

/// Smallest and largest member of a domain of numbers.
pub(in crate::model) fn hull(choices: &Choices) -> Option<(f64, f64)> {
    match choices {
        Choices::Ordered(values) => Some((*values.first()?, *values.last()?)),
        Choices::Categories(values) => {
            let numbers: Vec<f64> = values.iter().map(Value::as_number).collect::<Option<_>>()?;
            Some((
                numbers.iter().copied().fold(f64::INFINITY, f64::min),
                numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ))
        }
        Choices::Integers { low, high, .. } => Some((*low as f64, *high as f64)),
        Choices::Reals { low, high, .. } => Some((*low, *high)),
    }
}
