//! Whether every member of a space is a network, found before anything runs.
//!
//! In: the nodes that may be there, and the decisions. Out: a diagnostic with the choices that lead to a node that does not fit. Each
//! node is built for every combination of the decisions that it depends on; where those are too many, nothing is said, and a
//! candidate that does not fit fails when it is built.

use std::ops::ControlFlow;

use super::build::{self, Misfit};
use super::decision::Decisions;
use super::extent::Extent;
use super::members::{self, Values};
use super::network::Shape;
use super::unroll::TemplateNode;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{Expr, Space, Value};

/// Reports the first node that does not fit for some member of the space; what follows it has no shape to speak of. Whether all
/// fit.
pub(super) fn check_shapes(nodes: &[TemplateNode], decisions: &Decisions, sink: &mut Sink) -> bool {
    for node in nodes {
        let misfit = find(&parts(node), decisions, |scope| {
            if build::exists(node, scope)? {
                build::operation(node, build::extent(&node.input, scope)?, scope)?;
            }
            Ok(())
        });
        if let Some((misfit, when)) = misfit {
            let diagnostic = Diagnostic::error("bnas::shape::misfit", misfit.message)
                .label(node.span, misfit.label);
            sink.push(with_choices(diagnostic, &when));
            return false;
        }
    }
    true
}

/// The last node must give one value per class.
pub(super) fn check_output(
    space: &Space,
    output: &Extent,
    classes: usize,
    decisions: &Decisions,
    sink: &mut Sink,
) {
    let wanted = Shape {
        height: 1,
        width: 1,
        channels: classes,
    };
    let misfit = find(&output.sides(), decisions, |scope| {
        let found = build::extent(output, scope)?;
        match found == wanted {
            true => Ok(()),
            false => Err(Misfit {
                message: format!("the space gives {found}, the data needs {wanted}"),
                label: "its last layer must give one value per class".into(),
            }),
        }
    });
    if let Some((misfit, when)) = misfit {
        let diagnostic = Diagnostic::error("bnas::shape::output", misfit.message)
            .label(space.span, misfit.label)
            .help("end it with `layer head = pool(average) -> linear(classes)`");
        sink.push(with_choices(diagnostic, &when));
    }
}

/// The first combination of choices that does not fit, with the choices that matter.
fn find(
    parts: &[&Expr],
    decisions: &Decisions,
    fits: impl Fn(&Values) -> Result<(), Misfit>,
) -> Option<(Misfit, Vec<String>)> {
    let found = members::visit(parts.iter().copied(), decisions, |values| {
        match fits(&Values(values)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(misfit) => ControlFlow::Break((misfit, values.to_vec())),
        }
    })?;
    let ControlFlow::Break((misfit, values)) = found else {
        return None;
    };
    let named = |index: usize| {
        let value: &Value = values[index].as_ref()?;
        Some(format!("{} = {value}", decisions.all[index].path))
    };
    let choices = members::dependencies(parts.iter().copied(), decisions);
    Some((misfit, choices.into_iter().filter_map(named).collect()))
}

fn with_choices(diagnostic: Diagnostic, choices: &[String]) -> Diagnostic {
    match choices.is_empty() {
        true => diagnostic,
        false => diagnostic.help(format!("this happens when {}", choices.join(", "))),
    }
}

/// Every expression that a node's shape depends on.
pub(super) fn parts(node: &TemplateNode) -> Vec<&Expr> {
    let mut parts = vec![&node.guard];
    parts.extend(node.input.sides());
    parts.extend(node.op.parts());
    parts
}
