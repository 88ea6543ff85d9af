//! Operations without a value at some member of the space: a division by zero, a root of a negative number.
//!
//! In: a template and the uses of such operations that its settler found. Out: diagnostics.

use std::collections::BTreeMap;

use super::body::require;
use super::fallible::is_fallible;
use super::places::{add_decisions, add_sides};
use super::{OWN, Template};
use crate::diagnostic::Diagnostic;
use crate::ir::{Evaluator, Experiment, Expr, Require, Space, Table, Target};
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate;
use crate::model::expression::frame::Frame;
use crate::model::expression::partial::{self, Interval, Names, Use};
use crate::model::hardware::fits;
use crate::model::metrics::metric;
use crate::model::settling::settle::Settler;
use crate::model::targets;
use crate::model::unroll;
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

/// Operations that have no value at some member of a space which no experiment uses, on any data.
pub fn of_space(space: &Space) -> Vec<Diagnostic> {
    if !is_fallible(space) {
        return Vec::new();
    }
    let mut settler = Settler::new(&[]);
    let unknown = |name: &str| Expr::Name(name.into(), Span::default());
    let shape = ["input.height", "input.width", "input.channels"].map(unknown);
    let around = Frame::default();
    let found = unroll::unroll_for(space, shape, unknown("classes"), &around, &mut settler);
    let mut places = Places::default();
    places.extend(found.places);
    let requires = || space.requires.iter().chain(&found.asked);
    add_sides(&mut places, &found.ends, requires().map(|r| &*r.holds));
    add_decisions(&mut places, &settler);
    require(requires(), &found.names, &places, &mut settler);
    alone(&settler)
}

/// Operations that have no value at some member of a target which no experiment uses.
pub fn of_target(target: &Target) -> Vec<Diagnostic> {
    let mut settler = Settler::new(&[]);
    let names = Frame::default();
    let mut places = Places::default();
    let settled = targets::settle_alone(target, &mut settler);
    places.extend(targets::places(&settled));
    add_decisions(&mut places, &settler);
    // What a lane has to hold excludes members; what a memory has to hold is of a network.
    let requires = fits(target, None);
    let of_target = |require: &&Require| {
        let names = evaluate::names(&require.holds);
        names.iter().all(|name| metric(name).is_none())
    };
    let requires = requires.iter().filter(of_target);
    require(requires, &names, &places, &mut settler);
    alone(&settler)
}

/// Of layers that do not fit since a value of theirs is no number, says what goes wrong with it: in the layer, or in what it reads.
pub(super) fn in_place_of_misfits(found: Vec<Diagnostic>, settler: &Settler) -> Vec<Diagnostic> {
    let is_misfit = |d: &Diagnostic| d.code == "bnas::domain::undefined" && !d.layers.is_empty();
    if !found.iter().any(is_misfit) {
        return found;
    }
    let undefined = alone(settler);
    let place = |d: &Diagnostic| d.labels.first().map(|label| label.span);
    let said = |misfit: Diagnostic| {
        let is_within = |d: &&Diagnostic| match (place(&misfit), place(d)) {
            (Some(layer), Some(value)) => layer.holds(value),
            _ => false,
        };
        let within = undefined.iter().find(is_within);
        let said = within.or(undefined.first()).filter(|_| is_misfit(&misfit));
        said.cloned().unwrap_or(misfit)
    };
    found.into_iter().map(said).collect()
}

/// What is found wrong with decisions alone. What hangs on more, and what is neither found nor excluded, is judged where it is used.
fn alone(settler: &Settler) -> Vec<Diagnostic> {
    if settler.sink.has_errors() {
        return Vec::new();
    }
    let uses = settler.uses.iter().filter(|one| !one.has_names());
    let uses: Vec<Use> = uses.cloned().collect();
    let written: Vec<Span> = settler.required.iter().map(|r| r.span).collect();
    let names = Names {
        bounds: &|_| None,
        samples: &|_| Vec::new(),
    };
    let mut found = partial::check(&uses, &settler.decisions, &written, &names);
    found.retain(Diagnostic::is_error);
    found
}

/// What a column of a table holds.
fn column(table: &Table, name: &str) -> Option<Interval> {
    let measured = table.column(name);
    let cells = || measured.iter().copied();
    Interval::new(cells().reduce(f64::min)?, cells().reduce(f64::max)?)
}
