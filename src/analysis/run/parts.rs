//! The entries of an experiment: fields that it has, and names of the author's own.
//!
//! In: a merged declaration. Out: [`Parts`], with its names in scope from there on. What is a field under a wrong name, or stands where it does
//! not belong, is reported.

use super::evaluator::evaluator_called;
use crate::analysis::context::{Cx, Local};
use crate::analysis::expression::fields::{Given, Written};
use crate::analysis::merged::Merged;
use crate::analysis::quantization::quantizer::{given, target};
use crate::analysis::schema::{self, Declaration};
use crate::diagnostic::Diagnostic;
use crate::ir::Let;
use crate::syntax::ast::{self, Entry, EntryKind};

/// What the fields of an experiment say.
pub(in crate::analysis) struct Parts<'e> {
    pub(in crate::analysis) fields: Written<'e>,
    pub(in crate::analysis) lets: Vec<Let>,
    /// Names that stand for formulas of metrics.
    pub(in crate::analysis) measures: Vec<&'e ast::Field>,
}

impl Cx<'_> {
    /// Fields of the schema, and names of the author's own, which are in scope from here on.
    pub(in crate::analysis) fn parts_of<'e>(
        &mut self,
        merged: &'e Merged,
        mark: usize,
    ) -> Parts<'e> {
        let schema: &'static Declaration = merged.schema;
        let mut fields = Written::new(merged.owner(), merged.name.span);
        let mut lets = Vec::new();
        let mut measures = Vec::new();
        let evaluate = |e: &Entry| {
            target(e)
                .and_then(ast::Path::as_name)
                .is_some_and(|n| n.text == "evaluate")
        };
        let measured = merged.entries.iter().any(evaluate);
        for entry in merged.entries.iter() {
            let (Some(path), Some(value)) = (target(entry), given(entry)) else {
                match &entry.kind {
                    EntryKind::Optional(optional) => {
                        self.value_under_condition(optional.when.span, None);
                        if let Some(path) = optional_target(optional) {
                            self.define(Local::poison(path), mark);
                        }
                    }
                    _ => self.not_of_experiment(merged, entry),
                }
                continue;
            };
            if self.is_later(merged, path) {
                continue;
            }
            match path.as_name() {
                Some(name) if schema.fields.iter().any(|f| f.name == name.text) => {
                    if let Some(section) = self.section_as_value(value) {
                        self.meant.insert((merged.name.span, section));
                        self.meant.insert((merged.name.span, name.text.clone()));
                        self.missing_value(name);
                        continue;
                    }
                    self.give(&mut fields, name, value, schema.fields)
                }
                Some(name) if schema.section(&name.text).is_some() => {
                    self.reads_all(value.span());
                    self.section_given(merged.name.span, name)
                }
                // What reads it means the author's own.
                Some(name) if !measured && self.is_taken(name) => {
                    self.define(Local::poison(path), mark);
                }
                _ => match self.measure(entry, measured, &measures) {
                    Some(field) => {
                        let name = field.target.head.text.clone();
                        self.of_candidates.push((name, field.value.span));
                        measures.push(field);
                    }
                    None => lets.extend(self.own(merged, entry, path, mark)),
                },
            }
        }
        Parts {
            fields,
            lets,
            measures,
        }
    }

    /// The section of the experiment that was read as a value: `target =`, and `train { … }` below it.
    fn section_as_value(&mut self, given: Given) -> Option<String> {
        let Given::Fixed(value) = given else {
            return None;
        };
        let ast::ExprKind::Amend { base, .. } = &value.kind else {
            return None;
        };
        let ast::ExprKind::Path(path) = &base.kind else {
            return None;
        };
        let name = path.as_name()?;
        let experiment = schema::declaration("experiment")?;
        experiment.section(&name.text)?;
        self.find(name).is_none().then(|| name.text.clone())
    }

    /// A field whose line ends behind its sign.
    fn missing_value(&mut self, field: &ast::Name) {
        self.report(
            Diagnostic::error("bnas::parse::syntax", "a value is missing behind `=`")
                .label(
                    field.span,
                    format!("the line of `{}` ends without one", field.text),
                )
                .help("write the value on this line, or delete the entry"),
        );
    }

    /// A name of the author's own; a declaration as its value is a field under a wrong name.
    fn own(
        &mut self,
        merged: &Merged,
        entry: &Entry,
        path: &ast::Path,
        mark: usize,
    ) -> Option<Let> {
        let (value, sign) = match &entry.kind {
            EntryKind::Field(f) => (Some(&f.value), "="),
            EntryKind::Choice(c) => match &c.domain.kind {
                ast::ExprKind::Set(items) => (items.first(), "in"),
                _ => (None, "in"),
            },
            _ => (None, "="),
        };
        if let Some(callee) = value.and_then(evaluator_called) {
            self.evaluator_under_a_name(path, entry, callee);
            self.define(Local::poison(path), mark);
            return None;
        }
        let declared = value.and_then(|v| match &v.kind {
            ast::ExprKind::Path(p) => p.as_name(),
            ast::ExprKind::Amend { base, .. } => match &base.kind {
                ast::ExprKind::Path(p) => p.as_name(),
                _ => None,
            },
            _ => None,
        });
        if let Some(id) = declared.and_then(|name| self.find(name)) {
            let kind = self.modules.declaration(id).kind.text.clone();
            let key = match kind.as_str() {
                "dataset" => Some("data"),
                "space" | "policy" | "target" => Some(kind.as_str()),
                _ => None,
            };
            if let Some(key) = key {
                let name = crate::analysis::expression::fields::whole(path);
                self.report(
                    Diagnostic::error(
                        "bnas::name::unknown_key",
                        format!("{} has no field `{}`", merged.owner(), name.text),
                    )
                    .label(name.span, "unknown field")
                    .help(format!(
                        "write `{key} {sign} …`: its value is {}",
                        crate::analysis::expression::types::article(&kind)
                    )),
                );
                self.meant.insert((merged.name.span, key.to_string()));
                // Who reads the name has nothing to add.
                self.define(Local::poison(path), mark);
                return None;
            }
        }
        self.binding(entry, mark)
    }

    fn not_of_experiment(&mut self, merged: &Merged, entry: &Entry) {
        match &entry.kind {
            EntryKind::Section(_)
            | EntryKind::Goal(_)
            | EntryKind::Require(_)
            | EntryKind::Expect(_) => {}
            EntryKind::Compare(_) => self.later("`compare`", entry.span),
            EntryKind::Check(_) => self.report(
                Diagnostic::error(
                    "bnas::name::stray",
                    "`check` states a fact of a declaration",
                )
                .label(entry.span, "this is an experiment")
                .help("write `require` for candidates, `expect` for the result"),
            ),
            _ => self.stray(
                merged,
                entry,
                "an experiment holds fields, sections, goals, `require` and `expect`",
            ),
        }
    }
}

/// The name of a value under a condition.
fn optional_target(optional: &ast::Optional) -> Option<&ast::Path> {
    match &*optional.statement {
        EntryKind::Field(field) => Some(&field.target),
        EntryKind::Choice(choice) => Some(&choice.target),
        _ => None,
    }
}
