//! What an experiment asks for: goals, requirements, and which of these are constraints over decisions.
//!
//! In: an experiment, everything that it may name by its path, its settler. Out: [`Asked`] and its [`Claim`]s. A name that is neither a
//! metric nor a decision is reported to the settler's sink.

use std::collections::BTreeMap;

use super::OWN;
use super::places::{Settled, settled};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{self, Experiment, Expr};
use crate::model::decision::Decisions;
use crate::model::expression::aggregate::Places;
use crate::model::expression::evaluate;
use crate::model::expression::existence;
use crate::model::expression::frame::Frame;
use crate::model::expression::necessary::necessary;
use crate::model::expression::partial;
use crate::model::findings::consequences::NO_COPY;
use crate::model::metrics::metric;
use crate::model::settling::settle::Settler;
use crate::source::Span;

/// Goals and requirements over metrics and decisions, in the order of the experiment.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) goals: Vec<Expr>,
    pub(super) requires: Vec<Expr>,
    /// Requirements as they are written.
    pub(super) written: Vec<ir::Require>,
    /// Of the space and the policy, then of the experiment.
    pub(super) claims: Vec<Claim>,
}

/// A requirement that has become a constraint over decisions.
#[derive(Debug, Clone)]
pub(in crate::model) struct Claim {
    /// Its number among the constraints of the decisions.
    pub(in crate::model) constraint: usize,
    /// Its number among the requirements of the experiment; `None` if the space makes it, or if it is a part of one.
    pub(in crate::model) require: Option<usize>,
    /// Whether it was a requirement on metrics.
    pub(in crate::model) of_metrics: bool,
    /// Whether the requirement asks for more, which is measured.
    pub(in crate::model) is_part: bool,
    /// As it is written.
    pub(in crate::model) written: ir::Require,
}

impl Asked {
    /// Goals and requirements may name the experiment's values, metrics, and values and decisions by their path. Every constraint so far is
    /// a requirement of the space or of the policy.
    pub(super) fn new(
        experiment: &Experiment,
        names: &Frame,
        places: &Places,
        settler: &mut Settler,
    ) -> Asked {
        let of_space = std::mem::take(&mut settler.required);
        let of_space = of_space.into_iter().enumerate();
        let claims = of_space.map(|(constraint, written)| Claim {
            constraint,
            require: None,
            of_metrics: false,
            is_part: false,
            written,
        });
        let mut asked = Asked {
            claims: claims.collect(),
            goals: (experiment.goals.iter())
                .map(|goal| {
                    let found = measurable(&goal.expr, goal.span, names, places, settler);
                    let finite = existence::finite(&found.value);
                    let exists = evaluate::both(found.exists, finite);
                    let absence = partial::absence(&goal.expr, goal.span, exists);
                    settler.uses.extend(absence);
                    found.value
                })
                .collect(),
            requires: Vec::with_capacity(experiment.requires.len()),
            written: experiment.requires.clone(),
        };
        for require in &experiment.requires {
            let found =
                settler.unread(|s| measurable(&require.holds, require.span, names, places, s));
            let holds = evaluate::implies(found.exists, found.value);
            if !evaluate::has_names(&holds) {
                let number = asked.requires.len();
                asked.claim(number, false, holds.clone(), &mut settler.decisions);
            } else {
                asked.claim_part(require, &holds, &mut settler.decisions);
            }
            asked.requires.push(holds);
        }
        asked
    }

    /// Requirements on metrics that are sums over layers are constraints, too.
    pub(super) fn claim_sums(
        &mut self,
        sums: &BTreeMap<&'static str, Expr>,
        decisions: &mut Decisions,
    ) {
        let known = |name: &str| sums.get(name).cloned();
        for number in 0..self.requires.len() {
            let holds = &self.requires[number];
            let names = evaluate::names(holds);
            if names.is_empty() || !names.iter().all(|n| known(n).is_some()) {
                continue;
            }
            if let Ok(holds) = evaluate::reduce(holds, &known) {
                let holds = existence::where_it_exists(&holds, decisions);
                self.claim(number, true, holds, decisions);
            }
        }
    }

    /// What a requirement on measurements needs of decisions is a constraint: `accuracy >= 90 % and space.width == 8` is asked of the width before anything is
    /// trained.
    fn claim_part(&mut self, written: &ir::Require, holds: &Expr, decisions: &mut Decisions) {
        let is_measured = |name: &String| metric(name).is_none_or(|metric| !metric.known);
        if !evaluate::names(holds).iter().any(is_measured) {
            return;
        }
        let needed = necessary(holds, true, &|part| !evaluate::has_names(part));
        let needed = existence::where_it_exists(&needed, decisions);
        if needed == Expr::bool(true) {
            return;
        }
        self.claims.push(Claim {
            constraint: decisions.constraints.len(),
            require: None,
            of_metrics: false,
            is_part: true,
            written: written.clone(),
        });
        decisions.constraints.push(needed);
    }

    /// Makes a constraint of a requirement.
    fn claim(&mut self, number: usize, of_metrics: bool, holds: Expr, decisions: &mut Decisions) {
        self.claims.push(Claim {
            constraint: decisions.constraints.len(),
            require: Some(number),
            of_metrics,
            is_part: false,
            written: self.written[number].clone(),
        });
        decisions.constraints.push(holds);
    }
}

/// A goal or requirement, which speaks of metrics and decisions only.
fn measurable(
    expr: &Expr,
    span: Span,
    names: &Frame,
    places: &Places,
    settler: &mut Settler,
) -> Settled {
    let mark = settler.uses.len();
    let Some(found) = settled(expr, "", names, places, settler) else {
        return Settled {
            value: Expr::number(1.0),
            exists: Expr::bool(true),
        };
    };
    partial::belong_to(&mut settler.uses[mark..], span, expr);
    let known = |name: &str| metric(name).is_some() || name.starts_with(OWN);
    unknown(&found.value, span, places, &known, settler);
    found
}

/// Reports names that nothing has: `space.s[3].kernel` of two copies.
pub(super) fn unknown(
    expr: &Expr,
    span: Span,
    places: &Places,
    known: &dyn Fn(&str) -> bool,
    settler: &mut Settler,
) {
    let mut written: BTreeMap<String, Span> = BTreeMap::new();
    evaluate::walk(expr, &mut |part| {
        if let Expr::Name(name, at) = part
            && !at.is_empty()
        {
            written.entry(name.clone()).or_insert(*at);
        }
    });
    for name in evaluate::names(expr) {
        if known(&name) {
            continue;
        }
        let span = written.get(&name).copied().unwrap_or(span);
        let text = format!("there is no metric and no decision `{name}`");
        let label = match name.contains('[') {
            true => NO_COPY,
            false => "nothing has this path",
        };
        let diagnostic = Diagnostic::error("bnas::name::unknown", text).label(span, label);
        let paths = places.iter().map(|p| p.path.as_str());
        let diagnostic = match did_you_mean(&name, paths) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic,
        };
        settler.sink.push(diagnostic);
    }
}
