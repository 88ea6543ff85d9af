//! The targets of an experiment with their choices made decisions.
//!
//! In: an experiment and its settler. Out: each target that may be the one, its condition, and its fields by their paths. Fixed fields keep the names of
//! other fields, which `hardware` resolves at a point.

use super::expression::aggregate::Place;
use super::expression::evaluate;
use super::expression::frame::Frame;
use super::expression::partial;
use super::hardware::without_peaks;
use super::settling::settle::Settler;
use crate::ir::{Experiment, Expr, Slot, Target};

/// The most fields of a target that refer to each other in a row.
const FIELDS: usize = 8;

/// A target that may be the one.
pub(super) struct Settled {
    /// Where its fields stand: `target`, or `target.braintta` of several.
    path: String,
    /// Where it is the one.
    pub(super) guard: Expr,
    pub(super) target: Target,
}

/// The targets of an experiment.
pub(super) fn settle(
    experiment: &Experiment,
    names: &Frame,
    settler: &mut Settler,
) -> Vec<Settled> {
    let Some(first) = &experiment.target else {
        return Vec::new();
    };
    let choice = experiment.target_choice.as_ref();
    let alternatives = settler.one_of(first, choice, "target", |t| &t.name);
    let settled = alternatives.into_iter().map(|one| Settled {
        target: settled(one.what, &one.path, &one.guard, names, settler),
        path: one.path,
        guard: one.guard,
    });
    settled.collect()
}

/// The only target, without any experiment.
pub(super) fn settle_alone(target: &Target, settler: &mut Settler) -> Settled {
    let guard = Expr::bool(true);
    Settled {
        target: settled(target, "target", &guard, &Frame::default(), settler),
        path: "target".into(),
        guard,
    }
}

/// Makes decisions of a target's choices; `names` are the experiment's.
fn settled(
    target: &Target,
    path: &str,
    guard: &Expr,
    names: &Frame,
    settler: &mut Settler,
) -> Target {
    let mut target = target.clone();
    let fields: Vec<String> = target.fields().into_iter().map(|f| f.name).collect();
    for (slot, name) in target.slots_mut().into_iter().zip(&fields) {
        if let Slot::Chosen(_) = slot {
            *slot = Slot::Fixed(settler.slot(slot, &format!("{path}.{name}"), guard, names));
        }
    }
    // A field of the target hides a name of the experiment.
    let around = |name: &str| match fields.iter().any(|f| f == name) {
        true => None,
        false => names.get(name),
    };
    let chosen = target.clone();
    let span = target.span;
    for slot in target.slots_mut() {
        let Slot::Fixed(expr) = slot else { continue };
        let own = |name: &str| {
            // What a field is amended with may use the experiment's names.
            let field = || evaluate::reduce(&field(&chosen, name, FIELDS)?, &around).ok();
            around(name).or_else(field)
        };
        settler.note_reads(expr, guard, names);
        let found = partial::uses(expr, guard, &own);
        settler.uses.extend(found);
        match evaluate::reduce(expr, &around) {
            Ok(reduced) => *expr = reduced,
            Err(failure) => settler.fail(failure, span),
        }
    }
    target
}

/// Every field by its path, with the other fields written out.
pub(super) fn places(settled: &Settled) -> Vec<Place> {
    let Settled {
        path,
        guard,
        target,
    } = settled;
    let place = |name: String| {
        let value = field(target, &name, FIELDS)?;
        evaluate::names(&value).is_empty().then(|| Place {
            path: format!("{path}.{name}"),
            guard: guard.clone(),
            value,
        })
    };
    let fields = target.fields().into_iter();
    fields.filter_map(|f| place(f.name)).collect()
}

/// What a field of a target is, with its other fields written out.
fn field(target: &Target, name: &str, left: usize) -> Option<Expr> {
    match target.slot(name)? {
        Slot::Fixed(expr) if left > 0 => {
            let expr = without_peaks(expr, target).ok()?;
            evaluate::reduce(&expr, &|n| field(target, n, left - 1)).ok()
        }
        _ => None,
    }
}
