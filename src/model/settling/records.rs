//! Values with fields: recipes, schedules, quantizers.
//!
//! In: a [`Record`](Expr::Record), or an expression of several. Out: the same with its choices made decisions, whose paths have the names of the fields. A quantizer's
//! name becomes a record where its definition leaves something open.

use std::sync::Arc;

use super::domain::labels_of;
use super::own;
use super::settle::Settler;
use crate::ir::{Expr, Quantizer, Slot, Value, numbered};
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;

impl Settler<'_> {
    /// Opens quantizers that have a choice of their own, and settles the slots of records.
    pub(in crate::model) fn within(
        &mut self,
        expr: Expr,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        // Most expressions are arithmetic, whose shared parts must not be copied apart.
        if !self.chooses(&expr) {
            return expr;
        }
        match self.open(expr) {
            Expr::Record(name, fields, span) => {
                // Later fields may read earlier ones of the same quantizer.
                let mut own = self.has_derived_fields(&name).then(|| names.clone());
                let mut settled = Vec::with_capacity(fields.len());
                for (field, slot) in fields {
                    let names = own.as_ref().unwrap_or(names);
                    let path = format!("{path}.{field}");
                    let value = match self.is_name_of(&name, &field) {
                        true => self.named(&slot, &path, guard, names),
                        false => self.slot(&slot, &path, guard, names),
                    };
                    if let Some(own) = &mut own {
                        own.define(own::read_as(&field), value.clone());
                    }
                    settled.push((field, Slot::Fixed(value)));
                }
                self.note_formulas(&name, &settled, guard, names);
                for (field, slot) in &mut settled {
                    if let (true, Slot::Fixed(value)) = (self.is_name_of(&name, field), slot) {
                        *value = self.or_default(value.clone(), guard);
                    }
                }
                Expr::Record(name, settled, span)
            }
            Expr::If(c, x, y) => {
                // How far a stage is decides within a candidate, not between candidates.
                let (yes, no) = match evaluate::names(&c).is_empty() {
                    true => (
                        evaluate::both(guard.clone(), (*c).clone()),
                        evaluate::both(guard.clone(), evaluate::negate((*c).clone())),
                    ),
                    false => (guard.clone(), guard.clone()),
                };
                let branches = [self.open((*x).clone()), self.open((*y).clone())];
                // Others than records have no decisions of their own to name.
                let named = branches.each_ref().map(|branch| match branch {
                    Expr::Record(..) => branch.clone(),
                    _ => Expr::bool(true),
                });
                let labels = labels_of(&named);
                let mut branch = |i: usize, guard: &Expr| {
                    let path = match &branches[i] {
                        Expr::Record(..) => format!("{path}.{}", labels[i]),
                        _ => path.to_string(),
                    };
                    self.within(branches[i].clone(), &path, guard, names)
                };
                let (x, y) = (branch(0, &yes), branch(1, &no));
                evaluate::choose((*c).clone(), x, y)
            }
            Expr::Set(items) => Expr::Set(items),
            other => {
                let all = other.records().into_iter().map(String::from).collect();
                let mut labels = numbered(all).into_iter();
                self.operands(&other, &mut labels, path, guard, names)
            }
        }
    }

    /// Arithmetic of records, `warmup(share in 0.05..0.2) * cosine`: the decisions of each stand below its name.
    fn operands(
        &mut self,
        expr: &Expr,
        labels: &mut dyn Iterator<Item = String>,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let mut operand =
            |settler: &mut Self, x: &Expr| settler.operands(x, labels, path, guard, names);
        match expr {
            Expr::Record(..) => {
                let label = labels.next().unwrap_or_default();
                self.within(expr.clone(), &format!("{path}.{label}"), guard, names)
            }
            Expr::Unary(op, x) => Expr::Unary(*op, Arc::new(operand(self, x))),
            Expr::Binary(op, x, y) => {
                let x = Arc::new(operand(self, x));
                Expr::Binary(*op, x, Arc::new(operand(self, y)))
            }
            Expr::If(c, x, y) => {
                let parts = [c, x, y].map(|e| Arc::new(operand(self, e)));
                let [c, x, y] = parts;
                Expr::If(c, x, y)
            }
            Expr::Call(function, items) => {
                let items = items.iter().map(|x| operand(self, x));
                Expr::Call(*function, items.collect())
            }
            Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) | Expr::Set(_) => expr.clone(),
        }
    }

    /// An alternative, or what a field is fixed to: of a set, `{shift(pixels in 1..2), flip}`, the decisions of each item stand below its
    /// name, unless it is the only one.
    pub(in crate::model) fn member(
        &mut self,
        expr: Expr,
        path: &str,
        guard: &Expr,
        names: &Frame,
    ) -> Expr {
        let Expr::Set(items) = expr else {
            return self.within(expr, path, guard, names);
        };
        let alone = items.len() == 1;
        let labels = Expr::labels(&items);
        let items = items.into_iter().zip(labels).map(|(item, label)| {
            let below = format!("{path}.{label}");
            let path = if alone { path } else { &below };
            self.within(item, path, guard, names)
        });
        Expr::Set(items.collect())
    }

    /// Whether an expression holds a choice, or a quantizer whose definition does.
    pub(in crate::model) fn chooses(&self, expr: &Expr) -> bool {
        let mut found = false;
        evaluate::walk(expr, &mut |part| {
            found |= match part {
                Expr::Value(Value::Name(name)) => self.has_open_fields(name),
                Expr::Record(name, fields, _) => {
                    self.has_open_fields(name) || self.has_derived_fields(name) || { fields.iter() }
                        .any(|(field, slot)| {
                            matches!(slot, Slot::Chosen(_)) || self.is_name_of(name, field)
                        })
                }
                _ => false,
            };
        });
        found
    }

    fn has_open_fields(&self, name: &str) -> bool {
        self.quantizer(name).is_some_and(own::is_open)
    }

    /// Whether fields of a quantizer hang on what it is given for its names.
    fn has_derived_fields(&self, name: &str) -> bool {
        let quantizer = self.quantizer(name);
        quantizer.is_some_and(|q| !q.derived.is_empty())
    }

    /// Whether a field of a record is a name that formulas of a quantizer read.
    pub(in crate::model) fn is_name_of(&self, quantizer: &str, field: &str) -> bool {
        let quantizer = self.quantizer(quantizer);
        quantizer.is_some_and(|q| q.formulas.lets.iter().any(|binding| binding.name == field))
    }

    pub(in crate::model) fn quantizer(&self, name: &str) -> Option<&Quantizer> {
        self.quantizers.iter().find(|q| q.name == name)
    }

    /// The name of a quantizer whose definition leaves a field open becomes a record with that choice.
    pub(in crate::model) fn open(&self, expr: Expr) -> Expr {
        let (name, mut fields, span) = match &expr {
            Expr::Value(Value::Name(name)) => (name.clone(), Vec::new(), None),
            Expr::Record(name, fields, span) => (name.clone(), fields.clone(), Some(*span)),
            _ => return expr,
        };
        let Some(quantizer) = self.quantizer(&name) else {
            return expr;
        };
        let given: Vec<String> = fields.iter().map(|(field, _)| field.clone()).collect();
        let is_given = |field: &str| given.iter().any(|known| known == field);
        for (field, slot) in own::to_settle(quantizer, !given.is_empty()) {
            if !is_given(field) {
                fields.push((field.into(), slot));
            }
        }
        match fields.len() > given.len() {
            true => Expr::Record(name, fields, span.unwrap_or(quantizer.span)),
            false => expr,
        }
    }
}
