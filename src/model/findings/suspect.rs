//! What can run and is likelier a mistake than meant: conditions that never hold, requirements that never bind, a written default that
//! no first trial can take.
//!
//! In: a template and its experiment. Out: warnings. Only what is proved is said.

use std::collections::{BTreeMap, BTreeSet};

use super::origin::members;
use super::unquantized;
use super::unrepaired;
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Experiment, Expr, Function, Goal};
use crate::model::expression::bounds;
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;
use crate::model::metrics::metric;
use crate::model::shape::operation::TemplateOp;
use crate::model::template::Template;
use crate::source::Span;

/// Everything that looks like a mistake. `defaults` are the decisions whose default is written.
pub(in crate::model) fn warnings(
    template: &Template,
    experiment: &Experiment,
    defaults: &BTreeSet<usize>,
) -> Vec<Diagnostic> {
    let mut found = never_there(template);
    found.extend(never_binding(template, experiment));
    found.extend(idle_goals(template, experiment));
    found.extend(unvarying_goals(template, experiment));
    found.extend(broken_defaults(template, defaults));
    let without_policy = unrepaired::without_policy(template, experiment);
    if without_policy.is_none() {
        found.extend(unrepaired::warnings(template, experiment));
        found.extend(unquantized::warnings(template, experiment));
    }
    found.extend(without_policy);
    found
}

/// Goals with a condition that holds for no candidate, or for all: one of their branches is never the goal.
fn idle_goals(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let goals = experiment.goals.iter().zip(template.goals());
    // What a list says of copies that do not exist is nobody's mistake.
    let goals = goals.filter(|(goal, _)| !implications(&goal.expr).1);
    let mut found = Vec::new();
    for (goal, expr) in goals {
        let mut idle = None;
        evaluate::walk(expr, &mut |part| {
            if let (Expr::If(condition, ..), None) = (part, &idle) {
                idle = decided(condition, template).map(|holds| ((**condition).clone(), holds));
            }
        });
        let Some((condition, holds)) = idle else {
            continue;
        };
        let label = match holds {
            true => "a condition in it holds for every candidate",
            false => "a condition in it holds for no candidate",
        };
        let text = format!("a part of the goal `{}` is never looked at", goal.text);
        let diagnostic = Diagnostic::warning("bnas::goal::idle", text).label(goal.span, label);
        found.push(with_domains(diagnostic, &condition, template));
    }
    found
}

/// Goals of metrics that are known before training, where nothing that is searched has a part in the network and its price.
fn unvarying_goals(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let is_priced = experiment.space.is_some() && experiment.evaluator.is_none();
    if !is_priced || template.decisions().all.is_empty() || !template.pricing().is_empty() {
        return Vec::new();
    }
    let is_known = |name: &String| name != "accuracy" && metric(name).is_some();
    let goals = experiment.goals.iter().zip(template.goals());
    let goals = goals.filter(|(_, expr)| {
        evaluate::names(expr).iter().all(is_known) && evaluate::decisions(expr).is_empty()
    });
    let warning = |(goal, _): (&Goal, &Expr)| {
        let text = "this goal is the same for every candidate";
        Diagnostic::warning("bnas::goal::constant", text)
            .label(goal.span, "nothing that is searched changes the network or its price")
            .help("remove it, or search what it depends on: a width, a depth, a precision, a field of the target")
    };
    goals.map(warning).collect()
}

/// Layers whose condition holds for no candidate, in any copy.
fn never_there(template: &Template) -> Vec<Diagnostic> {
    let nodes = || template.body.nodes.iter();
    // A shortcut that nothing asks for, since shapes are equal, is nobody's mistake.
    let is_shortcut = |op: &TemplateOp| matches!(op, TemplateOp::Project(_) | TemplateOp::Pad(_));
    let shortcuts = nodes().filter(|node| is_shortcut(&node.op));
    let shortcuts: BTreeSet<&str> = shortcuts.map(|node| node.layer.as_str()).collect();
    // The operations of a layer stand under its first, the copies of a layer under one span. Sums and joins of a body share its name.
    let mut first: BTreeMap<&str, Span> = BTreeMap::new();
    let mut guards: BTreeMap<Span, Vec<&Expr>> = BTreeMap::new();
    for node in nodes().filter(|node| !shortcuts.contains(node.layer.as_str())) {
        let span = match node.op {
            TemplateOp::Add(..) | TemplateOp::Join(..) => node.span,
            _ => *first.entry(&node.layer).or_insert(node.span),
        };
        guards.entry(span).or_default().push(&node.guard);
    }
    guards.retain(|_, guards| guards.iter().all(|guard| never(guard, template)));
    guards
        .into_iter()
        .map(|(span, guards)| {
            let text = "this is in no candidate: its condition never holds";
            let diagnostic =
                Diagnostic::warning("bnas::space::never", text).label(span, "never there");
            with_domains(diagnostic, guards[0], template)
        })
        .collect()
}

