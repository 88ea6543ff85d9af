//! Amendments: `small_cnn { width in {8, 16} }` copies a declaration and overrides values in it, at any depth.
//!
//! In: a declaration and the entries that override it; `s[1].depth = 2` overrides in one copy of a `repeat`. Out: a [`Merged`] declaration, as if it had been written so. All of this
//! happens on the tree, before anything is lowered: every entry keeps the span where it was written.

mod argument;
mod bare;
mod braces;
mod entry;
mod path;
mod said;
mod section;
mod value;

pub(super) use self::entry::key;
use std::borrow::Borrow;
use std::sync::Arc;

use self::entry::{nested, parts_of, reaches, value_of_layer};
use self::path::parts;
use super::context::Cx;
use super::merged::Merged;
use super::quantization::quantizer::target;
use super::schema::{self, Field};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind};

impl Cx<'_> {
    /// Overrides entries of a declaration. `derives`: it is a definition of its own, which may add names.
    pub(super) fn override_entries(
        &mut self,
        merged: &mut Merged,
        overrides: &[Entry],
        base: &ast::Name,
        derives: bool,
    ) {
        if overrides.is_empty() {
            return;
        }
        // A check is a fact of what was declared, not of what it becomes.
        let stays = |e: &Entry| !matches!(e.kind, EntryKind::Check(_));
        let mut entries: Vec<Entry> = match Arc::try_unwrap(std::mem::take(&mut merged.entries)) {
            Ok(entries) => entries.into_iter().filter(stays).collect(),
            Err(shared) => shared.iter().filter(|e| stays(e)).cloned().collect(),
        };
        let owner = format!("`{}`", base.text);
        let before = std::mem::replace(&mut self.also, merged.from.clone());
        let into = Amended {
            owner: &owner,
            declared: base.span,
            fields: merged.schema.fields,
            schema: Some(merged.schema),
            derives,
        };
        let overrides = braces::by_paths(&entries, overrides, &into);
        self.said_once(overrides.iter().map(|entry| &**entry));
        let (dotted, plain) = in_order(overrides.iter().map(|entry| &**entry));
        for entry in plain.into_iter().chain(dotted) {
            self.override_entry(&mut entries, entry, &into);
        }
        merged.entries = Arc::new(entries);
        self.also = before;
    }

    fn override_entry(&mut self, entries: &mut Vec<Entry>, entry: &Entry, into: &Amended) {
        match &entry.kind {
            EntryKind::Field(ast::Field { target, .. })
            | EntryKind::Choice(ast::Choice { target, .. }) => {
                self.override_value(entries, &parts(target), entry, into);
            }
            EntryKind::Section(section) => self.override_section(entries, section, entry, into),
            EntryKind::Formula(formula) => {
                let name = &formula.name.text;
                let is_same =
                    |e: &Entry| matches!(&e.kind, EntryKind::Formula(f) if f.name.text == *name);
                let is_known = entries.iter().any(is_same);
                if is_known || into.schema.is_some_and(|s| !s.formulas.is_empty()) {
                    // `scale(w) = …` takes the place of `scale = max_abs`, too.
                    entries.retain(|e| !is_same(e) && key(e).is_none_or(|n| n.text != *name));
                    entries.push(entry.clone());
                } else {
                    self.unknown_in(&formula.name, entries, into);
                }
            }
            EntryKind::Rule(_) | EntryKind::Require(_) | EntryKind::Check(_) => {
                entries.push(entry.clone())
            }
            _ if into.derives => entries.push(entry.clone()),
            EntryKind::Layer(layer) => {
                let known = parts_of(entries);
                let name = &layer.name.text;
                let alike = did_you_mean(name, known.iter().copied()).unwrap_or(name);
                let help = match known.contains(&alike) {
                    true => format!(
                        "name its values by their paths, `{alike}.… = …`, or write a declaration of your own"
                    ),
                    false => "write a declaration of your own".into(),
                };
                self.report(
                    Diagnostic::error(
                        "bnas::amend::not_a_value",
                        "an amendment changes values only",
                    )
                    .label(entry.span, "this is a layer")
                    .label(into.declared, format!("{} stands here", into.owner))
                    .help(help),
                );
            }
            _ => self.report(
                Diagnostic::error(
                    "bnas::amend::not_a_value",
                    "an amendment changes values only",
                )
                .label(entry.span, "this is more than a value")
                .label(into.declared, format!("{} stands here", into.owner))
                .help("write a declaration of your own"),
            ),
        }
    }

    fn override_section(
        &mut self,
        entries: &mut Vec<Entry>,
        section: &ast::Section,
        entry: &Entry,
        into: &Amended,
    ) {
        let label = section.label.as_ref().map(|l| l.text.as_str());
        let known = into.schema.and_then(|s| s.section(&section.name.text));
        let same = entries.iter_mut().find_map(|e| match &mut e.kind {
            EntryKind::Section(s)
                if s.name.text == section.name.text
                    && s.label.as_ref().map(|l| l.text.as_str()) == label =>
            {
                Some(s)
            }
            _ => None,
        });
        match (same, known) {
            (Some(same), _) => {
                let owner = format!("`{}`", same.label.as_ref().unwrap_or(&same.name).text);
                let fields = known.map_or(&[][..], |s| s.fields);
                let into = Amended {
                    owner: &owner,
                    declared: same.name.span,
                    fields,
                    schema: None,
                    derives: false,
                };
                self.said_once(section.entries.iter());
                for inner in &section.entries {
                    self.override_entry(&mut same.entries, inner, &into);
                }
            }
            (None, Some(_)) => entries.push(entry.clone()),
            (None, None) => {
                let fields = into.schema.map_or(into.fields, |schema| schema.fields);
                match fields.iter().any(|f| f.name == section.name.text) {
                    true => {
                        let base = entries.iter().find(|e| reaches(e, &section.name));
                        let base = base.and_then(|entry| self.declared_by(entry));
                        self.field_in_braces(into.owner, into.declared, &section.name, base);
                    }
                    false => self.unknown_in(&section.name, entries, into),
                }
            }
        }
    }

    fn lacks(&mut self, name: &ast::Name, into: &Amended, help: String) {
        self.report(
            Diagnostic::error(
                "bnas::name::unknown_key",
                format!("{} has no field `{}`", into.owner, name.text),
            )
            .label(name.span, "unknown field")
            .label(into.declared, format!("{} stands here", into.owner))
            .help(help),
        );
    }

    fn unknown_in(&mut self, name: &ast::Name, entries: &[Entry], into: &Amended) {
        if into.schema.is_some_and(|s| self.not_built(s, name)) {
            return;
        }
        let is_path = |c: &char| c.is_alphanumeric() || "_.[]*".contains(*c);
        if let Some(above) = nested(entries, name) {
            let text = &self.sources.get(name.span.source).text[name.span.start as usize..];
            let path: String = text.chars().take_while(is_path).collect();
            return self.lacks(name, into, format!("did you mean `{above}.{path}`?"));
        }
        let behind = &self.sources.get(name.span.source).text[name.span.end as usize..];
        let rest: String = behind.chars().take_while(is_path).skip(1).collect();
        let last = rest.rsplit('.').next().filter(|last| !last.is_empty());
        let of_layer = last.and_then(|last| value_of_layer(entries, &name.text, Some(last)));
        let labels = (into.schema.and_then(|s| s.section(&name.text)))
            .is_some_and(|section| section.label != schema::Label::None);
        let help = match value_of_layer(entries, &name.text, None) {
            Some(value) if !behind.starts_with(['.', '[']) => Some(format!(
                "a layer keeps its operations; name a value of it: `{value} = …`"
            )),
            // `stem.conv.channels`.
            _ if of_layer.is_some() => of_layer.map(|path| format!("did you mean `{path}`?")),
            _ if labels && rest.contains('.') => {
                Some(format!("a section is amended by its name: write `{rest}`"))
            }
            _ if labels && !rest.is_empty() => Some(format!(
                "a section is amended by its name: write `{rest} {{ … }}`"
            )),
            _ => None,
        };
        if let Some(help) = help {
            return self.lacks(name, into, help);
        }
        let mut known: Vec<&str> = match behind.starts_with(['.', '[']) {
            true => parts_of(entries),
            false => Vec::new(),
        };
        known.extend(entries.iter().filter_map(key).map(|n| n.text.as_str()));
        for field in into.fields {
            known.push(field.name);
        }
        for key in into.schema.iter().flat_map(|s| s.keys()) {
            known.push(key);
        }
        known.dedup();
        self.unknown_key(into.owner, name, Some(into.declared), &known);
    }
}

