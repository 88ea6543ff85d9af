//! `bnas train`: trains one network of an experiment.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Failed;
use super::interrupt;
use super::run::{apply, explain, lock, resumed};
use super::spec::Spec;
use super::terminal::{Format, Terminal};
use crate::interpreter::RunError;
use crate::interpreter::keep::{self, EVERY, FileKeeper};
use crate::interpreter::single::{Pick, Single};
use crate::interpreter::store::{self, Hold, Store, StoreError};
use crate::interpreter::train::{Data, Progress, TrainError};
use crate::ir::{Experiment, Expr, Slot};
use crate::model::Template;
use crate::report::quantity::percent;
use crate::report::single;
use crate::threads::cores;

/// Threads at most on a machine with fewer cores.
const MOST_THREADS: usize = 16;

/// Train one network of an experiment: the default one, or a trial of a run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec, or `-` for standard input
    file: PathBuf,
    /// Which experiment, if the file has several
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// A trial of a run by its number, or `best`; it trains with the random numbers that it had there
    #[arg(long, value_name = "TRIAL", value_parser = pick)]
    pick: Option<Pick>,
    /// The folder of that run [default: `runs/EXPERIMENT`]
    #[arg(long, value_name = "DIR", requires = "pick")]
    run: Option<PathBuf>,
    /// Epochs of the first stage in place of the spec's
    #[arg(long, value_name = "N")]
    epochs: Option<NonZeroUsize>,
    /// A seed in place of the spec's
    #[arg(long, value_name = "N", conflicts_with = "pick")]
    seed: Option<u64>,
    /// Read the test split, too: once, for the final table
    #[arg(long)]
    test: bool,
    /// Where the network goes [default: `EXPERIMENT.safetensors`]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Go on from the checkpoint of a training that was interrupted
    #[arg(long)]
    resume: bool,
    /// Seconds between two checkpoints, which are written at the ends of epochs; never changes a result
    #[arg(long, value_name = "SECONDS", default_value_t = EVERY.as_secs())]
    checkpoint: u64,
    /// Threads that share the work of each step; never changes a result
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    threads: NonZeroUsize,
}

fn pick(text: &str) -> Result<Pick, String> {
    match text {
        "best" => Ok(Pick::Best),
        number => (number.parse().map(Pick::Trial))
            .map_err(|_| "the number of a trial, or `best`".to_string()),
    }
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let spec = Spec::read(&args.file)?;
    let mut experiment = spec
        .experiment(args.experiment.as_deref(), terminal)?
        .clone();
    if !experiment.arms.is_empty() && args.pick.is_some() {
        let text = "a trial of an arm cannot be trained again\n  its network is in `arms/<arm>/models` of the run";
        return Err(Failed::usage(text));
    }
    if !experiment.arms.is_empty() {
        let text = "`bnas train` trains one network, and the experiment has `arms`\n  remove them, or write an experiment of one arm";
        return Err(Failed::usage(text));
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => PathBuf::from(format!("{}.safetensors", experiment.name)),
    };
    can_hold(&out)?;
    let _alone = alone(&out)?;
    let root = match &args.run {
        Some(root) => root.clone(),
        None => Path::new("runs").join(&experiment.name),
    };
    let failed = |e: RunError| explain(e, &spec, &root, terminal);
    let picked = match args.pick {
        Some(pick) => Some((pick, finished(&spec, &mut experiment, &root)?)),
        None => None,
    };
    if let Some(seed) = args.seed {
        experiment.seed = seed;
    }
    if let (Some(epochs), Some(first)) = (args.epochs, experiment.stages.first_mut()) {
        first.training.epochs = Slot::Fixed(Expr::number(epochs.get() as f64));
    }
    let template = Template::new(&experiment).map_err(|e| failed(RunError::Spec(e)))?;
    spec.warn(template.warnings(), terminal);
    let one = match &picked {
        Some((pick, store)) => Single::picked(&experiment, &template, store, *pick),
        None => Single::default_of(&template),
    };
    let one = one.map_err(failed)?;
    let Some(dataset) = &experiment.data else {
        return Err(Failed::usage(format!(
            "`{}` has no network to train",
            experiment.name
        )));
    };
    let data = Data::load(dataset).map_err(|e| Failed::run(e.to_string()))?;
    let line = Line::new(terminal, &one);
    let note = |text: &str| line.note(text);
    let identity = one.identity(&experiment, &store::hash(spec.text().as_bytes()));
    let every = Duration::from_secs(args.checkpoint);
    // A checkpoint goes on with what was read, too.
    let mut kept = identity.clone();
    kept.insert(
        "read".into(),
        lock(&spec, &experiment, BTreeMap::new())?.read(),
    );
    let mut keeper = FileKeeper::new(beside(&out, "checkpoint"), every, kept, &note);
    let checkpoint = keeper.path().to_path_buf();
    match (args.resume, checkpoint.exists()) {
        (false, true) => return Err(unfinished(&checkpoint)),
        (true, false) => line.note("there is no checkpoint: trains from the beginning"),
        _ => {}
    }
    let stop = interrupt::catch(terminal);
    let trained = one.train(
        &experiment,
        &data,
        // Hundreds of them only wait for each other.
        NonZeroUsize::new(cores().max(MOST_THREADS)).map_or(args.threads, |m| args.threads.min(m)),
        stop,
        &mut |p| line.show(p),
        &mut keeper,
    );
    line.finish();
    let trained = trained.map_err(|e| match e {
        TrainError::Stopped if !checkpoint.exists() => Failed::run(format!(
            "stopped before its first checkpoint, so that nothing of it is left\n  checkpoints come every {} s at the ends of epochs; `--checkpoint 0` writes one after each",
            args.checkpoint
        )),
        TrainError::Stopped => {
            let command = resumed("train", &spec, &out);
            Failed::run(format!("stopped\n  go on with {command}"))
        }
        other => Failed::run(other.to_string()),
    })?;
    let bytes = trained.model.to_safetensors(&identity);
    store::write(&out, bytes).map_err(|e| Failed::run(e.to_string()))?;
    keep::remove(&checkpoint);
    let test = args.test.then(|| trained.model.accuracy(data.test()));
    match terminal.format {
        Format::Human => {
            terminal.print(&single::text(&experiment, &template, &one, &trained, test))?
        }
        Format::Json => {
            let document = single::json(&experiment, &template, &one, &trained, test);
            terminal.print(&format!("{document:#}\n"))?;
        }
    }
    terminal.say(&format!("the network is in {}", out.display()));
    Ok(())
}

