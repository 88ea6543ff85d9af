//! Where numbers come from: `@paper("arXiv:2211.11331", where = "abstract")`, `@assumption("why")`.
//!
//! In: the annotations of a declaration and of everything in it. Out: one [`Provenance`] each, for the report. It must not
//! know what the numbers are.

use super::context::{Cx, list};
use super::merged::Merged;
use super::schema::{ANNOTATIONS, section_path};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::Provenance;
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

impl Cx<'_> {
    /// Everything that a declaration says about its sources; also remembered for the experiment that reaches it.
    pub(super) fn provenance(&mut self, merged: &Merged) -> Vec<Provenance> {
        let mut found = Vec::new();
        for (name, annotations) in &merged.notes {
            let subject = format!("{} {name}", merged.schema.kind);
            self.annotations(annotations, &subject, &mut found);
        }
        let subject = format!("{} {}", merged.schema.kind, merged.name.text);
        self.entries_provenance(&merged.entries, &subject, ", ", &mut found);
        self.reach_sources(&found);
        found
    }

    /// Remembers sources for the experiment that reaches them.
    pub(super) fn reach_sources(&mut self, found: &[Provenance]) {
        for one in found {
            if !self.reached.provenance.contains(one) {
                self.reached.provenance.push(one.clone());
            }
        }
    }

    fn entries_provenance(
        &mut self,
        entries: &[Entry],
        subject: &str,
        joint: &str,
        found: &mut Vec<Provenance>,
    ) {
        for entry in entries.iter().filter(|entry| has_sources(entry)) {
            let inner = format!("{subject}{joint}{}", self.entry_name(entry));
            self.annotations(&entry.annotations, &inner, found);
            match &entry.kind {
                EntryKind::Section(s) => self.entries_provenance(&s.entries, &inner, ".", found),
                EntryKind::Repeat(r) => self.entries_provenance(&r.entries, &inner, ".", found),
                EntryKind::Rule(r) => self.entries_provenance(&r.entries, &inner, ".", found),
                _ => {}
            }
        }
    }

    fn entry_name(&self, entry: &Entry) -> String {
        match &entry.kind {
            EntryKind::Field(f) => self.text(f.target.span),
            EntryKind::Choice(c) => self.text(c.target.span),
            EntryKind::Section(s) => {
                section_path(&s.name.text, s.label.as_ref().map(|l| l.text.as_str()))
            }
            EntryKind::Formula(f) => f.name.text.clone(),
            EntryKind::Layer(l) => l.name.text.clone(),
            EntryKind::Repeat(r) => r.index.text.clone(),
            EntryKind::Learned(l) => l.name.text.clone(),
            _ => self.text(entry.span),
        }
    }

    fn annotations(
        &mut self,
        annotations: &[ast::Annotation],
        subject: &str,
        found: &mut Vec<Provenance>,
    ) {
        for annotation in annotations {
            let kind = annotation.name.text.as_str();
            if !ANNOTATIONS.contains(&kind) {
                let mut diagnostic = Diagnostic::error(
                    "bnas::name::unknown",
                    format!("there is no annotation `@{kind}`"),
                )
                .label(annotation.span, "unknown annotation");
                diagnostic = match did_you_mean(kind, ANNOTATIONS.iter().copied()) {
                    Some(alike) => diagnostic.help(format!("did you mean `@{alike}`?")),
                    None => diagnostic.help(format!(
                        "annotations are {}",
                        list(ANNOTATIONS.iter().copied())
                    )),
                };
                self.report(diagnostic);
                continue;
            }
            if let Some(text) = self.annotation_text(annotation, kind) {
                found.push(Provenance {
                    subject: subject.into(),
                    kind: kind.into(),
                    text,
                });
            }
        }
    }

    /// The texts of the arguments: the source or reason, then the place in it.
    fn annotation_text(&mut self, annotation: &ast::Annotation, kind: &str) -> Option<String> {
        let mut texts = Vec::new();
        for arg in &annotation.args {
            let value = match arg {
                Argument::Positional {
                    value,
                    filter: None,
                } if texts.is_empty() => value,
                Argument::Fixed { name, value }
                    if kind == "paper" && name.text == "where" && !texts.is_empty() =>
                {
                    value
                }
                Argument::Fixed { name, .. } | Argument::Searched { name, .. } => {
                    let known: &[&str] = if kind == "paper" { &["where"] } else { &[] };
                    self.unknown_key(&format!("`@{kind}`"), name, None, known);
                    return None;
                }
                Argument::Positional { value, .. } => {
                    self.report(
                        Diagnostic::error(
                            "bnas::name::positional",
                            format!("`@{kind}` takes one text"),
                        )
                        .label(value.span, "one too many"),
                    );
                    return None;
                }
            };
            match &value.kind {
                ExprKind::Text(text) => texts.push(text.clone()),
                _ => {
                    self.report(
                        Diagnostic::error(
                            "bnas::type::mismatch",
                            format!("`@{kind}` takes a text"),
                        )
                        .label(value.span, "no text")
                        .help("write it in double quotes"),
                    );
                    return None;
                }
            }
        }
        if texts.is_empty() {
            self.report(
                Diagnostic::error("bnas::field::missing", format!("`@{kind}` says nothing"))
                    .label(annotation.span, "needs a text")
                    .help(format!("write `@{kind}(\"…\")`")),
            );
            return None;
        }
        Some(texts.join(", "))
    }
}

/// Whether an entry or what stands in it is annotated.
fn has_sources(entry: &Entry) -> bool {
    let inner = match &entry.kind {
        EntryKind::Section(s) => &s.entries,
        EntryKind::Repeat(r) => &r.entries,
        EntryKind::Rule(r) => &r.entries,
        _ => return !entry.annotations.is_empty(),
    };
    !entry.annotations.is_empty() || inner.iter().any(has_sources)
}
