//! Names in scope while slots become decisions.
//!
//! In: a name with its value, over decisions. Out: the value where the name is read, and how much would be copied there.

use std::collections::HashMap;

use super::evaluate;
use crate::ir::Expr;

/// Fewer names are found faster by looking at each.
const MANY: usize = 64;

/// Names of one statement list, innermost last.
#[derive(Debug, Clone, Default)]
pub(in crate::model) struct Frame {
    all: Vec<Named>,
    /// Of many names, the place of the innermost one of each.
    places: HashMap<String, usize>,
}

#[derive(Debug, Clone)]
struct Named {
    name: String,
    value: Expr,
    /// How deep the value nests, as far as names lead to names.
    steps: usize,
    /// How many parts a copy of the value has of its own.
    parts: usize,
}

impl Frame {
    pub(in crate::model) fn define(&mut self, name: impl Into<String>, value: Expr) {
        self.push(name.into(), value, 0);
    }

    pub(in crate::model) fn push(&mut self, name: String, value: Expr, steps: usize) {
        let parts = parts(&value);
        self.add(Named {
            name,
            value,
            steps,
            parts,
        });
    }

    fn add(&mut self, named: Named) {
        self.all.push(named);
        // What has no place yet: the last one, or all of them.
        let from = match self.all.len() {
            ..MANY => return,
            MANY => 0,
            len => len - 1,
        };
        for (place, named) in self.all.iter().enumerate().skip(from) {
            self.places.insert(named.name.clone(), place);
        }
    }

    /// Gives what a name stands for a second name.
    pub(in crate::model) fn also(&mut self, name: &str, other: String) {
        if let Some(named) = self.find(name).cloned() {
            self.add(Named {
                name: other,
                ..named
            });
        }
    }

    fn find(&self, name: &str) -> Option<&Named> {
        match self.all.len() < MANY {
            true => self.all.iter().rev().find(|n| n.name == name),
            false => self.places.get(name).map(|place| &self.all[*place]),
        }
    }

    pub(in crate::model) fn get(&self, name: &str) -> Option<Expr> {
        self.find(name).map(|n| n.value.clone())
    }

    /// How many parts are copied when the names of an expression are replaced.
    pub(in crate::model) fn copied(&self, expr: &Expr) -> usize {
        let sum = |items: &[Expr]| {
            items
                .iter()
                .fold(0, |sum: usize, e| sum.saturating_add(self.copied(e)))
        };
        let both = |x: &Expr, y: &Expr| self.copied(x).saturating_add(self.copied(y));
        match expr {
            Expr::Value(_) | Expr::Decision(_) => 1,
            Expr::Name(name, _) => self.find(name).map_or(1, |n| n.parts),
            Expr::Unary(_, x) => self.copied(x),
            Expr::Binary(_, x, y) => both(x, y),
            Expr::If(c, x, y) => both(x, y).saturating_add(self.copied(c)),
            Expr::Call(_, items) | Expr::Set(items) => sum(items),
            Expr::Record(_, fields, _) => {
                let slots = fields
                    .iter()
                    .map(|(_, slot)| sum(evaluate::expressions(slot)));
                slots.fold(0, usize::saturating_add)
            }
        }
    }

    /// How deep an expression nests whose names these are.
    pub(in crate::model) fn steps(&self, expr: &Expr) -> usize {
        let most = |items: &[Expr]| items.iter().map(|e| self.steps(e)).max().unwrap_or(0);
        1 + match expr {
            Expr::Value(_) | Expr::Decision(_) => 0,
            Expr::Name(name, _) => self.find(name).map_or(0, |n| n.steps),
            Expr::Unary(_, x) => self.steps(x),
            Expr::Binary(_, x, y) => self.steps(x).max(self.steps(y)),
            Expr::If(c, x, y) => self.steps(c).max(self.steps(x)).max(self.steps(y)),
            Expr::Call(_, items) | Expr::Set(items) => most(items),
            Expr::Record(_, fields, _) => {
                let slots = fields.iter();
                slots
                    .map(|(_, slot)| most(evaluate::expressions(slot)))
                    .max()
                    .unwrap_or(0)
            }
        }
    }
}

/// How many parts of an expression are its own: those behind operators are shared.
fn parts(expr: &Expr) -> usize {
    let sum = |items: &[Expr]| items.iter().map(parts).sum::<usize>();
    1 + match expr {
        Expr::Call(_, items) | Expr::Set(items) => sum(items),
        Expr::Record(_, fields, _) => {
            let slots = fields.iter();
            slots
                .map(|(_, slot)| sum(evaluate::expressions(slot)))
                .sum()
        }
        _ => 0,
    }
}