/// Refuses a place where no file can be, before anything is trained for it.
fn can_hold(out: &Path) -> Result<(), Failed> {
    let shown = out.display();
    if out.is_dir() {
        let name = out.join("network.safetensors");
        let text = format!(
            "{shown} is a folder\n  name a file: `--out {}`",
            name.display()
        );
        return Err(Failed::run(text));
    }
    if let Some(folder) = out.parent().filter(|p| !p.as_os_str().is_empty())
        && !folder.is_dir()
    {
        return Err(Failed::run(format!(
            "cannot write {shown}: there is no folder {}\n  make it, or name a file elsewhere",
            folder.display()
        )));
    }
    if out.exists() && !keep::is_network(out) {
        let other = match out.is_file() {
            true => out.with_extension("safetensors"),
            false => PathBuf::from("network.safetensors"),
        };
        let text = format!(
            "{shown} is there and holds no network\n  name a new file: `--out {}`",
            other.display()
        );
        return Err(Failed::run(text));
    }
    store::can_write(out).map_err(|e| Failed::run(e.to_string()))
}

/// Holds the place of a network while it is trained: two trainings would take each other's checkpoints.
fn alone(out: &Path) -> Result<Hold, Failed> {
    Hold::new(&beside(out, "lock")).map_err(|e| match e {
        StoreError::Busy { .. } => Failed::run(format!(
            "another training writes {}\n  wait for it, or name another file with `--out`",
            out.display()
        )),
        other => Failed::run(other.to_string()),
    })
}

/// A file that is there while a network is trained that will be in `out`.
fn beside(out: &Path, what: &str) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{what}"));
    out.with_file_name(name)
}

fn unfinished(checkpoint: &Path) -> Failed {
    let path = checkpoint.display();
    Failed::run(format!(
        "`{path}` holds a training that was interrupted\n  go on with it by adding `--resume`, or remove it"
    ))
}

/// The store of a run of this very spec; the experiment gets the seed and the number of trials that the run was given.
fn finished(spec: &Spec, experiment: &mut Experiment, root: &Path) -> Result<Store, Failed> {
    if !root.is_dir() {
        return Err(Failed::usage(format!(
            "there is no run in `{}`\n  name its folder with `--run DIR`",
            root.display()
        )));
    }
    let failed = |e: store::StoreError| match e {
        store::StoreError::OtherLock { .. } => {
            let text = e.to_string();
            let differs = text.split("\n  undo").next().unwrap_or("");
            Failed::run(format!(
                "{differs}\n  undo the change, or name the folder of a run of this text with `--run DIR`"
            ))
        }
        other => Failed::run(other.to_string()),
    };
    let overrides = Store::overrides(root).map_err(failed)?;
    apply(&overrides, experiment);
    let lock = lock(spec, experiment, overrides)?;
    Store::resume(root, &lock, spec.text()).map_err(failed)
}

/// One line on a terminal, one for each epoch elsewhere.
struct Line<'a> {
    terminal: &'a Terminal,
    bar: Option<ProgressBar>,
    stages: Vec<String>,
    /// Of each stage.
    epochs: Vec<usize>,
}

impl<'a> Line<'a> {
    fn new(terminal: &'a Terminal, one: &Single) -> Line<'a> {
        let is_terminal = std::io::stderr().is_terminal() && !terminal.quiet;
        let stages = &one.candidate.stages;
        let epochs: Vec<usize> = stages.iter().map(|s| s.recipe.epochs).collect();
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::new(epochs.iter().sum::<usize>() as u64);
            let style =
                ProgressStyle::with_template("{bar:32} {pos}/{len} epochs  {msg}  {eta} left");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("█▌░"));
            }
            bar
        });
        Line {
            terminal,
            bar,
            stages: stages.iter().map(|s| s.name.clone()).collect(),
            epochs,
        }
    }

    fn show(&self, progress: Progress) {
        let stage = self.stages.get(progress.stage).map_or("", String::as_str);
        let mut text = format!("{stage}: loss {:.4}", progress.loss);
        if let Some(accuracy) = progress.validation {
            text.push_str(&format!(", validation {}", percent(accuracy)));
        }
        match &self.bar {
            Some(bar) => {
                let before = &self.epochs[..progress.stage];
                bar.set_message(text);
                bar.set_position((before.iter().sum::<usize>() + progress.epoch) as u64);
            }
            None => self.terminal.say(&format!(
                "epoch {} of {} of {text}",
                progress.epoch, progress.epochs
            )),
        }
    }

    fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.say(text)),
            None => self.terminal.say(text),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
