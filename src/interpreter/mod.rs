//! Runs an experiment: ask, build, price, train, tell.
//!
//! In: a checked [`Experiment`] and an open [`Store`]. Out: a [`RunResult`], and a folder from which the run can go on after it was
//! stopped anywhere. Knows no syntax, and nothing of terminals.
//!
//! # One trial
//!
//! ask (`search`) → build and price (`model`) → train (`train`) → tell (`store`, and back to `search`)
//!
//! # Sameness
//!
//! With W slots, suggestion k is made when trials 0 … k − W have ended; it sees exactly their results, in the order of their
//! numbers, and the points of the W − 1 trials before it that may still run. The number of jobs says how many of those run side by side
//! and nothing else, so that it never changes a byte of the result. A resumed run asks the same questions again wherever the journal
//! has no answer yet.

mod arms;
mod bench;
mod command;
mod conclude;
mod error;
mod expect;
pub mod keep;
mod observer;
pub mod result;
pub mod search;
pub mod single;
pub mod store;
pub mod train;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

pub use self::arms::run_arms;
use self::bench::{Bench, Measured};
pub use self::error::RunError;
use self::keep::Checkpoints;
pub use self::observer::{Observer, Silent};
use self::result::RunResult;
use self::search::{Feasible, Known, Observation, Sampler, Suggestion};
use self::store::trial::{Status, Trial};
use self::store::{Record, State, Store};
use self::train::{Data, Model};
use crate::ir::{Experiment, Expr, Method};
use crate::model::counting::Count;
use crate::model::{Point, Template};
use crate::threads::cores;

/// How to run; nothing here changes the result.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions<'a> {
    /// Trials side by side; more than `search.slots` idle.
    pub jobs: usize,
    /// Set from elsewhere to stop at the next training step.
    pub stop: &'a AtomicBool,
    /// The time between two checkpoints of a training, at least; they are written at the ends of epochs.
    pub checkpoint: Duration,
}

