//! Operations that have no value for some operands: divisions, logarithms, square roots, powers.
//!
//! In: the expressions of an experiment or quantizer as they are settled, with the conditions under which they are reached ([`uses`](uses())). Out:
//! an error for one that goes wrong at a member of the space, which it names; a warning for one of which neither a member nor a proof is
//! found; nothing for one that is proved. Bounds come first ([`bound`]), which know conditions; then members are tried ([`witness`]).

pub(in crate::model) mod bound;
mod each;
mod formulas;
mod kind;
mod tensors;
#[cfg(test)]
mod tests;
mod uses;
mod witness;

use std::collections::BTreeSet;

pub(in crate::model) use self::bound::Facts;
pub use self::bound::Interval;
use self::each::is_safe_at_each;
pub use self::formulas::of_quantizer;
pub(in crate::model) use self::formulas::{of_amended, of_formula, samples_of_formula};
use self::kind::Kind;
pub use self::tensors::of_one_value;
use self::tensors::{reads_outside, reduces};
pub(in crate::model) use self::uses::{Use, absence, belong_to, is_fallible, uses};
use super::evaluate;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Value};
use crate::model::decision::Decisions;
use crate::model::settling::limits;
use crate::source::Span;

/// The most operations whose members are tried.
const MOST_TRIED: usize = 500;

/// The most decisions on which one hangs that are named beside it.
const MOST_GUARDS: usize = 2;

/// What names can be that are no decisions.
pub(in crate::model) struct Names<'a> {
    /// Every number that one can be, as an interval.
    pub(in crate::model) bounds: &'a dyn Fn(&str) -> Option<Interval>,
    /// Numbers that it really takes; none of what is only measured.
    pub(in crate::model) samples: &'a dyn Fn(&str) -> Vec<f64>,
}

/// What is wrong with some uses. `constraints` are those of the decisions with the place where each is written.
pub(in crate::model) fn check(
    uses: &[Use],
    decisions: &Decisions,
    written: &[Span],
    names: &Names,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut reported: Vec<&Use> = Vec::new();
    let mut tried = 0;
    let unsafe_uses = uses.iter().filter(|one| !one.span.is_empty());
    let unsafe_uses: Vec<&Use> = unsafe_uses
        .filter(|one| !is_safe(one, decisions, names))
        .collect();
    // A requirement that goes wrong itself excludes nothing.
    let without = |spans: &[Span]| {
        let mut kept = decisions.clone();
        let mut place = written.iter();
        kept.constraints
            .retain(|_| place.next().is_none_or(|span| !spans.contains(span)));
        kept
    };
    let doubtful: Vec<Span> = unsafe_uses.iter().filter_map(|one| one.within).collect();
    let left = without(&doubtful);
    let of_requirements = unsafe_uses.iter().filter(|one| one.within.is_some());
    let excluding: Vec<Span> = (of_requirements.take(MOST_TRIED))
        .filter(|one| witness::find(one, &left, names) != witness::Outcome::Never)
        .filter_map(|one| one.within)
        .collect();
    let kept = match doubtful.len() > MOST_TRIED {
        true => left,
        false => without(&excluding),
    };
    for one in unsafe_uses {
        if reported.iter().any(|other| is_alike(one, other)) {
            continue;
        }
        // A formula in many copies goes wrong in the first of them, or is tried in some.
        tried += 1;
        if tried > MOST_TRIED {
            break;
        }
        let mut outcome = witness::find(one, &kept, names);
        // What requirements exclude may be what would go wrong.
        if outcome == witness::Outcome::Unknown
            && (is_safe_where(one, &kept.constraints, &kept, names)
                || is_safe_at_each(one, &kept, names))
        {
            outcome = witness::Outcome::Never;
        }
        if let Some(diagnostic) = report(one, &outcome, decisions) {
            reported.push(one);
            found.push(diagnostic);
        }
    }
    found
}

/// Whether two uses are one mistake: copies of one formula, or a formula that is written out in another; what reads a value that goes
/// wrong is none of its own.
fn is_alike(one: &Use, other: &Use) -> bool {
    let mut operands = one.operands.iter().zip(&other.operands);
    let is_same = one.kind == other.kind
        && (one.span == other.span || operands.all(|(x, y)| super::fold::same(x, y)));
    is_same || one.operands.iter().any(|operand| other.is_part_of(operand))
}

