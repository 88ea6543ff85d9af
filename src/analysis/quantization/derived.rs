//! Names of a quantizer, and its fields that read them: `b in {2, 4}  bits = b`.
//!
//! In: the entries of a quantizer that are no fields; a quantizer with its fields as they are written. Out: its names, in scope; fields as they are where no name is given
//! another value, beside how they are written.

use std::collections::BTreeSet;

use super::formulas::PARAMETERS;
use super::quantizer::target;
use crate::analysis::context::{Cx, Local};
use crate::analysis::expression::fields::Written;
use crate::analysis::expression::types::Type;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Function, Let, PROGRESS, Quantizer, Slot};
use crate::model::expression::evaluate;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

impl Cx<'_> {
    /// The names of a quantizer's own, which are in scope from here on, in its fields, too.
    pub(in crate::analysis) fn names_of_formulas(
        &mut self,
        entries: &[Entry],
        mark: usize,
    ) -> Vec<Let> {
        self.progress();
        for name in ["low", "high"] {
            self.locals.push(Local::built_in(name, Type::PLAIN));
        }
        self.said_once(entries);
        let names = entries.iter().filter(|entry| target(entry).is_some());
        names
            .filter_map(|entry| {
                match self.is_of_formulas(entry) || self.reads_parameter(entry, mark) {
                    true => None,
                    false => self.binding(entry, mark),
                }
            })
            .collect()
    }

    /// `x = 3`: a name that formulas have a value of their own for; reported.
    fn is_of_formulas(&mut self, entry: &Entry) -> bool {
        let Some(name) = target(entry).and_then(ast::Path::as_name) else {
            return false;
        };
        let word = name.text.as_str();
        let what = match word {
            _ if PARAMETERS.contains(&word) => "is what formulas take",
            "low" | "high" => "is a code of the quantizer",
            "pi" => "is a number of the language",
            _ if PROGRESS.contains(&word) => "is how far training has gone",
            _ => return false,
        };
        let help = match self.of_check(entry) {
            Some(help) => help,
            None => format!("take another name: `own_{word} = …`"),
        };
        self.report(
            Diagnostic::error("bnas::name::duplicate", format!("`{word}` {what}"))
                .label(name.span, "defined again here")
                .help(help),
        );
        true
    }

    /// What to write for `check gradient(1) == 1 at progress = 1`, which reads as a check and a name.
    fn of_check(&self, entry: &Entry) -> Option<String> {
        let text = &self.sources.get(entry.span.source).text;
        let before = &text[..entry.span.start as usize];
        let line = before.rsplit('\n').next()?.trim();
        let check = line.strip_prefix("check ")?;
        let check = check.strip_suffix(" at").or(check.strip_suffix(" when"))?;
        let at = check.find("gradient(").or(check.find("forward("))?;
        let end = at + check[at..].find(')')?;
        let given = self.text(entry.span);
        Some(format!("write `{}, {given})`", &check[at..end]))
    }

    /// `delta = mean(abs(w), per = filter)`: a name that reads what formulas alone take; reported.
    fn reads_parameter(&mut self, entry: &Entry, mark: usize) -> bool {
        let (path, value) = match &entry.kind {
            EntryKind::Field(field) => (&field.target, &field.value),
            EntryKind::Choice(choice) => (&choice.target, &choice.domain),
            _ => return false,
        };
        let mut read = PARAMETERS.into_iter();
        let Some((parameter, at)) = read.find_map(|name| Some((name, place_of(value, name)?)))
        else {
            return false;
        };
        if self.locals.find(parameter).is_some() {
            return false;
        }
        let name = self.text(path.span);
        self.report(
            Diagnostic::error(
                "bnas::quantizer::parameter",
                format!("`{name}` is a name, and formulas alone take `{parameter}`"),
            )
            .label(at, "has no value here")
            .label(path.span, "no formula")
            .help(format!(
                "write `{name}({parameter}) = …`, and `{name}({parameter})` where it is used"
            )),
        );
        self.define(Local::poison(path), mark);
        true
    }

    /// Fields that read names of the quantizer: remembered as they are written, since a name may be given another value where the quantizer is used, and
    /// settled as far as the names are.
    pub(in crate::analysis) fn derive_fields(
        &mut self,
        quantizer: &mut Quantizer,
        written: &Written,
    ) {
        let lets = quantizer.formulas.lets.clone();
        let moving = moving(&lets);
        let mut derived = Vec::new();
        for (name, slot) in quantizer.fields_mut() {
            let mut read = BTreeSet::new();
            for part in evaluate::expressions(slot) {
                read.append(&mut evaluate::names(part));
            }
            if read.is_empty() {
                continue;
            }
            if let Some(moves) = read.iter().find(|n| moving.contains(*n)) {
                self.report(
                    Diagnostic::error(
                        "bnas::quantizer::moving",
                        format!("`{name}` has one value, and `{moves}` changes while a network is trained, or from code to code"),
                    )
                    .label(written.get(name).map_or(written.span, |(_, given)| given.span()), "reads it")
                    .help("formulas alone may read `progress`, `step_progress`, `low` and `high`"),
                );
                *slot = Slot::Fixed(Expr::number(1.0));
                continue;
            }
            let known = settled(slot, &lets);
            let as_written = std::mem::replace(slot, known);
            derived.push((name.to_string(), as_written));
        }
        quantizer.derived = derived;
    }
}

