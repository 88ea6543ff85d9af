//! What `bnas check` prints of an experiment that can run: what varies, how large it is, what will be done.
//!
//! In: an [`Experiment`] and its [`Template`]. Out: text or JSON. Nothing is trained; a few candidates are built and priced.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::Look;
use super::grid::Grid;
use super::quantity::{count, group, quantity, shown};
use super::words::{plural, verb};
use crate::interpreter::planned;
use crate::ir::{Experiment, Method, Value};
use crate::model::counting::{Count, How};
use crate::model::metrics::metric;
use crate::model::survey::{Survey, Verdict, survey};
use crate::model::{Candidate, Choices, Decision, Metrics, Op, Template};

/// The most decisions that are listed unless all are asked for.
const MOST_DECISIONS: usize = 16;

/// The most decisions of which it is said what a requirement excludes.
const MOST_PRUNED: usize = 8;

/// The most members of a set that are spelled out.
const MOST_MEMBERS: usize = 10;

/// What is known of the default member, in the order of the table.
const KNOWN: [&str; 7] = [
    "params",
    "macs",
    "model_size",
    "stored_size",
    "peak_memory",
    "energy",
    "latency",
];

/// The plan as text, of an arm with its settings. `verbose` lists every decision and every layer of the default member.
pub fn text(
    experiment: &Experiment,
    settings: &[(String, String)],
    template: &Template,
    verbose: bool,
    look: Look,
) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "experiment {}", experiment.name);
    for (path, value) in settings {
        line(&mut out, "arm", &format!("{path} = {value}"));
    }
    for goal in &experiment.goals {
        line(&mut out, verb(goal.direction), &goal.text);
    }
    let survey = survey(template);
    for (require, verdict) in experiment.requires.iter().zip(&survey.verdicts) {
        let when = match verdict {
            Verdict::Meetable => "checked before training",
            Verdict::Open => {
                "checked before training; neither proved meetable nor unmeetable: no candidate that was drawn meets it"
            }
            Verdict::Measured => "checked after training; neither proved meetable nor unmeetable",
        };
        line(&mut out, "require", &format!("{}  ({when})", require.text));
    }
    if let Some(data) = &experiment.data {
        let [height, width, channels] = data.shape;
        let splits = data.splits;
        line(
            &mut out,
            "data",
            &format!(
                "{}: {height}x{width}x{channels}, {} classes; {} train, {} validation, {} test",
                data.name,
                data.classes,
                count(splits.train as u64),
                count(splits.validation as u64),
                count(splits.test as u64),
            ),
        );
    }
    let others = experiment.policy_choice.iter().flat_map(|c| &c.others);
    let policies = experiment
        .policy
        .iter()
        .chain(others)
        .map(|p| p.name.as_str());
    let others = experiment.target_choice.iter().flat_map(|c| &c.others);
    let targets = experiment
        .target
        .iter()
        .chain(others)
        .map(|t| t.name.as_str());
    let either = |names: Vec<&str>| Some(names.join(" or ")).filter(|names| !names.is_empty());
    for (name, part) in [
        ("space", experiment.space.as_ref().map(|s| s.name.clone())),
        ("policy", either(policies.collect())),
        ("target", either(targets.collect())),
    ] {
        if let Some(part) = part {
            line(&mut out, name, &part);
        }
    }
    line(&mut out, "search", &search(experiment, template));
    if let Some(work) = work(experiment, template) {
        line(&mut out, "work", &work);
    }
    if let Some(last) = &experiment.final_training {
        let whom = if last.only_best {
            "the best"
        } else {
            "the Pareto set"
        };
        line(
            &mut out,
            "final",
            &format!("{whom} again, `{}` with other fields", last.stage),
        );
    }
    out.push('\n');
    decisions(template, &survey, verbose, look, &mut out);
    members(&experiment.units, template, look, &mut out);
    if verbose {
        layers(template, look, &mut out);
    }
    out
}

