//! Recursive conditioning.
//!
//! In: decisions and the constraints to count. Out: a [`Graph`], or nothing if that takes too many steps.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::graph::{Branch, Graph, Node, NodeId, Total};
use super::mentions::Mentions;
use super::residual::{Id, Residuals};
use crate::ir::{BinaryOp, Expr, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::existence;
use crate::model::expression::quick::QuickMap;

/// A constraint over so many decisions ties the order in which they are tried to the order in which it speaks of them: a sum that is
/// conditioned from its first term on has few different residuals.
const MANY: usize = 3;

/// So many entries of a part are copied without a count of steps. Beyond that each is as much work as so many steps: a part that stays
/// long is copied and split at each value of each of its keys, which is quadratic.
const SHORT: usize = 256;
const STEPS_PER_ENTRY: u64 = 8;

/// A member of a key takes at least so many steps: the key, what is done with it, and a comparison change.
const STEPS_PER_MEMBER: u64 = 3;

/// So many entries of parts are copied for a step at most.
const ENTRIES_PER_STEP: u64 = 4;

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
    let keys = whole.keys.iter().map(|(key, _)| *key).collect();
    let found = counter.simplified(whole);
    let by_entries = counter.entries_left / ENTRIES_PER_STEP;
    *steps = counter.residuals.steps_left().min(by_entries).min(*steps);
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
    keys: Vec<(usize, Id)>,
    /// What is left of constraints; ascending.
    constraints: Vec<Id>,
    /// Decisions that are no keys, by what is left of their guard: how many values they have together, and whether a real is among them.
    /// Ascending.
    leaves: Vec<(Id, (BigUint, bool))>,
}

impl Part {
    /// How much there is of it.
    fn entries(&self) -> usize {
        self.keys.len() + self.constraints.len() + self.leaves.len()
    }

    /// What is left of the guard of a key.
    fn guard(&self, key: usize) -> Id {
        let at = self.keys.binary_search_by_key(&key, |(key, _)| *key);
        self.keys[at.expect("invariant: an expression of a part speaks of its keys")].1
    }
}

