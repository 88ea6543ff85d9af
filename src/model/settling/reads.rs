//! Where values that are chosen are read.
//!
//! In: each expression as it is settled, with the condition under which it is. Out: for each decision, the conditions under which something reads it. A
//! name that is defined by another one reads nothing yet, and neither does a requirement: it binds what is there.

use std::collections::BTreeMap;

use super::settle::Settler;
use crate::ir::{BinaryOp, Expr, Slot};
use crate::model::expression::evaluate;
use crate::model::expression::existence::{entails, whatever};
use crate::model::expression::fold::same;
use crate::model::expression::frame::Frame;

/// A decision that is read under more conditions than these counts as always read.
const MOST_CONDITIONS: usize = 64;

/// Of the value of a name with more parts, it is not looked under which conditions each is reached.
const SMALL: usize = 200;

/// The conditions under which decisions are read.
#[derive(Debug, Default)]
pub(in crate::model) struct Reads {
    of: BTreeMap<usize, Where>,
    /// How many times it was asked not to look.
    paused: usize,
}

#[derive(Debug)]
enum Where {
    /// Wherever the decision exists.
    Always,
    /// Where one of these holds.
    Under(Vec<Expr>),
}

impl Reads {
    pub(in crate::model) fn is_paused(&self) -> bool {
        self.paused > 0
    }

    pub(in crate::model) fn pause(&mut self) {
        self.paused += 1;
    }

    pub(in crate::model) fn resume(&mut self) {
        self.paused -= 1;
    }

    /// A decision that exists under `exists` is read under `condition`.
    pub(in crate::model) fn note(&mut self, decision: usize, exists: &Expr, condition: &Expr) {
        let found = (self.of.entry(decision)).or_insert_with(|| Where::Under(Vec::new()));
        let Where::Under(conditions) = found else {
            return;
        };
        if *condition == Expr::bool(true) || same(condition, exists) {
            *found = Where::Always;
            return;
        }
        // Of conditions that follow from each other, the widest says it all.
        if conditions.iter().any(|known| entails(condition, known)) {
            return;
        }
        conditions.retain(|known| !entails(known, condition));
        match conditions.len() == MOST_CONDITIONS {
            true => *found = Where::Always,
            false => conditions.push(condition.clone()),
        }
    }

    /// Whether anything reads a decision.
    pub(in crate::model) fn has(&self, decision: usize) -> bool {
        self.of.contains_key(&decision)
    }

    /// Decisions that are not read wherever they exist as far as is seen, each with the conditions under which they are.
    pub(in crate::model) fn somewhere(&self) -> impl Iterator<Item = (usize, &[Expr])> {
        self.of.iter().filter_map(|(decision, found)| match found {
            Where::Always => None,
            Where::Under(conditions) => Some((*decision, &conditions[..])),
        })
    }
}

impl Settler<'_> {
    /// Remembers which decisions an expression reads, and under which condition.
    pub(in crate::model) fn note_reads(&mut self, expr: &Expr, guard: &Expr, names: &Frame) {
        if self.reads.is_paused() {
            return;
        }
        self.note_parts(expr, guard, names);
    }

    fn note_parts(&mut self, expr: &Expr, guard: &Expr, names: &Frame) {
        match expr {
            Expr::Value(_) => {}
            Expr::Decision(index) => self.note(*index, guard),
            // What enters a layer is read by those before it.
            Expr::Name(name, _) if name.starts_with("input.") => {}
            Expr::Name(name, _) => match names.get(name) {
                None => {}
                // A value's branches are reached under conditions of their own.
                Some(value) if evaluate::is_small(&value, SMALL) => {
                    self.note_parts(&value, guard, &Frame::default());
                }
                Some(value) => {
                    let read = evaluate::decisions(&value).into_iter();
                    read.for_each(|index| self.note(index, guard));
                }
            },
            Expr::Unary(_, x) => self.note_parts(x, guard, names),
            Expr::Binary(op, x, y) => {
                self.note_parts(x, guard, names);
                let is_reached_if = match op {
                    BinaryOp::And | BinaryOp::Implies => Some(true),
                    BinaryOp::Or => Some(false),
                    _ => None,
                };
                let guard = match is_reached_if {
                    Some(truth) => &under(guard, x, truth, names),
                    None => guard,
                };
                self.note_parts(y, guard, names);
            }
            Expr::If(c, x, y) => {
                self.note_parts(c, guard, names);
                self.note_parts(x, &under(guard, c, true, names), names);
                self.note_parts(y, &under(guard, c, false, names), names);
            }
            Expr::Call(_, items) | Expr::Set(items) => {
                items.iter().for_each(|e| self.note_parts(e, guard, names));
            }
            Expr::Record(name, fields, _) => {
                for (field, slot) in fields {
                    // What a domain reads is seen where it is settled.
                    match slot {
                        Slot::Fixed(expr) if !self.is_name_of(name, field) => {
                            self.note_parts(expr, guard, names);
                        }
                        _ => {}
                    }
                }
                self.note_formulas(name, fields, guard, names);
            }
        }
    }

    /// Remembers what formulas of a quantizer read, once all its names have values: its own, and those that are `given`, which read `names`.
    pub(in crate::model) fn note_formulas(
        &mut self,
        quantizer: &str,
        given: &[(String, Slot)],
        guard: &Expr,
        names: &Frame,
    ) {
        if self.reads.is_paused() {
            return;
        }
        let Some(quantizer) = self.quantizers.iter().find(|q| q.name == quantizer) else {
            return;
        };
        let formulas = &quantizer.formulas;
        let mut own = Frame::default();
        for binding in &formulas.lets {
            let given = given.iter().find(|(field, _)| *field == binding.name);
            let (slot, around) = match given {
                Some((_, slot)) => (slot, names),
                None => (&binding.slot, &own),
            };
            let Slot::Fixed(expr) = slot else { return };
            // What has no value is reported where it is settled.
            if let Ok(value) = evaluate::reduce(expr, &|name| around.get(name)) {
                own.define(&*binding.name, value);
            }
        }
        let all = [
            &formulas.normalize,
            &formulas.scale,
            &formulas.forward,
            &formulas.gradient,
        ];
        for formula in all.into_iter().flatten() {
            self.note_parts(formula, guard, &own);
        }
    }

    fn note(&mut self, decision: usize, guard: &Expr) {
        let exists = &self.decisions.all[decision].guard;
        self.reads.note(decision, exists, guard);
    }

    /// What is settled here reads nothing: it is a name's value or a requirement.
    pub(in crate::model) fn unread<T>(&mut self, settle: impl FnOnce(&mut Self) -> T) -> T {
        self.reads.pause();
        let settled = settle(self);
        self.reads.resume();
        settled
    }
}

/// `guard`, where a condition has this truth value.
fn under(guard: &Expr, condition: &Expr, truth: bool, names: &Frame) -> Expr {
    match evaluate::reduce(condition, &|name| names.get(name)) {
        // Progress and what is quantized decide within a candidate, not between candidates.
        Ok(holds) => match (whatever(&holds, truth, &evaluate::has_names), truth) {
            (holds, true) => evaluate::both(guard.clone(), holds),
            (holds, false) => evaluate::both(guard.clone(), evaluate::negate(holds)),
        },
        // What is no condition is reported where it is settled.
        Err(_) => guard.clone(),
    }
}
