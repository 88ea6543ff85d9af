//! Requirements that no candidate can meet, found before anything runs.
//!
//! In: a template and the requirements' texts. Out: a diagnostic for each that bounds prove unmeetable. A requirement that is neither
//! proved meetable nor unmeetable passes.

use super::bounds::{self, Abstract};
use super::template::Template;
use crate::diagnostic::Diagnostic;
use crate::ir::{Experiment, Require};

/// What bounds prove of a template's requirements.
pub(super) fn unmeetable(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let extremes = template.extremes();
    let names = |name: &str| {
        extremes
            .get(name)
            .map(|(low, high)| Abstract::interval(*low, *high))
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
