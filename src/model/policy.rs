//! From the rules of a policy to a quantizer for each operand of each layer.
//!
//! In: a [`Policy`] and the nodes that may be there. Out: for each node with weights, two expressions over decisions that give
//! a quantizer's name or record. The last matching rule wins, field by field; a decision of a rule exists only where
//! the rule wins for at least one field.

use std::sync::Arc;

use super::evaluate::{self, Failure, both, negate};
use super::operation::TemplateOp;
use super::settle::{Frame, Settler};
use super::unroll::TemplateNode;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Expr, Pattern, Policy, Quantifier, Rule, Selector, Slot, Value, Which};

/// Quantizers of a node's operands: expressions that give a name or a record. `float` where no rule speaks of an operand.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) weights: Expr,
    pub(super) activations: Expr,
}

/// The value of an operand that no rule quantizes.
pub(super) const FLOAT: &str = "float";

/// Under which condition a rule wins a node's weights, and its activations.
#[derive(Clone)]
struct Reach {
    weights: Expr,
    activations: Expr,
}

impl Reach {
    fn never() -> Reach {
        Reach {
            weights: Expr::bool(false),
            activations: Expr::bool(false),
        }
    }

    fn either(&self, other: &Reach) -> Reach {
        Reach {
            weights: either(self.weights.clone(), other.weights.clone()),
            activations: either(self.activations.clone(), other.activations.clone()),
        }
    }
}

/// What a rule says, with its choices made decisions.
#[derive(Clone)]
struct Said {
    weights: Option<Expr>,
    activations: Option<Expr>,
}

/// Places quantizers on every node with weights; the result has one entry per node, `None` for the others.
pub(super) fn place(
    policy: &Policy,
    nodes: &[TemplateNode],
    settler: &mut Settler,
) -> Vec<Option<Placed>> {
    let mut names = Frame::default();
    for binding in &policy.lets {
        let value = settler.slot(
            &binding.slot,
            &format!("policy.{}", binding.name),
            &Expr::bool(true),
            &names,
        );
        names.define(&binding.name, value);
    }
    let weighted: Vec<usize> = (0..nodes.len())
        .filter(|i| nodes[*i].kind().is_some())
        .collect();
    let mut matches = Vec::with_capacity(policy.rules.len());
    for rule in &policy.rules {
        let of_rule: Vec<Expr> = weighted
            .iter()
            .map(|i| matching(rule, *i, &weighted, nodes, &names, settler))
            .collect();
        report_idle(rule, &of_rule, nodes, settler);
        matches.push(of_rule);
    }
    let reach = reaches(policy, &weighted, &matches, nodes);
    let once: Vec<Option<Said>> = policy
        .rules
        .iter()
        .enumerate()
        .map(|(r, rule)| {
            let anywhere = reach[r]
                .iter()
                .fold(Reach::never(), |sum, one| sum.either(one));
            (rule.quantifier == Quantifier::Every).then(|| {
                say(
                    rule,
                    &format!("policy.every[{r}]"),
                    &anywhere,
                    &names,
                    settler,
                )
            })
        })
        .collect();

    let mut placed = vec![None; nodes.len()];
    for (w, index) in weighted.iter().enumerate() {
        let float = || Expr::Value(Value::name(FLOAT));
        let mut operands = Placed {
            weights: float(),
            activations: float(),
        };
        let path = format!("policy.{}", label(*index, &weighted, nodes));
        for (r, rule) in policy.rules.iter().enumerate() {
            let said = once[r]
                .clone()
                .unwrap_or_else(|| say(rule, &path, &reach[r][w], &names, settler));
            if let Some(value) = said.weights {
                operands.weights = evaluate::choose(matches[r][w].clone(), value, operands.weights);
            }
            if let Some(value) = said.activations {
                operands.activations =
                    evaluate::choose(matches[r][w].clone(), value, operands.activations);
            }
        }
        placed[*index] = Some(operands);
    }
    placed
}

/// Makes decisions of a rule's choices, each only where the rule wins a field.
fn say(rule: &Rule, path: &str, reach: &Reach, names: &Frame, settler: &mut Settler) -> Said {
    let exists = either(reach.weights.clone(), reach.activations.clone());
    if exists == Expr::bool(false) {
        return Said {
            weights: None,
            activations: None,
        };
    }
    let mut frame = names.clone();
    for binding in &rule.lets {
        let value = settler.slot(
            &binding.slot,
            &format!("{path}.{}", binding.name),
            &exists,
            &frame,
        );
        frame.define(&binding.name, value);
    }
    let mut field = |slot: &Option<Slot>, name: &str, reach: &Expr| {
        let slot = slot.as_ref().filter(|_| *reach != Expr::bool(false))?;
        Some(settler.slot(slot, &format!("{path}.{name}"), reach, &frame))
    };
    Said {
        weights: field(&rule.weights, "weights", &reach.weights),
        activations: field(&rule.activations, "activations", &reach.activations),
    }
}