impl<'a> RunOptions<'a> {
    /// So many jobs, and checkpoints as the command line keeps them by default.
    pub fn new(jobs: usize, stop: &'a AtomicBool) -> RunOptions<'a> {
        RunOptions {
            jobs,
            stop,
            checkpoint: keep::EVERY,
        }
    }
}

/// Trials in all: as many as the spec asks for, or as the space has points if these are fewer.
pub fn planned(experiment: &Experiment, template: &Template) -> usize {
    let trials = experiment.search.trials;
    match template.counted().count(template.decisions()) {
        Count::Exact(points) => usize::try_from(points).map_or(trials, |n| n.min(trials)),
        Count::Infinite | Count::TooHard { .. } => trials,
    }
}

/// Runs an experiment, or goes on with it: what `store` already holds is not done again.
pub fn run(
    experiment: &Experiment,
    options: RunOptions,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<RunResult, RunError> {
    let template = Template::new(experiment).map_err(RunError::Spec)?;
    observer.warned(template.warnings());
    let data = experiment.data.as_ref().map(Data::load).transpose();
    let data = data.map_err(RunError::Data)?;
    let bench = Bench {
        experiment,
        template: &template,
        data: data.as_ref(),
        stop: options.stop,
        observer,
        spec: store.spec().to_string(),
        checkpoints: Checkpoints::of(store, options.checkpoint),
        aside: options.jobs < cores(),
    };
    for loss in store.losses() {
        observer.note(&format!(
            "line {} of the journal {}: dropped",
            loss.line, loss.reason
        ));
    }
    let recalled: Vec<(Phase, Trial)> = { store.state().trials.values() }
        .map(|trial| (Phase::Search, trial.clone()))
        .chain({ store.state().finals.values() }.map(|trial| (Phase::Final, trial.clone())))
        .collect();
    search(&bench, options, store)?;
    conclude::restore(&recalled, &bench, store)?;
    let mut chosen = conclude::choose(experiment, &template, store);
    if let Some(last) = &experiment.final_training {
        let is_chosen = |t: &&Trial| match last.only_best {
            true => chosen.best == Some(t.number),
            false => chosen.pareto.contains(&t.number),
        };
        let again: Vec<Trial> = chosen.trials.iter().filter(is_chosen).cloned().collect();
        train_finally(&again, &bench, options, store)?;
        chosen.finals = store.state().finals.clone();
    }
    let result = conclude::test(chosen, &bench, store)?;
    store.sync()?;
    Ok(result)
}

/// Ask, build, price, train, tell, until every trial has ended or the space is used up.
fn search(bench: &Bench, options: RunOptions, store: &mut Store) -> Result<(), RunError> {
    let plan = &bench.experiment.search;
    let slots = plan.slots.max(1);
    let pool = pool(options.jobs.min(slots))?;
    let price = |point: &Point| bench.price(point);
    let mut sampler = sampler(bench, &price)?;
    let (sender, ended) = mpsc::channel();
    let total = planned(bench.experiment, bench.template);
    for trial in store.state().trials.values() {
        bench.observer.recalled(trial);
    }
    bench.observer.started(store.state().trials.len(), total);

    pool.in_place_scope_fifo(|scope| {
        let mut asked: Vec<Point> = Vec::new();
        let mut running = 0;
        let mut exhausted = None;
        let mut cut = false;
        let (mut drawn, mut allowed) = (0, 0);
        loop {
            // Ask, as far as the lag allows.
            while asked.len() < plan.trials && exhausted.is_none() && !is_set(options.stop) {
                let number = asked.len();
                let visible = (number + 1).saturating_sub(slots);
                if settled(store.state(), number) < visible {
                    break;
                }
                if let Some(trial) = store.state().trials.get(&number) {
                    asked.push(trial.point.clone());
                    continue;
                }
                let seen = observations(bench.experiment, store.state(), visible);
                match sampler.suggest(number, &seen, &asked[visible..]) {
                    Suggestion::Exhausted { tries, used_up } => {
                        exhausted = Some((tries, used_up));
                    }
                    Suggestion::Evaluate {
                        point,
                        tries,
                        accepted,
                    } => {
                        drawn += tries;
                        allowed += accepted;
                        asked.push(point.clone());
                        running += 1;
                        let sender = sender.clone();
                        // Build, price, train.
                        scope.spawn_fifo(move |_| {
                            bench.observer.running(number);
                            // The receiver is gone only if the run has failed already.
                            let _ = sender.send(bench.measure(Phase::Search, number, point));
                        });
                    }
                }
            }
            // Tell.
            if running == 0 {
                break;
            }
            let measured = ended
                .recv()
                .expect("invariant: a sender lives in this scope");
            running -= 1;
            let Measured::Ended { trial, models } = measured else {
                cut = true;
                continue;
            };
            if let Err(error) = tell(bench, store, Phase::Search, trial, models) {
                // Nothing more can be kept: the trials that still run need not end.
                options.stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        let is_done = exhausted.is_some() || settled(store.state(), plan.trials) == plan.trials;
        if cut || !is_done {
            store.sync()?;
            return Err(RunError::interrupted(bench, store));
        }
        // Without anything to meet, the others are in no row of the table.
        let template = bench.template;
        let is_known = |require: &Expr| template.is_known(require);
        let asks = !template.decisions().constraints.is_empty()
            || template.requires().iter().any(is_known);
        if asks && allowed < drawn && plan.method != Method::Grid {
            let before = match bench.experiment.space {
                Some(_) => "training",
                None => "a measurement",
            };
            bench.observer.note(&format!(
                "of {drawn} points that were drawn, {allowed} met everything that is known before {before} ({:.1} %)",
                100.0 * allowed as f64 / drawn as f64
            ));
        }
        match exhausted {
            Some((_, true)) if plan.method != Method::Grid => {
                bench.observer.note(&format!(
                    "the space has no further candidate; trials: {}",
                    asked.len()
                ));
            }
            Some((tries, false)) => bench.observer.note(&format!(
                "the search ends: of {tries} points, none is a new candidate, and to look for one that may be left would take too long; trials: {}",
                asked.len()
            )),
            _ => {}
        }
        Ok(())
    })
}

/// Trains the chosen again, side by side; each is kept as it ends, so that a run that is stopped goes on with the others.
fn train_finally(
    chosen: &[Trial],
    bench: &Bench,
    options: RunOptions,
    store: &mut Store,
) -> Result<(), RunError> {
    let missing = |t: &&Trial| !store.state().finals.contains_key(&t.number);
    let missing: Vec<&Trial> = chosen.iter().filter(missing).collect();
    bench.observer.final_training(missing.len());
    let pool = pool(options.jobs.min(missing.len()))?;
    let (sender, ended) = mpsc::channel();
    pool.in_place_scope_fifo(|scope| {
        for trial in missing {
            let sender = sender.clone();
            let (number, point) = (trial.number, trial.point.clone());
            scope.spawn_fifo(move |_| {
                let _ = sender.send(bench.measure(Phase::Final, number, point));
            });
        }
        drop(sender);
        let mut cut = false;
        for measured in ended {
            let Measured::Ended { trial, models } = measured else {
                cut = true;
                continue;
            };
            if let Err(error) = tell(bench, store, Phase::Final, trial, models) {
                options.stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        if cut {
            store.sync()?;
            return Err(RunError::interrupted(bench, store));
        }
        Ok(())
    })
}

/// The stack of a thread that evaluates candidates, whose formulas may nest thousands of steps: one for each rule of a policy that comes before. Only
/// what is used is memory.
const STACK: usize = 128 << 20;

/// Threads for candidates or experiments, so many side by side.
pub fn pool(jobs: usize) -> Result<rayon::ThreadPool, RunError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .stack_size(STACK)
        .build()
        .map_err(|e| RunError::Internal(format!("cannot start threads: {e}")))
}

/// The sampler that the experiment asks for.
fn sampler<'a>(bench: &'a Bench, price: &'a dyn Known) -> Result<Box<dyn Sampler + 'a>, RunError> {
    let counted = bench.template.counted().clone();
    let feasible = Feasible::of(bench.template.decisions(), counted, price);
    let seed = bench.experiment.seed;
    Ok(match bench.experiment.search.method {
        Method::Random => Box::new(search::Random::new(feasible, seed)),
        Method::Grid => {
            let grid = search::Grid::new(feasible);
            Box::new(grid.map_err(|e| RunError::Internal(e.to_string()))?)
        }
        Method::Bayes => {
            let initial = bench.experiment.search.initial;
            Box::new(search::Bayes::new(feasible, seed, initial))
        }
    })
}

/// Keeps a trial: its networks first, then the line of the journal that names them.
fn tell(
    bench: &Bench,
    store: &mut Store,
    phase: Phase,
    mut trial: Trial,
    models: Vec<Model>,
) -> Result<(), RunError> {
    for (repeat, model) in models.iter().enumerate() {
        let metadata = bench.identity(trial.number, repeat);
        let bytes = model.to_safetensors(&metadata);
        let hash = store.save_model(&model_name(phase, trial.number, repeat), &bytes)?;
        trial.models.push(hash);
    }
    bench.observer.ended(phase, &trial);
    let number = trial.number;
    store.append(match phase {
        Phase::Search => Record::Trial(trial),
        Phase::Final => Record::Final(trial),
    })?;
    if let Some(checkpoints) = &bench.checkpoints {
        checkpoints.remove(phase, number, bench.experiment.repeats);
    }
    Ok(())
}

/// What a stored network, and a checkpoint of its training, says of itself. `spec` is the hash of the spec's text.
fn model_metadata(
    experiment: &Experiment,
    spec: &str,
    trial: usize,
    repeat: usize,
) -> BTreeMap<String, String> {
    let mut metadata = BTreeMap::from([
        ("experiment".into(), experiment.name.clone()),
        ("seed".into(), experiment.seed.to_string()),
        ("spec".into(), spec.into()),
        ("trial".into(), trial.to_string()),
    ]);
    if experiment.repeats > 1 {
        metadata.insert("repeat".into(), repeat.to_string());
    }
    metadata
}

/// When a trial is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// In the search.
    Search,
    /// Again after it.
    Final,
}

/// The name under which the network of a trial is stored: `12`, for its further repeats `12-1`, `12-2`; after the search `final-12`.
pub fn model_name(phase: Phase, trial: usize, repeat: usize) -> String {
    let prefix = match phase {
        Phase::Search => "",
        Phase::Final => "final-",
    };
    match repeat {
        0 => format!("{prefix}{trial}"),
        repeat => format!("{prefix}{trial}-{repeat}"),
    }
}

/// Trials 0, 1, … below `limit` that have ended without a gap.
fn settled(state: &State, limit: usize) -> usize {
    (0..limit)
        .take_while(|number| state.trials.contains_key(number))
        .count()
}

/// The first `count` trials as the sampler sees them.
fn observations(experiment: &Experiment, state: &State, count: usize) -> Vec<Observation> {
    let trials = state.trials.values().take(count);
    trials
        .map(|trial| Observation {
            point: trial.point.clone(),
            goals: conclude::gains(experiment, trial),
            feasible: trial.violated.is_empty(),
            failed: trial.status != Status::Complete,
        })
        .collect()
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests;
