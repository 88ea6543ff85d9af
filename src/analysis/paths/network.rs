//! Paths of a network: its values, arguments of its layers, and the parts whose shapes may be spoken of.

use super::{Paths, below, of_slot, type_of};
use crate::analysis::expression::types::Type;
use crate::ir::{BlockStmt, Slot, Space, Stmt, numbered};

/// Decisions of a space.
pub(in crate::analysis) fn of_space(space: Option<&Space>, found: &mut Paths) {
    if let Some(space) = space {
        of_body(&space.body, "space", found);
    }
}

/// A value of a space: a decision or not.
fn of_value(slot: &Slot, path: &str, found: &mut Paths) {
    if let Slot::Fixed(expr) = slot {
        found.insert(path.into(), type_of(expr));
    }
    of_slot(slot, path, found);
}

/// Values of the statements of a space.
pub(in crate::analysis) fn of_body(body: &[Stmt], path: &str, found: &mut Paths) {
    for statement in body {
        match statement {
            Stmt::Let(binding) => of_value(&binding.slot, &below(path, &binding.name), found),
            Stmt::Layer(layer) => {
                let path = below(path, &layer.name);
                for (name, slot) in layer.chain.iter().flat_map(|op| &op.args) {
                    of_value(slot, &below(&path, name), found);
                }
                found.parts.insert(path);
            }
            Stmt::Repeat { index, body, .. } => {
                let path = below(path, index);
                found.repeats.insert(path.clone());
                of_part(body, path, found);
            }
            Stmt::Block(block) => of_block(block, path, found),
            Stmt::Parallel(parallel) => {
                for branch in &parallel.branches {
                    of_part(&branch.body, below(path, &branch.name), found);
                }
            }
            Stmt::OfCopy(of_copy) => {
                let (mut of_one, mut of_others) = (Paths::default(), Paths::default());
                of_body(&of_copy.body, path, &mut of_one);
                of_body(&of_copy.otherwise, path, &mut of_others);
                found.also(of_others);
                found.of_copy(repeat_of(path, &of_copy.index), of_copy.copy, of_one);
            }
            Stmt::Add(_) | Stmt::Require(_) => {}
        }
    }
}

/// The path of the `repeat` with this index that a path lies in.
fn repeat_of<'p>(path: &'p str, index: &str) -> &'p str {
    let mut repeat = path;
    while let Some((before, last)) = repeat.rsplit_once('.') {
        if last == index {
            break;
        }
        repeat = before;
    }
    repeat
}

fn of_part(body: &[Stmt], path: String, found: &mut Paths) {
    of_body(body, &path, found);
    found.parts.insert(path);
}

fn of_block(block: &BlockStmt, path: &str, found: &mut Paths) {
    let path = match (block.name.as_deref(), &block.choice) {
        (None, None) | (Some(""), _) => path.into(),
        (name, _) => below(path, name.unwrap_or("block")),
    };
    if block.choice.is_some() {
        // A choice among whole networks has no name of its own.
        let kind = match block.name.as_deref() {
            Some("") => "space",
            _ => "block",
        };
        found.insert(path.clone(), Type::Declared(kind));
        let names = block.calls.iter().map(|call| call.block.name.clone());
        found
            .members
            .insert(path.clone(), numbered(names.collect()));
    }
    let names = block.calls.iter().map(|call| call.block.name.clone());
    let labels = numbered(names.collect());
    if block.choice.is_some() {
        found.blocks.extend(labels.iter().cloned());
    }
    for (call, label) in block.calls.iter().zip(labels) {
        let path = match &block.choice {
            None => path.clone(),
            Some(_) => below(&path, &label),
        };
        for (name, slot) in &call.args {
            of_slot(slot, &below(&path, name), found);
        }
        of_body(&call.block.body, &path, found);
        if block.choice.is_some() {
            found.parts.insert(path);
        }
    }
    let is_named = match block.name.as_deref() {
        Some(name) => !name.is_empty(),
        None => block.choice.is_some(),
    };
    if is_named {
        found.parts.insert(path);
    }
}