struct Counter<'a> {
    decisions: &'a Decisions,
    residuals: Residuals,
    counted: QuickMap<Part, NodeId>,
    nodes: Vec<Node>,
    whole: Part,
    /// What is left of the limit on entries that are copied.
    entries_left: u64,
    /// For each decision, which of the parts that are made it belongs to.
    joined: Vec<usize>,
    /// And how many expressions speak of it.
    said: Vec<usize>,
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
        let mut asked = BTreeSet::new();
        for constraint in constraints {
            let id = residuals.add(constraint);
            residuals.conjuncts(id, &mut asked);
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
                residuals.conjuncts(id, &mut asked);
            }
        }
        let mut part = Part {
            constraints: asked.into_iter().collect(),
            ..Part::default()
        };
        let mut leaves: BTreeMap<Id, (BigUint, bool)> = BTreeMap::new();
        let mentioned: BTreeSet<usize> = guards
            .iter()
            .chain(&part.constraints)
            .flat_map(|id| residuals.mentions(*id).iter())
            .collect();
        for (i, (decision, guard)) in decisions.all.iter().zip(guards).enumerate() {
            let size = decision.choices.len();
            if mentioned.contains(&i) {
                size?;
                part.keys.push((i, guard));
            } else {
                let product = leaves.entry(guard).or_insert_with(none_yet);
                product.0 *= size.unwrap_or(1);
                product.1 |= size.is_none();
            }
        }
        part.leaves = leaves.into_iter().collect();
        Some(Counter {
            decisions,
            residuals,
            entries_left: ENTRIES_PER_STEP * most_steps,
            joined: vec![0; decisions.all.len()],
            said: vec![0; decisions.all.len()],
            counted: QuickMap::default(),
            nodes: Vec::new(),
            whole: part,
        })
    }

    /// The count of a part: settles what is decided, splits the rest into components, multiplies. `None` if it takes too long.
    fn simplified(&mut self, mut part: Part) -> Option<(Total, Vec<NodeId>)> {
        let nothing = Some((Total::none(), Vec::new()));
        let mut total = Total::one();
        let mut is_false = false;
        let residuals = &mut self.residuals;
        residuals.split(&mut part.constraints);
        part.constraints.retain(|id| {
            let verdict = if is_false {
                None
            } else {
                residuals.verdict(*id)
            };
            is_false |= verdict == Some(false);
            verdict.is_none()
        });
        if is_false {
            return nothing;
        }
        part.leaves
            .retain(|(guard, (size, real))| match residuals.truth(*guard) {
                Some(true) => {
                    let (parts, real) = (size.clone(), *real);
                    total.times(&Total { parts, real });
                    false
                }
                truth => truth.is_none(),
            });
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
    fn components(&mut self, part: Part) -> Vec<Part> {
        // Union-find over keys.
        fn root(of: &mut [usize], mut key: usize) -> usize {
            while of[key] != key {
                of[key] = of[of[key]];
                key = of[key];
            }
            key
        }
        let of = &mut self.joined;
        for (key, _) in &part.keys {
            of[*key] = *key;
        }
        let mut left = part.keys.len();
        let mut join = |first: usize, others: &Mentions| {
            let mut first = root(of, first);
            for key in others.iter() {
                let other = root(of, key);
                if other != first {
                    of[first.max(other)] = first.min(other);
                    first = first.min(other);
                    left -= 1;
                }
            }
        };
        for (key, guard) in &part.keys {
            join(*key, self.residuals.mentions(*guard));
        }
        let leaves = part.leaves.iter().map(|(guard, _)| guard);
        for id in part.constraints.iter().chain(leaves) {
            let mentions = self.residuals.mentions(*id);
            if let Some(first) = mentions.first() {
                join(first, mentions);
            }
        }
        if left == 1 {
            return vec![part];
        }
        // By their least key, which is the first of each.
        let mut parts: Vec<Part> = Vec::with_capacity(left);
        let mut number = BTreeMap::new();
        for (key, guard) in part.keys {
            let least = root(of, key);
            if least == key {
                number.insert(key, parts.len());
                parts.push(Part::default());
            }
            parts[number[&least]].keys.push((key, guard));
        }
        let first = |id: Id| {
            let first = self.residuals.mentions(id).first();
            first.expect("invariant: what is decided is no part")
        };
        for id in part.constraints {
            let least = root(of, first(id));
            parts[number[&least]].constraints.push(id);
        }
        for (id, size) in part.leaves {
            let least = root(of, first(id));
            parts[number[&least]].leaves.push((id, size));
        }
        parts
    }

    fn counted(&mut self, part: Part) -> Option<NodeId> {
        if let Some(node) = self.counted.get(&part) {
            return Some(*node);
        }
        let key = self.best_key(&part);
        let active = self
            .residuals
            .truth(part.guard(key))
            .expect("invariant: guards refer backwards, so the first key's guard is decided");
        let choices = &self.decisions.all[key].choices;
        // One by one: a domain may have more members than there is memory.
        let (all, absent) = match active {
            true => (choices.len().unwrap_or(0), None),
            false => (0, Some(None)),
        };
        // Each member copies the part: nobody waits for what cannot end.
        let steps = self.residuals.steps_left() / STEPS_PER_MEMBER;
        if all > steps.min(self.entries_left / (part.entries() as u64).max(1)) {
            return None;
        }
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
    fn best_key(&mut self, part: &Part) -> usize {
        let longest = part
            .constraints
            .iter()
            .map(|id| (self.residuals.mentions(*id).len(), std::cmp::Reverse(*id)))
            .max()
            .filter(|(length, _)| *length >= MANY);
        if let Some((_, id)) = longest {
            let mut key = self.residuals.first(id.0);
            while let Some(k) = key {
                let guard = part.guard(k);
                match self.residuals.truth(guard) {
                    Some(_) => return k,
                    None => key = self.residuals.first(guard),
                }
            }
        }
        let said = &mut self.said;
        for (key, _) in &part.keys {
            said[*key] = 0;
        }
        let guards = part.keys.iter().map(|(_, guard)| guard);
        let leaves = part.leaves.iter().map(|(guard, _)| guard);
        for id in guards.chain(&part.constraints).chain(leaves) {
            for key in self.residuals.mentions(*id).iter() {
                said[key] += 1;
            }
        }
        let mut best: Option<(usize, usize)> = None;
        for (key, guard) in &part.keys {
            let score = said[*key];
            if self.residuals.truth(*guard).is_some() && best.is_none_or(|b| score > b.1) {
                best = Some((*key, score));
            }
        }
        best.expect("invariant: guards refer backwards, so the first key's guard is decided")
            .0
    }

    /// What is left of a part after `key` got a value or turned out not to exist.
    fn condition(&mut self, part: &Part, key: usize, value: Option<Value>) -> Option<Part> {
        let entries = part.entries();
        self.residuals
            .spend(STEPS_PER_ENTRY * entries.saturating_sub(SHORT) as u64)?;
        self.entries_left = self.entries_left.checked_sub(entries as u64)?;
        let mut substitute = self.residuals.substitution(key, value)?;
        let mut rest = Part {
            keys: Vec::with_capacity(part.keys.len()),
            constraints: Vec::with_capacity(part.constraints.len()),
            leaves: Vec::with_capacity(part.leaves.len()),
        };
        for (k, guard) in &part.keys {
            if *k != key {
                let guard = self.residuals.apply(&mut substitute, *guard)?;
                rest.keys.push((*k, guard));
            }
        }
        for id in &part.constraints {
            let id = self.residuals.apply(&mut substitute, *id)?;
            rest.constraints.push(id);
        }
        rest.constraints.sort_unstable();
        rest.constraints.dedup();
        for (guard, size) in &part.leaves {
            let guard = self.residuals.apply(&mut substitute, *guard)?;
            rest.leaves.push((guard, size.clone()));
        }
        rest.leaves.sort_by_key(|(guard, _)| *guard);
        rest.leaves.dedup_by(|(other, (size, real)), (guard, all)| {
            let is_same = other == guard;
            if is_same {
                all.0 *= &*size;
                all.1 |= *real;
            }
            is_same
        });
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
