//! `bnas run`: runs an experiment and leaves a run folder.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Failed;
use super::interrupt;
use super::progress::Progress;
use super::spec::{Spec, is_stdin};
use super::terminal::{Format, Terminal};
use crate::interpreter::keep::EVERY;
use crate::interpreter::result::RunResult;
use crate::interpreter::store::{self, Lock, SourceHash, Store};
use crate::interpreter::train::data::fingerprints;
use crate::interpreter::{self, RunError, RunOptions};
use crate::ir::{Dataset, Experiment};
use crate::model::Template;
use crate::model::findings::blame::in_arm;
use crate::report::{csv, json, plan, table};
use crate::threads;

/// Run an experiment
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec, or `-` for standard input
    file: PathBuf,
    /// Which experiment, if the file has several
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// The run folder [default: `runs/EXPERIMENT`]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A seed in place of the spec's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// A number of trials in place of the spec's
    #[arg(long, value_name = "N")]
    trials: Option<NonZeroUsize>,
    /// Trials side by side, at most the spec's `search.slots` [default: one per core]; never changes a result
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Go on with the run in the folder
    #[arg(long)]
    resume: bool,
    /// Seconds between two checkpoints of a training, which are written at the ends of epochs; never changes a result
    #[arg(long, value_name = "SECONDS", default_value_t = EVERY.as_secs())]
    checkpoint: u64,
    /// Print the plan and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the seconds of each trial into the results, which then differ from run to run
    #[arg(long)]
    timings: bool,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let spec = Spec::read(&args.file)?;
    let name = args.experiment.as_deref();
    let mut experiment = spec.experiment(name, terminal)?.clone();
    let overrides = overrides(args);
    keep_arms(&overrides, &experiment)?;
    apply(&overrides, &mut experiment);
    if args.dry_run {
        return dry_run(&spec, &experiment, terminal);
    }

    let root = match &args.out {
        Some(out) => out.clone(),
        None => Path::new("runs").join(&experiment.name),
    };
    let lock = lock(&spec, &experiment, overrides)?;
    let open = if args.resume {
        Store::resume
    } else {
        Store::create
    };
    let mut store = open(&root, &lock, spec.text()).map_err(|e| Failed::run(e.to_string()))?;

    let stop = interrupt::catch(terminal);
    let options = RunOptions {
        jobs: args.jobs.map_or_else(threads::cores, NonZeroUsize::get),
        stop,
        checkpoint: Duration::from_secs(args.checkpoint),
    };
    let progress = Progress::new(&experiment, &spec, terminal);
    let failed = |e: RunError| explain(e, &spec, &root, terminal);
    let write = |name: &str, text: &str| {
        let written = store::write(&root.join(name), text);
        written.map_err(|e| Failed::run(e.to_string()))
    };
    let (text, document, verdict) = if experiment.arms.is_empty() {
        let outcome = interpreter::run(&experiment, options, &mut store, &progress);
        progress.finish();
        let result = outcome.map_err(failed)?;
        write("trials.csv", &csv::trials(&result, args.timings))?;
        (
            table::summary(&result, terminal.look),
            json::result(&result, args.timings),
            verdict(&[&result]),
        )
    } else {
        let outcome = interpreter::run_arms(&experiment, options, &mut store, &progress);
        progress.finish();
        let result = outcome.map_err(failed)?;
        for arm in &result.arms {
            let place = |name: &str| format!("{}/{}/{name}", store::ARMS, arm.folder);
            let document = json::result(&arm.result, args.timings);
            write(&place("result.json"), &document)?;
            write(
                &place("trials.csv"),
                &csv::trials(&arm.result, args.timings),
            )?;
        }
        let results: Vec<&RunResult> = result.arms.iter().map(|a| &a.result).collect();
        (
            table::arms(&result, terminal.look),
            json::arms(&result),
            verdict(&results),
        )
    };
    write("result.json", &document)?;
    match terminal.format {
        Format::Human => terminal.print(&text)?,
        Format::Json => terminal.print(&document)?,
    }
    terminal.say(&format!("everything is in {}", root.display()));
    verdict
}

/// What the command line says in place of the spec.
fn overrides(args: &Args) -> BTreeMap<String, u64> {
    let seed = args.seed.map(|n| ("seed".to_string(), n));
    let trials = args.trials.map(|n| ("trials".to_string(), n.get() as u64));
    seed.into_iter().chain(trials).collect()
}

