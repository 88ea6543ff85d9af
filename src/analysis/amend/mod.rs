//! Amendments: `small_cnn { width in {8, 16} }` copies a declaration and overrides values in it, at any depth.
//!
//! In: a declaration and the entries that override it; `s[1].depth = 2` overrides in one copy of a `repeat`. Out: a [`Merged`] declaration, as if it had been written so. All of this
//! happens on the tree, before anything is lowered: every entry keeps the span where it was written.

mod argument;
mod section;

use self::argument::override_within;
use self::section::leads;
use super::context::Cx;
use super::merged::Merged;
use super::schema::{self, Field, Label};
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
                self.override_value(entries, &parts(target), entry, into);
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
        parts: &[Part],
        entry: &Entry,
        into: &mut Into,
    ) {
        let (first, rest) = (&parts[0].name, &parts[1..]);
        if let Some(copy) = &parts[0].copy
            && (rest.is_empty() || !entries.iter().any(|e| is_repeat(e, first)))
        {
            self.no_copies(first, copy, rest.is_empty(), into);
            return;
        }
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
                EntryKind::Section(section) if leads(section, parts, into).is_some() => {
                    let (owner, rest) = match leads(section, parts, into) {
                        Some(2) => (&rest[0].name, &rest[1..]),
                        _ => (first, rest),
                    };
                    let owner = format!("`{}`", owner.text);
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
                    let mut into = Into::body(&owner, repeat.index.span);
                    match &parts[0].copy {
                        None => {
                            self.override_value(&mut repeat.entries, rest, entry, &mut into);
                        }
                        Some(copy) => {
                            let before = repeat.entries.clone();
                            self.override_value(&mut repeat.entries, rest, entry, &mut into);
                            of_one_copy(&mut repeat.entries, before, &repeat.index, copy);
                        }
                    }
                    return;
                }
                EntryKind::Parallel(parallel) => {
                    if let Some(branch) = branch(parallel, first) {
                        let owner = format!("`{}`", first.text);
                        let mut into = Into::body(&owner, branch.name.span);
                        self.override_value(&mut branch.entries, rest, entry, &mut into);
                        return;
                    }
                }
                EntryKind::OfCopy(of_copy) if reaches(&of_copy.otherwise, first) => {
                    // What is said of every copy from here on is said of this one, too.
                    for inner in [&mut of_copy.entry, &mut of_copy.otherwise] {
                        let mut one = vec![(**inner).clone()];
                        self.override_value(&mut one, parts, entry, into);
                        **inner = one.swap_remove(0);
                    }
                    return;
                }
                EntryKind::Layer(layer) if layer.name.text == first.text && rest.len() == 1 => {
                    self.override_argument(layer, &rest[0].name, entry);
                    return;
                }
                EntryKind::Optional(optional) if reaches_field(&optional.statement, first) => {
                    let mut one = vec![Entry {
                        kind: (*optional.statement).clone(),
                        ..entry.clone()
                    }];
                    self.override_value(&mut one, parts, entry, into);
                    *optional.statement = one.swap_remove(0).kind;
                    return;
                }
                EntryKind::Choice(choice) if is_called(&choice.target, first) => {
                    self.override_in_choice(choice, rest, entry);
                    return;
                }
                EntryKind::Field(field) if is_called(&field.target, first) => {
                    override_within(&mut field.value, rest, entry);
                    return;
                }
                _ => {}
            }
        }
        if let Some(section) = into.schema.and_then(|s| s.section(&first.text))
            && section.label == Label::None
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
        match into.schema.and_then(|s| s.section(&first.text)) {
            Some(section) if section.label == Label::Behind => {
                self.no_such_section(section, &rest[0].name, entries, into)
            }
            _ => self.unknown_in(first, entries, into),
        }
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

    fn no_copies(&mut self, name: &ast::Name, copy: &ast::Expr, is_last: bool, into: &Into) {
        let text = match is_last {
            true => format!("`{}` is one copy: nothing of it is amended", name.text),
            false => format!("`{}` counts no copies", name.text),
        };
        self.report(
            Diagnostic::error("bnas::amend::no_such_copy", text)
                .label(copy.span, "the number of a copy")
                .label(into.declared, format!("{} stands here", into.owner))
                .help("write `s[1].name = …`, where `repeat … as s` stands in what is amended"),
        );
    }

    fn unknown_in(&mut self, name: &ast::Name, entries: &[Entry], into: &Into) {
        if into.schema.is_some_and(|s| self.not_built(s, name)) {
            return;
        }
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

impl<'a> Into<'a> {
    /// Statements of a network, which have no schema.
    fn body(owner: &'a str, declared: Span) -> Into<'a> {
        Into {
            owner,
            declared,
            fields: &[],
            schema: None,
            derives: false,
        }
    }
}

/// One name of a path, and the number of its copy.
struct Part {
    name: ast::Name,
    copy: Option<ast::Expr>,
}

/// The names of a path. A star stands for every copy, and may be left out.
fn parts(path: &ast::Path) -> Vec<Part> {
    let part = |name: &ast::Name| Part {
        name: name.clone(),
        copy: None,
    };
    let mut parts = vec![part(&path.head)];
    for step in &path.steps {
        match step {
            Step::Member(name) => parts.push(part(name)),
            Step::All(_) => {}
            Step::Index(index) => {
                let last = parts.last_mut().expect("a path has a head");
                last.copy = Some(index.clone());
            }
        }
    }
    parts
}

/// Entries that an amendment changed speak of one copy; the others keep what stood `before`.
fn of_one_copy(entries: &mut [Entry], before: Vec<Entry>, index: &ast::Name, copy: &ast::Expr) {
    for (entry, old) in entries.iter_mut().zip(before) {
        if *entry == old {
            continue;
        }
        let span = entry.span;
        let changed = std::mem::replace(entry, old.clone());
        entry.kind = EntryKind::OfCopy(ast::OfCopy {
            index: index.clone(),
            copy: copy.clone(),
            entry: Box::new(changed),
            otherwise: Box::new(old),
        });
        entry.span = span;
    }
}

/// The branch of this name.
fn branch<'p>(parallel: &'p mut ast::Parallel, name: &ast::Name) -> Option<&'p mut ast::Branch> {
    parallel.entries.iter_mut().find_map(|e| match &mut e.kind {
        EntryKind::Branch(branch) if branch.name.text == name.text => Some(branch),
        _ => None,
    })
}

