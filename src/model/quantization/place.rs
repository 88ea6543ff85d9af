//! The last steps of placing quantizers on a concrete network: rectifiers before signed few-bit grids, and which grids
//! have a sign.
//!
//! A binary or ternary activation is a sign of its own nonlinearity: after a rectifier, `sign` would always be +1. So a
//! rectifier that feeds such a quantizer becomes hardtanh, whose derivative is the clipped straight-through estimator of the sign: the float
//! stage trains what the quantized stage approximates (arXiv:1602.02830; arXiv:2003.11535 trains tanh first for the same reason).

use super::quantizer::{Grid, Quantizer, ScaleRule};
use crate::ir::{Codes, Expr, Quantizer as Definition, Slot, Value};
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;
use crate::model::formula;
use crate::model::network::{Activation, Network, Op};

/// Why a quantizer's value is not one.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::model) struct NotAQuantizer(pub(in crate::model) String);

/// The quantizer that a value names, with the definition's fields where the value gives none. `Ok(None)`: float.
pub(in crate::model) fn quantizer(
    value: &Value,
    definitions: &[Definition],
) -> Result<Option<Quantizer>, NotAQuantizer> {
    let name = value
        .as_name()
        .ok_or_else(|| NotAQuantizer(format!("{value} is no quantizer")))?;
    if name == super::policy::FLOAT {
        return Ok(None);
    }
    let definition = definitions
        .iter()
        .find(|d| d.name == name)
        .ok_or_else(|| NotAQuantizer(format!("`{name}` is no quantizer")))?;
    let given = |field: &str| match value {
        Value::Record(record) => record.get(field).cloned(),
        _ => None,
    };
    let wrong = |field: &str, found: &Option<Value>| {
        let found = found.as_ref().map_or("nothing".into(), Value::to_string);
        NotAQuantizer(format!("`{field}` of `{name}` cannot be {found}"))
    };

    let bits = given("bits").or_else(|| definition.bits.as_ref().and_then(fixed));
    let grid = match definition.codes {
        Codes::Binary => Grid::Binary,
        Codes::Ternary => Grid::Ternary,
        Codes::Uniform => match bits.as_ref().and_then(Value::as_number) {
            Some(n) if n.fract() == 0.0 && (2.0..=8.0).contains(&n) => Grid::Integer {
                bits: n as u32,
                signed: signed(value, definitions).unwrap_or(true),
            },
            _ => return Err(wrong("bits", &bits)),
        },
    };
    let granularity = given("granularity").or_else(|| fixed(&definition.granularity));
    let per_channel = match granularity.as_ref().and_then(Value::as_name) {
        Some("per_channel") => true,
        Some("per_tensor") => false,
        _ => return Err(wrong("granularity", &granularity)),
    };
    let scale = given("scale").or_else(|| fixed(&definition.scale));
    let scale = match (scale.as_ref().and_then(Value::as_name), &scale) {
        (Some("max_abs"), _) => ScaleRule::MaxAbs,
        (Some("mean_abs"), _) => ScaleRule::MeanAbs,
        (Some("mse"), _) => ScaleRule::MeanSquaredError,
        (Some("one"), _) => ScaleRule::One,
        (Some("learned"), _) => ScaleRule::Learned,
        (Some("learned_clip"), _) => ScaleRule::LearnedClip,
        (Some("percentile"), Some(Value::Record(record))) => {
            let share = record
                .fields
                .first()
                .and_then(|(_, v)| v.as_number())
                .filter(|p| (0.0..=1.0).contains(p));
            ScaleRule::Percentile(share.ok_or_else(|| wrong("scale", &scale))?)
        }
        _ => return Err(wrong("scale", &scale)),
    };
    let mut formulas = definition.formulas.clone();
    for binding in &mut formulas.lets {
        // A name that is searched, or given where the quantizer is used, is a field of the value.
        if let Some(value) = given(&binding.name) {
            binding.slot = Slot::Fixed(Expr::Value(value));
        } else if let Slot::Chosen(_) = binding.slot {
            return Err(wrong(&binding.name, &None));
        }
    }
    let formulas = formula::constant(&formulas);
    // Of a formula it shows.
    let own_scale = formulas.scale.as_ref();
    let per_channel = own_scale.map_or(per_channel, formula::is_per_filter);
    if let Some(forward) = &formulas.forward {
        formula::codes::split(forward)
            .and_then(|(_, codes)| formula::codes::are_codes(&codes, grid))
            .map_err(|why| NotAQuantizer(format!("`forward` of `{name}`: {why}")))?;
    }
    Ok(Some(Quantizer {
        name: name.into(),
        grid,
        per_channel,
        scale,
        formulas,
    }))
}

