//! What `bnas check` prints of an experiment that can run: what varies, how large it is, what will be done.
//!
//! In: an [`Experiment`] and its [`Template`]. Out: text or JSON. Nothing is trained; a few candidates are built and priced.

mod member;
mod space;

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use self::member::{default_candidate, known};
use super::Look;
use super::quantity::{count, quantity};
use super::words::{plural, verb};
use crate::interpreter::planned;
use crate::ir::{Experiment, Method};
use crate::model::Template;
use crate::model::counting::Count;
use crate::model::range::End;
use crate::model::survey::{Verdict, survey};

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
            Verdict::Always => "every candidate meets it",
            Verdict::Meetable => "checked before training",
            Verdict::Open => {
                "checked before training; neither proved meetable nor unmeetable: no candidate that was drawn meets it"
            }
            Verdict::Measured => "checked after training; neither proved meetable nor unmeetable",
        };
        line(&mut out, "require", &format!("{}  ({when})", require.text));
    }
    for text in &survey.idle {
        line(
            &mut out,
            "require",
            &format!("{text}  (every candidate meets it)"),
        );
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
    space::decisions(template, &survey, verbose, look, &mut out);
    member::table(experiment, template, &survey, look, &mut out);
    if verbose {
        member::layers(template, look, &mut out);
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
        "decisions": template.decisions().by_path().iter().map(|(d, places)| json!({
            "path": d.path,
            "domain": space::domain(d),
            "default": super::json::value(&d.default),
            "always": template.decisions().is_always(places),
            "never": places.iter().all(|i| survey.excluded.contains(i) || survey.nowhere.contains(i)),
        })).collect::<Vec<_>>(),
        "size": match space {
            Count::Exact(n) | Count::TooHard { at_most: n } => Json::from(n.to_string()),
            Count::Infinite => Json::Null,
        },
        "size_is_exact": matches!(space, Count::Exact(_)) && survey.sample.is_none(),
        "acceptance": survey.sample.map(|s| super::json::number(s.acceptance().0)),
        "acceptance_error": survey.sample.map(|s| super::json::number(s.acceptance().1)),
        "pruned": survey.pruned.iter().map(|p| json!({
            "path": p.path,
            "members": p.members.iter().map(super::json::value).collect::<Vec<_>>(),
            "by": p.by,
        })).collect::<Vec<_>>(),
        "default": default.0.iter()
            .map(|(name, v)| (name.clone(), super::json::number(*v)))
            .collect::<Map<_, _>>(),
        "extremes": survey.ranges.iter()
            .map(|(name, range)| {
                let end = |end: Option<End>| end.map(|e| super::json::number(e.value));
                (name.to_string(), json!([end(range.low), end(range.high)]))
            })
            .collect::<Map<_, _>>(),
        "extremes_attained": survey.ranges.iter()
            .map(|(name, range)| {
                let end = |end: Option<End>| end.map(|e| e.is_attained);
                (name.to_string(), json!([end(range.low), end(range.high)]))
            })
            .collect::<Map<_, _>>(),
        "trials": planned(experiment, template),
        "trainings": trainings(experiment, template),
    })
}

fn search(experiment: &Experiment, template: &Template) -> String {
    let search = &experiment.search;
    let planned = planned(experiment, template);
    let method = match search.method {
        Method::Random => "random",
        Method::Grid => "grid",
        Method::Bayes => "Bayesian optimization",
    };
    let initial = match search.method {
        Method::Bayes if search.initial >= planned => {
            ", the default first, all others spread over each decision".into()
        }
        Method::Bayes => format!(
            ", the default and {} spread over each decision first",
            search.initial.saturating_sub(1)
        ),
        _ => String::new(),
    };
    format!(
        "{method}: {}{initial}; {} open at a time, seed {}",
        plural(planned, "trial"),
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

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:9} {text}");
}
