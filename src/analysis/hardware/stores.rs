//! The memories of a hardware target: `memory parameters { holds = weights  size = 64 KiB  read = … }`.
//!
//! In: its labelled sections. Out: a [`Memory`] each. No two hold the same.

use super::target::of_target;
use crate::analysis::context::Cx;
use crate::analysis::expression::fields::find;
use crate::analysis::schema::Field;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Holds, Memory, Slot, Value};
use crate::source::Span;
use crate::syntax::ast;

impl Cx<'_> {
    /// Fields of memories are names for every other field: `memory.parameters.size`.
    pub(in crate::analysis) fn memory_names(
        &mut self,
        sections: &[&ast::Section],
        known: &'static [Field],
    ) {
        for section in sections {
            let Some(label) = &section.label else {
                continue;
            };
            let is_written = |field: &&Field| {
                let mut entries = section.entries.iter();
                entries.any(|e| {
                    matches!(&e.kind,
                    ast::EntryKind::Field(ast::Field { target, .. })
                    | ast::EntryKind::Choice(ast::Choice { target, .. })
                        if target.as_name().is_some_and(|n| n.text == field.name))
                })
            };
            let prefix = format!("memory.{}.", label.text);
            // An energy that is not stated has no value.
            let numbers = known.iter().filter(|f| f.name != "holds");
            let numbers = numbers.filter(|f| f.name == "size" || is_written(f));
            self.locals.extend(numbers.map(|f| of_target(f, &prefix)));
        }
    }

    /// Every memory; what two of them hold is reported.
    pub(in crate::analysis) fn memories(
        &mut self,
        sections: &[&ast::Section],
        known: &'static [Field],
    ) -> Vec<Memory> {
        let mut found: Vec<(Memory, Option<Span>)> = Vec::new();
        for section in sections {
            let Some((memory, place)) = self.memory(section, known) else {
                continue;
            };
            let is_both = |other: &Memory| {
                other.holds.weights() && memory.holds.weights()
                    || other.holds.activations() && memory.holds.activations()
            };
            let mut others = found.iter().filter(|(other, _)| is_both(other));
            let both = others.find_map(|(other, first)| Some((other, (*first)?, place?)));
            if let Some((other, first, place)) = both {
                let what = match other.holds.weights() && memory.holds.weights() {
                    true => "weights",
                    false => "activations",
                };
                let text = format!("`{}` and `{}` both hold {what}", other.name, memory.name);
                self.report(
                    Diagnostic::error("bnas::target::memory", text)
                        .label(place, format!("{what} here"))
                        .label(first, "and here")
                        .help("the model splits nothing between memories: write one for weights and one for activations, or one for all"),
                );
            }
            found.push((memory, place));
        }
        found.into_iter().map(|(memory, _)| memory).collect()
    }

    /// A memory, and where it says what it holds; no place after a diagnostic about that, since its other fields have their paths all the same.
    fn memory(
        &mut self,
        section: &ast::Section,
        known: &'static [Field],
    ) -> Option<(Memory, Option<Span>)> {
        let label = section.label.as_ref()?;
        let owner = format!("`memory {}`", label.text);
        let written = self.written(&owner, label.span, &section.entries, known);
        let holds = self.slot(&written, find(known, "holds"));
        let size = self.slot_of(&written, known, "size");
        let [read, write] = ["read", "write"].map(|n| self.slot(&written, find(known, n)));
        let held = match holds {
            Some(Slot::Fixed(Expr::Value(Value::Name(word)))) => Holds::of(&word),
            _ => None,
        };
        let holds = held.unwrap_or(Holds::All);
        if holds == Holds::Weights
            && let Some((name, _)) = written.get("write")
        {
            self.report(
                Diagnostic::warning(
                    "bnas::target::memory",
                    format!("`write` of `{}` charges nothing", label.text),
                )
                .label(name.span, "nothing writes weights during an inference")
                .label(written.place("holds"), "it holds weights alone")
                .help("remove it"),
            );
        }
        let size_span = match written.get("size") {
            Some((name, given)) => name.span.to(given.span()),
            None => label.span,
        };
        let memory = Memory {
            name: label.text.clone(),
            holds,
            size,
            read,
            write,
            size_span,
            span: label.span,
        };
        let place = match written.get("holds") {
            Some((name, given)) => name.span.to(given.span()),
            None => label.span,
        };
        Some((memory, held.map(|_| place)))
    }
}
