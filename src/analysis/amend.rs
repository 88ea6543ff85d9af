//! Amendments: `small_cnn { width in {8, 16} }` copies a declaration and overrides values in it, at any depth.
//!
//! In: a declaration and the entries that override it. Out: a [`Merged`] declaration, as if it had been written so. All of this
//! happens on the tree, before anything is lowered: every entry keeps the span where it was written.

use super::context::Cx;
use super::merged::Merged;
use super::schema::{self, Field};
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind, Step};

impl Cx<'_> {
    /// Overrides entries of a declaration. `derives`: it is a definition of its own, which may add names.
    pub(super) fn override_entries(
        &mut self,
        merged: &mut Merged,
        overrides: &[Entry],
        base: &ast::Name,
        derives: bool,
    ) {
        if !overrides.is_empty() {
            // A check is a fact of what was declared, not of what it becomes.
            merged
                .entries
                .retain(|e| !matches!(e.kind, EntryKind::Check(_)));
        }
        let owner = format!("`{}`", base.text);
        let before = std::mem::replace(&mut self.also, merged.from.clone());
        let mut into = Into {
            owner: &owner,
            declared: base.span,
            fields: merged.schema.fields,
            schema: Some(merged.schema),
            derives,
        };
        for entry in overrides {
            self.override_entry(&mut merged.entries, entry, &mut into);
        }
        self.also = before;
    }

    fn override_entry(&mut self, entries: &mut Vec<Entry>, entry: &Entry, into: &mut Into) {
        match &entry.kind {
            EntryKind::Field(ast::Field { target, .. })
            | EntryKind::Choice(ast::Choice { target, .. }) => {
                if let Some(parts) = self.parts(target) {
                    self.override_value(entries, &parts, entry, into);
                }
            }
            EntryKind::Section(section) => self.override_section(entries, section, entry, into),
            EntryKind::Formula(formula) => {
                // `scale(w) = …` takes the place of `scale = max_abs`.
                entries.retain(|e| key(e).is_none_or(|n| n.text != formula.name.text));
                let same = entries.iter_mut().find(|e| matches!(&e.kind, EntryKind::Formula(f) if f.name.text == formula.name.text));
                match same {
                    Some(same) => *same = entry.clone(),
                    None if into.schema.is_some_and(|s| !s.formulas.is_empty()) => {
                        entries.push(entry.clone())
                    }
                    None => self.unknown_in(&formula.name, entries, into),
                }
            }
            EntryKind::Rule(_) | EntryKind::Require(_) | EntryKind::Check(_) => {
                entries.push(entry.clone())
            }
            _ if into.derives => entries.push(entry.clone()),
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

    /// `name = value`, `s[*].d[*].kernel in {…}`, `vector.lanes = 16`.
    fn override_value(
        &mut self,
        entries: &mut Vec<Entry>,
        parts: &[ast::Name],
        entry: &Entry,
        into: &mut Into,
    ) {
        let (first, rest) = (&parts[0], &parts[1..]);
        if rest.is_empty() {
            entries
                .retain(|e| !matches!(&e.kind, EntryKind::Formula(f) if f.name.text == first.text));
            let same = entries
                .iter_mut()
                .find(|e| key(e).is_some_and(|n| n.text == first.text));
            match same {
                Some(same) => *same = renamed(entry, first),
                None if into.fields.iter().any(|f| f.name == first.text)
                    || into.derives && into.schema.is_some_and(|s| s.lets) =>
                {
                    entries.push(renamed(entry, first));
                }
                None => self.unknown_in(first, entries, into),
            }
            return;
        }
        for inner in entries.iter_mut() {
            match &mut inner.kind {
                EntryKind::Section(section)
                    if section.name.text == first.text && section.label.is_none()
                        || labelled(section, first) =>
                {
                    let owner = format!("`{}`", first.text);
                    let fields = into
                        .schema
                        .and_then(|s| s.section(&section.name.text))
                        .map_or(&[][..], |s| s.fields);
                    let mut into = Into {
                        owner: &owner,
                        declared: section.name.span,
                        fields,
                        schema: None,
                        derives: false,
                    };
                    self.override_value(&mut section.entries, rest, entry, &mut into);
                    return;
                }
                EntryKind::Repeat(repeat) if repeat.index.text == first.text => {
                    let owner = format!("`{}`", first.text);
                    let mut into = Into {
                        owner: &owner,
                        declared: repeat.index.span,
                        fields: &[],
                        schema: None,
                        derives: false,
                    };
                    self.override_value(&mut repeat.entries, rest, entry, &mut into);
                    return;
                }
                EntryKind::Layer(layer) if layer.name.text == first.text && rest.len() == 1 => {
                    self.override_argument(layer, &rest[0], entry);
                    return;
                }
                EntryKind::Field(field)
                    if field.target.as_name().is_some_and(|n| n.text == first.text) =>
                {
                    let inner = with_path(entry, rest);
                    add_amendment(&mut field.value, inner);
                    return;
                }
                _ => {}
            }
        }
        if let Some(section) = into.schema.and_then(|s| s.section(&first.text))
            && !section.labelled
        {
            let inner = ast::Section {
                name: first.clone(),
                label: None,
                entries: vec![with_path(entry, rest)],
            };
            entries.push(Entry {
                kind: EntryKind::Section(inner),
                ..entry.clone()
            });
            return;
        }
        self.unknown_in(first, entries, into);
    }

    fn override_section(
        &mut self,
        entries: &mut Vec<Entry>,
        section: &ast::Section,
        entry: &Entry,
        into: &mut Into,
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
                let mut into = Into {
                    owner: &owner,
                    declared: same.name.span,
                    fields,
                    schema: None,
                    derives: false,
                };
                for inner in &section.entries {
                    self.override_entry(&mut same.entries, inner, &mut into);
                }
            }
            (None, Some(_)) => entries.push(entry.clone()),
            (None, None) => self.unknown_in(&section.name, entries, into),
        }
    }

    /// `stem.channels = 8`: an argument of the first operation of the layer that has one of this name.
    fn override_argument(&mut self, layer: &mut ast::Layer, name: &ast::Name, entry: &Entry) {
        for operation in &mut layer.chain {
            let ExprKind::Call { args, .. } = &mut operation.kind else {
                continue;
            };
            for arg in args {
                let (ast::Argument::Fixed { name: known, .. }
                | ast::Argument::Searched { name: known, .. }) = arg
                else {
                    continue;
                };
                if known.text == name.text {
                    *arg = argument(name, entry);
                    return;
                }
            }
        }
        for operation in &mut layer.chain {
            let ExprKind::Call { callee, args } = &mut operation.kind else {
                continue;
            };
            let takes = schema::operation(&callee.head.text)
                .is_some_and(|o| o.fields.iter().any(|f| f.name == name.text));
            if takes {
                args.push(argument(name, entry));
                return;
            }
        }
        let known: Vec<&str> = layer
            .chain
            .iter()
            .filter_map(|op| match &op.kind {
                ExprKind::Call { callee, .. } => schema::operation(&callee.head.text),
                _ => None,
            })
            .flat_map(|o| o.fields.iter().map(|f| f.name))
            .collect();
        self.unknown_key(
            &format!("layer `{}`", layer.name.text),
            name,
            Some(layer.name.span),
            &known,
        );
    }

    /// The names of a path. A star stands for every copy, and may be left out.
    pub(super) fn parts(&mut self, path: &ast::Path) -> Option<Vec<ast::Name>> {
        let mut parts = vec![path.head.clone()];
        for step in &path.steps {
            match step {
                Step::Member(name) => parts.push(name.clone()),
                Step::All(_) => {}
                Step::Index(index) => {
                    self.later("an amendment of one copy of a `repeat`", index.span);
                    return None;
                }
            }
        }
        Some(parts)
    }

    fn unknown_in(&mut self, name: &ast::Name, entries: &[Entry], into: &Into) {
        let mut known: Vec<&str> = entries
            .iter()
            .filter_map(key)
            .map(|n| n.text.as_str())
            .collect();
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
struct Into<'a> {
    owner: &'a str,
    declared: Span,
    fields: &'static [Field],
    schema: Option<&'static schema::Declaration>,
    derives: bool,
}