/// What arms vary is not replaced: they would all be one.
fn keep_arms(overrides: &BTreeMap<String, u64>, experiment: &Experiment) -> Result<(), Failed> {
    let settings = experiment.arms.iter().flat_map(|arm| &arm.settings);
    for (path, _) in settings {
        let option = match path.as_str() {
            "seed" => "seed",
            "search.trials" => "trials",
            _ => continue,
        };
        if overrides.contains_key(option) {
            return Err(Failed::usage(format!(
                "`--{option}` would replace what the arms `{path} in …` vary: leave it out, or take that line out of `arms`"
            )));
        }
    }
    Ok(())
}

/// Puts what the command line says in place of what the spec says.
pub(super) fn apply(overrides: &BTreeMap<String, u64>, experiment: &mut Experiment) {
    if let Some(seed) = overrides.get("seed") {
        experiment.seed = *seed;
    }
    if let Some(trials) = overrides.get("trials") {
        experiment.search.trials = *trials as usize;
    }
    for arm in &mut experiment.arms {
        apply(overrides, &mut arm.experiment);
    }
}

/// What a run of this experiment is a run of.
pub(super) fn lock(
    spec: &Spec,
    experiment: &Experiment,
    overrides: BTreeMap<String, u64>,
) -> Result<Lock, Failed> {
    let mut data: Vec<SourceHash> = Vec::new();
    let mut seen: Vec<&Dataset> = Vec::new();
    let datasets = experiment
        .searches()
        .into_iter()
        .filter_map(|(_, e)| e.data.as_ref());
    for dataset in datasets {
        if seen
            .iter()
            .any(|other| other.files == dataset.files && other.base == dataset.base)
        {
            continue;
        }
        seen.push(dataset);
        let files = fingerprints(dataset).map_err(|e| Failed::run(e.to_string()))?;
        data.extend(
            files
                .into_iter()
                .map(|(name, blake3)| SourceHash { name, blake3 }),
        );
    }
    Ok(Lock::new(
        &experiment.name,
        experiment.seed,
        experiment.search.trials,
        spec.text(),
        spec.imports(),
        overrides,
        data,
    ))
}

fn dry_run(spec: &Spec, experiment: &Experiment, terminal: &Terminal) -> Result<(), Failed> {
    let mut plans = Vec::new();
    for (settings, search) in experiment.searches() {
        let template = Template::new(search).map_err(|problems| {
            let problems = match settings {
                [] => problems,
                arm => in_arm(problems, arm),
            };
            spec.refused(&problems, terminal)
        })?;
        spec.warn(template.warnings(), terminal);
        plans.push((settings, search, template));
    }
    match terminal.format {
        Format::Human => {
            let texts = plans.iter().map(|(settings, search, template)| {
                plan::text(search, settings, template, terminal.verbose, terminal.look)
            });
            terminal.print(&texts.collect::<Vec<_>>().join("\n"))
        }
        Format::Json => {
            let plans = plans.iter().map(|(s, e, t)| plan::json(e, s, t));
            let document =
                serde_json::json!({"schema": 1, "experiments": plans.collect::<Vec<_>>()});
            terminal.print(&format!("{document:#}\n"))
        }
    }
}

pub(super) fn explain(error: RunError, spec: &Spec, root: &Path, terminal: &Terminal) -> Failed {
    match error {
        RunError::Spec(problems) => spec.refused(&problems, terminal),
        RunError::Interrupted { .. } => Failed::run(format!(
            "{error}\n  go on with {}",
            resumed("run", spec, root)
        )),
        _ => Failed::run(error.to_string()),
    }
}

/// How to go on, in words.
pub(super) fn resumed(command: &str, spec: &Spec, out: &Path) -> String {
    let again = match is_stdin(&spec.path) {
        true => ", and the same text on standard input",
        false => "",
    };
    format!("`{}`{again}", resume_command(command, spec, out))
}

/// The command that goes on: the one that was typed, and `--resume`.
fn resume_command(command: &str, spec: &Spec, out: &Path) -> String {
    let given = std::env::args_os().skip(1);
    let mut words: Vec<String> = given.map(|w| w.to_string_lossy().into_owned()).collect();
    if words.is_empty() {
        words = vec![
            command.into(),
            spec.path.display().to_string(),
            "--out".into(),
            out.display().to_string(),
        ];
    }
    if !words.iter().any(|w| w == "--resume") {
        words.push("--resume".into());
    }
    let words: Vec<String> = words.iter().map(|w| quoted(w)).collect();
    format!("bnas {}", words.join(" "))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,+-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What the results of a run say in an exit code: one, or one for each arm.
fn verdict(results: &[&RunResult]) -> Result<(), Failed> {
    if let Some(first) = results.first()
        && results.iter().all(|r| r.best.is_none())
    {
        return Err(Failed::infeasible(table::nothing_feasible(first)));
    }
    if !results.iter().all(|r| r.meets_expectations()) {
        return Err(Failed::spec());
    }
    Ok(())
}
