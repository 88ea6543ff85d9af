//! What of a quantizer is settled where it is used: fields that are left open, and fields that read names of its own.
//!
//! In: a [`Quantizer`] as it is declared. Out: its open fields and names, and those that hang on them, in an order in which each reads those before it.

use std::collections::BTreeSet;

use crate::ir::{Domain, DomainKind, Expr, Quantizer, Slot};
use crate::model::expression::evaluate;

/// What a name of a quantizer is called where its fields read it; whoever uses the quantizer may have a name like it.
pub(in crate::model) fn read_as(name: &str) -> String {
    format!("quantizer.{name}")
}

/// Whether a quantizer leaves a field or a name to be chosen.
pub(in crate::model) fn is_open(quantizer: &Quantizer) -> bool {
    open(quantizer).next().is_some()
}

/// The fields and names to be settled; with `is_given`, where something is given for some of them.
pub(in crate::model) fn to_settle(quantizer: &Quantizer, is_given: bool) -> Vec<(&str, Slot)> {
    let open: Vec<(&str, Slot)> = open(quantizer).map(|(n, slot)| (n, slot.clone())).collect();
    let derived = &quantizer.derived;
    if derived.is_empty() || open.is_empty() && !is_given {
        return open;
    }
    let lets = &quantizer.formulas.lets;
    let mut needed: BTreeSet<String> = derived.iter().flat_map(|(_, slot)| names(slot)).collect();
    // A name reads those above it.
    for binding in lets.iter().rev() {
        if needed.contains(&binding.name) {
            needed.append(&mut names(&binding.slot));
        }
    }
    let is_open = |name: &str| open.iter().any(|(known, _)| *known == name);
    let is_let = |name: &str| lets.iter().any(|binding| binding.name == name);
    let lets = { lets.iter() }
        .filter(|binding| needed.contains(&binding.name) || is_open(&binding.name))
        .map(|binding| (binding.name.as_str(), own(&binding.slot, &is_let)));
    let fields = open.iter().filter(|(name, _)| !is_let(name)).cloned();
    let derived = { derived.iter() }.map(|(name, slot)| (name.as_str(), own(slot, &is_let)));
    lets.chain(fields).chain(derived).collect()
}

/// The fields and names that a definition leaves to be chosen. A field that reads names is none: those are chosen.
fn open(quantizer: &Quantizer) -> impl Iterator<Item = (&str, &Slot)> {
    let is_derived = |name: &str| quantizer.derived.iter().any(|(known, _)| known == name);
    let fields = { quantizer.fields() }.filter(move |(name, _)| !is_derived(name));
    let lets = quantizer.formulas.lets.iter();
    fields
        .chain(lets.map(|binding| (binding.name.as_str(), &binding.slot)))
        .filter(|(_, slot)| has_choice(slot))
}

/// Whether a slot is chosen, or a part of it is: `percentile(share in {0.9, 0.99})`.
fn has_choice(slot: &Slot) -> bool {
    match slot {
        Slot::Chosen(_) => true,
        Slot::Fixed(Expr::Record(_, fields, _)) => fields.iter().any(|(_, slot)| has_choice(slot)),
        Slot::Fixed(_) => false,
    }
}

fn names(slot: &Slot) -> BTreeSet<String> {
    let parts = evaluate::expressions(slot).iter();
    parts.flat_map(evaluate::names).collect()
}

/// A slot that reads names of its quantizer as such.
fn own(slot: &Slot, is_let: &dyn Fn(&str) -> bool) -> Slot {
    match slot {
        Slot::Fixed(expr) => Slot::Fixed(in_expr(expr, is_let)),
        Slot::Chosen(domain) => {
            let all = |items: &[Expr]| items.iter().map(|e| in_expr(e, is_let)).collect();
            let kind = match &domain.kind {
                DomainKind::Set(items) => DomainKind::Set(all(items)),
                DomainKind::Categories(items) => DomainKind::Categories(all(items)),
                DomainKind::Of(expr) => DomainKind::Of(in_expr(expr, is_let)),
                other => other.clone(),
            };
            Slot::Chosen(Domain {
                kind,
                ..domain.clone()
            })
        }
    }
}

fn in_expr(expr: &Expr, is_let: &dyn Fn(&str) -> bool) -> Expr {
    if let Expr::Record(name, fields, span) = expr {
        let fields = fields.iter();
        let fields = fields.map(|(field, slot)| (field.clone(), own(slot, is_let)));
        return Expr::Record(name.clone(), fields.collect(), *span);
    }
    let renamed =
        |name: &str| is_let(name).then(|| Expr::Name(read_as(name), super::settle::span_of(expr)));
    // What has no value at its names' own is judged where the field is settled.
    evaluate::reduce(expr, &renamed).unwrap_or_else(|_| expr.clone())
}