/// The plan for programs; `arm` has the settings of an arm, and is empty without arms.
pub fn json(experiment: &Experiment, settings: &[(String, String)], template: &Template) -> Json {
    let survey = survey(template);
    let space = &survey.count;
    let default = known(template);
    json!({
        "experiment": experiment.name,
        "arm": settings.iter()
            .map(|(path, value)| (path.clone(), Json::from(value.as_str())))
            .collect::<Map<_, _>>(),
        "decisions": template.decisions().all.iter().map(|d| json!({
            "path": d.path,
            "domain": domain(d),
            "default": super::json::value(&d.default),
            "always": d.guard.as_value() == Some(&Value::Bool(true)),
        })).collect::<Vec<_>>(),
        "size": match space {
            Count::Exact(n) | Count::TooHard { at_most: n } => Json::from(n.to_string()),
            Count::Infinite => Json::Null,
        },
        "size_is_exact": matches!(space, Count::Exact(_)) && survey.sample.is_none(),
        "acceptance": survey.sample.map(|s| super::json::number(s.acceptance().0)),
        "pruned": survey.pruned.iter().map(|p| json!({
            "path": p.path,
            "members": p.members.iter().map(super::json::value).collect::<Vec<_>>(),
            "by": p.by,
        })).collect::<Vec<_>>(),
        "default": default.0.iter()
            .map(|(name, v)| (name.clone(), super::json::number(*v)))
            .collect::<Map<_, _>>(),
        "extremes": template.extremes().iter()
            .map(|(name, (low, high))| {
                (name.to_string(), json!([super::json::number(*low), super::json::number(*high)]))
            })
            .collect::<Map<_, _>>(),
        "trials": planned(experiment, template),
        "trainings": trainings(experiment, template),
    })
}

fn search(experiment: &Experiment, template: &Template) -> String {
    let search = &experiment.search;
    let method = match search.method {
        Method::Random => "random",
        Method::Grid => "grid",
        Method::Bayes => "Bayesian optimization",
    };
    let initial = match search.method {
        Method::Bayes => format!(", the first {} at random", search.initial),
        _ => String::new(),
    };
    format!(
        "{method}: {}{initial}; {} open at a time, seed {}",
        plural(planned(experiment, template), "trial"),
        search.slots,
        experiment.seed
    )
}

/// Trainings in all: every repeat of every trial, unless nothing is trained.
fn trainings(experiment: &Experiment, template: &Template) -> usize {
    if experiment.space.is_none() || experiment.data.is_none() {
        return 0;
    }
    planned(experiment, template) * experiment.repeats
}

fn work(experiment: &Experiment, template: &Template) -> Option<String> {
    let data = experiment.data.as_ref()?;
    let candidate = default_candidate(template)?;
    let trainings = trainings(experiment, template);
    let epochs: usize = candidate.stages.iter().map(|s| s.recipe.epochs).sum();
    let mut stages = candidate.stages.iter().filter(|s| s.recipe.epochs > 0);
    let first = stages.next().map_or(0, |s| s.recipe.epochs);
    let mut further = String::new();
    for stage in stages {
        let name = match stage.name.as_str() {
            "finetune" => "fine-tuning".into(),
            name => format!("`{name}`"),
        };
        let _ = write!(further, " + {} of {name}", stage.recipe.epochs);
    }
    // A step is one forward pass and two of the same size backward: for the inputs and for the weights.
    let images = (trainings * epochs * data.splits.train) as f64;
    let macs = 3.0 * images * candidate.network.total_macs() as f64;
    Some(format!(
        "up to {} of {}{further} (default member): about {}",
        plural(trainings, "training"),
        plural(first, "epoch"),
        quantity(macs, "mac"),
    ))
}

