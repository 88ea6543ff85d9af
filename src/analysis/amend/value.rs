//! Amendments of values: `name = value`, `s[*].d[*].kernel in {…}`, `vector.lanes = 16`.
//!
//! In: the entries of what is amended, the names of a path, and the entry that overrides what the path leads to. Out: the entries with that
//! one in its place. A path that leads nowhere is reported.

use super::Amended;
use super::argument::override_within;
use super::entry::{branch, is_called, is_repeat, key, reaches, reaches_field};
use super::path::{Part, number, renamed, with_path};
use super::section::leads;
use crate::analysis::context::Cx;
use crate::analysis::quantization::quantizer::target;
use crate::analysis::schema::Label;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind};

impl Cx<'_> {
    /// `name = value`, `s[*].d[*].kernel in {…}`, `vector.lanes = 16`.
    pub(super) fn override_value(
        &mut self,
        entries: &mut Vec<Entry>,
        parts: &[Part],
        entry: &Entry,
        into: &Amended,
    ) {
        let (first, rest) = (&parts[0].name, &parts[1..]);
        let is_here = |e: &Entry| match (&parts[0].copy, rest.is_empty()) {
            (Some(_), _) => is_repeat(e, first),
            (None, true) => key(e).is_some_and(|name| name.text == first.text),
            (None, false) => reaches(e, first),
        };
        if !entries.iter().any(is_here)
            && let Some(parts) = self.through_bare(entries, parts)
        {
            self.override_value(entries, &parts, entry, into);
            return;
        }
        if let Some(copy) = &parts[0].copy
            && (rest.is_empty() || !entries.iter().any(is_here))
        {
            self.no_copies(first, copy, rest.is_empty(), into);
            return;
        }
        if rest.is_empty() {
            self.override_here(entries, first, entry, into);
            return;
        }
        for inner in entries.iter_mut() {
            if self.override_inside(inner, parts, entry, into) {
                return;
            }
        }
        self.begin_section(entries, parts, entry, into);
    }

    /// Puts an entry in the place of the one of this name, or beside the others.
    fn override_here(
        &mut self,
        entries: &mut Vec<Entry>,
        name: &ast::Name,
        entry: &Entry,
        into: &Amended,
    ) {
        entries.retain(|e| !matches!(&e.kind, EntryKind::Formula(f) if f.name.text == name.text));
        self.leave_one(entries, name);
        let same = entries
            .iter_mut()
            .find(|e| key(e).is_some_and(|n| n.text == name.text));
        match same {
            Some(same) => *same = renamed(entry, name),
            None if into.fields.iter().any(|f| f.name == name.text)
                || into.derives && into.schema.is_some_and(|s| s.lets) =>
            {
                entries.push(renamed(entry, name));
            }
            None if into.schema.is_some_and(|s| s.section(&name.text).is_some()) => {
                self.section_given(into.declared, name);
            }
            None => self.unknown_in(name, entries, into),
        }
    }

    /// Of values of one name that a declaration defines twice, leaves the first: what amends it takes the place of both.
    fn leave_one(&mut self, entries: &mut Vec<Entry>, name: &ast::Name) {
        let mut first: Option<Span> = None;
        entries.retain(|entry| {
            let Some(defined) = key(entry).filter(|n| n.text == name.text) else {
                return true;
            };
            let Some(first) = first else {
                first = Some(defined.span);
                return true;
            };
            if self.is_new_twice(defined.span, first) {
                self.twice(&defined.text, defined.span, first);
            }
            false
        });
    }

    /// Overrides what an entry leads to, if the path leads into it.
    fn override_inside(
        &mut self,
        inner: &mut Entry,
        parts: &[Part],
        entry: &Entry,
        into: &Amended,
    ) -> bool {
        let (first, rest) = (&parts[0].name, &parts[1..]);
        match &mut inner.kind {
            // Whatever is an arm has a path of its own.
            EntryKind::Section(section) if section.name.text == "arms" && first.text == "arms" => {
                let arm = with_path(entry, rest);
                let text = |e: &Entry| target(e).map(|path| self.path_text(path));
                let own = text(&arm);
                let is_it = |e: &&mut Entry| own.is_some() && text(e) == own;
                match section.entries.iter_mut().find(is_it) {
                    Some(same) => *same = arm,
                    None => section.entries.push(arm),
                }
            }
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
                let into = Amended {
                    owner: &owner,
                    declared: section.name.span,
                    fields,
                    schema: None,
                    derives: false,
                };
                self.override_value(&mut section.entries, rest, entry, &into);
            }
            EntryKind::Repeat(repeat) if repeat.index.text == first.text => {
                let owner = format!("`{}`", first.text);
                let into = Amended::body(&owner, repeat.index.span);
                match &parts[0].copy {
                    None => {
                        self.override_value(&mut repeat.entries, rest, entry, &into);
                    }
                    Some(copy) => {
                        let before = repeat.entries.clone();
                        { repeat.entries.iter_mut() }.for_each(|e| narrow(e, &repeat.index, copy));
                        let narrowed = repeat.entries.clone();
                        self.override_value(&mut repeat.entries, rest, entry, &into);
                        let before = before.into_iter().zip(narrowed);
                        of_one_copy(&mut repeat.entries, before, &repeat.index, copy);
                    }
                }
            }
            EntryKind::Parallel(parallel) => {
                let Some(branch) = branch(parallel, first) else {
                    return false;
                };
                let owner = format!("`{}`", first.text);
                let into = Amended::body(&owner, branch.name.span);
                self.override_value(&mut branch.entries, rest, entry, &into);
            }
            EntryKind::OfCopy(of_copy) if reaches(&of_copy.otherwise, first) => {
                // What is said of every copy from here on is said of this one, too.
                for inner in [&mut of_copy.entry, &mut of_copy.otherwise] {
                    let mut one = vec![(**inner).clone()];
                    self.override_value(&mut one, parts, entry, into);
                    **inner = one.swap_remove(0);
                }
            }
            EntryKind::Layer(layer) if layer.name.text == first.text && rest.len() == 1 => {
                self.override_argument(layer, &rest[0].name, entry);
            }
            EntryKind::Optional(optional) if reaches_field(&optional.statement, first) => {
                let mut one = vec![Entry {
                    kind: (*optional.statement).clone(),
                    ..entry.clone()
                }];
                self.override_value(&mut one, parts, entry, into);
                *optional.statement = one.swap_remove(0).kind;
            }
            EntryKind::Choice(choice) if is_called(&choice.target, first) => {
                self.override_in_choice(choice, rest, entry);
            }
            EntryKind::Field(field) if is_called(&field.target, first) => {
                override_within(&mut field.value, rest, entry);
            }
            _ => return false,
        }
        true
    }

    /// `finetune.epochs = 3` where no `finetune` stands yet: the section begins with it.
    fn begin_section(
        &mut self,
        entries: &mut Vec<Entry>,
        parts: &[Part],
        entry: &Entry,
        into: &Amended,
    ) {
        let (first, rest) = (&parts[0].name, &parts[1..]);
        match into.schema.and_then(|s| s.section(&first.text)) {
            Some(section) if section.label == Label::None => {
                let inner = ast::Section {
                    name: first.clone(),
                    label: None,
                    entries: vec![with_path(entry, rest)],
                };
                entries.push(Entry {
                    kind: EntryKind::Section(inner),
                    ..entry.clone()
                });
            }
            Some(section) if section.label == Label::Behind => {
                self.no_such_section(section, &rest[0].name, entries, into)
            }
            _ if into.fields.iter().any(|f| f.name == first.text) => {
                self.left_out(first, rest, into);
            }
            _ => self.unknown_in(first, entries, into),
        }
    }

    /// `train.optimizer.lr = 0.1` where `train` leaves its optimizer out: nothing is there to amend.
    fn left_out(&mut self, field: &ast::Name, rest: &[Part], into: &Amended) {
        let example = match field.text.as_str() {
            "optimizer" => "adam(lr = 1e-3)".to_string(),
            _ => format!("… {} …", rest[0].name.text),
        };
        self.report(
            Diagnostic::error(
                "bnas::name::unknown_key",
                format!("{} leaves `{}` out", into.owner, field.text),
            )
            .label(field.span, "nothing is there to amend")
            .label(into.declared, format!("{} stands here", into.owner))
            .help(format!(
                "give it as a whole: `{}.{} = {example}`",
                into.owner.trim_matches('`'),
                field.text
            )),
        );
    }

    fn no_copies(&mut self, name: &ast::Name, copy: &ast::Expr, is_last: bool, into: &Amended) {
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
}

/// An entry as it stands in one copy, as far as that is known.
fn narrow(entry: &mut Entry, index: &ast::Name, copy: &ast::Expr) {
    while let EntryKind::OfCopy(of_copy) = &entry.kind {
        let (one, other) = (number(copy), number(&of_copy.copy));
        if of_copy.index.text != index.text || one.is_none() || other.is_none() {
            return;
        }
        *entry = match one == other {
            true => (*of_copy.entry).clone(),
            false => (*of_copy.otherwise).clone(),
        };
    }
}

/// Entries that an amendment changed speak of one copy; the others keep what stood `before`: as it is, and as it stands in this copy.
fn of_one_copy(
    entries: &mut [Entry],
    before: impl Iterator<Item = (Entry, Entry)>,
    index: &ast::Name,
    copy: &ast::Expr,
) {
    for (entry, (old, narrowed)) in entries.iter_mut().zip(before) {
        if *entry == narrowed {
            *entry = old;
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