/// Where each rule wins: it matches, the node exists, and no later rule with the same field matches.
fn reaches(
    policy: &Policy,
    weighted: &[usize],
    matches: &[Vec<Expr>],
    nodes: &[TemplateNode],
) -> Vec<Vec<Reach>> {
    let mut reach = vec![vec![Reach::never(); weighted.len()]; policy.rules.len()];
    for (w, index) in weighted.iter().enumerate() {
        let (mut weights, mut activations) =
            (nodes[*index].guard.clone(), nodes[*index].guard.clone());
        for (r, rule) in policy.rules.iter().enumerate().rev() {
            let here = matches[r][w].clone();
            if rule.weights.is_some() {
                reach[r][w].weights = both(weights.clone(), here.clone());
                weights = both(weights, negate(here.clone()));
            }
            if rule.activations.is_some() {
                reach[r][w].activations = both(activations.clone(), here.clone());
                activations = both(activations, negate(here));
            }
        }
    }
    reach
}

/// Under which condition a rule speaks of a node, given that the node exists.
fn matching(
    rule: &Rule,
    index: usize,
    weighted: &[usize],
    nodes: &[TemplateNode],
    names: &Frame,
    settler: &mut Settler,
) -> Expr {
    rule.selectors
        .iter()
        .fold(Expr::bool(false), |sum, selector| {
            either(
                sum,
                selected(selector, index, weighted, nodes, names, settler),
            )
        })
}

fn selected(
    selector: &Selector,
    index: usize,
    weighted: &[usize],
    nodes: &[TemplateNode],
    names: &Frame,
    settler: &mut Settler,
) -> Expr {
    let node = &nodes[index];
    let of_kind = |i: usize| selector.kind.is_none() || nodes[i].kind() == selector.kind;
    if !of_kind(index) {
        return Expr::bool(false);
    }
    let no_other = |others: &mut dyn Iterator<Item = &usize>| {
        others
            .filter(|i| of_kind(**i))
            .fold(Expr::bool(true), |all, i| {
                both(all, negate(nodes[*i].guard.clone()))
            })
    };
    let which = match &selector.which {
        Which::All => Expr::bool(true),
        Which::First => no_other(&mut weighted.iter().filter(|i| **i < index)),
        Which::Last => no_other(&mut weighted.iter().filter(|i| **i > index)),
        Which::Named(pattern) => Expr::bool(fits(pattern, &node.layer)),
    };
    match &selector.filter {
        None => which,
        Some(_) if which == Expr::bool(false) => which,
        Some(filter) => match properties(node, names) {
            Ok(frame) => both(which, settler.expr(filter, "policy", &node.guard, &frame)),
            Err(failure) => {
                let text = failure.to_string();
                settler.sink.push(
                    Diagnostic::error("bnas::type::mismatch", text)
                        .label(selector.span, "in this selector"),
                );
                Expr::bool(false)
            }
        },
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

fn report_idle(rule: &Rule, matches: &[Expr], nodes: &[TemplateNode], settler: &mut Settler) {
    if matches.iter().any(|m| *m != Expr::bool(false)) {
        return;
    }
    let mut layers: Vec<&str> = nodes
        .iter()
        .filter(|n| n.kind().is_some())
        .map(|n| n.layer.as_str())
        .collect();
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
        .help(format!("the layers with weights are {shown}{more}")),
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

/// The path of a node's layer, numbered if the layer has several nodes with weights.
fn label(index: usize, weighted: &[usize], nodes: &[TemplateNode]) -> String {
    let layer = &nodes[index].layer;
    let alike: Vec<usize> = weighted
        .iter()
        .copied()
        .filter(|i| nodes[*i].layer == *layer)
        .collect();
    match alike.len() {
        1 => layer.clone(),
        _ => format!(
            "{layer}[{}]",
            alike.iter().position(|i| *i == index).unwrap_or(0)
        ),
    }
}

fn either(x: Expr, y: Expr) -> Expr {
    match (&x, &y) {
        (Expr::Value(Value::Bool(true)), _) | (_, Expr::Value(Value::Bool(true))) => {
            Expr::bool(true)
        }
        (Expr::Value(Value::Bool(false)), _) => y,
        (_, Expr::Value(Value::Bool(false))) => x,
        _ if x == y => x,
        _ => Expr::Binary(BinaryOp::Or, Arc::new(x), Arc::new(y)),
    }
}
