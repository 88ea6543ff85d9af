//! What the entries of a declaration are called, and which of them a path leads into.

use crate::syntax::ast::{self, Entry, EntryKind};

/// The branch of this name.
pub fn branch<'p>(
    parallel: &'p mut ast::Parallel,
    name: &ast::Name,
) -> Option<&'p mut ast::Branch> {
    parallel.entries.iter_mut().find_map(|e| match &mut e.kind {
        EntryKind::Branch(branch) if branch.name.text == name.text => Some(branch),
        _ => None,
    })
}

fn is_branch(entry: &Entry, name: &ast::Name) -> bool {
    matches!(&entry.kind, EntryKind::Branch(branch) if branch.name.text == name.text)
}

pub fn is_repeat(entry: &Entry, index: &ast::Name) -> bool {
    match &entry.kind {
        EntryKind::Repeat(repeat) => repeat.index.text == index.text,
        EntryKind::OfCopy(of_copy) => is_repeat(&of_copy.otherwise, index),
        _ => false,
    }
}

/// Whether a path that begins with this name leads into an entry.
pub fn reaches(entry: &Entry, name: &ast::Name) -> bool {
    match &entry.kind {
        EntryKind::Repeat(repeat) => repeat.index.text == name.text,
        EntryKind::Layer(layer) => layer.name.text == name.text,
        EntryKind::Parallel(parallel) => parallel.entries.iter().any(|e| is_branch(e, name)),
        EntryKind::OfCopy(of_copy) => reaches(&of_copy.otherwise, name),
        kind => reaches_field(kind, name),
    }
}

pub fn reaches_field(kind: &EntryKind, name: &ast::Name) -> bool {
    match kind {
        EntryKind::Field(f) => is_called(&f.target, name),
        EntryKind::Choice(c) => is_called(&c.target, name),
        EntryKind::Optional(optional) => reaches_field(&optional.statement, name),
        _ => false,
    }
}

pub fn is_called(target: &ast::Path, name: &ast::Name) -> bool {
    target.as_name().is_some_and(|n| n.text == name.text)
}

/// The name of a value or section.
pub fn key(entry: &Entry) -> Option<&ast::Name> {
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

/// The names of what a path may lead into: layers, copies and branches.
pub fn parts_of(entries: &[Entry]) -> Vec<&str> {
    let mut found = Vec::new();
    for entry in entries {
        match &entry.kind {
            EntryKind::Layer(layer) => found.push(layer.name.text.as_str()),
            EntryKind::Repeat(repeat) => found.push(&repeat.index.text),
            EntryKind::Parallel(parallel) => found.extend(parts_of(&parallel.entries)),
            EntryKind::Branch(branch) => found.push(&branch.name.text),
            EntryKind::OfCopy(of_copy) => {
                found.extend(parts_of(std::slice::from_ref(&of_copy.otherwise)));
            }
            _ => {}
        }
    }
    found
}

/// The path of the first value of this layer, or of the one that is called so: `stem.channels`.
pub fn value_of_layer(entries: &[Entry], name: &str, value: Option<&str>) -> Option<String> {
    let mut layers = entries.iter().filter_map(|entry| match &entry.kind {
        EntryKind::Layer(layer) if layer.name.text == name => Some(layer),
        _ => None,
    });
    let args = layers.next()?.chain.iter().filter_map(|op| match &op.kind {
        ast::ExprKind::Call { args, .. } => Some(args),
        _ => None,
    });
    let mut names = args.flatten().filter_map(|arg| match arg {
        ast::Argument::Fixed { name, .. } | ast::Argument::Searched { name, .. } => {
            Some(&name.text)
        }
        ast::Argument::Positional { .. } => None,
    });
    let found = names.find(|arg| value.is_none_or(|value| value == arg.as_str()))?;
    Some(format!("{name}.{found}"))
}

/// The path of the copies or branches in which something of this name stands.
pub fn nested(entries: &[Entry], name: &ast::Name) -> Option<String> {
    entries.iter().find_map(|entry| match &entry.kind {
        EntryKind::Repeat(repeat) => within(&repeat.index.text, &repeat.entries, name),
        EntryKind::Parallel(parallel) => nested(&parallel.entries, name),
        EntryKind::Branch(branch) => within(&branch.name.text, &branch.entries, name),
        EntryKind::OfCopy(of_copy) => nested(std::slice::from_ref(&of_copy.otherwise), name),
        _ => None,
    })
}

fn within(part: &str, entries: &[Entry], name: &ast::Name) -> Option<String> {
    if entries.iter().any(|inner| reaches(inner, name)) {
        return Some(part.to_string());
    }
    nested(entries, name).map(|inner| format!("{part}.{inner}"))
}
