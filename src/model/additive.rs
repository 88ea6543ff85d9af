//! Metrics that are sums over layers, as expressions over decisions.
//!
//! In: template nodes and where quantizers are placed. Out: `macs`, `params` and `model_size` as formulas of the decisions, so that a
//! requirement on them is a constraint like any other: counted and drawn exactly, one partial sum after the other. What each layer adds
//! is what [`super::hardware`] and [`super::network`] add for it once it is built.

use std::collections::BTreeMap;

use super::decision::Decisions;
use super::expression::evaluate::{self, Failure};
use super::expression::fold::same;
use super::hardware::FLOAT_BITS;
use super::quantization::place;
use super::quantization::policy::Placed;
use super::shape::operation::TemplateOp;
use super::unroll::TemplateNode;
use crate::ir::{BinaryOp, Expr, Quantizer, Slot, Value};

/// Longer sums are not written down: evaluation goes down them one by one.
const MOST_LAYERS: usize = 500;

/// The metrics by name. `None` if a layer's size is no formula of the decisions.
pub(super) fn metrics(
    nodes: &[TemplateNode],
    placed: &[Option<Placed>],
    decisions: &Decisions,
    quantizers: &[Quantizer],
) -> Option<BTreeMap<&'static str, Expr>> {
    if nodes.iter().filter(|n| n.kind().is_some()).count() > MOST_LAYERS {
        return None;
    }
    let zero = || Expr::number(0.0);
    let mut sums = [zero(), zero(), zero()];
    for (node, placed) in nodes.iter().zip(placed) {
        let Some((weights, outputs)) = weights(node).ok()? else {
            continue;
        };
        let pixels = times(node.output.height.clone(), node.output.width.clone()).ok()?;
        let bits = match placed {
            Some(placed) => bits(&placed.weights, &weights, &outputs, decisions, quantizers)?,
            None => packed(None, &weights, &outputs).ok()?,
        };
        let macs = times(weights.clone(), pixels).ok()?;
        let params = plus(weights, outputs).ok()?;
        for (sum, term) in sums.iter_mut().zip([macs, params, bits]) {
            let term = evaluate::choose(node.guard.clone(), term, zero());
            *sum = plus(std::mem::replace(sum, zero()), term).ok()?;
        }
    }
    let [macs, params, size] = sums;
    Some(BTreeMap::from([
        ("macs", macs),
        ("params", params),
        ("model_size", size),
    ]))
}

fn times(x: Expr, y: Expr) -> Result<Expr, Failure> {
    match (x.as_value(), y.as_value()) {
        (Some(Value::Number(1.0)), _) => Ok(y),
        (_, Some(Value::Number(1.0))) => Ok(x),
        _ => evaluate::combine(BinaryOp::Multiply, x, y),
    }
}

fn plus(x: Expr, y: Expr) -> Result<Expr, Failure> {
    match (x.as_value(), y.as_value()) {
        (Some(Value::Number(0.0)), _) => Ok(y),
        (_, Some(Value::Number(0.0))) => Ok(x),
        _ => evaluate::combine(BinaryOp::Add, x, y),
    }
}

/// Weights and output channels of a node that has weights: Co · (Ci / groups) · K², or Co · all inputs.
fn weights(node: &TemplateNode) -> Result<Option<(Expr, Expr)>, Failure> {
    let input = &node.input;
    Ok(match &node.op {
        TemplateOp::Convolution {
            channels,
            kernel,
            groups,
            ..
        } => {
            let inputs = match same(&input.channels, groups) {
                true => Expr::number(1.0),
                false if groups.as_value() == Some(&Value::Number(1.0)) => input.channels.clone(),
                false => {
                    evaluate::combine(BinaryOp::Divide, input.channels.clone(), groups.clone())?
                }
            };
            let area = times(kernel.clone(), kernel.clone())?;
            Some((
                times(times(inputs, channels.clone())?, area)?,
                channels.clone(),
            ))
        }
        TemplateOp::Project(to) => {
            let inputs = input.channels.clone();
            Some((times(inputs, to.channels.clone())?, to.channels.clone()))
        }
        TemplateOp::Linear { outputs } => {
            let pixels = times(input.height.clone(), input.width.clone())?;
            let inputs = times(input.channels.clone(), pixels)?;
            Some((times(inputs, outputs.clone())?, outputs.clone()))
        }
        _ => None,
    })
}

/// The packed bits of a layer whose weights have the quantizer that an expression gives.
fn bits(
    quantizer: &Expr,
    weights: &Expr,
    outputs: &Expr,
    decisions: &Decisions,
    definitions: &[Quantizer],
) -> Option<Expr> {
    let inner = |e: &Expr| bits(e, weights, outputs, decisions, definitions);
    match quantizer {
        Expr::Value(value) => {
            let known = place::quantizer(value, definitions).ok()?;
            let known = known.map(|q| (Expr::number(f64::from(q.grid.bits())), q.per_channel));
            packed(known, weights, outputs).ok()
        }
        Expr::If(c, x, y) => Some(evaluate::choose((**c).clone(), inner(x)?, inner(y)?)),
        Expr::Decision(index) => {
            let choices = &decisions.all[*index].choices;
            let members = (0..choices.len()?).map(|i| choices.member(i));
            let members: Vec<Value> = members.collect::<Option<_>>()?;
            let mut chain: Option<Expr> = None;
            for member in members.into_iter().rev() {
                let here = inner(&Expr::Value(member.clone()))?;
                chain = Some(match chain {
                    None => here,
                    Some(others) => {
                        let is_this = evaluate::combine(
                            BinaryOp::Equal,
                            quantizer.clone(),
                            Expr::Value(member),
                        )
                        .ok()?;
                        evaluate::choose(is_this, here, others)
                    }
                });
            }
            chain
        }
        Expr::Record(name, fields, span) => {
            // Only the number of bits may vary: put another one there to see the rest.
            let mut width = None;
            let mut fixed = Vec::with_capacity(fields.len());
            for (field, slot) in fields {
                let Slot::Fixed(e) = slot else { return None };
                match (field.as_str(), e.as_value()) {
                    (_, Some(_)) => fixed.push((field.clone(), slot.clone())),
                    ("bits", None) => {
                        width = Some(e.clone());
                        fixed.push((field.clone(), Slot::Fixed(Expr::number(8.0))));
                    }
                    // A rule for the scale costs nothing.
                    ("scale", None) => {}
                    _ => return None,
                }
            }
            let record = Expr::Record(name.clone(), fixed, *span);
            let Expr::Value(value) = folded(&record)? else {
                return None;
            };
            let known = place::quantizer(&value, definitions).ok()??;
            let width = width.unwrap_or(Expr::number(f64::from(known.grid.bits())));
            packed(Some((width, known.per_channel)), weights, outputs).ok()
        }
        _ => None,
    }
}

/// A record of constants as a value.
fn folded(expr: &Expr) -> Option<Expr> {
    evaluate::value(expr, &super::expression::members::Values(&[]))
        .ok()
        .map(Expr::Value)
}

/// Weights at their bits, a bias for each output channel, scales for each or one.
fn packed(
    quantizer: Option<(Expr, bool)>,
    weights: &Expr,
    outputs: &Expr,
) -> Result<Expr, Failure> {
    let float = Expr::number(FLOAT_BITS as f64);
    let (width, scales) = match quantizer {
        None => (float.clone(), Expr::number(0.0)),
        Some((width, true)) => (width, outputs.clone()),
        Some((width, false)) => (width, Expr::number(1.0)),
    };
    let extra = times(plus(outputs.clone(), scales)?, float)?;
    plus(times(weights.clone(), width)?, extra)
}
