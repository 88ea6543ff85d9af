//! Scales of activations that are not those that are written: a setting that is silently off.
//!
//! In: where quantizers are placed. Out: a warning for each quantizer whose rule for its scale is not the one that activations get
//! ([`place::settle`](crate::model::quantization::place::settle)).

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Expr, Policy, Quantizer, Slot, Value};
use crate::model::decision::{Choices, Decisions};
use crate::model::expression::evaluate;
use crate::model::quantization::grids::{gives, values};
use crate::model::quantization::policy::Placements;
use crate::model::settling::settle::Settler;

/// Rules of codes without a scale: what is quantized is given in units of 1, or learns them.
const OF_SIGNS: [&str; 3] = ["one", "learned", "learned_clip"];

/// Warns of quantizers of activations that say how their scale is found, and get another.
pub(in crate::model) fn check<'p>(
    policies: impl Iterator<Item = &'p Policy> + Clone,
    placements: &Placements,
    settler: &mut Settler,
) {
    let quantizers = settler.quantizers;
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    for placed in placements.layers.iter().flatten() {
        values(
            &placed.activations,
            &settler.decisions,
            &mut |name, fields| {
                let quantizer = quantizers.iter().find(|q| q.name == name);
                let Some(quantizer) = quantizer.filter(|q| q.formulas.scale.is_none()) else {
                    return;
                };
                let given = fields.iter().find(|(field, _)| field == "scale");
                let rules = rules(quantizer, given.map(|(_, rule)| rule), &settler.decisions);
                let ignored = rules.into_iter().find(|rule| is_ignored(quantizer, rule));
                if let Some(rule) = ignored {
                    found.entry(&quantizer.name).or_insert(rule);
                }
            },
        );
    }
    for (name, rule) in found {
        let declared = quantizers.iter().find(|q| q.name == name);
        let declared = declared.expect("invariant: it was found among them");
        let of_activations = |p: &'p Policy| gives(p, name, |rule| &rule.activations, settler);
        let (becomes, help) = match declared.codes {
            Codes::Uniform => (
                "`max_abs`",
                "write `scale = max_abs`: a mean says nothing of where values behind a rectifier end",
            ),
            Codes::Binary | Codes::Ternary => (
                "1: their values are their codes",
                "leave `scale` out, or learn it: `scale = learned`",
            ),
        };
        let text = format!("`{rule}` is no scale of activations; it becomes {becomes}");
        let diagnostic = Diagnostic::warning("bnas::quantizer::activation_scale", text);
        let diagnostic = match policies.clone().find_map(of_activations) {
            Some(rule) => diagnostic.label(rule, format!("`{name}` of activations")),
            None => diagnostic.label(declared.span, "used for activations"),
        };
        settler.sink.push(diagnostic.help(help));
    }
}

/// The rules that a scale may be found by, as far as they are written: signs have one that their declaration gives to weights.
fn rules(quantizer: &Quantizer, given: Option<&Expr>, decisions: &Decisions) -> Vec<String> {
    let written = match (given, &quantizer.scale) {
        (Some(given), _) => given,
        (None, Slot::Fixed(rule)) if quantizer.codes == Codes::Uniform => rule,
        (None, _) => return Vec::new(),
    };
    let mut found = Vec::new();
    let mut see = |value: &Value| found.extend(value.as_name().map(str::to_owned));
    evaluate::walk(written, &mut |part| match part {
        Expr::Value(value) => see(value),
        Expr::Decision(index) => {
            if let Choices::Categories(all) = &decisions.all[*index].choices {
                all.iter().for_each(&mut see);
            }
        }
        _ => {}
    });
    found
}

fn is_ignored(quantizer: &Quantizer, rule: &str) -> bool {
    match quantizer.codes {
        Codes::Uniform => rule == "mean_abs",
        Codes::Binary | Codes::Ternary => !OF_SIGNS.contains(&rule),
    }
}
