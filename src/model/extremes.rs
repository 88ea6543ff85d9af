//! How small and how large the members of a space can be.
//!
//! In: a template's nodes. Out: for each metric that is a sum over layers, bounds that contain every member. Each layer is priced
//! for all combinations of the decisions that it depends on; the sums of the layers' extremes are the bounds. They are attained if no
//! two layers want different values of a shared decision.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::decision::Decisions;
use super::expression::evaluate;
use super::expression::members::{self, Values};
use super::hardware;
use super::network::{Network, Node, Op, Placement};
use super::quantization::place;
use super::quantization::policy::Placed;
use super::shape::build;
use super::shape::fit;
use super::shape::operation::TemplateOp;
use super::unroll::TemplateNode;
use crate::ir::{Expr, Quantizer};

/// Smallest and largest value of `macs`, `params` and `model_size` by name.
pub(super) fn extremes(
    nodes: &[TemplateNode],
    placed: &[Option<Placed>],
    decisions: &Decisions,
    quantizers: &[Quantizer],
) -> BTreeMap<&'static str, (f64, f64)> {
    let mut sums: BTreeMap<&'static str, (f64, f64)> =
        NAMES.iter().map(|name| (*name, (0.0, 0.0))).collect();
    for (node, placed) in nodes.iter().zip(placed) {
        if node.kind().is_none() {
            continue;
        }
        let of_node = layer(node, placed.as_ref(), decisions, quantizers)
            .unwrap_or([(0.0, f64::INFINITY); NAMES.len()]);
        for (name, (low, high)) in NAMES.iter().zip(of_node) {
            let sum = sums.get_mut(name).expect("every name has a sum");
            *sum = (sum.0 + low, sum.1 + high);
        }
    }
    sums
}

const NAMES: [&str; 3] = ["macs", "params", "model_size"];

/// The extremes of one layer, 0 where it is absent; `None` if its decisions are too many, or no combination is allowed.
fn layer(
    node: &TemplateNode,
    placed: Option<&Placed>,
    decisions: &Decisions,
    quantizers: &[Quantizer],
) -> Option<[(f64, f64); NAMES.len()]> {
    let weights = placed.map(|p| &p.weights);
    let mut exprs: Vec<&Expr> = fit::parts(node);
    exprs.extend(weights);
    let mut found = [(f64::INFINITY, f64::NEG_INFINITY); NAMES.len()];
    let visited = members::visit(exprs, decisions, |values| {
        let scope = Values(values);
        let mut prices = [0.0; NAMES.len()];
        if build::exists(node, &scope).unwrap_or(false) {
            let Some(network) = alone(node, weights, quantizers, &scope) else {
                return ControlFlow::Break(());
            };
            prices = [
                network.total_macs() as f64,
                network.params() as f64,
                hardware::model_size(&network) as f64,
            ];
        }
        for (range, price) in found.iter_mut().zip(prices) {
            *range = (range.0.min(price), range.1.max(price));
        }
        ControlFlow::Continue(())
    })?;
    if let TemplateOp::Project(_) = node.op {
        // A repair that removes skip connections takes it out.
        found
            .iter_mut()
            .for_each(|range| range.0 = range.0.min(0.0));
    }
    // Without a combination that meets the constraints there is nothing to bound.
    (visited.is_continue() && found[0].0 <= found[0].1).then_some(found)
}

/// A network of the input and this one layer.
fn alone(
    node: &TemplateNode,
    weights: Option<&Expr>,
    quantizers: &[Quantizer],
    scope: &Values,
) -> Option<Network> {
    let input = build::extent(&node.input, scope).ok()?;
    let (op, shape) = build::operation(node, input, scope).ok()?;
    let weights = match weights {
        Some(expr) => place::quantizer(&evaluate::value(expr, scope).ok()?, quantizers).ok()?,
        None => None,
    };
    let placement = Some(Placement {
        weights,
        activations: None,
    });
    let first = Node {
        layer: "input".into(),
        op: Op::Input,
        inputs: Vec::new(),
        shape: input,
        placement: None,
    };
    let second = Node {
        layer: node.layer.clone(),
        op,
        inputs: vec![0],
        shape,
        placement,
    };
    Some(Network {
        nodes: vec![first, second],
    })
}