fn decisions(template: &Template, survey: &Survey, verbose: bool, look: Look, out: &mut String) {
    let all = &template.decisions().all;
    let total = match &survey.count {
        Count::Exact(n) if *n == 1_u32.into() => "1 candidate".into(),
        Count::Exact(n) => format!("{} candidates", group(&n.to_string())),
        Count::TooHard { at_most } => {
            format!("at most {} candidates", group(&at_most.to_string()))
        }
        Count::Infinite => "a continuous space".into(),
    };
    let constraints = template.decisions().constraints.len();
    let before = template.counted().left_out().len() + template.relaxed().len();
    let constrained = match (constraints, &survey.count) {
        (0, _) if before == 0 => String::new(),
        (_, Count::TooHard { .. }) => format!(" before {}", plural(before, "requirement")),
        (n, Count::Infinite) => format!(" that meets {}", plural(n, "constraint")),
        (n, _) => format!(" that meet {}", plural(n, "constraint")),
    };
    let how = match (&survey.parts, survey.how) {
        _ if all.is_empty() => String::new(),
        (None, _) => String::new(),
        (Some(_), How::Product) => " (counted: product of domains)".into(),
        (Some(_), How::Conditioning(n)) => {
            format!(" (counted: conditioning on {})", plural(n, "decision"))
        }
        (Some(_), How::Elimination(n)) => {
            format!(" (counted: elimination of {})", plural(n, "decision"))
        }
        (Some(_), How::PartialSums(n)) => {
            format!(" (counted: partial sums over {})", plural(n, "decision"))
        }
    };
    let _ = writeln!(
        out,
        "{}: {total}{constrained}{how}",
        plural(all.len(), "decision")
    );
    if let (Count::Infinite, Some(parts)) = (&survey.count, &survey.parts)
        && *parts != 1_u32.into()
    {
        let _ = writeln!(
            out,
            "{} combinations of all decisions but the reals",
            group(&parts.to_string())
        );
    }
    for relaxed in template.relaxed() {
        let text = &relaxed.written.text;
        let _ = writeln!(
            out,
            "points are drawn from those whose layers alone meet `require {text}`"
        );
    }
    if let Some(sample) = survey.sample {
        let (share, error) = sample.acceptance();
        let estimate = match (&survey.count, &survey.parts) {
            (Count::Infinite, _) | (_, None) => String::new(),
            (_, Some(parts)) => {
                let size = parts.to_string().parse::<f64>().unwrap_or(f64::INFINITY);
                format!(
                    ": about {:.3e} ± {:.1e} candidates",
                    size * share,
                    size * error
                )
            }
        };
        let _ = writeln!(
            out,
            "{} of {} points that were drawn meet everything that is known before training, {:.1} ± {:.1} %{estimate}",
            sample.met,
            sample.drawn,
            100.0 * share,
            100.0 * error,
        );
    }
    for pruned in survey.pruned.iter().take(MOST_PRUNED) {
        let decision = all.iter().find(|d| d.path == pruned.path);
        let shown = |v: &Value| decision.map_or(v.to_string(), |d| d.shown(v));
        let members = match &pruned.members[..] {
            [one] => format!("= {}", shown(one)),
            several => format!("in {}", set(several.iter().map(shown).collect())),
        };
        let by = match &pruned.by {
            Some(text) => format!("never meets `require {text}`"),
            None => "meets no combination of the other decisions".into(),
        };
        let _ = writeln!(out, "`{} {members}` {by}", pruned.path);
    }
    if survey.pruned.len() > MOST_PRUNED {
        let more = survey.pruned.len() - MOST_PRUNED;
        let _ = writeln!(
            out,
            "and {} more with members that never occur",
            plural(more, "decision")
        );
    }
    out.push('\n');
    if all.is_empty() {
        return;
    }
    let header = ["decision", "members", "default", "exists"].map(String::from);
    let mut grid = Grid::new(&header, &[0, 1, 2, 3], look);
    let shown = if verbose || all.len() <= MOST_DECISIONS {
        all.len()
    } else {
        MOST_DECISIONS
    };
    for decision in &all[..shown] {
        let exists = if decision.guard.as_value() == Some(&Value::Bool(true)) {
            "always"
        } else {
            "sometimes"
        };
        grid.row(
            &[
                decision.path.clone(),
                domain(decision),
                decision.shown(&decision.default),
                exists.into(),
            ],
            false,
        );
    }
    out.push_str(&grid.finish());
    if shown < all.len() {
        let _ = writeln!(
            out,
            "and {} more (`-v` lists them)",
            plural(all.len() - shown, "decision")
        );
    }
}

/// A set as it would be written; a long one by its ends.
fn set(items: Vec<String>) -> String {
    match &items[..] {
        [first, second, .., last] if items.len() > MOST_MEMBERS => {
            format!("{{{first}, {second}, …, {last}}}: {}", items.len())
        }
        _ => format!("{{{}}}", items.join(", ")),
    }
}

