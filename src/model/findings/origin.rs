//! Where values come from that a requirement speaks of.
//!
//! In: what is said of a requirement. Out: the same with the domains of its decisions, and with what amends its values.

use crate::diagnostic::Diagnostic;
use crate::ir::{Experiment, Require, Value};
use crate::model::decision::{Choices, Decision};
use crate::model::expression::evaluate;
use crate::model::template::Template;

/// The most places that are shown.
const MOST: usize = 3;

/// Shows the domains and amendments behind the names of a requirement.
pub(super) fn with_origins(
    mut diagnostic: Diagnostic,
    require: &Require,
    template: &Template,
    experiment: &Experiment,
) -> Diagnostic {
    let mut shown = Vec::new();
    for name in evaluate::names(&require.holds) {
        // A name with a number is of one copy.
        let is_exact = template.decisions().all.iter().any(|d| d.path == name);
        let is_of_name = |d: &&Decision| match is_exact {
            true => d.path == name,
            false => plain(&d.path) == plain(&name),
        };
        for decision in template.decisions().all.iter().filter(is_of_name) {
            let text = format!("`{}` is one of {}", decision.path, members(decision));
            shown.push((decision.span, text));
        }
        for amendment in &experiment.amendments {
            let given = amendment.at.iter().zip(&amendment.paths);
            let given = given.filter(|(_, path)| {
                let path = plain(path);
                let name = plain(&name);
                let below = name.strip_suffix(path.as_str());
                !path.is_empty() && below.is_some_and(|root| root.ends_with('.'))
            });
            shown.extend(given.map(|(at, path)| (*at, format!("`{path}` is amended here"))));
        }
    }
    let mut places: Vec<_> = diagnostic.labels.iter().map(|label| label.span).collect();
    for (at, text) in shown {
        if places.len() <= MOST
            && !places
                .iter()
                .any(|place| place.holds(at) || at.holds(*place))
        {
            places.push(at);
            diagnostic = diagnostic.label(at, text);
        }
    }
    diagnostic
}

/// A path without the numbers of its copies.
fn plain(path: &str) -> String {
    let parts = path.split('[');
    parts
        .map(|part| part.split_once(']').map_or(part, |(_, behind)| behind))
        .collect()
}

/// A domain as it is written.
pub(super) fn members(decision: &Decision) -> String {
    let shown = |x: f64| decision.shown(&Value::Number(x));
    match &decision.choices {
        Choices::Integers {
            low, high, step: 1, ..
        } => format!("{low}..{high}"),
        Choices::Integers {
            low, high, step, ..
        } => format!("{low}..{high} step {step}"),
        Choices::Reals { low, high, .. } => format!("{}..{}", shown(*low), shown(*high)),
        Choices::Ordered(numbers) => {
            let members: Vec<String> = numbers.iter().map(|x| shown(*x)).collect();
            format!("{{{}}}", members.join(", "))
        }
        Choices::Categories(values) => Value::Set(values.clone()).to_string(),
    }
}