fn is_repeat(entry: &Entry, index: &ast::Name) -> bool {
    match &entry.kind {
        EntryKind::Repeat(repeat) => repeat.index.text == index.text,
        EntryKind::OfCopy(of_copy) => is_repeat(&of_copy.otherwise, index),
        _ => false,
    }
}

/// Whether a path that begins with this name leads into an entry.
fn reaches(entry: &Entry, name: &ast::Name) -> bool {
    match &entry.kind {
        EntryKind::Repeat(repeat) => repeat.index.text == name.text,
        EntryKind::Layer(layer) => layer.name.text == name.text,
        EntryKind::OfCopy(of_copy) => reaches(&of_copy.otherwise, name),
        kind => reaches_field(kind, name),
    }
}

fn reaches_field(kind: &EntryKind, name: &ast::Name) -> bool {
    match kind {
        EntryKind::Field(f) => is_called(&f.target, name),
        EntryKind::Choice(c) => is_called(&c.target, name),
        EntryKind::Optional(optional) => reaches_field(&optional.statement, name),
        _ => false,
    }
}

fn is_called(target: &ast::Path, name: &ast::Name) -> bool {
    target.as_name().is_some_and(|n| n.text == name.text)
}

/// The name of a value or section.
fn key(entry: &Entry) -> Option<&ast::Name> {
    match &entry.kind {
        EntryKind::Field(f) => f.target.as_name(),
        EntryKind::Choice(c) => c.target.as_name(),
        EntryKind::Optional(optional) => match &*optional.statement {
            EntryKind::Field(f) => f.target.as_name(),
            EntryKind::Choice(c) => c.target.as_name(),
            _ => None,
        },
        EntryKind::OfCopy(of_copy) => key(&of_copy.otherwise),
        _ => None,
    }
}

fn path_of(parts: &[Part]) -> ast::Path {
    let mut steps = Vec::new();
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            steps.push(Step::Member(part.name.clone()));
        }
        steps.extend(part.copy.clone().map(Step::Index));
    }
    ast::Path {
        head: parts[0].name.clone(),
        steps,
        span: parts[0].name.span.to(parts[parts.len() - 1].name.span),
    }
}

fn with_path(entry: &Entry, parts: &[Part]) -> Entry {
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
    let name = name.clone();
    with_path(entry, &[Part { name, copy: None }])
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