/// A domain as it would be written.
fn domain(decision: &Decision) -> String {
    match &decision.choices {
        Choices::Ordered(values) => {
            let shown = |x: &f64| decision.shown(&Value::Number(*x));
            set(values.iter().map(shown).collect())
        }
        Choices::Categories(values) => set(values.iter().map(Value::to_string).collect()),
        Choices::Integers {
            low,
            high,
            step,
            log,
        } => {
            let step = if *step > 1 {
                format!(" step {step}")
            } else {
                String::new()
            };
            format!("{low}..{high}{step}{}", logarithmic(*log))
        }
        Choices::Reals { low, high, log } if !decision.unit.is_empty() => {
            let shown = |x: f64| decision.shown(&Value::Number(x));
            format!("{}..{}{}", shown(*low), shown(*high), logarithmic(*log))
        }
        Choices::Reals { low, high, log } => {
            format!("{low:?}..{high:?}{}", logarithmic(*log))
        }
    }
}

fn logarithmic(log: bool) -> &'static str {
    if log { " log" } else { "" }
}

/// The default member beside the bounds of all.
fn members(units: &BTreeMap<String, String>, template: &Template, look: Look, out: &mut String) {
    let known = known(template);
    if known.0.is_empty() {
        return;
    }
    let extremes = template.extremes();
    let header = ["", "default", "smallest", "largest"].map(String::from);
    let mut grid = Grid::new(&header, &[0], look);
    for name in KNOWN {
        let (Some(value), Some(metric)) = (known.0.get(name), metric(name)) else {
            continue;
        };
        let bound = |pick: fn(&(f64, f64)) -> f64| {
            let bound = extremes.get(name).map(pick).filter(|b| b.is_finite());
            bound.map_or("–".into(), |b| shown(b, metric.unit, units.get(name)))
        };
        grid.row(
            &[
                name.into(),
                shown(*value, metric.unit, units.get(name)),
                bound(|b| b.0),
                bound(|b| b.1),
            ],
            false,
        );
    }
    out.push('\n');
    out.push_str(&grid.finish());
}

/// Nodes of the default member.
fn layers(template: &Template, look: Look, out: &mut String) {
    let Some(candidate) = default_candidate(template) else {
        return;
    };
    let network = &candidate.network;
    let header = [
        "layer",
        "operation",
        "shape",
        "weights",
        "MACs",
        "represented as",
    ];
    let mut grid = Grid::new(&header.map(String::from), &[0, 1, 2, 5], look);
    for node in &network.nodes {
        let has_weights = network.layer_kind(node).is_some();
        let number = |n: u64| if has_weights { count(n) } else { String::new() };
        let codes = node.placement.as_ref().map_or(String::new(), |p| {
            let code = |q: &Option<crate::model::Quantizer>| {
                q.as_ref().map_or("float".into(), |q| q.grid.to_string())
            };
            let (weights, activations) = (code(&p.weights), code(&p.activations));
            match has_weights {
                true => format!("{weights} weights, {activations} inputs"),
                false => activations,
            }
        });
        grid.row(
            &[
                node.layer.clone(),
                operation(&node.op),
                node.shape.to_string(),
                number(network.weights(node) as u64),
                number(network.macs(node)),
                codes,
            ],
            false,
        );
    }
    out.push_str("\nthe default member\n\n");
    out.push_str(&grid.finish());
}

fn operation(op: &Op) -> String {
    match op {
        Op::Input => "input".into(),
        Op::Convolution(c) => {
            let groups = if c.groups > 1 {
                format!(", {} groups", c.groups)
            } else {
                String::new()
            };
            let dilation = if c.dilation > 1 {
                format!(", dilation {}", c.dilation)
            } else {
                String::new()
            };
            format!(
                "conv {0}x{0}, stride {1}{dilation}{groups}",
                c.kernel, c.stride
            )
        }
        Op::Linear => "linear".into(),
        Op::Norm => "norm".into(),
        Op::Activation(a) => format!("{a:?}").to_lowercase(),
        Op::Pool {
            kind,
            kernel: (rows, columns),
            stride,
        } => format!("{kind:?} pool {rows}x{columns}, stride {stride}").to_lowercase(),
        Op::Add | Op::Sum => "add".into(),
        Op::Concat => "concat".into(),
        Op::PadShortcut { stride } => format!("padded shortcut, stride {stride}"),
        Op::Flatten => "flatten".into(),
        Op::Quantize => "quantize".into(),
    }
}

fn default_candidate(template: &Template) -> Option<Candidate> {
    let point = template.decisions().default_point();
    template.candidate(&point).ok().flatten()
}

fn known(template: &Template) -> Metrics {
    let point = template.decisions().default_point();
    template.known(&point).unwrap_or_default()
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:9} {text}");
}
