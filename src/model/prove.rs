//! What can never work, found before anything runs: requirements that no candidate can meet, layers without a price, grids
//! without an end.
//!
//! In: a template and its experiment. Out: diagnostics. A requirement that is neither proved meetable nor unmeetable passes.

use super::bounds::{self, Abstract};
use super::decision::Choices;
use super::policy::{FLOAT, Placed};
use super::template::Template;
use crate::diagnostic::Diagnostic;
use crate::ir::{Experiment, Expr, Method, Require, Value};

/// Everything that is proved to fail.
pub(super) fn failures(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let mut found = unmeetable(template, experiment);
    found.extend(unpriced(template, experiment));
    found.extend(endless(template, experiment));
    found
}

/// A target multiplies codes only (decision 5): a layer that every candidate keeps in float has no price.
fn unpriced(template: &Template, experiment: &Experiment) -> Option<Diagnostic> {
    let (Some(space), Some(target)) = (&experiment.space, &experiment.target) else {
        return None;
    };
    let float = |operand: &Expr| *operand == Expr::Value(Value::name(FLOAT));
    let is_bare = |placed: &Option<Placed>| {
        placed
            .as_ref()
            .is_none_or(|p| float(&p.weights) || float(&p.activations))
    };
    let mut layers = template.nodes.iter().zip(&template.placed);
    let (node, _) = layers.find(|(node, placed)| node.kind().is_some() && is_bare(placed))?;
    let text = format!(
        "layer `{}` stays float, and `{}` multiplies codes only",
        node.layer, target.name
    );
    let (span, label) = match &experiment.policy {
        Some(policy) => (policy.span, "no rule quantizes both operands of this layer"),
        None => (space.span, "this space is used without a policy"),
    };
    Some(
        Diagnostic::error("bnas::target::float", text)
            .label(span, label)
            .help("let a policy begin with `each layer { weights = int8  activations = int8 }`, or remove `target`"),
    )
}

/// A grid over reals has no members to list.
fn endless(template: &Template, experiment: &Experiment) -> Option<Diagnostic> {
    let mut decisions = template.decisions().all.iter();
    let real = decisions.find(|d| matches!(d.choices, Choices::Reals { .. }))?;
    (experiment.search.method == Method::Grid).then(|| {
        let text = format!("a grid cannot list the reals of `{}`", real.path);
        Diagnostic::error("bnas::search::endless_grid", text)
            .label(real.span, "this domain has no end")
            .help("write a set, or a `step` behind the range, or `method = random`")
    })
}

/// What bounds prove of a template's requirements.
fn unmeetable(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let extremes = template.extremes();
    let names = |name: &str| match name {
        "accuracy" => Some(Abstract::interval(0.0, 1.0)),
        _ => extremes
            .get(name)
            .map(|(low, high)| Abstract::interval(*low, *high)),
    };
    let decisions = template.decisions();
    let mut found = Vec::new();
    for (require, holds) in experiment.requires.iter().zip(template.requires()) {
        if bounds::proves(holds, decisions, &names) == Some(false) {
            found.push(report(require, template));
        }
    }
    // Constraints of the space come first among the decisions' constraints, in the order of the text.
    let of_space = experiment.space.iter().flat_map(|s| &s.requires);
    for (require, holds) in of_space.zip(&decisions.constraints) {
        if bounds::proves(holds, decisions, &names) == Some(false) {
            found.push(report(require, template));
        }
    }
    found
}

fn report(require: &Require, template: &Template) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        "bnas::require::unmeetable",
        format!("no candidate can meet `{}`", require.text),
    )
    .label(require.span, "every member of the space fails this");
    let spoken_of: Vec<String> = template
        .extremes()
        .into_iter()
        .filter(|(name, _)| require.text.contains(name))
        .map(|(name, (low, high))| {
            format!("`{name}` is {} to {}", shown(name, low), shown(name, high))
        })
        .collect();
    if !spoken_of.is_empty() {
        diagnostic = diagnostic.help(format!(
            "over the whole space, {}: relax the bound or widen a domain",
            spoken_of.join(" and ")
        ));
    } else {
        diagnostic = diagnostic.help("relax the bound or widen a domain that it speaks of");
    }
    diagnostic
}

/// A metric in a unit that a reader knows: sizes in bytes.
fn shown(name: &str, value: f64) -> String {
    match (name, value.is_finite()) {
        (_, false) => "any size".into(),
        ("model_size", true) => format!("{:.0} B", value / 8.0),
        _ => format!("{value}"),
    }
}
