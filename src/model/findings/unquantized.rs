//! Stages that quantize what no candidate has a quantizer for: a setting that is silently off.
//!
//! In: a template and its experiment. Out: warnings.

use crate::diagnostic::Diagnostic;
use crate::ir::{Experiment, Expr, Slot, Stage, Value};
use crate::model::quantization::grids;
use crate::model::quantization::policy::Placed;
use crate::model::template::Template;

/// One for each stage that says it quantizes something and does not, or that keeps latent weights where there are none.
pub(in crate::model) fn warnings(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    if experiment.space.is_none() {
        return Vec::new();
    }
    let weights = quantizes(template, |p| &p.weights);
    let output = is_quantizer(&template.body.placed.output, template);
    let activations = output || quantizes(template, |p| &p.activations);
    let stages = experiment.stages.iter();
    let idle = stages.filter_map(|stage| {
        let word = word(stage).unwrap_or_default();
        let (said, of) = match word {
            "all" if !weights && !activations => ("quantizes", "weights or activations"),
            "weights" if !weights => ("quantizes weights", "weights"),
            "activations" if !activations => ("quantizes activations", "activations"),
            _ if !weights && stage.training.techniques.clip_weights.is_some() => {
                ("clips latent weights", "weights")
            }
            _ => return None,
        };
        let text = format!("stage `{}` {said}, and no candidate has a quantizer of {of}", stage.name);
        Some(
            Diagnostic::warning("bnas::stage::nothing_to_quantize", text)
                .label(stage.span, "this does nothing")
                .help(match experiment.policy {
                    None => "say how numbers are represented, `policy = tied`, with `use std.policies.tied` at the top of the file, or leave this out".to_string(),
                    Some(_) => format!("let a rule of the policy quantize {of}, or leave this out"),
                }),
        )
    });
    idle.collect()
}

/// What a stage quantizes, where that is one word.
fn word(stage: &Stage) -> Option<&str> {
    match &stage.quantize {
        Slot::Fixed(Expr::Value(value)) => Value::as_name(value),
        _ => None,
    }
}

/// Whether an operand of some layer may have a quantizer.
fn quantizes(template: &Template, operand: impl Fn(&Placed) -> &Expr) -> bool {
    let mut layers = template.body.placed.layers.iter().flatten();
    layers.any(|placed| is_quantizer(operand(placed), template))
}

fn is_quantizer(operand: &Expr, template: &Template) -> bool {
    let mut found = false;
    grids::values(operand, template.decisions(), &mut |name, _| {
        found |= name != "float";
    });
    found
}
