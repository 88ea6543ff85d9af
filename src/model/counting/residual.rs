//! What is left of expressions when some decisions have values.
//!
//! Expressions are kept as numbered nodes, equal ones once, so that shared parts stay shared, a residual is compared by its number,
//! and folding costs as many steps as there are different nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::mentions::Mentions;
use crate::ir::{BinaryOp, Expr, Function, Slot, UnaryOp, Value};
use crate::model::expression::bounds::{Interval, interval_of};
use crate::model::expression::compare;
use crate::model::expression::evaluate::{self, Scope};
use crate::model::expression::quick::{ByAddress, QuickMap};

/// The number of a node.
pub type Id = u32;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    /// An index into the constants.
    Constant(u32),
    /// No value: something does not exist or does not fit.
    Nothing,
    Decision(usize),
    Unary(UnaryOp, Id),
    Binary(BinaryOp, Id, Id),
    If(Id, Id, Id),
    Call(Function, Vec<Id>),
    Set(Vec<Id>),
    Record(String, Vec<(String, Id)>),
}

/// What tells constants apart.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Constant {
    Truth(bool),
    /// The bits of it: reals have no hash.
    Number(u64),
    Spelled(String),
}

/// All nodes.
pub struct Residuals {
    nodes: Vec<Node>,
    /// The undecided decisions that each node mentions.
    mentions: Vec<Mentions>,
    numbers: QuickMap<Node, Id>,
    constants: Vec<Value>,
    known: QuickMap<Constant, u32>,
    steps_left: u64,
    /// Smallest and largest member of each decision over numbers.
    hulls: Vec<Option<(f64, f64)>>,
    /// The first undecided decision that each node mentions, as it would be read.
    first: Vec<Option<usize>>,
    /// Bounds of nodes, as far as they have been asked for.
    bounds: QuickMap<Id, Option<Interval>>,
}

/// A decision's value, or that it does not exist, and what nodes become by it.
pub struct Substitution {
    decision: usize,
    becomes: Id,
    done: QuickMap<Id, Id>,
}

/// A scope without names and decisions.
struct Empty;

impl Scope for Empty {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, _: usize) -> Option<Value> {
        None
    }
}

impl Residuals {
    /// No nodes yet, a limit on the work of [`Residuals::apply`], and the ends of the decisions' domains.
    pub fn new(most_steps: u64, hulls: Vec<Option<(f64, f64)>>) -> Self {
        Residuals {
            nodes: Vec::new(),
            mentions: Vec::new(),
            numbers: QuickMap::default(),
            constants: Vec::new(),
            known: QuickMap::default(),
            steps_left: most_steps,
            hulls,
            first: Vec::new(),
            bounds: QuickMap::default(),
        }
    }

    /// The undecided decisions in an expression.
    pub fn mentions(&self, id: Id) -> &Mentions {
        &self.mentions[id as usize]
    }

    /// Whether an expression holds, if that is decided. Without a value it doesn't.
    pub fn truth(&self, id: Id) -> Option<bool> {
        match &self.nodes[id as usize] {
            Node::Constant(c) => Some(self.constants[*c as usize].as_bool().unwrap_or(false)),
            Node::Nothing => Some(false),
            _ => None,
        }
    }

    /// The first undecided decision in an expression, as it would be read.
    pub fn first(&self, id: Id) -> Option<usize> {
        self.first[id as usize]
    }

