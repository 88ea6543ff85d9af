//! Layers: chains of operations under one name.
//!
//! In: a [`LayerStmt`]. Out: a node for each operation, behind what flows; its arguments are values and decisions at paths below the layer's.
//! Operations that do not fit and layers that share a path are reported.

use super::{Layer, Place, Unroller};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, LayerStmt, Operation, Slot};
use crate::model::expression::aggregate;
use crate::model::expression::evaluate::Failure;
use crate::model::expression::frame::Frame;
use crate::model::shape::operation::template_op;
use crate::source::Span;

impl Unroller<'_, '_> {
    pub(super) fn layer(&mut self, layer: &LayerStmt, names: &Frame, place: &Place) {
        let guard = self.condition(layer.when.as_ref(), names, place);
        let path = place.of(&layer.name);
        if guard == Expr::bool(false) {
            self.absent.insert(path);
            return;
        }
        for (at, operation) in layer.chain.iter().enumerate() {
            let settler = &mut *self.settler;
            let places = &mut self.places;
            let mut arg = |name: &str| {
                let slot = operation.args.iter().find(|(n, _)| n == name);
                let (_, slot) = slot.ok_or_else(|| Failure::Unknown(name.into()))?;
                // `conv(kernel in …) -> conv(kernel in …)` has `layer[0].kernel` and `layer[1].kernel`.
                let is_alone = choosing(layer, name).count() < 2;
                let number = choosing(layer, name).position(|i| i == at);
                let path = match number.filter(|_| !is_alone) {
                    Some(number) => format!("space.{path}[{number}].{name}"),
                    None => format!("space.{path}.{name}"),
                };
                let value = settler.slot(slot, &path, &guard, names);
                let takes = |op: &&Operation| op.args.iter().any(|(n, _)| n == name);
                if layer.chain.iter().filter(takes).count() == 1 {
                    places.push(aggregate::Place {
                        path,
                        guard: guard.clone(),
                        value: value.clone(),
                    });
                }
                Ok(value)
            };
            match template_op(&operation.name, &self.flow.extent, &mut arg) {
                Ok((op, output)) => self.push(&path, guard.clone(), op, output, operation.span),
                Err(failure) => {
                    let text = failure.to_string();
                    self.settler.sink.push(
                        Diagnostic::error("bnas::type::mismatch", text)
                            .label(operation.span, "here"),
                    );
                }
            }
        }
        self.name_layer(path, guard, layer.span);
    }

    /// Gives what flows now the name of a layer.
    pub(super) fn name_layer(&mut self, path: String, guard: Expr, span: Span) {
        let end = self.flow.clone();
        let layer = Layer { span, guard, end };
        let Some(first) = self.layers.insert(path.clone(), layer) else {
            return;
        };
        let text = format!("two layers have the path `{path}`");
        self.settler.sink.push(
            Diagnostic::error("bnas::name::duplicate", text)
                .label(span, "this one")
                .label(first.span, "the other stands here")
                .help("give each layer of a block a name of its own, and each of several blocks: `first = …`"),
        );
    }
}

/// The places in a layer's chain of operations that choose this argument.
fn choosing<'a>(layer: &'a LayerStmt, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let chooses = move |(_, op): &(usize, &Operation)| {
        op.args
            .iter()
            .any(|(n, slot)| n == name && matches!(slot, Slot::Chosen(_)))
    };
    layer
        .chain
        .iter()
        .enumerate()
        .filter(chooses)
        .map(|(i, _)| i)
}
