//! `bnas train`: trains one network of an experiment.

use std::io::IsTerminal;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::Failed;
use super::interrupt;
use super::run::{apply, explain, lock};
use super::spec::Spec;
use super::terminal::{Format, Terminal};
use crate::interpreter::RunError;
use crate::interpreter::single::{Pick, Single};
use crate::interpreter::store::Store;
use crate::interpreter::train::{Data, Progress};
use crate::ir::{Experiment, Expr, Slot};
use crate::model::Template;
use crate::report::quantity::percent;
use crate::report::single;

/// Train one network of an experiment: the default one, or a trial of a run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The spec
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
    if !experiment.arms.is_empty() {
        let text = "`bnas train` trains one network, and the experiment has `arms`\n  remove them, or write an experiment of one arm";
        return Err(Failed::usage(text));
    }
    let out = match &args.out {
        Some(out) => out.clone(),
        None => PathBuf::from(format!("{}.safetensors", experiment.name)),
    };
    let root = match &args.run {
        Some(root) => root.clone(),
        None => Path::new("runs").join(&experiment.name),
    };
    let failed = |e: RunError| explain(e, &spec, &root, terminal);
    let store = match args.pick {
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
    let one = match &store {
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
    let stop = interrupt::catch(terminal);
    let line = Line::new(terminal, &one);
    let trained = one.train(&experiment, &data, stop, &mut |p| line.show(p));
    line.finish();
    let trained = trained.map_err(failed)?;
    let bytes = one.to_safetensors(&experiment, &trained);
    std::fs::write(&out, bytes)
        .map_err(|e| Failed::run(format!("cannot write `{}`: {e}", out.display())))?;
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

/// The store of a run of this very spec; the experiment gets the seed and the number of trials that the run was given.
fn finished(spec: &Spec, experiment: &mut Experiment, root: &Path) -> Result<Store, Failed> {
    let failed = |e: crate::interpreter::store::StoreError| Failed::run(e.to_string());
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
}

impl<'a> Line<'a> {
    fn new(terminal: &'a Terminal, one: &Single) -> Line<'a> {
        let is_terminal = std::io::stderr().is_terminal() && !terminal.quiet;
        let epochs: usize = one.candidate.stages.iter().map(|s| s.recipe.epochs).sum();
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::new(epochs as u64);
            let style =
                ProgressStyle::with_template("{bar:32} {pos}/{len} epochs  {msg}  {eta} left");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("█▌░"));
            }
            bar
        });
        let stages = one.candidate.stages.iter().map(|s| s.name.clone());
        Line {
            terminal,
            bar,
            stages: stages.collect(),
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
                bar.set_message(text);
                bar.inc(1);
            }
            None => self.terminal.say(&format!(
                "epoch {} of {} of {text}",
                progress.epoch, progress.epochs
            )),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