/// What is overridden, for messages and for what may be added.
struct Amended<'a> {
    owner: &'a str,
    declared: Span,
    fields: &'static [Field],
    schema: Option<&'static schema::Declaration>,
    derives: bool,
}

impl<'a> Amended<'a> {
    /// Statements of a network, which have no schema.
    fn body(owner: &'a str, declared: Span) -> Amended<'a> {
        Amended {
            owner,
            declared,
            fields: &[],
            schema: None,
            derives: false,
        }
    }
}

/// Dotted fields of a declaration's own entries go where they point: `finetune.epochs = 3` into the section `finetune`.
pub(super) fn settle_dotted(cx: &mut Cx, merged: &mut Merged) {
    // What it derives from is settled, and what overrides it has been compared with itself.
    if merged.lineage.len() == 1 {
        cx.said_once(merged.entries.iter());
    }
    if !merged.entries.iter().any(is_dotted) {
        return;
    }
    let entries = Arc::unwrap_or_clone(std::mem::take(&mut merged.entries));
    let (dotted, plain) = in_order(entries);
    merged.entries = Arc::new(plain);
    let name = merged.name.clone();
    cx.override_entries(merged, &dotted, &name, true);
}

fn is_dotted(entry: &Entry) -> bool {
    let is_longer = |path: &ast::Path| path.as_name().is_none();
    target(entry).is_some_and(is_longer) || matches!(entry.kind, EntryKind::Part(_))
}

/// Dotted fields, which speak of what the others give, and all others. A dotted one speaks of what shorter ones give, too: `s.block = basic(…)`
/// holds for `s.block.kernel = 5`, wherever it stands.
fn in_order<E: Borrow<Entry>>(entries: impl IntoIterator<Item = E>) -> (Vec<E>, Vec<E>) {
    let entries = entries.into_iter();
    let (mut dotted, plain): (Vec<E>, _) = entries.partition(|e| is_dotted(e.borrow()));
    dotted.sort_by_key(|e| target(e.borrow()).map_or(0, |path| parts(path).len()));
    (dotted, plain)
}
