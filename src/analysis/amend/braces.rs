//! Braces around what an amendment says of one part: `more { width = 4 }` is `more.width = 4`, and `s[1] { depth = 2 }` is `s[1].depth = 2`.

use std::borrow::Cow;

use super::Amended;
use super::entry::reaches;
use super::path::{Part, parts, with_path};
use crate::analysis::schema::{Field, Kind};
use crate::syntax::ast::{self, Entry, EntryKind};

/// The same overrides, those of a layer, block or copies by their paths. What a schema knows as a section or field stays as it is, and so does what says more than values.
pub(super) fn by_paths<'o>(
    entries: &[Entry],
    overrides: &'o [Entry],
    into: &Amended,
) -> Vec<Cow<'o, Entry>> {
    let is_part = |section: &ast::Section| {
        let name = section.name.text.as_str();
        let is_known = into.schema.is_some_and(|s| s.keys().any(|key| key == name))
            || into.fields.iter().any(|field| field.name == name);
        // `space { s[0].depth = 2 }` amends what the base has as `space = …`.
        let is_declared =
            |field: &Field| field.name == name && matches!(field.kind, Kind::Declared(_));
        // An arm has a path of its own: one that the base has not is new.
        let is_arms = |entry: &Entry| {
            name == "arms" && matches!(&entry.kind, EntryKind::Section(s) if s.name.text == name)
        };
        if entries.iter().any(is_arms) {
            return true;
        }
        let is_amended = !is_known || into.derives && into.fields.iter().any(is_declared);
        is_amended && entries.iter().any(|e| reaches(e, &section.name))
    };
    let mut found = Vec::new();
    for entry in overrides {
        let values = match &entry.kind {
            EntryKind::Section(section) if is_part(section) => of_section(section, &[]),
            EntryKind::Part(part) => values(&part.entries, &parts(&part.target)),
            _ => None,
        };
        match values {
            Some(values) => found.extend(values.into_iter().map(Cow::Owned)),
            None => found.push(Cow::Borrowed(entry)),
        }
    }
    found
}

/// The values in the braces of a part with their paths from outside; `None` if there is more than values.
fn of_section(section: &ast::Section, around: &[Part]) -> Option<Vec<Entry>> {
    if section.label.is_some() {
        return None;
    }
    let name = section.name.clone();
    let around = [around, &[Part { name, copy: None }]].concat();
    values(&section.entries, &around)
}

fn values(entries: &[Entry], around: &[Part]) -> Option<Vec<Entry>> {
    let below = |path: &ast::Path| [around, &parts(path)].concat();
    let mut found = Vec::new();
    for entry in entries {
        match &entry.kind {
            EntryKind::Field(ast::Field { target, .. })
            | EntryKind::Choice(ast::Choice { target, .. }) => {
                found.push(with_path(entry, &below(target)));
            }
            EntryKind::Section(inner) => found.extend(of_section(inner, around)?),
            EntryKind::Part(inner) => found.extend(values(&inner.entries, &below(&inner.target))?),
            _ => return None,
        }
    }
    Some(found)
}