    /// Whether an expression holds wherever it has a value, if that is decided or follows from the ends of domains.
    pub fn verdict(&mut self, id: Id) -> Option<bool> {
        use BinaryOp::*;
        if let Some(truth) = self.truth(id) {
            return Some(truth);
        }
        match self.nodes[id as usize] {
            Node::Unary(UnaryOp::Not, x) => self.verdict(x).map(|truth| !truth),
            Node::Binary(And, x, y) => match (self.verdict(x), self.verdict(y)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Node::Binary(Or, x, y) => match (self.verdict(x), self.verdict(y)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Node::Binary(Implies, x, y) => match (self.verdict(x), self.verdict(y)) {
                (Some(false), _) | (_, Some(true)) => Some(true),
                (Some(true), Some(false)) => Some(false),
                _ => None,
            },
            Node::Binary(op, x, y) => {
                let (x, y) = (self.bounds(x)?, self.bounds(y)?);
                match compare::can_be(op, x, y)? {
                    (true, false) => Some(true),
                    (false, true) => Some(false),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The ends of what an expression can be where it has a value.
    fn bounds(&mut self, id: Id) -> Option<Interval> {
        if let Some(known) = self.bounds.get(&id) {
            return *known;
        }
        let found = match self.nodes[id as usize].clone() {
            Node::Constant(c) => {
                let number = self.constants[c as usize].as_number();
                number.and_then(|n| Interval::new(n, n))
            }
            Node::Decision(index) => {
                let hull = self.hulls.get(index).copied().flatten();
                hull.and_then(|(low, high)| Interval::new(low, high))
            }
            Node::Unary(UnaryOp::Negate, x) => self.bounds(x).map(Interval::negate),
            Node::Binary(op, x, y) => {
                let (x, y) = (self.bounds(x), self.bounds(y));
                x.zip(y).and_then(|(x, y)| match op {
                    BinaryOp::Add => x.plus(y),
                    BinaryOp::Subtract => x.plus(y.negate()),
                    BinaryOp::Multiply => x.times(y),
                    BinaryOp::Divide => x.over(y),
                    BinaryOp::Power => x.power(y),
                    _ => None,
                })
            }
            Node::If(_, x, y) => {
                let (x, y) = (self.bounds(x), self.bounds(y));
                x.zip(y).map(|(x, y)| x.join(y))
            }
            Node::Call(function, args) => {
                let args: Option<Vec<Interval>> = args.iter().map(|a| self.bounds(*a)).collect();
                args.and_then(|args| interval_of(function, &args))
            }
            _ => None,
        };
        self.bounds.insert(id, found);
        found
    }

    /// The parts of a conjunction. They hold together exactly if it does: a part without a value does not hold, nor does the whole.
    pub fn conjuncts(&self, id: Id, into: &mut BTreeSet<Id>) {
        if let Node::Binary(BinaryOp::And, x, y) = self.nodes[id as usize] {
            self.conjuncts(x, into);
            self.conjuncts(y, into);
        } else {
            into.insert(id);
        }
    }

    /// Replaces conjunctions by their parts; ascending, each once.
    pub fn split(&self, all: &mut Vec<Id>) {
        let is_whole =
            |id: &Id| !matches!(self.nodes[*id as usize], Node::Binary(BinaryOp::And, ..));
        if all.iter().all(is_whole) {
            return;
        }
        let mut parts = BTreeSet::new();
        all.iter().for_each(|id| self.conjuncts(*id, &mut parts));
        all.clear();
        all.extend(parts);
    }

    /// The number of an expression.
    pub fn add(&mut self, expr: &Expr) -> Id {
        self.add_shared(expr, &mut ByAddress::default())
    }

    fn add_shared(&mut self, expr: &Expr, seen: &mut ByAddress<Id>) -> Id {
        let mut arc = |this: &mut Self, e: &Arc<Expr>| {
            if let Some(id) = seen.get(&Arc::as_ptr(e)) {
                return *id;
            }
            let id = this.add_shared(e, seen);
            seen.insert(Arc::as_ptr(e), id);
            id
        };
        let node = match expr {
            Expr::Value(value) => return self.constant(value.clone()),
            // Constraints are over decisions alone.
            Expr::Name(..) => Node::Nothing,
            Expr::Decision(index) => Node::Decision(*index),
            Expr::Unary(op, x) => Node::Unary(*op, arc(self, x)),
            Expr::Binary(op, x, y) => Node::Binary(*op, arc(self, x), arc(self, y)),
            Expr::If(c, x, y) => Node::If(arc(self, c), arc(self, x), arc(self, y)),
            Expr::Call(function, args) => {
                let args = args.iter().map(|a| self.add_shared(a, seen)).collect();
                Node::Call(*function, args)
            }
            Expr::Set(items) => {
                let items = items.iter().map(|a| self.add_shared(a, seen)).collect();
                Node::Set(items)
            }
            Expr::Record(name, fields, _) => {
                let mut known = Vec::with_capacity(fields.len());
                for (field, slot) in fields {
                    let id = match slot {
                        Slot::Fixed(e) => self.add_shared(e, seen),
                        Slot::Chosen(_) => self.intern(Node::Nothing),
                    };
                    known.push((field.clone(), id));
                }
                Node::Record(name.clone(), known)
            }
        };
        self.folded(node)
    }

    /// The start of replacing a decision by its value, or by nothing.
    pub fn substitution(&mut self, decision: usize, value: Option<Value>) -> Option<Substitution> {
        self.steps_left = self.steps_left.checked_sub(1)?;
        Some(Substitution {
            decision,
            becomes: match value {
                Some(value) => self.constant(value),
                None => self.intern(Node::Nothing),
            },
            done: QuickMap::default(),
        })
    }

    /// Takes steps for work beside expressions. `None` when the limit of steps is reached.
    pub fn spend(&mut self, steps: u64) -> Option<()> {
        self.steps_left = self.steps_left.checked_sub(steps)?;
        Some(())
    }

    /// What is left of the limit on work.
    pub fn steps_left(&self) -> u64 {
        self.steps_left
    }

    /// What an expression becomes. `None` when the limit of steps is reached.
    pub fn apply(&mut self, substitution: &mut Substitution, id: Id) -> Option<Id> {
        if !self.mentions(id).contains(substitution.decision) {
            return Some(id);
        }
        if let Some(done) = substitution.done.get(&id) {
            return Some(*done);
        }
        self.steps_left = self.steps_left.checked_sub(1)?;
        let mut inner = |this: &mut Self, id: &Id| this.apply(substitution, *id);
        let node = match self.nodes[id as usize].clone() {
            Node::Constant(_) | Node::Nothing => return Some(id),
            Node::Decision(_) => return Some(substitution.becomes),
            Node::Unary(op, x) => Node::Unary(op, inner(self, &x)?),
            Node::Binary(op, x, y) => {
                let x = inner(self, &x)?;
                // What decides alone needs no other side.
                match self.is_decided_by(op, x) {
                    true => Node::Binary(op, x, x),
                    false => Node::Binary(op, x, inner(self, &y)?),
                }
            }
            Node::If(c, x, y) => {
                let c = inner(self, &c)?;
                match self.constant_truth(c) {
                    Some(true) => Node::If(c, inner(self, &x)?, y),
                    Some(false) => Node::If(c, x, inner(self, &y)?),
                    None => Node::If(c, inner(self, &x)?, inner(self, &y)?),
                }
            }
            Node::Call(function, args) => Node::Call(
                function,
                args.iter().map(|a| inner(self, a)).collect::<Option<_>>()?,
            ),
            Node::Set(items) => Node::Set(
                items
                    .iter()
                    .map(|a| inner(self, a))
                    .collect::<Option<_>>()?,
            ),
            Node::Record(name, fields) => Node::Record(
                name,
                fields
                    .iter()
                    .map(|(field, a)| Some((field.clone(), inner(self, a)?)))
                    .collect::<Option<_>>()?,
            ),
        };
        let result = self.folded(node);
        substitution.done.insert(id, result);
        Some(result)
    }

    /// Whether a logical operation is what its left side says.
    fn is_decided_by(&self, op: BinaryOp, x: Id) -> bool {
        match op {
            BinaryOp::And | BinaryOp::Implies => self.constant_truth(x) == Some(false),
            BinaryOp::Or => self.constant_truth(x) == Some(true),
            _ => false,
        }
    }

    fn constant_truth(&self, id: Id) -> Option<bool> {
        match self.nodes[id as usize] {
            Node::Constant(c) => self.constants[c as usize].as_bool(),
            _ => None,
        }
    }

    fn constant(&mut self, value: Value) -> Id {
        let next = self.constants.len() as u32;
        let key = match &value {
            Value::Bool(truth) => Constant::Truth(*truth),
            Value::Number(n) => Constant::Number(n.to_bits()),
            other => Constant::Spelled(format!("{other:?}")),
        };
        let number = *self.known.entry(key).or_insert(next);
        if number == next {
            self.constants.push(value);
        }
        self.intern(Node::Constant(number))
    }

    /// The node as [`evaluate::value`] would see it: left sides that decide hide right ones, what has no value has none as part of
    /// anything else, constants are computed.
    fn folded(&mut self, node: Node) -> Id {
        let truth = |this: &Self, id: Id| this.constant_truth(id);
        let is_nothing = |this: &Self, id: Id| this.nodes[id as usize] == Node::Nothing;
        match &node {
            Node::Binary(op, x, y) => {
                let logical = match (op, truth(self, *x)) {
                    (BinaryOp::And, Some(false)) => return *x,
                    (BinaryOp::Or, Some(true)) => return *x,
                    (BinaryOp::Implies, Some(false)) => return self.constant(Value::Bool(true)),
                    (BinaryOp::And | BinaryOp::Or | BinaryOp::Implies, _) => true,
                    _ => false,
                };
                if is_nothing(self, *x) || !logical && is_nothing(self, *y) {
                    return self.intern(Node::Nothing);
                }
            }
            Node::If(c, x, y) => match truth(self, *c) {
                Some(true) => return *x,
                Some(false) => return *y,
                // A condition without a truth value has none with any branches.
                None if self.mentions(*c).is_empty() => return self.intern(Node::Nothing),
                None => {}
            },
            _ => {}
        }
        let parts: Vec<Id> = match &node {
            Node::Constant(_) | Node::Nothing | Node::Decision(_) => return self.intern(node),
            Node::Unary(_, x) => vec![*x],
            Node::Binary(_, x, y) => vec![*x, *y],
            Node::If(c, ..) => vec![*c],
            Node::Call(_, items) | Node::Set(items) => items.clone(),
            Node::Record(_, fields) => fields.iter().map(|f| f.1).collect(),
        };
        let strict = !matches!(node, Node::Binary(..) | Node::If(..));
        if strict && parts.iter().any(|p| is_nothing(self, *p)) {
            return self.intern(Node::Nothing);
        }
        if parts.iter().all(|p| self.mentions(*p).is_empty()) {
            let value = self
                .constant_expr(&node)
                .and_then(|e| evaluate::value(&e, &Empty).ok());
            return match value {
                Some(value) => self.constant(value),
                None => self.intern(Node::Nothing),
            };
        }
        self.intern(node)
    }

    /// A node of constants as an expression; `None` if a part has no value.
    fn constant_expr(&self, node: &Node) -> Option<Expr> {
        let part = |id: &Id| match self.nodes[*id as usize] {
            Node::Constant(c) => Some(Expr::Value(self.constants[c as usize].clone())),
            _ => None,
        };
        Some(match node {
            Node::Unary(op, x) => Expr::Unary(*op, Arc::new(part(x)?)),
            Node::Binary(op, x, y) => Expr::Binary(*op, Arc::new(part(x)?), Arc::new(part(y)?)),
            Node::Call(function, args) => {
                Expr::Call(*function, args.iter().map(part).collect::<Option<_>>()?)
            }
            Node::Set(items) => Expr::Set(items.iter().map(part).collect::<Option<_>>()?),
            Node::Record(name, fields) => Expr::Record(
                name.clone(),
                fields
                    .iter()
                    .map(|(field, x)| Some((field.clone(), Slot::Fixed(part(x)?))))
                    .collect::<Option<_>>()?,
                crate::source::Span::default(),
            ),
            _ => return None,
        })
    }

    fn intern(&mut self, node: Node) -> Id {
        if let Some(id) = self.numbers.get(&node) {
            return *id;
        }
        let mentions = match &node {
            Node::Constant(_) | Node::Nothing => Mentions::default(),
            Node::Decision(index) => Mentions::one(*index),
            Node::Unary(_, x) => self.mentions[*x as usize].clone(),
            Node::Binary(_, x, y) => self.union(&[*x, *y]),
            Node::If(c, x, y) => self.union(&[*c, *x, *y]),
            Node::Call(_, items) | Node::Set(items) => self.union(items),
            Node::Record(_, fields) => {
                let items: Vec<Id> = fields.iter().map(|f| f.1).collect();
                self.union(&items)
            }
        };
        let first = match &node {
            Node::Constant(_) | Node::Nothing => None,
            Node::Decision(index) => Some(*index),
            Node::Unary(_, x) => self.first(*x),
            Node::Binary(_, x, y) => self.first(*x).or(self.first(*y)),
            Node::If(c, x, y) => (self.first(*c)).or(self.first(*x)).or(self.first(*y)),
            Node::Call(_, items) | Node::Set(items) => items.iter().find_map(|i| self.first(*i)),
            Node::Record(_, fields) => fields.iter().find_map(|f| self.first(f.1)),
        };
        let id = self.nodes.len() as Id;
        self.nodes.push(node.clone());
        self.first.push(first);
        self.mentions.push(mentions);
        self.numbers.insert(node, id);
        id
    }

    fn union(&self, ids: &[Id]) -> Mentions {
        let sets = ids.iter().map(|id| self.mentions[*id as usize].clone());
        sets.reduce(|x, y| x.union(&y)).unwrap_or_default()
    }
}
