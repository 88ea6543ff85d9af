//! A part of a space: the decisions that some constraints concern, and nothing else.
//!
//! In: constraints, and decisions. Out: the decisions that they concern, guards included, and these as a space of their own, with numbers of their own.
//! What is asked of a few decisions is then no work on thousands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::decision::Decisions;
use super::expression::evaluate;
use super::expression::quick::ByAddress;
use crate::ir::{Expr, Slot};

/// The decisions of a constraint, and those that decide whether they exist.
pub(super) fn concern(constraint: &Expr, decisions: &Decisions) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut open: Vec<usize> = evaluate::decisions(constraint).into_iter().collect();
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(evaluate::decisions(&decisions.all[index].guard));
        }
    }
    found
}

/// Decisions that are concerned, in this order, under these constraints.
pub(super) fn of<'i>(
    constraints: &[&Expr],
    concerned: impl IntoIterator<Item = &'i usize> + Copy,
    decisions: &Decisions,
) -> Decisions {
    let numbered = concerned.into_iter().enumerate();
    let numbers: BTreeMap<usize, usize> = numbered.map(|(n, i)| (*i, n)).collect();
    let mut renumbering = Renumbering {
        numbers: &numbers,
        done: ByAddress::default(),
    };
    let mut only = Decisions::default();
    for index in concerned {
        let mut decision = decisions.all[*index].clone();
        decision.guard = renumbering.of(&decisions.all[*index].guard);
        only.all.push(decision);
    }
    for constraint in constraints {
        only.constraints.push(renumbering.of(constraint));
    }
    only
}

/// Gives decisions of expressions other numbers; what is shared stays so.
struct Renumbering<'a> {
    numbers: &'a BTreeMap<usize, usize>,
    done: ByAddress<Arc<Expr>>,
}

impl Renumbering<'_> {
    fn of(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Value(_) | Expr::Name(..) => expr.clone(),
            Expr::Decision(index) => Expr::Decision(self.numbers[index]),
            Expr::Unary(op, x) => Expr::Unary(*op, self.shared(x)),
            Expr::Binary(op, x, y) => Expr::Binary(*op, self.shared(x), self.shared(y)),
            Expr::If(c, x, y) => Expr::If(self.shared(c), self.shared(x), self.shared(y)),
            Expr::Call(function, args) => Expr::Call(*function, self.row(args)),
            Expr::Set(items) => Expr::Set(self.row(items)),
            Expr::Record(name, fields, span) => {
                let fields = fields.iter().map(|(field, slot)| {
                    let slot = match slot {
                        Slot::Fixed(expr) => Slot::Fixed(self.of(expr)),
                        chosen => chosen.clone(),
                    };
                    (field.clone(), slot)
                });
                Expr::Record(name.clone(), fields.collect(), *span)
            }
        }
    }

    fn row(&mut self, row: &[Expr]) -> Vec<Expr> {
        row.iter().map(|expr| self.of(expr)).collect()
    }

    /// The shared parts live as long as the expression that is renumbered, so their addresses stay theirs.
    fn shared(&mut self, expr: &Arc<Expr>) -> Arc<Expr> {
        if let Some(done) = self.done.get(&Arc::as_ptr(expr)) {
            return done.clone();
        }
        let new = Arc::new(self.of(expr));
        self.done.insert(Arc::as_ptr(expr), new.clone());
        new
    }
}