/// The value of a field that depends on nothing. One that its definition leaves open has become a field of the value.
fn fixed(slot: &Slot) -> Option<Value> {
    match slot {
        Slot::Fixed(expr) => evaluate::value(expr, &Values(&[])).ok(),
        Slot::Chosen(_) => None,
    }
}

/// Whether a quantizer has codes below zero, if it says so; `None`: `auto`, or it is no quantizer.
pub(in crate::model) fn signed(value: &Value, definitions: &[Definition]) -> Option<bool> {
    let definition = definitions
        .iter()
        .find(|d| Some(d.name.as_str()) == value.as_name())?;
    let given = match value {
        Value::Record(record) => record.get("signed").cloned(),
        _ => None,
    };
    given.or_else(|| fixed(&definition.signed))?.as_bool()
}

/// Replaces rectifiers that feed a binary or ternary quantizer by hardtanh: those whose values reach it through pooling, flattening,
/// padded shortcuts, concatenations and sums, with nothing negative added on the way.
pub(in crate::model) fn replace_rectifiers(network: &mut Network, signed_input: bool) {
    let non_negative = non_negative(network, signed_input);
    let mut open: Vec<usize> = network
        .weighted()
        .filter(|i| few_bits(network, *i))
        .map(|i| network.nodes[i].inputs[0])
        .collect();
    let mut seen = vec![false; network.nodes.len()];
    while let Some(at) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        let node = &mut network.nodes[at];
        match &mut node.op {
            Op::Activation(activation) => *activation = Activation::Hardtanh,
            // The channels of each branch have a sign of their own.
            Op::Pool { .. } | Op::Flatten | Op::PadShortcut { .. } | Op::Concat => {
                open.extend(&node.inputs);
            }
            Op::Add | Op::Sum if non_negative[at] => open.extend(&node.inputs),
            Op::Add | Op::Sum | Op::Input | Op::Convolution(_) | Op::Linear | Op::Norm => {}
            Op::Quantize => unreachable!("outputs are quantized when operands are settled"),
        }
    }
}

fn few_bits(network: &Network, index: usize) -> bool {
    let placement = network.nodes[index].placement.as_ref();
    placement
        .and_then(|p| p.activations.as_ref())
        .is_some_and(|q| matches!(q.grid, Grid::Binary | Grid::Ternary))
}

/// Settles what depends on the producer: an integer activation grid is unsigned where its producer is never negative, unless the
/// quantizer says whether it is `signed`; binary and ternary activations are codes themselves, with scale 1. `declared` says that for
/// each node with weights, in order.
pub(in crate::model) fn settle_activations(
    network: &mut Network,
    declared: &[Option<bool>],
    signed_input: bool,
) {
    let non_negative = non_negative(network, signed_input);
    let weighted: Vec<usize> = network.weighted().collect();
    for (index, declared) in weighted.into_iter().zip(declared) {
        let node = &mut network.nodes[index];
        let producer = node.inputs[0];
        let Some(quantizer) = node.placement.as_mut().and_then(|p| p.activations.as_mut()) else {
            continue;
        };
        settle(quantizer, declared.unwrap_or(!non_negative[producer]));
    }
}

/// One scale per tensor, and a rule that suits magnitudes rather than means.
pub(in crate::model) fn settle(quantizer: &mut Quantizer, is_signed: bool) {
    quantizer.per_channel = false;
    match &mut quantizer.grid {
        Grid::Integer { signed, .. } => {
            *signed = is_signed;
            if quantizer.scale == ScaleRule::MeanAbs {
                quantizer.scale = ScaleRule::MaxAbs;
            }
        }
        Grid::Binary | Grid::Ternary if quantizer.scale.is_learned() => {}
        Grid::Binary | Grid::Ternary => quantizer.scale = ScaleRule::One,
    }
}

/// For each node, whether no value that it gives can be negative. Samples are in 0 … 1 unless they are normalized: then they are signed.
pub(in crate::model) fn non_negative(network: &Network, signed_input: bool) -> Vec<bool> {
    let mut known: Vec<bool> = Vec::with_capacity(network.nodes.len());
    for node in &network.nodes {
        let is = match &node.op {
            Op::Input => !signed_input,
            Op::Activation(Activation::Relu | Activation::Relu6) => true,
            Op::Activation(Activation::Hardtanh) | Op::Convolution(_) | Op::Linear | Op::Norm => {
                false
            }
            Op::Pool { .. }
            | Op::Flatten
            | Op::PadShortcut { .. }
            | Op::Add
            | Op::Sum
            | Op::Concat
            | Op::Quantize => node.inputs.iter().all(|i| known[*i]),
        };
        known.push(is);
    }
    known
}
