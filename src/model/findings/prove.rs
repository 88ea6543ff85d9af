//! What can never work, found before anything runs: requirements that no candidate can meet, layers without a price, grids
//! without an end.
//!
//! In: a template and its experiment. Out: diagnostics. Requirements are judged one by one by bounds, which reach measured quantities, too,
//! and all together by counting. One that is neither proved meetable nor unmeetable passes; [`crate::model::survey`] calls it so.

use std::collections::BTreeMap;

use num_bigint::BigUint;

use super::conflict;
use super::origin::with_origins;
use crate::diagnostic::Diagnostic;
use crate::ir::{Experiment, Expr, Holds, Memory, Method, Require, Target, Value};
use crate::model::counting::{Count, conjuncts};
use crate::model::decision::Choices;
use crate::model::expression::bounds::{self, Abstract};
use crate::model::expression::evaluate;
use crate::model::least;
use crate::model::metrics::metric;
use crate::model::quantization::policy::{FLOAT, Placed};
use crate::model::range;
use crate::model::template::Template;
use crate::units::{Unit, automatic};

/// The most trials of a search, which a grid without `trials` asks for.
const MOST_TRIALS: usize = 1_000_000;

/// The most conflicts that are told apart.
const MOST_CONFLICTS: usize = 8;

/// Sums of many prices differ by their last bits, whatever the order of the sum is.
const ROUNDING: f64 = 1e-9;
/// Beyond any price, and sums of several are still numbers.
const FAR: f64 = 1e300;

/// What is known of a network without quantizers.
const OF_FLOAT: [&str; 3] = ["accuracy", "macs", "params"];

/// Everything that is proved to fail.
pub(in crate::model) fn failures(template: &Template, experiment: &Experiment) -> Vec<Diagnostic> {
    let mut found = unmeetable(template, experiment);
    let unpriced = unpriced(template, experiment);
    if unpriced.is_some() {
        // Weights that stay float are as large as they are for want of a quantizer, and have no price.
        let is_of_codes = |d: &Diagnostic| {
            let requires = experiment.requires.iter().zip(template.requires());
            let main = d.labels.first().map(|label| label.span);
            let mut names = requires
                .filter(|(require, _)| main.is_some_and(|main| require.span.holds(main)))
                .flat_map(|(_, holds)| evaluate::names(holds));
            names.any(|name| !OF_FLOAT.contains(&name.as_str()))
        };
        found.retain(|d| !is_of_memory(d, experiment) && !is_of_codes(d));
    }
    found.extend(unpriced);
    found.extend(endless(template, experiment));
    found.extend(too_long(template, experiment));
    found
}