/// The name of a value or section.
fn key(entry: &Entry) -> Option<&ast::Name> {
    match &entry.kind {
        EntryKind::Field(f) => f.target.as_name(),
        EntryKind::Choice(c) => c.target.as_name(),
        _ => None,
    }
}

fn labelled(section: &ast::Section, name: &ast::Name) -> bool {
    section.label.as_ref().is_some_and(|l| l.text == name.text)
}

fn path_of(parts: &[ast::Name]) -> ast::Path {
    ast::Path {
        head: parts[0].clone(),
        steps: parts[1..].iter().cloned().map(Step::Member).collect(),
        span: parts[0].span.to(parts[parts.len() - 1].span),
    }
}

fn with_path(entry: &Entry, parts: &[ast::Name]) -> Entry {
    let target = path_of(parts);
    let kind = match &entry.kind {
        EntryKind::Field(f) => EntryKind::Field(ast::Field {
            target,
            ..f.clone()
        }),
        EntryKind::Choice(c) => EntryKind::Choice(ast::Choice {
            target,
            ..c.clone()
        }),
        other => other.clone(),
    };
    Entry {
        kind,
        ..entry.clone()
    }
}

fn renamed(entry: &Entry, name: &ast::Name) -> Entry {
    with_path(entry, std::slice::from_ref(name))
}

fn argument(name: &ast::Name, entry: &Entry) -> ast::Argument {
    match &entry.kind {
        EntryKind::Choice(c) => ast::Argument::Searched {
            name: name.clone(),
            domain: c.domain.clone(),
            default: c.default.clone(),
        },
        EntryKind::Field(f) => ast::Argument::Fixed {
            name: name.clone(),
            value: f.value.clone(),
        },
        _ => unreachable!("only values override arguments"),
    }
}

/// `space = small_cnn` and `space.width = 8` are `space = small_cnn { width = 8 }`.
fn add_amendment(value: &mut ast::Expr, entry: Entry) {
    if let ExprKind::Amend { entries, .. } = &mut value.kind {
        entries.push(entry);
        return;
    }
    let base = value.clone();
    value.kind = ExprKind::Amend {
        base: Box::new(base),
        entries: vec![entry],
    };
}

/// Dotted fields of a declaration's own entries go where they point: `finetune.epochs = 3` into the section `finetune`.
pub(super) fn settle_dotted(cx: &mut Cx, merged: &mut Merged) {
    let is_dotted = |e: &Entry| match &e.kind {
        EntryKind::Field(f) => f.target.as_name().is_none(),
        EntryKind::Choice(c) => c.target.as_name().is_none(),
        _ => false,
    };
    let (dotted, plain): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut merged.entries)
        .into_iter()
        .partition(is_dotted);
    merged.entries = plain;
    let name = merged.name.clone();
    cx.override_entries(merged, &dotted, &name, true);
}