/// Requirements with a condition that holds for no candidate: they ask for nothing.
fn never_binding(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let of_experiment = experiment.requires.iter().zip(template.requires());
    let of_space = { template.claims().iter() }.filter(|c| c.require.is_none() && !c.is_part);
    let of_space = of_space.map(|c| {
        let holds = &template.decisions().constraints[c.constraint];
        (&c.written, holds)
    });
    // What a rule asks of each layer binds if it binds for one of them.
    let mut all_idle: BTreeMap<Span, bool> = BTreeMap::new();
    for (require, holds) in of_space.clone() {
        let idle = all_idle.entry(require.span).or_insert(true);
        *idle = *idle && asked(holds, template).all;
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    for (require, holds) in of_experiment.chain(of_space) {
        let Asked { condition, all } = asked(holds, template);
        let Some(condition) = condition else { continue };
        let is_said = |d: &Diagnostic| d.labels.iter().any(|label| label.span == require.span);
        let binds_elsewhere = all && all_idle.get(&require.span) == Some(&false);
        if binds_elsewhere || found.iter().any(is_said) {
            continue;
        }
        let (implies, lists) = implications(&require.holds);
        let (text, label) = match (implies, all) {
            (true, true) => (
                format!("`{}` asks for nothing", require.text),
                "what stands before `implies` holds for no candidate",
            ),
            // What a list asks of copies that do not exist is nobody's mistake.
            (true, false) if !lists => (
                format!("a part of `{}` asks for nothing", require.text),
                "what stands before its `implies` holds for no candidate",
            ),
            (false, true) => (
                format!("`{}` asks for nothing", require.text),
                "no candidate has all that this speaks of",
            ),
            _ => continue,
        };
        let diagnostic =
            Diagnostic::warning("bnas::require::never_binds", text).label(require.span, label);
        found.push(with_domains(diagnostic, &condition, template));
    }
    found
}

/// What a requirement asks of candidates.
struct Asked {
    /// A condition that holds for none.
    condition: Option<Expr>,
    /// Whether every part stands behind such a condition.
    all: bool,
}

fn asked(holds: &Expr, template: &Template) -> Asked {
    match holds {
        Expr::Binary(BinaryOp::And, x, y) => {
            let (x, y) = (asked(x, template), asked(y, template));
            Asked {
                condition: x.condition.or(y.condition),
                all: x.all && y.all,
            }
        }
        Expr::Binary(BinaryOp::Implies, left, _) if never(left, template) => Asked {
            condition: Some((**left).clone()),
            all: true,
        },
        Expr::Binary(BinaryOp::Implies, _, right) => asked(right, template),
        _ => Asked {
            condition: None,
            all: false,
        },
    }
}

/// Whether `implies` is written in a requirement, and whether it speaks of lists.
fn implications(written: &Expr) -> (bool, bool) {
    let (mut implies, mut lists) = (false, false);
    evaluate::walk(written, &mut |part| match part {
        Expr::Binary(BinaryOp::Implies, ..) => implies = true,
        Expr::Call(Function::Over(_), _) => lists = true,
        _ => {}
    });
    (implies, lists)
}

/// Written defaults that break a constraint together: the first trial takes others. Defaults of another file are no mistake of the
/// one that requires.
fn broken_defaults(template: &Template, defaults: &BTreeSet<usize>) -> Vec<Diagnostic> {
    let decisions = template.decisions();
    let point = decisions.default_point();
    let scope = Values(&point.0);
    let mut found = Vec::new();
    for claim in template.claims().iter().filter(|c| !c.of_metrics) {
        let constraint = &decisions.constraints[claim.constraint];
        if evaluate::truth(constraint, &scope) != Ok(false) {
            continue;
        }
        let of_claim = evaluate::decisions(constraint);
        let written: Vec<usize> = of_claim
            .into_iter()
            .filter(|i| defaults.contains(i) && point.0[*i].is_some())
            .filter(|i| decisions.all[*i].span.source == claim.written.span.source)
            .collect();
        if written.is_empty() {
            continue;
        }
        let text = format!("the defaults do not meet `{}`", claim.written.text);
        let mut diagnostic = Diagnostic::warning("bnas::domain::first_trial", text)
            .label(claim.written.span, "fails at the defaults");
        // Of the copies that one line declares, the first.
        let mut by_place: BTreeMap<Span, Vec<usize>> = BTreeMap::new();
        for index in written {
            let place = by_place.entry(decisions.all[index].span).or_default();
            place.push(index);
        }
        for (place, written) in by_place {
            let decision = &decisions.all[written[0]];
            let others = match written.len() {
                1 => String::new(),
                n => format!(" and those of {} more", n - 1),
            };
            let label = format!(
                "`{}`{others} would be {}",
                decision.path,
                decision.shown(&decision.default)
            );
            diagnostic = diagnostic.label(place, label);
        }
        found.push(
            diagnostic
                .help("they are no candidate: write defaults that meet it, or leave them out"),
        );
    }
    found
}

/// Whether a condition on decisions is proved to hold for no candidate.
fn never(condition: &Expr, template: &Template) -> bool {
    decided(condition, template) == Some(false)
}

/// Whether a condition on decisions is proved to hold for every candidate, or for none.
fn decided(condition: &Expr, template: &Template) -> Option<bool> {
    match condition.as_value() {
        Some(_) => None,
        None => bounds::proves(condition, template.decisions(), &|_| None),
    }
}

/// Says what the decisions of a condition can be.
fn with_domains(diagnostic: Diagnostic, condition: &Expr, template: &Template) -> Diagnostic {
    let of_condition = evaluate::decisions(condition);
    let shown: Vec<String> = of_condition
        .into_iter()
        .take(3)
        .map(|index| &template.decisions().all[index])
        .map(|d| format!("`{}` is one of {}", d.path, members(d)))
        .collect();
    match shown.is_empty() {
        true => diagnostic,
        false => diagnostic.help(format!(
            "{}: mend the condition, or widen the domain",
            shown.join(", ")
        )),
    }
}