/// Whether a diagnostic says of a memory that nothing fits into it.
fn is_of_memory(diagnostic: &Diagnostic, experiment: &Experiment) -> bool {
    let memories = experiment.target.iter().flat_map(|t| &t.memories);
    let mut sizes = memories.map(|memory| memory.size_span);
    let main = diagnostic.labels.first();
    main.is_some_and(|main| sizes.any(|size| size == main.span))
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
    let mut layers = template.body.nodes.iter().zip(&template.body.placed.layers);
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

/// A grid tries every member: more of them than a search may have trials are not silently cut.
fn too_long(template: &Template, experiment: &Experiment) -> Option<Diagnostic> {
    let is_open = experiment.search.trials >= MOST_TRIALS;
    if experiment.search.method != Method::Grid || !is_open {
        return None;
    }
    let size = match template.counted().count(template.decisions()) {
        Count::Exact(n) if n > BigUint::from(MOST_TRIALS) => n.to_string(),
        Count::TooHard { at_most } if at_most > BigUint::from(MOST_TRIALS) => {
            format!("up to {at_most}")
        }
        _ => return None,
    };
    let text = format!("this grid has {size} members, and a search tries at most {MOST_TRIALS}");
    let first = template.decisions().all.first()?;
    Some(
        Diagnostic::error("bnas::search::long_grid", text)
            .label(experiment.span, "every member of its space would be tried")
            .label(first.span, "this decision changes slowest")
            .help("write `method = random  trials = 1000` to try some of them, or `trials = 1000` to try the first ones in order"),
    )
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
    // Each of several prices is at least what it is by itself.
    let mut floors: BTreeMap<&str, Option<f64>> = BTreeMap::new();
    for (require, holds) in experiment.requires.iter().zip(template.requires()) {
        let mentioned = evaluate::names(holds);
        let prices = || {
            least::NAMES
                .iter()
                .filter(|name| mentioned.contains(**name))
        };
        if prices().count() > 1 {
            for name in prices() {
                floors
                    .entry(name)
                    .or_insert_with(|| range::least(template, name));
            }
        }
        let names = |name: &str| match floors.get(name) {
            Some(Some(floor)) => Some(Abstract::interval(floor * (1.0 - ROUNDING), FAR)),
            _ => names(name),
        };
        let fails = |holds: &Expr| bounds::proves(holds, decisions, &names) == Some(false);
        if fails(holds) {
            let part = failing_part(require, holds, fails);
            found.push(report(
                part.as_ref().unwrap_or(require),
                template,
                experiment,
            ));
        }
    }
    let of_space = template.claims().iter().filter(|c| c.require.is_none());
    for claim in of_space {
        // Each copy of a `repeat` has its own constraint; one report is enough.
        let is_same =
            |d: &Diagnostic| (d.labels.first()).is_some_and(|l| claim.written.span.holds(l.span));
        if found.iter().any(is_same) {
            continue;
        }
        let holds = &decisions.constraints[claim.constraint];
        let fails = |holds: &Expr| bounds::proves(holds, decisions, &names) == Some(false);
        if fails(holds) {
            let part = failing_part(&claim.written, holds, fails);
            let unmet = part.as_ref().unwrap_or(&claim.written);
            found.push(report(unmet, template, experiment));
        }
    }
    if template.counted().is_empty() {
        found.extend(conflicts(template, experiment, &found));
    }
    found
}

/// The part of a conjunction that no candidate meets by itself, as a requirement of its own; `holds` is what the conjunction has become.
fn failing_part(require: &Require, holds: &Expr, fails: impl Fn(&Expr) -> bool) -> Option<Require> {
    let (mut written, mut settled) = (Vec::new(), Vec::new());
    conjuncts(&require.holds, &mut written);
    conjuncts(holds, &mut settled);
    if written.len() != require.parts.len() || settled.len() != written.len() {
        return None;
    }
    let at = settled.into_iter().position(fails)?;
    let (text, span) = require.parts[at].clone();
    Some(Require {
        holds: written[at].clone().into(),
        text,
        why: require.why.clone(),
        span,
        parts: Vec::new(),
    })
}

/// No point is left when everything is counted together: which requirements exclude each other. What `known` reports already is no part of that.
fn conflicts(
    template: &Template,
    experiment: &Experiment,
    known: &[Diagnostic],
) -> Vec<Diagnostic> {
    let is_known = |written: &Require| {
        let mut labels = known.iter().flat_map(|d| &d.labels);
        labels.any(|label| written.span.holds(label.span))
    };
    let found = conflict::all(template, MOST_CONFLICTS, known.is_empty(), &is_known);
    let shown = |needed: &Vec<Require>| together(needed, template, experiment);
    found.iter().map(shown).collect()
}

/// The part of a requirement that fails by the ends of metrics over all candidates, where these are known.
fn failing_of(one: &Require, template: &Template, experiment: &Experiment) -> Option<Require> {
    let ends = template.ends_of_all()?;
    let names = |name: &str| {
        let (low, high) = ends.get(name)?;
        Some(Abstract::interval(*low, *high))
    };
    let mut requires = experiment.requires.iter().zip(template.requires());
    let (_, holds) = requires.find(|(require, _)| require.span == one.span)?;
    let fails = |holds: &Expr| bounds::proves(holds, template.decisions(), &names) == Some(false);
    failing_part(one, holds, fails)
}

fn together(needed: &[Require], template: &Template, experiment: &Experiment) -> Diagnostic {
    match needed {
        [] => Diagnostic::error("bnas::require::unmeetable", "the space has no candidate")
            .help("widen a domain"),
        [one] => {
            let part = failing_of(one, template, experiment);
            report(part.as_ref().unwrap_or(one), template, experiment)
        }
        several => {
            let first = Diagnostic::error(
                "bnas::require::unmeetable",
                "no candidate can meet these requirements together",
            );
            let labeled = several
                .iter()
                .enumerate()
                .fold(first, |diagnostic, (i, require)| {
                    let label = match i {
                        0 => "each candidate that meets this",
                        _ if i + 1 == several.len() => "fails this",
                        _ => "and this",
                    };
                    diagnostic.label(require.span, label)
                });
            labeled.help("relax one of them, or widen a domain that they speak of")
        }
    }
}

fn report(require: &Require, template: &Template, experiment: &Experiment) -> Diagnostic {
    if let Some((memory, target)) = memory_of(require, experiment) {
        return too_small(require, memory, target, template, experiment);
    }
    let mut diagnostic = Diagnostic::error(
        "bnas::require::unmeetable",
        format!("no candidate can meet `{}`", require.text),
    )
    .label(require.span, "every member of the space fails this");
    let of_all: Vec<(String, (f64, f64))> = match template.ends_of_all() {
        Some(ends) => ends.into_iter().collect(),
        None => (template.extremes().iter())
            .map(|(name, ends)| (name.to_string(), *ends))
            .collect(),
    };
    // Ends of which nothing is known tell nothing.
    let spoken_of: Vec<String> = (of_all.iter())
        .filter(|(name, (_, high))| require.text.contains(name.as_str()) && high.is_finite())
        .map(|(name, (low, high))| {
            format!(
                "`{name}` is {} to {}",
                shown(name, *low),
                shown(name, *high)
            )
        })
        .collect();
    // Of those that depend on who runs and reads what, only the least is known.
    let at_least = ["energy", "latency", "stored_size", "peak_memory"].into_iter();
    let is_known = |name: &str| of_all.iter().any(|(known, _)| known == name);
    let at_least = at_least.filter(|name| require.text.contains(name) && !is_known(name));
    let at_least = at_least.filter_map(|name| {
        let least = range::least(template, name)?;
        Some(format!("`{name}` is at least {}", shown(name, least)))
    });
    let spoken_of: Vec<String> = spoken_of.into_iter().chain(at_least).collect();
    if !spoken_of.is_empty() {
        diagnostic = diagnostic.help(format!(
            "over the whole space, {}: relax the bound or widen a domain",
            spoken_of.join(" and ")
        ));
    } else {
        let names = evaluate::names(&require.holds);
        let help = match names.len() == 1 && names.contains("accuracy") {
            true => "an accuracy is from 0 % to 100 %: change what is asked of it",
            false => "change what it asks, or a domain that it speaks of",
        };
        diagnostic = diagnostic.help(help);
    }
    with_origins(diagnostic, require, template, experiment)
}

/// The memory whose size makes a requirement.
fn memory_of<'e>(
    require: &Require,
    experiment: &'e Experiment,
) -> Option<(&'e Memory, &'e Target)> {
    let others = experiment.target_choice.iter().flat_map(|c| &c.others);
    let mut targets = experiment.target.iter().chain(others);
    targets.find_map(|target| {
        let mut memories = target.memories.iter();
        let memory = memories.find(|m| m.size_span == require.span)?;
        Some((memory, target))
    })
}

