//! `bnas cost`: prices the default network of an experiment on its target, layer by layer, without training.

use std::path::PathBuf;

use serde_json::json;

use super::Failed;
use super::spec::Spec;
use super::terminal::{Format, Terminal};
use crate::model::hardware::price;
use crate::model::Template;
use crate::report::cost;

/// Price the default network of an experiment on its target, without training
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec
    file: PathBuf,
    /// Which experiment, if the file has several
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let spec = Spec::read(&args.file)?;
    let experiment = spec.experiment(args.experiment.as_deref(), terminal)?;
    let template = Template::new(experiment).map_err(|problems| {
        spec.show(&problems, terminal);
        Failed::spec()
    })?;
    let point = template.decisions().default_point();
    let candidate = template
        .candidate(&point)
        .map_err(|e| Failed::run(format!("the default network cannot be built: {e}")))?
        .ok_or_else(|| Failed::usage("the experiment has no network to price"))?;
    let target = candidate.target.as_ref().ok_or_else(|| {
        Failed::usage(format!(
            "`{}` has no target\n  add one, for instance `target = braintta` after `use std.targets.braintta`",
            experiment.name
        ))
    })?;
    let cost = price(&candidate.network, target)
        .map_err(|e| Failed::run(format!("the default network has no price: {e}")))?;
    let text = match terminal.format {
        Format::Human => {
            let title = format!("the default network of `{}`", experiment.name);
            let provenance = &experiment.provenance;
            cost::table(&title, &candidate, &cost, provenance, terminal.look)
        }
        Format::Json => {
            let document = json!({
                "schema": 1,
                "experiment": experiment.name,
                "cost": cost::json(&candidate, &cost, &experiment.provenance),
            });
            format!("{document:#}\n")
        }
    };
    terminal.print(&text)
}
