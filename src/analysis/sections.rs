//! What lowering of declarations has in common: entering one, and sorting its entries.
//!
//! In: a merged declaration. Out: its entries by sort, each checked to belong there.

use super::context::{Cx, Local};
use super::expression::fields::{Given, Written};
use super::expression::types::{Type, article};
use super::merged::Merged;
use super::names::Id;
use super::quantization::quantizer::given;
use super::schema::{self, Label};
use crate::diagnostic::Diagnostic;
use crate::source::{SourceId, Span};
use crate::syntax::ast::{self, Entry, EntryKind};

impl Cx<'_> {
    /// Lowers something inside a declaration: only its names are in scope. With `sees`, constants of the scope around are, too.
    pub(super) fn inside<T>(
        &mut self,
        merged: &Merged,
        sees: bool,
        lower: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.inside_of(merged.id, merged.from.clone(), sees, lower)
    }

    /// The same by the place of the declaration, and the files whose names its entries see.
    pub(super) fn inside_of<T>(
        &mut self,
        id: Id,
        from: Vec<SourceId>,
        sees: bool,
        lower: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let also = std::mem::replace(&mut self.also, from);
        let around = std::mem::take(&mut self.locals);
        let paths = self.paths.take();
        let outer = std::mem::replace(
            &mut self.outer,
            if sees {
                around.clone()
            } else {
                Default::default()
            },
        );
        self.open.push(id);
        let result = lower(self);
        self.open.pop();
        let seen = std::mem::replace(&mut self.outer, outer);
        self.locals = around;
        if sees {
            for (local, seen) in self.locals.iter_mut().zip(seen.iter()) {
                local.used |= seen.used;
            }
        }
        self.paths = paths;
        self.also = also;
        result
    }

    /// Fields and sections of a declaration that holds nothing else.
    pub(super) fn split<'m>(
        &mut self,
        merged: &'m Merged,
    ) -> (Vec<&'m Entry>, Vec<&'m ast::Section>) {
        let (mut fields, mut sections) = (Vec::new(), Vec::<&ast::Section>::new());
        for entry in merged.entries.iter() {
            match &entry.kind {
                EntryKind::Section(section) => {
                    if self.knows_section(merged, section) {
                        let same = |s: &&&ast::Section| {
                            s.name.text == section.name.text && label(s) == label(section)
                        };
                        match sections.iter().find(same) {
                            Some(first) => {
                                let named = |s: &ast::Section| match &s.label {
                                    Some(label) => label.clone(),
                                    None => s.name.clone(),
                                };
                                let (again, first) = (named(section), named(first).span);
                                self.twice(&again.text, again.span, first)
                            }
                            None => sections.push(section),
                        }
                    }
                }
                EntryKind::Field(f) if self.is_later(merged, &f.target) => {}
                EntryKind::Choice(c) if self.is_later(merged, &c.target) => {}
                EntryKind::Formula(f) if self.not_built(merged.schema, &f.name) => {}
                EntryKind::Check(_) | EntryKind::Require(_) => {}
                _ => fields.push(entry),
            }
        }
        (fields, sections)
    }

    /// Whether a field is of the language and not built yet; says so.
    pub(super) fn is_later(&mut self, merged: &Merged, path: &ast::Path) -> bool {
        let is_field = merged
            .schema
            .fields
            .iter()
            .any(|f| f.name == path.head.text);
        !is_field && self.not_built(merged.schema, &path.head)
    }

    /// Whether a word is of the language and not built yet; says so, and why.
    pub(super) fn not_built(&mut self, schema: &schema::Declaration, name: &ast::Name) -> bool {
        let Some(later) = schema.later(&name.text) else {
            return false;
        };
        let what = format!("`{}` of {}", name.text, article(schema.kind));
        match later.why {
            "" => self.later(&what, name.span),
            why => self.report(
                Diagnostic::error("bnas::unsupported", format!("{what} is not built yet"))
                    .label(name.span, "this version cannot run it")
                    .help(format!("remove it: {why}")),
            ),
        }
        true
    }

    /// Whether a section belongs to the declaration; says why not.
    pub(super) fn knows_section(&mut self, merged: &Merged, section: &ast::Section) -> bool {
        let name = &section.name;
        if self.not_built(merged.schema, name) {
            return false;
        }
        let Some(known) = merged.schema.section(&name.text) else {
            if merged.schema.fields.iter().any(|f| f.name == name.text) {
                self.field_in_braces(&merged.owner(), merged.name.span, name, None);
                return false;
            }
            // What it was to define is not missing.
            if let Some(label) = &section.label {
                self.meant.insert((merged.name.span, label.text.clone()));
            }
            let keys: Vec<&str> = merged.schema.keys().collect();
            self.unknown_key(&merged.owner(), name, Some(merged.name.span), &keys);
            return false;
        };
        match (&section.label, known.label == Label::None) {
            (Some(label), true) => {
                self.meant.insert((merged.name.span, name.text.clone()));
                self.report(
                    Diagnostic::error(
                        "bnas::name::label",
                        format!("`{}` takes no name", name.text),
                    )
                    .label(label.span, "there is only one")
                    .help(format!("write `{} {{ … }}`", name.text)),
                );
                false
            }
            (None, false) => {
                // A stage trains, whatever it is called.
                let given = if name.text == "stage" {
                    "train"
                } else {
                    &name.text
                };
                for part in [given, name.text.as_str()] {
                    self.meant.insert((merged.name.span, part.to_string()));
                }
                self.report(
                    Diagnostic::error("bnas::name::label", format!("`{}` needs a name", name.text))
                        .label(name.span, "which one?")
                        .help(format!("write `{} name {{ … }}`", name.text)),
                );
                false
            }
            _ => true,
        }
    }

    /// `train = 3`: a section given as a value.
    pub(super) fn section_given(&mut self, declared: Span, name: &ast::Name) {
        self.meant.insert((declared, name.text.clone()));
        self.report(
            Diagnostic::error(
                "bnas::type::mismatch",
                format!("`{}` is a section", name.text),
            )
            .label(name.span, "given as a value")
            .help(format!("write `{} {{ … }}`", name.text)),
        );
    }

    /// The name of the declaration that a field takes: `small_cnn` of `space = small_cnn { width = 8 }`.
    pub(super) fn declared_by(&self, entry: &Entry) -> Option<String> {
        let Some(Given::Fixed(value)) = given(entry) else {
            return None;
        };
        let text = self.text(value.span);
        Some(text.split(['{', ' ']).next()?.to_string())
    }

    /// `policy { … }` in an experiment: a field whose value is declared elsewhere, given as a section.
    pub(super) fn field_in_braces(
        &mut self,
        owner: &str,
        declared: Span,
        name: &ast::Name,
        base: Option<String>,
    ) {
        let kind = match name.text.as_str() {
            "data" => "dataset",
            other => other,
        };
        let example = match kind {
            "dataset" => "digits",
            "policy" => "tied",
            "space" => "small_cnn",
            "target" => "braintta",
            _ => "",
        };
        let example = base.as_deref().unwrap_or(example);
        let name_text = &name.text;
        let help = match example {
            "" => format!("write `{name_text} = …`"),
            _ => format!(
                "declare it outside, `{kind} mine {{ … }}`, and name it here: `{name_text} = mine`; or amend one: `{name_text} = {example} {{ … }}`"
            ),
        };
        self.meant.insert((declared, name.text.clone()));
        self.report(
            Diagnostic::error(
                "bnas::type::mismatch",
                format!("`{name_text}` is a field of {owner}, and no section"),
            )
            .label(name.span, "given as a section")
            .help(help),
        );
    }

    /// The fields of a section; empty where it is not written, so that its required fields are reported missing.
    pub(super) fn section<'s>(
        &mut self,
        merged: &Merged,
        sections: &[&'s ast::Section],
        name: &'static str,
    ) -> Written<'s> {
        let known = merged
            .schema
            .section(name)
            .expect("a section of the schema");
        match sections.iter().find(|s| s.name.text == name) {
            Some(section) => self.written(
                &format!("`{name}`"),
                section.name.span,
                &section.entries,
                known.fields,
            ),
            None => Written::absent(
                format!("{} (in `{name} {{ … }}`)", merged.owner()),
                merged.name.span,
            ),
        }
    }

    /// Defines a name of a body; a second one of the same body is reported.
    pub(super) fn define(&mut self, local: Local, mark: usize) {
        let first = self.locals.place(&local.name).filter(|at| *at >= mark);
        let first = first.and_then(|at| self.locals[at].span);
        if let (Some(first), Some(again)) = (first, local.span) {
            self.twice(&local.name, again, first);
            return;
        }
        self.locals.push(local);
    }

    /// `name = value` or `name in domain` among the statements of a body: defined from here on.
    pub(super) fn binding(&mut self, entry: &Entry, mark: usize) -> Option<crate::ir::Let> {
        let (path, slot, local) = match &entry.kind {
            EntryKind::Field(f) => {
                let typed = self.expr(&f.value, None);
                if let Type::Declared(kind) = typed.ty {
                    self.report(
                        Diagnostic::error(
                            "bnas::type::mismatch",
                            format!("{} is no value", article(kind)),
                        )
                        .label(typed.span, article(kind))
                        .label(f.target.span, "a name for a value")
                        .help(match kind {
                            "block" if f.target.head.text == "block" => format!(
                                "delete this line: what `{}` names is part of the network where it is written",
                                self.text(typed.span)
                            ),
                            "space" | "policy" | "target" | "block" => format!(
                                "name it where {} is taken, `{kind} = {}`, or write a number, a truth value or a text",
                                article(kind),
                                self.text(typed.span)
                            ),
                            _ => "write a number, a truth value or a text".into(),
                        }),
                    );
                    // Who reads the name has nothing to add.
                    self.define(Local::poison(&f.target), mark);
                    return None;
                }
                let local = Local {
                    name: f.target.head.text.clone(),
                    ty: typed.ty,
                    span: Some(f.target.span),
                    values: typed.values,
                    constant: typed
                        .expr
                        .as_value()
                        .map(|v| crate::ir::Expr::Value(v.clone())),
                    used: false,
                };
                (&f.target, crate::ir::Slot::Fixed(typed.expr), local)
            }
            EntryKind::Choice(c) => {
                let (domain, local) = self.chosen(&c.target.head, &c.domain, c.default.as_deref());
                (&c.target, crate::ir::Slot::Chosen(domain), local)
            }
            _ => return None,
        };
        let Some(name) = path.as_name() else {
            let text = self.text(path.span);
            self.report(
                Diagnostic::error(
                    "bnas::name::unknown_key",
                    format!("`{text}` points at nothing here"),
                )
                .label(
                    path.span,
                    "a dotted name overrides a value of what is named first",
                ),
            );
            return None;
        };
        self.define(local, mark);
        Some(crate::ir::Let {
            name: name.text.clone(),
            slot,
            span: name.span,
        })
    }
}

fn label(section: &ast::Section) -> Option<&str> {
    section.label.as_ref().map(|l| l.text.as_str())
}