/// Where an expression reads a name.
fn place_of(expr: &ast::Expr, name: &str) -> Option<Span> {
    match &expr.kind {
        ExprKind::Path(path) if path.as_name().is_some_and(|n| n.text == name) => Some(path.span),
        _ => (expr.parts().into_iter()).find_map(|part| place_of(part, name)),
    }
}

/// What changes within a training, or from code to code, and the names that read it.
fn moving(lets: &[Let]) -> BTreeSet<String> {
    let ends = ["low", "high"].iter();
    let mut moving: BTreeSet<String> = ends.chain(PROGRESS).map(|n| n.to_string()).collect();
    for binding in lets {
        let mut parts = evaluate::expressions(&binding.slot).iter();
        if parts.any(|e| !evaluate::names(e).is_disjoint(&moving)) {
            moving.insert(binding.name.clone());
        }
    }
    moving
}

/// Gives a field or a name of a quantizer another value.
pub(in crate::analysis) fn give(quantizer: &mut Quantizer, name: &str, slot: &Slot) {
    let lets = &mut quantizer.formulas.lets;
    if let Some(binding) = lets.iter_mut().find(|binding| binding.name == name) {
        binding.slot = slot.clone();
    } else {
        quantizer.derived.retain(|(field, _)| field != name);
        let mut fields = quantizer.fields_mut();
        if let Some((_, field)) = fields.find(|(field, _)| *field == name) {
            *field = slot.clone();
        }
    }
    let (lets, derived) = (quantizer.formulas.lets.clone(), quantizer.derived.clone());
    for (name, as_written) in &derived {
        let mut fields = quantizer.fields_mut();
        if let Some((_, field)) = fields.find(|(field, _)| field == name) {
            *field = settled(as_written, &lets);
        }
    }
}

/// What stands within the limits of a field.
fn without_limits(expr: &Expr) -> &Expr {
    match expr {
        Expr::Call(Function::Within | Function::WholeWithin, args) => &args[0],
        _ => expr,
    }
}

/// A field with the names that it reads as they are declared: a constant, or the domain of the one that it is.
fn settled(slot: &Slot, lets: &[Let]) -> Slot {
    let Slot::Fixed(expr) = slot else {
        return slot.clone();
    };
    let mut known: Vec<(&str, Expr)> = Vec::new();
    for binding in lets {
        let Slot::Fixed(value) = &binding.slot else {
            continue;
        };
        let of = |name: &str| {
            known
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, e)| e.clone())
        };
        if let Ok(value) = evaluate::reduce(value, &of) {
            known.push((&binding.name, value));
        }
    }
    let of = |name: &str| {
        known
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, e)| e.clone())
    };
    match evaluate::reduce(expr, &of) {
        Ok(reduced) => match without_limits(&reduced) {
            Expr::Name(name, _) => { lets.iter() }
                .find(|binding| binding.name == *name)
                .map_or_else(|| slot.clone(), |binding| binding.slot.clone()),
            _ => Slot::Fixed(reduced),
        },
        Err(_) => slot.clone(),
    }
}
