//! Repairs that find nothing to change in any candidate: a setting that is silently off.
//!
//! In: a template and its experiment. Out: warnings.

use crate::diagnostic::Diagnostic;
use crate::ir::{Codes, Edit, Experiment, Repair, Slot, Stage};
use crate::model::quantization::grids;
use crate::model::quantization::policy::Placed;
use crate::model::shape::operation::TemplateOp;
use crate::model::template::Template;

/// One for each repair that leaves every network as it is, or only takes its skips out where it means to put others in their place.
pub(in crate::model) fn warnings(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let repairs = experiment.repair_definitions.iter();
    let idle = repairs.filter_map(|repair| {
        let missing = missing(repair, template, experiment)?;
        let text = format!("`{}` finds nothing to repair", repair.name);
        Some(
            Diagnostic::warning("bnas::repair::matches_nothing", text)
                .label(experiment.span, missing)
                .label(repair.span, "what it changes")
                .help("leave it out of `repairs`, or let the policy make layers binary and a stage train them: `finetune { epochs = 5 }`"),
        )
    });
    idle.collect()
}

/// Several repairs that find nothing since no policy quantizes anything: one mistake, which is not in any of them.
pub(in crate::model) fn without_policy(
    template: &Template,
    experiment: &Experiment,
) -> Option<Diagnostic> {
    if experiment.policy.is_some() || experiment.repair_definitions.len() < 2 {
        return None;
    }
    let text = format!(
        "nothing is quantized: `{}` has no `policy`",
        experiment.name
    );
    let mut diagnostic = Diagnostic::warning("bnas::repair::matches_nothing", text)
        .label(experiment.span, "all of its candidates are `float`");
    for repair in &experiment.repair_definitions {
        missing(repair, template, experiment)?;
        diagnostic = diagnostic.label(repair.span, "finds nothing to repair");
    }
    let help = "say how numbers are represented: `policy = …`, by a policy of the file or of `std.policies`";
    Some(diagnostic.help(help))
}

/// What no candidate has, of all that the edits of a repair look for.
fn missing(repair: &Repair, template: &Template, experiment: &Experiment) -> Option<&'static str> {
    let mut of_skips = None;
    let mut of_codes = None;
    for edit in &repair.edits {
        match edit {
            Edit::RemoveSkips if has_skips(template) => {}
            Edit::RemoveSkips => of_skips = Some("no candidate here has a skip"),
            Edit::Features(_) if !has_binary(template, experiment, |p| &p.activations) => {
                of_codes = Some("no candidate here has binary activations");
            }
            Edit::Features(_) if trains_activations(experiment) => return None,
            Edit::Features(_) => {
                of_codes = Some("no stage here trains behind quantized activations");
            }
            Edit::Weights(_) | Edit::ShortcutAroundBinaryConvs => {
                if has_binary(template, experiment, |p| &p.weights) {
                    return None;
                }
                of_codes = Some("no candidate here has binary weights");
            }
        }
    }
    of_codes.or(of_skips)
}

/// Whether some stage may train with quantizers of activations on, whose gradient a repair of features is.
fn trains_activations(experiment: &Experiment) -> bool {
    let is_without = |stage: &Stage| {
        let words = [Slot::word("none"), Slot::word("weights")];
        words.contains(&stage.quantize)
    };
    experiment.stages.is_empty() || !experiment.stages.iter().all(is_without)
}

fn has_skips(template: &Template) -> bool {
    let mut nodes = template.body.nodes.iter();
    nodes.any(|node| matches!(node.op, TemplateOp::Add(..)))
}

/// Whether an operand of some layer may be binary.
fn has_binary(
    template: &Template,
    experiment: &Experiment,
    operand: impl Fn(&Placed) -> &crate::ir::Expr,
) -> bool {
    let is_binary = |name: &str| {
        let mut all = experiment.quantizers.iter();
        all.any(|q| q.name == name && q.codes == Codes::Binary)
    };
    let mut found = false;
    for placed in template.body.placed.layers.iter().flatten() {
        grids::values(operand(placed), template.decisions(), &mut |name, _| {
            found |= is_binary(name);
        });
    }
    found
}
