//! Operations without a value at some member of the space: a division by zero, a root of a negative number.
//!
//! In: a template and the uses of such operations that its settler found. Out: diagnostics.

use std::collections::BTreeMap;

use super::{OWN, Template};
use crate::diagnostic::Diagnostic;
use crate::ir::{Evaluator, Experiment, Table};
use crate::model::metrics::metric;
use crate::model::partial::{self, Interval, Names, Use};
use crate::source::Span;

/// Operations that have no value at some member, or may have none.
pub(super) fn check(template: &Template, experiment: &Experiment, uses: &[Use]) -> Vec<Diagnostic> {
    if uses.is_empty() {
        return Vec::new();
    }
    let none = BTreeMap::new();
    let extremes = match uses.iter().any(Use::has_names) {
        true => template.extremes(),
        false => &none,
    };
    let bounds = |name: &str| {
        if let Some(own) = name.strip_prefix(OWN) {
            return match experiment.evaluator.as_ref()? {
                Evaluator::Table(table) => column(table, own),
                // A command may print any number.
                Evaluator::Command(_) => None,
            };
        }
        match (name, extremes.get(name)) {
            ("accuracy", _) => Interval::new(0.0, 1.0),
            (_, Some((low, high))) => Interval::new(*low, *high),
            // Sizes, times and energies of a network are above 0.
            // Far below any joule or second, and products of several are still above 0.
            _ if metric(name).is_some() => Interval::new(1e-30, f64::MAX),
            _ => partial::of_formula(name),
        }
    };
    let mut written = vec![Span::default(); template.decisions.constraints.len()];
    for claim in template.claims() {
        written[claim.constraint] = claim.written.span;
    }
    let names = Names {
        bounds: &bounds,
        samples: &partial::samples_of_formula,
    };
    partial::check(uses, &template.decisions, &written, &names)
}

/// What a column of a table holds.
fn column(table: &Table, name: &str) -> Option<Interval> {
    let measured = table.column(name);
    let cells = || measured.iter().copied();
    Interval::new(cells().reduce(f64::min)?, cells().reduce(f64::max)?)
}
