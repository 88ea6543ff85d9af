//! Paths of values without the indices of their copies: `space.s.d.kernel`, `train.optimizer.adam.lr`.
//!
//! In: lowered parts of an experiment. Out: every path that a requirement may name, with the type of what stands there, so that a
//! wrong one is found before anything is unrolled: decisions everywhere, in a space also fixed values and arguments of layers.

use std::collections::BTreeMap;

use super::types::Type;
use crate::ir::{
    BinaryOp, BlockStmt, Choice, Domain, DomainKind, Expr, Policy, Slot, Space, Stmt, Target,
    Training, UnaryOp, Value,
};

/// The type of what stands at each path.
pub(super) type Paths = BTreeMap<String, Type>;

/// Decisions of a slot at this path.
pub(super) fn of_slot(slot: &Slot, path: &str, found: &mut Paths) {
    match slot {
        Slot::Fixed(expr) => of_expr(expr, path, found),
        Slot::Chosen(domain) => {
            found.insert(path.into(), of_domain(domain));
            of_members(domain, path, found);
        }
    }
}

/// Decisions of a space.
pub(super) fn of_space(space: Option<&Space>, found: &mut Paths) {
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

/// Decisions of a stage of training.
pub(super) fn of_training(training: &Training, path: &str, found: &mut Paths) {
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
    for (name, slot) in training.techniques.iter() {
        of_slot(slot, &format!("{path}.{name}"), found);
    }
}

/// Numbers of the target, or of each that may be chosen.
pub(super) fn of_targets(
    target: Option<&Target>,
    choice: Option<&Choice<Target>>,
    found: &mut Paths,
) {
    let Some(target) = target else { return };
    match choice {
        None => of_target(target, "target", found),
        Some(choice) => {
            found.insert("target".into(), Type::Declared("target"));
            for target in std::iter::once(target).chain(&choice.others) {
                of_target(target, &format!("target.{}", target.name), found);
            }
        }
    }
}

/// The choice among policies; which layers a policy decides for is known when the space is unrolled.
pub(super) fn of_policies(choice: Option<&Choice<Policy>>, found: &mut Paths) {
    if choice.is_some() {
        found.insert("policy".into(), Type::Declared("policy"));
    }
}

fn of_target(target: &Target, path: &str, found: &mut Paths) {
    for field in target.fields() {
        found.insert(format!("{path}.{}", field.name), Type::in_unit(field.unit));
    }
}

/// Values of the statements of a space.
pub(super) fn of_body(body: &[Stmt], path: &str, found: &mut Paths) {
    for statement in body {
        match statement {
            Stmt::Let(binding) => {
                of_value(&binding.slot, &format!("{path}.{}", binding.name), found)
            }
            Stmt::Layer(layer) => {
                for (name, slot) in layer.chain.iter().flat_map(|op| &op.args) {
                    of_value(slot, &format!("{path}.{}.{name}", layer.name), found);
                }
            }
            Stmt::Repeat { index, body, .. } => of_body(body, &format!("{path}.{index}"), found),
            Stmt::Block(block) => of_block(block, path, found),
            Stmt::Parallel(parallel) => {
                for branch in &parallel.branches {
                    of_body(&branch.body, &format!("{path}.{}", branch.name), found);
                }
            }
            Stmt::OfCopy(of_copy) => {
                of_body(&of_copy.body, path, found);
                of_body(&of_copy.otherwise, path, found);
            }
            Stmt::Add(_) | Stmt::Require(_) => {}
        }
    }
}

fn of_block(block: &BlockStmt, path: &str, found: &mut Paths) {
    let path = match (block.name.as_deref(), &block.choice) {
        (None, None) | (Some(""), _) => path.into(),
        (name, _) => format!("{path}.{}", name.unwrap_or("block")),
    };
    if block.choice.is_some() {
        // A choice among whole networks has no name of its own.
        let ty = match block.name.as_deref() {
            Some("") => Type::Declared("space"),
            _ => Type::Any,
        };
        found.insert(path.clone(), ty);
    }
    let alike = |name: &str| block.calls.iter().filter(|c| c.block.name == name).count();
    let mut seen: Vec<&str> = Vec::new();
    for call in &block.calls {
        let name = call.block.name.as_str();
        seen.push(name);
        let path = match (&block.choice, alike(name)) {
            (None, _) => path.clone(),
            (Some(_), 1) => format!("{path}.{name}"),
            // Alternatives of one name are numbered.
            (Some(_), _) => {
                let number = seen.iter().filter(|n| **n == name).count();
                format!("{path}.{name}_{number}")
            }
        };
        for (name, slot) in &call.args {
            of_slot(slot, &format!("{path}.{name}"), found);
        }
        of_body(&call.block.body, &path, found);
    }
}

fn of_expr(expr: &Expr, path: &str, found: &mut Paths) {
    if let Expr::Record(_, fields, _) = expr {
        for (name, slot) in fields {
            of_slot(slot, &format!("{path}.{name}"), found);
        }
    }
}

/// Members with choices of their own: `train.optimizer.adam.lr`.
fn of_members(domain: &Domain, path: &str, found: &mut Paths) {
    if let DomainKind::Set(items) | DomainKind::Categories(items) = &domain.kind {
        for item in items {
            if let Expr::Record(name, ..) = item {
                of_expr(item, &format!("{path}.{name}"), found);
            }
        }
    }
}

/// The type of a domain's members.
fn of_domain(domain: &Domain) -> Type {
    match &domain.kind {
        DomainKind::Integers { .. } | DomainKind::Reals { .. } => Type::PLAIN,
        DomainKind::Set(items) | DomainKind::Categories(items) => {
            items.first().map_or(Type::Any, type_of)
        }
        DomainKind::Of(_) => Type::Any,
    }
}

/// The type of a value in a space, whose numbers have no unit.
fn type_of(expr: &Expr) -> Type {
    match expr {
        Expr::Value(Value::Number(_)) | Expr::Call(..) | Expr::Unary(UnaryOp::Negate, _) => {
            Type::PLAIN
        }
        Expr::Value(Value::Bool(_)) | Expr::Unary(UnaryOp::Not, _) => Type::Truth,
        Expr::Value(Value::Name(_)) => Type::Word,
        Expr::Binary(op, ..) => match op {
            BinaryOp::Add
            | BinaryOp::Subtract
            | BinaryOp::Multiply
            | BinaryOp::Divide
            | BinaryOp::Power => Type::PLAIN,
            _ => Type::Truth,
        },
        Expr::If(_, x, _) => type_of(x),
        _ => Type::Any,
    }
}