/// Whether bounds prove that an operation always has a value.
fn is_safe(one: &Use, decisions: &Decisions, names: &Names) -> bool {
    is_safe_where(one, &[], decisions, names)
}

/// The same, where `constraints` hold.
fn is_safe_where(one: &Use, constraints: &[Expr], decisions: &Decisions, names: &Names) -> bool {
    let mut facts = Facts::new(decisions, names.bounds);
    for constraint in constraints {
        facts.assume(constraint, true);
    }
    for condition in &one.conditions {
        facts.assume(condition, true);
    }
    if facts.is_contradiction() {
        return true;
    }
    let ranges: Vec<Interval> = one.operands.iter().map(|e| facts.bound(e)).collect();
    match (one.kind, &ranges[..]) {
        (Kind::Divide, [x]) => !x.contains(0.0) || facts.is_not_zero(&one.operands[0]),
        (Kind::Logarithm | Kind::Multiple | Kind::Absent, [x]) => x.low > 0.0,
        (Kind::Root, [x]) => x.low >= 0.0,
        (Kind::Limits { is_whole }, [x, low, high]) => {
            let is_within = low.high <= x.low && x.high <= high.low;
            is_within && (!is_whole || limits::is_whole(&one.operands[0], decisions))
        }
        (Kind::Power, [x, y]) => {
            let whole = one.operands[1].as_value().and_then(Value::as_number);
            let whole = whole.is_some_and(|n| n.fract() == 0.0);
            let not_zero = !x.contains(0.0) || facts.is_not_zero(&one.operands[0]);
            (x.low >= 0.0 || whole) && (not_zero || y.low >= 0.0)
        }
        _ => true,
    }
}

fn report(one: &Use, outcome: &witness::Outcome, decisions: &Decisions) -> Option<Diagnostic> {
    match outcome {
        witness::Outcome::Never => None,
        witness::Outcome::Unknown => {
            let (message, label) = one.kind.doubt();
            Some(
                Diagnostic::warning("bnas::domain::unproved", message)
                    .label(one.span, label)
                    .help(one.kind.help()),
            )
        }
        witness::Outcome::Fails {
            operands,
            choices,
            names,
            tensor,
        } => {
            let parts = one.operands.iter().chain(&one.conditions);
            let mut spoken: BTreeSet<usize> = parts.flat_map(evaluate::decisions).collect();
            // What is there for many reasons is not there for one of them.
            let guards = { spoken.iter() }.map(|i| evaluate::decisions(&decisions.all[*i].guard));
            let guards: Vec<_> = guards.filter(|of| of.len() <= MOST_GUARDS).collect();
            spoken.extend(guards.into_iter().flatten());
            let choices = || choices.iter().filter(|(index, _)| spoken.contains(index));
            let mut when: Vec<String> = choices()
                .map(|(index, value)| (&decisions.all[*index], value))
                .map(|(decision, value)| {
                    format!("`{}` is {}", decision.path, decision.shown(value))
                })
                .collect();
            let over_all = one.operands.iter().any(reduces);
            when.extend(names.iter().map(|(name, x)| match (name.as_str(), tensor) {
                ("x", Some(all)) => {
                    let all: Vec<String> = all.iter().map(f64::to_string).collect();
                    let all = all.join(", ");
                    match one.operands.iter().any(reads_outside) {
                        true => format!("`x` is {x} among the values {all}"),
                        false => format!("the values are {all}"),
                    }
                }
                ("x", None) if over_all => format!("all values are {x}"),
                _ => format!("`{name}` is {x}"),
            }));
            let (message, label) = one.kind.problem(operands, &one.written);
            let message = match when.is_empty() {
                true => message,
                false => format!("{message} when {}", when.join(" and ")),
            };
            // Weights of training differ, so that what goes wrong only where they are all the same is no reason to stop.
            let diagnostic = match over_all && tensor.is_none() {
                true => Diagnostic::warning("bnas::domain::degenerate", message),
                false => Diagnostic::error(one.kind.code(), message),
            };
            let mut diagnostic = diagnostic.label(one.span, label).help(one.kind.help());
            for (index, _) in choices().take(2) {
                let decision = &decisions.all[*index];
                diagnostic = diagnostic.label(decision.span, "a choice that leads there");
            }
            Some(diagnostic)
        }
    }
}