/// A memory that holds what no network of the space needs.
fn too_small(
    require: &Require,
    memory: &Memory,
    target: &Target,
    template: &Template,
    experiment: &Experiment,
) -> Diagnostic {
    let name = &memory.name;
    let text = format!(
        "no candidate fits into memory `{name}` of `{}`",
        target.name
    );
    let mut diagnostic = Diagnostic::error("bnas::require::unmeetable", text).label(
        require.span,
        format!("this is too small for `{}`", require.text),
    );
    if let Some(space) = &experiment.space {
        let metrics: &[&str] = match memory.holds {
            Holds::Weights => &["stored_size"],
            Holds::Activations => &["peak_memory"],
            Holds::All => &["stored_size", "peak_memory"],
        };
        let least = metrics.iter().filter_map(|metric| {
            let bits = range::least(template, metric)?;
            Some(format!("`{metric}` is at least {}", shown(metric, bits)))
        });
        let least: Vec<String> = least.collect();
        let label = match least.is_empty() {
            true => "every network of this space needs more".into(),
            false => format!("over this space, {}", least.join(" and ")),
        };
        diagnostic = diagnostic.label(space.span, label);
    }
    diagnostic.help("give the memory more room, or widen a domain towards smaller networks")
}

/// A metric in a unit that a reader knows: sizes in bytes.
fn shown(name: &str, value: f64) -> String {
    match (name, value.is_finite()) {
        (_, false) => "any size".into(),
        ("model_size" | "stored_size" | "peak_memory", true) => {
            format!("{:.0} B", (value / 8.0).ceil())
        }
        _ => match metric(name).and_then(|m| Unit::of(m.unit)) {
            Some(unit) => automatic(value, unit.dimension),
            None => format!("{value}"),
        },
    }
}
