//! `bnas check`: reports every problem, prints the plan of each experiment.

use std::collections::HashSet;
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::Failed;
use super::spec::{Spec, diagnostic, find, shown};
use super::terminal::{Format, Terminal};
use crate::diagnostic::Diagnostic;
use crate::interpreter;
use crate::ir::Experiment;
use crate::model::Template;
use crate::model::findings::blame::{IN_ARMS, in_some_arms};
use crate::report::plan;
use crate::report::words::plural;
use crate::threads;

/// Report every problem of specs, and print the plan of their experiments
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders to search for `.bnas` files, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let paths = find(&args.paths)?;
    let mut experiments = 0;
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut files = Vec::new();
    for path in &paths {
        let spec = Spec::read(path)?;
        let mut found = spec.diagnostics.clone();
        let mut known = found.iter().map(told).collect();
        let mut plans = Vec::new();
        for unrolled in unrolled(
            spec.program.iter().flat_map(|p| &p.experiments),
            Some(terminal),
        )? {
            let before = plans.len();
            for (diagnostics, plan) in unrolled {
                merge(&mut found, &mut known, diagnostics);
                plans.extend(plan);
            }
            experiments += usize::from(plans.len() > before);
        }
        // Of a file with errors, nothing is planned: its other experiments are unrolled for what is wrong with them alone.
        for unrolled in unrolled(spec.sound.iter(), None)? {
            for (diagnostics, _) in unrolled {
                merge(&mut found, &mut known, diagnostics);
            }
        }
        match terminal.format {
            Format::Human => {
                spec.show(&found, terminal);
                for plan in &plans {
                    terminal.print(&format!("{}\n", plan.as_str().unwrap_or_default()))?;
                }
            }
            Format::Json => files.push(json!({
                "file": shown(path),
                "diagnostics": found.iter().map(|d| diagnostic(d, &spec.sources)).collect::<Vec<_>>(),
                "experiments": plans,
            })),
        }
        problems.extend(found);
    }
    if terminal.format == Format::Json {
        let document = json!({"schema": 1, "files": files});
        terminal.print(&format!("{document:#}\n"))?;
    }
    let errors = problems.iter().filter(|d| d.is_error()).count();
    let warnings = problems.len() - errors;
    let verdict = match (errors, warnings) {
        (0, 0) => "no problems".into(),
        (0, _) => plural(warnings, "warning"),
        (_, 0) => plural(errors, "error"),
        _ => format!(
            "{}, {}",
            plural(errors, "error"),
            plural(warnings, "warning")
        ),
    };
    let checked = format!(
        "checked {}, {}: {verdict}",
        plural(paths.len(), "file"),
        plural(experiments, "experiment")
    );
    terminal.say(&checked);
    if errors > 0 {
        return Err(Failed::spec());
    }
    Ok(())
}

/// What is wrong with one search, or else to be warned of, and its plan, as a text or for programs.
type Unrolled = (Vec<Diagnostic>, Option<Json>);

/// The searches of each experiment, side by side, in their order; their plans for the terminal, if there is one.
fn unrolled<'a>(
    experiments: impl Iterator<Item = &'a Experiment>,
    terminal: Option<&Terminal>,
) -> Result<Vec<Vec<Unrolled>>, Failed> {
    let experiments: Vec<&Experiment> = experiments.collect();
    let of_one = |experiment: &&Experiment| -> Vec<Unrolled> {
        let searches = experiment.searches();
        let mut plans = Vec::with_capacity(searches.len());
        let mut found = Vec::with_capacity(searches.len());
        for (settings, search) in searches {
            let (problems, plan) = match Template::new(search) {
                Err(errors) => (errors, None),
                Ok(template) => {
                    let plan = terminal.map(|t| planned(search, settings, &template, t));
                    (template.warnings().to_vec(), plan)
                }
            };
            found.push((settings, problems));
            plans.push(plan);
        }
        in_some_arms(&mut found);
        let found = found.into_iter().map(|(_, problems)| problems);
        found.zip(plans).collect()
    };
    if experiments.len() <= 1 {
        return Ok(experiments.iter().map(of_one).collect());
    }
    let pool = interpreter::pool(threads::cores()).map_err(|e| Failed::run(e.to_string()))?;
    Ok(pool.install(|| experiments.par_iter().map(of_one).collect()))
}

fn planned(
    search: &Experiment,
    settings: &[(String, String)],
    template: &Template,
    terminal: &Terminal,
) -> Json {
    match terminal.format {
        Format::Human => {
            plan::text(search, settings, template, terminal.verbose, terminal.look).into()
        }
        Format::Json => plan::json(search, settings, template),
    }
}

/// Adds what is not there yet: analysis may have found the same, and so may another experiment.
fn merge(found: &mut Vec<Diagnostic>, known: &mut HashSet<Diagnostic>, more: Vec<Diagnostic>) {
    for diagnostic in more {
        if known.insert(told(&diagnostic)) {
            found.push(diagnostic);
        }
    }
}

/// By what two reports are one. A layer that does not fit is wrong where it is written, whatever else an experiment chooses.
fn told(diagnostic: &Diagnostic) -> Diagnostic {
    let mut told = diagnostic.clone();
    if told.code.starts_with("bnas::shape::") {
        told.help = None;
        told.layers = Box::default();
        if let Some((message, _)) = told.message.split_once(IN_ARMS) {
            told.message = message.into();
        }
    }
    told
}
