//! The formulas of quantizers.
//!
//! In: a quantizer, or a value that amends one. Out: diagnostics, or uses for whoever settles the value. What the formulas read, such as
//! `x` and `progress`, may be any number that it can be.

use std::collections::BTreeSet;

use super::uses::{Use, uses};
use super::{Interval, Names, check};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Quantizer, Record, Slot, Value};
use crate::model::decision::Decisions;
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::quantization::grids;
use crate::model::settling::settle::Settler;
use crate::source::Span;

/// The fields that decide which codes there are.
const OF_GRIDS: [&str; 2] = ["bits", "signed"];

/// What is wrong with the formulas of a quantizer, for every value, all progress, and all choices of its own.
pub fn of_quantizer(quantizer: &Quantizer) -> Vec<Diagnostic> {
    let mut settler = Settler::new(&[]);
    let mut frame = Frame::default();
    let always = Expr::bool(true);
    // What reads a value that goes wrong is no mistake of its own.
    let mut wrong: BTreeSet<&str> = BTreeSet::new();
    let reads_wrong = |parts: &[Expr], wrong: &BTreeSet<&str>| {
        let names = parts.iter().flat_map(evaluate::names);
        names.into_iter().any(|name| wrong.contains(name.as_str()))
    };
    for binding in &quantizer.formulas.lets {
        let mark = settler.uses.len();
        settler.define(binding, &binding.name, &always, &mut frame);
        if reads_wrong(evaluate::expressions(&binding.slot), &wrong) {
            settler.uses.truncate(mark);
            wrong.insert(&binding.name);
        } else if (checked(quantizer, &settler.decisions, &settler.uses[mark..]).iter())
            .any(Diagnostic::is_error)
        {
            wrong.insert(&binding.name);
        }
    }
    for formula in formulas(quantizer) {
        if !reads_wrong(std::slice::from_ref(formula), &wrong) {
            let found = uses(formula, &always, &|name| frame.get(name));
            settler.uses.extend(found);
        }
    }
    checked(quantizer, &settler.decisions, &settler.uses)
}

/// What is wrong with uses in the formulas of a quantizer whose choices are these decisions.
fn checked(quantizer: &Quantizer, decisions: &Decisions, uses: &[Use]) -> Vec<Diagnostic> {
    if uses.is_empty() {
        return Vec::new();
    }
    let written = vec![Span::default(); decisions.constraints.len()];
    let ends = ends(quantizer, &[], decisions);
    let of_name = |name: &str| {
        ends.iter()
            .find(|(end, _)| *end == name)
            .map(|(_, all)| all)
    };
    let bounds = |name: &str| match of_name(name) {
        Some(all) => Interval::new(*all.first()?, *all.last()?),
        None => of_formula(name),
    };
    let samples = |name: &str| {
        of_name(name)
            .cloned()
            .unwrap_or_else(|| samples_of_formula(name))
    };
    let names = Names {
        bounds: &bounds,
        samples: &samples,
    };
    check(uses, decisions, &written, &names)
}

/// The uses in formulas of quantizers that are given other values for their names where they are used.
pub fn of_amended(value: &Expr, guard: &Expr, settler: &mut Settler) {
    let mut records: Vec<(String, Vec<(String, Expr)>)> = Vec::new();
    evaluate::walk(value, &mut |part| match part {
        Expr::Record(name, fields, _) => {
            let fixed = fields.iter().filter_map(|(field, slot)| match slot {
                Slot::Fixed(e) => Some((field.clone(), e.clone())),
                Slot::Chosen(_) => None,
            });
            records.push((name.clone(), fixed.collect()));
        }
        Expr::Value(Value::Record(Record { name, fields })) => {
            let fields = fields.iter();
            let fixed = fields.map(|(field, v)| (field.clone(), Expr::Value(v.clone())));
            records.push((name.clone(), fixed.collect()));
        }
        _ => {}
    });
    for (name, fields) in records {
        let quantizers = settler.quantizers;
        let Some(quantizer) = quantizers.iter().find(|q| q.name == name) else {
            continue;
        };
        let lets = &quantizer.formulas.lets;
        let matters = |f: &str| OF_GRIDS.contains(&f) || lets.iter().any(|l| l.name == f);
        if !fields.iter().any(|(f, _)| matters(f)) {
            continue;
        }
        let mut apart = Settler::new(&[]);
        let mut frame = formula_names(quantizer, &fields, &mut apart);
        for (end, all) in ends(quantizer, &fields, &settler.decisions) {
            if let [only] = all[..] {
                frame.define(end, Expr::number(only));
            }
        }
        let under = apart.uses.into_iter().map(|one| with_guard(one, guard));
        settler.uses.extend(under);
        for formula in formulas(quantizer) {
            let found = uses(formula, guard, &|name| frame.get(name));
            settler.uses.extend(found);
        }
    }
}

fn with_guard(mut one: Use, guard: &Expr) -> Use {
    if guard.as_value().is_none() {
        one.conditions.push(guard.clone());
    }
    one
}

/// What the smallest and the largest code can be, ascending.
fn ends(
    quantizer: &Quantizer,
    given: &[(String, Expr)],
    decisions: &Decisions,
) -> [(&'static str, Vec<f64>); 2] {
    let ranges = grids::ranges(quantizer, given, decisions);
    let ascending = |end: fn(&(i32, i32)) -> i32| {
        let all: BTreeSet<i32> = ranges.iter().map(end).collect();
        all.into_iter().map(f64::from).collect()
    };
    [
        ("low", ascending(|(low, _)| *low)),
        ("high", ascending(|(_, high)| *high)),
    ]
}

/// The names of a quantizer with what is given for them, or with what they are declared as.
fn formula_names(quantizer: &Quantizer, given: &[(String, Expr)], settler: &mut Settler) -> Frame {
    let mut frame = Frame::default();
    let always = Expr::bool(true);
    for binding in &quantizer.formulas.lets {
        match given.iter().find(|(name, _)| *name == binding.name) {
            Some((name, value)) => frame.define(name, value.clone()),
            None => drop(settler.define(binding, &binding.name, &always, &mut frame)),
        }
    }
    frame
}

fn formulas(quantizer: &Quantizer) -> impl Iterator<Item = &Expr> {
    let formulas = &quantizer.formulas;
    let all = [
        &formulas.normalize,
        &formulas.scale,
        &formulas.forward,
        &formulas.gradient,
    ];
    all.into_iter().flatten()
}

/// Bounds of the names of formulas and schedules. Codes have 8 bits at most.
pub fn of_formula(name: &str) -> Option<Interval> {
    match name {
        "progress" | "step_progress" => Interval::new(0.0, 1.0),
        "low" => Interval::new(-127.0, 0.0),
        "high" => Interval::new(1.0, 255.0),
        _ => None,
    }
}

/// Values that these names take.
pub fn samples_of_formula(name: &str) -> Vec<f64> {
    match name {
        "progress" | "step_progress" => vec![0.0, 1.0, 0.5],
        "x" => vec![0.0, -1.0, 1.0, 0.5, -0.5, 2.0, -2.0, 100.0, -100.0],
        "low" => vec![-1.0, 0.0],
        "high" => vec![1.0, 255.0],
        _ => Vec::new(),
    }
}
