//! Paths of decisions without the indices of their copies: `space.s.d.kernel`, `train.optimizer.adam.lr`.
//!
//! In: lowered parts of an experiment. Out: every path that a requirement may name, so that a wrong one is found before anything is unrolled.

use std::collections::BTreeSet;

use crate::ir::{Domain, DomainKind, Expr, Slot, Space, Stmt, Target, Training};

/// Decisions of a slot at this path.
pub(super) fn of_slot(slot: &Slot, path: &str, found: &mut BTreeSet<String>) {
    match slot {
        Slot::Fixed(expr) => of_expr(expr, path, found),
        Slot::Chosen(domain) => {
            found.insert(path.into());
            of_members(domain, path, found);
        }
    }
}

/// Decisions of a space.
pub(super) fn of_space(space: Option<&Space>, found: &mut BTreeSet<String>) {
    if let Some(space) = space {
        of_body(&space.body, "space", found);
    }
}

/// Decisions of a stage of training.
pub(super) fn of_training(training: &Training, path: &str, found: &mut BTreeSet<String>) {
    let fields = [
        ("epochs", &training.epochs),
        ("batch", &training.batch),
        ("optimizer", &training.optimizer),
        ("schedule", &training.schedule),
        ("label_smoothing", &training.label_smoothing),
    ];
    for (name, slot) in fields {
        of_slot(slot, &format!("{path}.{name}"), found);
    }
    if let Some(slot) = &training.weight_decay {
        of_slot(slot, &format!("{path}.weight_decay"), found);
    }
}

/// Decisions of a target.
pub(super) fn of_target(target: Option<&Target>, found: &mut BTreeSet<String>) {
    let Some(target) = target else { return };
    let fields = [
        ("op_per_mac", &target.op_per_mac),
        ("clock", &target.clock),
        ("vector.width", &target.vector_width),
        ("vector.lanes", &target.lanes),
        ("vector.idle", &target.idle),
    ];
    for (name, slot) in fields {
        of_slot(slot, &format!("target.{name}"), found);
    }
    for precision in &target.precisions {
        of_slot(
            &precision.energy,
            &format!("target.{}.energy", precision.name),
            found,
        );
        of_slot(
            &precision.macs,
            &format!("target.{}.macs", precision.name),
            found,
        );
    }
}

fn of_body(body: &[Stmt], path: &str, found: &mut BTreeSet<String>) {
    for statement in body {
        match statement {
            Stmt::Let(binding) => {
                of_slot(&binding.slot, &format!("{path}.{}", binding.name), found)
            }
            Stmt::Layer(layer) => {
                for (name, slot) in layer.chain.iter().flat_map(|op| &op.args) {
                    of_slot(slot, &format!("{path}.{}.{name}", layer.name), found);
                }
            }
            Stmt::Repeat { index, body, .. } => of_body(body, &format!("{path}.{index}"), found),
            Stmt::Block { block, args, .. } => {
                for (name, slot) in args {
                    of_slot(slot, &format!("{path}.{name}"), found);
                }
                of_body(&block.body, path, found);
            }
            Stmt::AddInput { .. } => {}
        }
    }
}

fn of_expr(expr: &Expr, path: &str, found: &mut BTreeSet<String>) {
    if let Expr::Record(_, fields, _) = expr {
        for (name, slot) in fields {
            of_slot(slot, &format!("{path}.{name}"), found);
        }
    }
}

/// Members with choices of their own: `train.optimizer.adam.lr`.
fn of_members(domain: &Domain, path: &str, found: &mut BTreeSet<String>) {
    if let DomainKind::Set(items) | DomainKind::Categories(items) = &domain.kind {
        for item in items {
            if let Expr::Record(name, ..) = item {
                of_expr(item, &format!("{path}.{name}"), found);
            }
        }
    }
}
