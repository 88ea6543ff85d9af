//! The last steps of placing quantizers on a concrete network: rectifiers before signed few-bit grids, and which grids
//! have a sign.
//!
//! A binary or ternary activation is a sign of its own nonlinearity: after a rectifier, `sign` would always be +1. So a
//! rectifier that feeds such a quantizer becomes hardtanh, whose derivative is the clipped straight-through estimator of the sign: the float
//! stage trains what the quantized stage approximates (arXiv:1602.02830; arXiv:2003.11535 trains tanh first for the same reason).

use super::network::{Activation, Network, Op};
use super::quantizer::{Grid, Quantizer, ScaleRule};
use crate::ir::{Quantizer as Definition, Value};

/// Why a quantizer's value is not one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NotAQuantizer(pub(super) String);

/// The quantizer that a value names, with the definition's fields where the value gives none. `Ok(None)`: float.
pub(super) fn quantizer(
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
    let fixed = |slot: &crate::ir::Slot| match slot {
        crate::ir::Slot::Fixed(expr) => expr.as_value().cloned(),
        crate::ir::Slot::Chosen(domain) => domain.default.clone(),
    };
    let wrong = |field: &str, found: &Option<Value>| {
        let found = found.as_ref().map_or("nothing".into(), Value::to_string);
        NotAQuantizer(format!("`{field}` of `{name}` cannot be {found}"))
    };

    let bits = given("bits").or_else(|| definition.bits.as_ref().and_then(fixed));
    let grid = match definition.codes {
        crate::ir::Codes::Binary => Grid::Binary,
        crate::ir::Codes::Ternary => Grid::Ternary,
        crate::ir::Codes::Uniform => match bits.as_ref().and_then(Value::as_number) {
            Some(n) if n.fract() == 0.0 && (2.0..=8.0).contains(&n) => Grid::Integer {
                bits: n as u32,
                signed: true,
            },
            _ => return Err(wrong("bits", &bits)),
        },
    };
    let granularity = given("granularity").or_else(|| definition.granularity.as_value().cloned());
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
    Ok(Some(Quantizer {
        name: name.into(),
        grid,
        per_channel,
        scale,
        gradient: definition.gradient.clone(),
        lets: definition.lets.clone(),
    }))
}

/// Replaces rectifiers that feed a binary or ternary quantizer by hardtanh.
pub(super) fn replace_rectifiers(network: &mut Network) {
    let readers: Vec<usize> = network
        .weighted()
        .filter(|i| few_bits(network, *i))
        .collect();
    for reader in readers {
        let mut at = network.nodes[reader].inputs[0];
        while let Op::Pool { .. } | Op::Flatten | Op::PadShortcut { .. } = network.nodes[at].op {
            at = network.nodes[at].inputs[0];
        }
        if let Op::Activation(activation @ (Activation::Relu | Activation::Relu6)) =
            &mut network.nodes[at].op
        {
            *activation = Activation::Hardtanh;
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
/// definition fixes `signed`; binary and ternary activations are codes themselves, with scale 1.
pub(super) fn settle_activations(network: &mut Network, definitions: &[Definition]) {
    let non_negative = non_negative(network);
    for index in 0..network.nodes.len() {
        let producer = network.nodes[index].inputs.first().copied();
        let Some(placement) = &mut network.nodes[index].placement else {
            continue;
        };
        let Some(quantizer) = &mut placement.activations else {
            continue;
        };
        let declared = definitions
            .iter()
            .find(|d| d.name == quantizer.name)
            .and_then(|d| d.signed.as_value())
            .and_then(Value::as_bool);
        match &mut quantizer.grid {
            Grid::Integer { signed, .. } => {
                *signed = declared.unwrap_or_else(|| !producer.is_some_and(|p| non_negative[p]))
            }
            Grid::Binary | Grid::Ternary => quantizer.scale = ScaleRule::One,
        }
        // One scale per tensor, and a rule that suits magnitudes rather than means.
        quantizer.per_channel = false;
        if matches!(quantizer.grid, Grid::Integer { .. }) && quantizer.scale == ScaleRule::MeanAbs {
            quantizer.scale = ScaleRule::MaxAbs;
        }
    }
}

/// For each node, whether no value that it gives can be negative. Samples are in 0 … 1.
pub(super) fn non_negative(network: &Network) -> Vec<bool> {
    let mut known: Vec<bool> = Vec::with_capacity(network.nodes.len());
    for node in &network.nodes {
        let is = match &node.op {
            Op::Input | Op::Activation(Activation::Relu | Activation::Relu6) => true,
            Op::Activation(Activation::Hardtanh) | Op::Convolution(_) | Op::Linear | Op::Norm => {
                false
            }
            Op::Pool { .. } | Op::Flatten | Op::PadShortcut { .. } | Op::Add => {
                node.inputs.iter().all(|i| known[*i])
            }
        };
        known.push(is);
    }
    known
}
