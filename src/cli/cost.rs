//! `bnas cost`: prices the default network of each experiment on its target, layer by layer, without training.

use std::path::PathBuf;

use serde_json::json;

use super::Failed;
use super::spec::{Spec, shown};
use super::terminal::{Format, Terminal};
use crate::analysis::{self, FileLoader, Loader};
use crate::diagnostic::did_you_mean;
use crate::ir::{Experiment, Expr, Target};
use crate::model::expression::evaluate;
use crate::model::hardware::{Cost, fits, price};
use crate::model::{Candidate, Template};
use crate::report::cost;
use crate::source::Sources;

/// Price the default network of each experiment on its target, without training
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec, or `-` for standard input
    file: PathBuf,
    /// Only this experiment
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Targets of the file or of the library in place of the experiment's, side by side: `braintta,my_tta`
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    target: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let spec = Spec::read(&args.file)?;
    let experiments = match &args.experiment {
        Some(name) => std::slice::from_ref(spec.experiment(Some(name), terminal)?),
        None => spec.experiments(terminal)?,
    };
    let mut documents = Vec::new();
    let mut texts = Vec::new();
    for experiment in experiments {
        // A search over a formula has nothing to price, and says so only if there is nothing else.
        if experiment.space.is_none() {
            continue;
        }
        let title = format!("the default network of `{}`", experiment.name);
        if !args.target.is_empty() {
            let mut priced = Vec::with_capacity(args.target.len());
            for name in &args.target {
                let experiment = on(target(&spec, name)?, experiment);
                let warns = priced.is_empty();
                let (candidate, cost) = default_cost(&spec, &experiment, warns, terminal)?;
                documents.push(json!({
                    "experiment": experiment.name,
                    "cost": cost::json(&candidate, &cost, &experiment.provenance),
                }));
                priced.push((experiment, candidate, cost));
            }
            texts.push(cost::side_by_side(&title, &priced, terminal.look));
            continue;
        }
        let (candidate, cost) = default_cost(&spec, experiment, true, terminal)?;
        let provenance = &experiment.provenance;
        match terminal.format {
            Format::Human => {
                texts.push(cost::table(
                    &title,
                    &candidate,
                    &cost,
                    experiment,
                    terminal.look,
                ));
            }
            Format::Json => documents.push(json!({
                "experiment": experiment.name,
                "cost": cost::json(&candidate, &cost, provenance),
            })),
        }
    }
    if documents.is_empty() && texts.is_empty() {
        let path = shown(&spec.path);
        return Err(Failed::usage(format!(
            "`{path}` has no experiment with a network to price"
        )));
    }
    match terminal.format {
        Format::Human => terminal.print(&texts.join("\n")),
        Format::Json => {
            let document = json!({"schema": 1, "costs": documents});
            terminal.print(&format!("{document:#}\n"))
        }
    }
}

/// A target of the file, of what it imports, or of the library.
fn target(spec: &Spec, name: &str) -> Result<Target, Failed> {
    let mut sources = Sources::default();
    let main = sources.add(shown(&spec.path), spec.text());
    if let Some(target) = analysis::target(&mut sources, main, &FileLoader, name) {
        return Ok(target);
    }
    let of_library = library();
    if of_library.iter().any(|known| known == name) {
        let text = format!("bnas 1\n\nuse std.targets.{name}\n");
        let main = sources.add("<target>", text);
        if let Some(target) = analysis::target(&mut sources, main, &FileLoader, name) {
            return Ok(target);
        }
    }
    let known = of_library.iter().map(String::as_str);
    let help = match did_you_mean(name, known) {
        Some(alike) => format!("did you mean `{alike}`?"),
        None => format!(
            "name one that the file declares or imports, or one of the library: {}",
            of_library.join(", ")
        ),
    };
    Err(Failed::usage(format!(
        "there is no target `{name}`\n  {help}"
    )))
}

/// Names of the targets of the library.
fn library() -> Vec<String> {
    let paths = FileLoader.library_paths();
    let names = paths.iter().filter_map(|path| {
        let name = path.strip_prefix("targets/")?.strip_suffix(".bnas")?;
        Some(name.to_string())
    });
    names.collect()
}

/// An experiment on another target.
fn on(target: Target, experiment: &Experiment) -> Experiment {
    let mut experiment = experiment.clone();
    let provenance = &mut experiment.provenance;
    provenance.retain(|p| !p.subject.starts_with("target "));
    provenance.extend(target.provenance.iter().cloned());
    // What is asked of the fields of one target says nothing of another.
    let of_target = |expr: &Expr| {
        let mut names = evaluate::names(expr).into_iter();
        names.any(|name| name == "target" || name.starts_with("target."))
    };
    experiment.goals.retain(|g| !of_target(&g.expr));
    experiment.requires.retain(|r| !of_target(&r.holds));
    experiment.requires.extend(fits(&target, None));
    experiment.target = Some(target);
    experiment.target_choice = None;
    experiment
}

/// The default network and what it costs; `warns` says whether it is the first of several targets.
fn default_cost(
    spec: &Spec,
    experiment: &Experiment,
    warns: bool,
    terminal: &Terminal,
) -> Result<(Candidate, Cost), Failed> {
    let template =
        Template::new(experiment).map_err(|problems| spec.refused(&problems, terminal))?;
    if warns {
        spec.warn(template.warnings(), terminal);
    }
    let name = &experiment.name;
    let point = template.decisions().default_point();
    let candidate = match template.candidate(&point) {
        Ok(Some(candidate)) => candidate,
        Ok(None) => return Err(Failed::usage(format!("`{name}` has no network to price"))),
        Err(e) => {
            return Err(Failed::run(format!(
                "the default network of `{name}` cannot be built: {e}"
            )));
        }
    };
    let Some(target) = &candidate.target else {
        return Err(Failed::usage(format!(
            "`{name}` has no target\n  add one, for instance `target = braintta` after `use std.targets.braintta`"
        )));
    };
    let cost = price(&candidate.network, target)
        .map_err(|e| Failed::run(format!("the default network of `{name}` has no price: {e}")))?;
    Ok((candidate, cost))
}
