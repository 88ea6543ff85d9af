//! What counting has gone through, as a graph: a choice for one decision, then parts that are independent of each other.
//!
//! In: nodes, children before parents. Out: totals, members that occur, and points at random. Such a graph is a deterministic,
//! decomposable circuit (Darwiche and Marquis 2002): drawing from it takes one step per decision.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use crate::stream::{below, uniform};

/// A number of points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Total {
    /// With each real counted as one value.
    pub parts: BigUint,
    /// Whether a real exists at one of them.
    pub real: bool,
}

impl Total {
    pub fn none() -> Total {
        Total {
            parts: BigUint::ZERO,
            real: false,
        }
    }

    pub fn one() -> Total {
        Total {
            parts: BigUint::from(1_u32),
            real: false,
        }
    }

    pub fn is_zero(&self) -> bool {
        self.parts == BigUint::ZERO
    }

    /// The points of two parts that are independent of each other; without points, no real is among them.
    pub fn times(&mut self, other: &Total) {
        self.parts *= &other.parts;
        self.real |= other.real;
        self.real &= !self.is_zero();
    }

    /// The points of two parts that exclude each other.
    pub fn plus(&mut self, other: &Total) {
        self.parts += &other.parts;
        self.real |= other.real;
    }
}

/// The number of a node.
pub(super) type NodeId = u32;

/// A choice for one decision.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub key: usize,
    pub total: Total,
    /// Those without a point are left out.
    pub branches: Vec<Branch>,
}

/// One choice, and what is independent of each other after it.
#[derive(Debug, Clone)]
pub(super) struct Branch {
    /// The member; `None` if the decision does not exist.
    pub member: Option<u64>,
    pub total: Total,
    pub children: Vec<NodeId>,
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub roots: Vec<NodeId>,
    pub total: Total,
    pub keys: BTreeSet<usize>,
}

/// Where choices come from.
pub trait Draw {
    /// A number below `n`, for a decision.
    fn below(&mut self, decision: usize, n: &BigUint) -> BigUint;

    /// The number of one of `n` members, for a decision.
    fn member(&mut self, decision: usize, n: u64) -> u64 {
        let drawn = self.below(decision, &BigUint::from(n));
        u64::try_from(drawn).expect("invariant: it is below a number of 64 bits")
    }

    /// A number in [0, 1), for a decision over reals.
    fn share(&mut self, decision: usize) -> f64;
}

/// Every point equally likely.
pub struct Uniform<'a>(pub &'a mut ChaCha8Rng);

impl Draw for Uniform<'_> {
    fn below(&mut self, _: usize, n: &BigUint) -> BigUint {
        if let Ok(small) = u32::try_from(n) {
            return BigUint::from(below(self.0, small));
        }
        // As many bits as `n` has, until they are a number below it: twice on average at most.
        let bits = n.bits();
        let words = bits.div_ceil(32) as usize;
        let spare = words as u64 * 32 - bits;
        loop {
            let mut digits: Vec<u32> = (0..words).map(|_| self.0.next_u32()).collect();
            digits[words - 1] >>= spare;
            let drawn = BigUint::new(digits);
            if drawn < *n {
                return drawn;
            }
        }
    }

    fn share(&mut self, _: usize) -> f64 {
        uniform(self.0)
    }
}

impl Graph {
    /// Puts the number of its member in the place of each decision that the graph chooses. Whether there is a point.
    pub fn draw(&self, chosen: &mut [Option<u64>], draw: &mut dyn Draw) -> bool {
        if self.total.is_zero() {
            return false;
        }
        let mut open = self.roots.clone();
        while let Some(id) = open.pop() {
            let node = &self.nodes[id as usize];
            let branch = match &node.branches[..] {
                [only] => only,
                branches => {
                    let mut left = draw.below(node.key, &node.total.parts);
                    let hit = branches.iter().find(|b| {
                        let is_here = left < b.total.parts;
                        if !is_here {
                            left -= &b.total.parts;
                        }
                        is_here
                    });
                    hit.expect("invariant: a node's total is the sum of its branches")
                }
            };
            chosen[node.key] = branch.member;
            open.extend(&branch.children);
        }
        true
    }

    /// Whether some point has these members of the first decisions. Takes the branches that were looked at from `work`.
    pub fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        if self.total.is_zero() {
            return false;
        }
        let last = members.len().checked_sub(1);
        if last.is_some_and(|last| !self.keys.contains(&last)) {
            return true;
        }
        let agrees = |node: &Node, branch: &Branch| {
            let member = members.get(node.key);
            member.is_none_or(|member| *member == branch.member)
        };
        let mut found = BTreeSet::new();
        let mut open = self.roots.clone();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                let node = &self.nodes[id as usize];
                *work = work.saturating_sub(node.branches.len() as u64);
                let branches = node.branches.iter().filter(|b| agrees(node, b));
                open.extend(branches.flat_map(|b| &b.children));
            }
        }
        // Children come before their parents.
        let mut reached = BTreeSet::new();
        for id in found {
            let node = &self.nodes[id as usize];
            let mut branches = node.branches.iter().filter(|b| agrees(node, b));
            if branches.any(|b| b.children.iter().all(|child| reached.contains(child))) {
                reached.insert(id);
            }
        }
        self.roots.iter().all(|root| reached.contains(root))
    }

    /// For each key, the members that some point has.
    pub fn reached(&self) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut found: BTreeMap<usize, BTreeSet<u64>> =
            self.keys.iter().map(|k| (*k, BTreeSet::new())).collect();
        let mut seen = vec![false; self.nodes.len()];
        let mut open = match self.total.is_zero() {
            true => Vec::new(),
            false => self.roots.clone(),
        };
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            let node = &self.nodes[id as usize];
            for branch in &node.branches {
                found.entry(node.key).or_default().extend(branch.member);
                open.extend(&branch.children);
            }
        }
        found
    }
}
