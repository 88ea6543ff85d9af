//! Which layers a rule of a policy speaks of.
//!
//! In: a [`Rule`] and the nodes that may be there. Out: for each node with weights, the condition under which the rule speaks of it,
//! given that the node exists.

use super::bounds;
use super::evaluate::{self, Failure, both, either, negate};
use super::extent::rounded;
use super::operation::TemplateOp;
use super::settle::{Frame, Settler};
use super::unroll::TemplateNode;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Function, Pattern, Rule, Selector, Which};

/// For each node with weights, the condition under which a rule speaks of it, given that the node exists.
pub(super) fn matching(
    rule: &Rule,
    weighted: &[usize],
    nodes: &[TemplateNode],
    names: &Frame,
    settler: &mut Settler,
) -> Vec<Expr> {
    let mut sums = vec![Expr::bool(false); weighted.len()];
    for selector in &rule.selectors {
        let places = placed_at(selector, weighted, nodes);
        for ((sum, place), index) in sums.iter_mut().zip(places).zip(weighted) {
            let one = filtered(selector, place, &nodes[*index], names, settler);
            *sum = either(sum.clone(), one);
        }
    }
    sums
}

/// For each node with weights, whether a selector's kind and place fit. The first layer of those that may be there is the one before
/// which none exists.
fn placed_at(selector: &Selector, weighted: &[usize], nodes: &[TemplateNode]) -> Vec<Expr> {
    let mut places = vec![Expr::bool(false); weighted.len()];
    let mut none_so_far = Expr::bool(true);
    let mut visit = |w: usize| {
        let node = &nodes[weighted[w]];
        if selector.kind.is_some() && node.kind() != selector.kind {
            return;
        }
        places[w] = match &selector.which {
            Which::All => Expr::bool(true),
            Which::Named(pattern) => Expr::bool(fits(pattern, &node.layer)),
            Which::First | Which::Last => none_so_far.clone(),
        };
        none_so_far = both(none_so_far.clone(), negate(node.guard.clone()));
    };
    match selector.which {
        Which::Last => (0..weighted.len()).rev().for_each(&mut visit),
        _ => (0..weighted.len()).for_each(&mut visit),
    }
    places
}

/// `place`, and the selector's `where`.
fn filtered(
    selector: &Selector,
    place: Expr,
    node: &TemplateNode,
    names: &Frame,
    settler: &mut Settler,
) -> Expr {
    let Some(filter) = selector
        .filter
        .as_ref()
        .filter(|_| place != Expr::bool(false))
    else {
        return place;
    };
    match properties(node, names) {
        Ok(frame) => both(place, settler.expr(filter, "policy", &node.guard, &frame)),
        Err(failure) => {
            let text = failure.to_string();
            settler.sink.push(
                Diagnostic::error("bnas::type::mismatch", text)
                    .label(selector.span, "in this selector"),
            );
            Expr::bool(false)
        }
    }
}

/// What `where` may speak of.
fn properties(node: &TemplateNode, names: &Frame) -> Result<Frame, Failure> {
    let times = |x: Expr, y: Expr| evaluate::combine(BinaryOp::Multiply, x, y);
    let mut frame = names.clone();
    let (kernel, stride, groups) = match &node.op {
        TemplateOp::Convolution {
            kernel,
            stride,
            groups,
            ..
        } => (kernel.clone(), stride.clone(), groups.clone()),
        TemplateOp::Project(to) => {
            let one = || Expr::number(1.0);
            let stride = rounded(Function::Ceil, &node.input.height, &to.height)?;
            (one(), stride, one())
        }
        _ => (Expr::number(1.0), Expr::number(1.0), Expr::number(1.0)),
    };
    let taps = times(kernel.clone(), kernel.clone())?;
    let inputs = match &node.op {
        TemplateOp::Linear { .. } => times(
            times(node.input.height.clone(), node.input.width.clone())?,
            node.input.channels.clone(),
        )?,
        _ => evaluate::combine(
            BinaryOp::Divide,
            node.input.channels.clone(),
            groups.clone(),
        )?,
    };
    let weights = times(times(taps, inputs)?, node.output.channels.clone())?;
    let pixels = times(node.output.height.clone(), node.output.width.clone())?;
    frame.define("channels", node.output.channels.clone());
    frame.define("input.channels", node.input.channels.clone());
    frame.define("kernel", kernel);
    frame.define("stride", stride);
    frame.define("groups", groups);
    frame.define("macs", times(weights.clone(), pixels)?);
    frame.define(
        "params",
        evaluate::combine(BinaryOp::Add, weights, node.output.channels.clone())?,
    );
    Ok(frame)
}

/// Reports a rule that speaks of no layer of any member. `matches` are its conditions on the nodes `weighted`.
pub(super) fn report_idle(
    rule: &Rule,
    matches: &[Expr],
    weighted: &[usize],
    nodes: &[TemplateNode],
    settler: &mut Settler,
) {
    let may_speak_of = |(condition, index): (&Expr, &usize)| {
        let there = both(nodes[*index].guard.clone(), condition.clone());
        bounds::proves(&there, &settler.decisions, &|_| None) != Some(false)
    };
    if matches.iter().zip(weighted).any(may_speak_of) {
        return;
    }
    let mut layers: Vec<&str> = weighted.iter().map(|i| nodes[*i].layer.as_str()).collect();
    layers.dedup();
    let shown = layers
        .iter()
        .take(8)
        .map(|l| format!("`{l}`"))
        .collect::<Vec<_>>()
        .join(", ");
    let more = if layers.len() > 8 { ", …" } else { "" };
    settler.sink.push(
        Diagnostic::error(
            "bnas::policy::matches_nothing",
            "this rule matches no layer of the space",
        )
        .label(rule.span, "no layer is like this")
        .help(match layers.is_empty() {
            true => "the space has no layer with weights".to_string(),
            false => format!("the layers with weights are {shown}{more}"),
        }),
    );
}

/// Whether a layer's path is like a pattern: `s[0].d[*].project`.
fn fits(pattern: &Pattern, path: &str) -> bool {
    let parts: Vec<&str> = path.split('.').collect();
    parts.len() == pattern.0.len()
        && pattern.0.iter().zip(parts).all(|(wanted, part)| {
            let (name, index) = match part.split_once('[') {
                Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            name == wanted.name
                && match wanted.index {
                    None => index.is_none(),
                    Some(None) => index.is_some(),
                    Some(Some(i)) => index == Some(i),
                }
        })
}
