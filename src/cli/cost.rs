//! `bnas cost`: prices the default network of each experiment on its target, layer by layer, without training.

use std::path::PathBuf;

use serde_json::json;

use super::Failed;
use super::spec::Spec;
use super::terminal::{Format, Terminal};
use crate::ir::Experiment;
use crate::model::hardware::{Cost, price};
use crate::model::{Candidate, Template};
use crate::report::cost;

/// Price the default network of each experiment on its target, without training
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec
    file: PathBuf,
    /// Only this experiment
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
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
        let (candidate, cost) = default_cost(&spec, experiment, terminal)?;
        let provenance = &experiment.provenance;
        match terminal.format {
            Format::Human => {
                let title = format!("the default network of `{}`", experiment.name);
                texts.push(cost::table(
                    &title,
                    &candidate,
                    &cost,
                    provenance,
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
        let path = spec.path.display();
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

/// The default network and what it costs.
fn default_cost(
    spec: &Spec,
    experiment: &Experiment,
    terminal: &Terminal,
) -> Result<(Candidate, Cost), Failed> {
    let template = Template::new(experiment).map_err(|problems| {
        spec.show(&problems, terminal);
        Failed::spec()
    })?;
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
