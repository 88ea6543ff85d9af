//! After the search: the Pareto set, the best of it, and the one look at the test split.
//!
//! In: a store whose trials have all ended. Out: a [`RunResult`]. All choices are made by validation before the test split is read, and
//! what was read is kept in the journal, so that going on with a run does not read it again.

use super::bench::Bench;
use super::expect;
use super::result::{GoalColumn, Hypervolume, Intervals, Requirement, RunResult};
use super::search::{interval, pareto};
use super::store::trial::{Status, Trial};
use super::store::{Record, Store};
use super::train::{Data, Model};
use super::{Phase, RunError, model_name};
use crate::ir::{Direction, Experiment};
use crate::model::Template;

/// What the trials of a store add up to, without a look at the test split.
pub(super) fn choose(experiment: &Experiment, template: &Template, store: &Store) -> RunResult {
    let trials: Vec<Trial> = store.state().trials.values().cloned().collect();
    let feasible: Vec<&Trial> = trials.iter().filter(|t| t.is_feasible()).collect();
    let gains: Vec<Vec<f64>> = feasible.iter().map(|t| gains(experiment, t)).collect();
    let front: Vec<&Trial> = pareto::non_dominated(&gains)
        .into_iter()
        .map(|i| feasible[i])
        .collect();
    let first = |trial: &Trial| gains_first(experiment, trial);
    let best = front
        .iter()
        .min_by(|a, b| {
            let order = first(b).total_cmp(&first(a));
            order.then(a.number.cmp(&b.number))
        })
        .map(|t| t.number);
    let all: Vec<&Trial> = trials.iter().collect();
    let worst = worst(experiment, &all);
    let hypervolume = worst.map(|worst| hypervolume(experiment, &front, &worst));
    RunResult {
        experiment: experiment.name.clone(),
        seed: experiment.seed,
        goals: experiment
            .goals
            .iter()
            .map(|g| GoalColumn {
                text: g.text.clone(),
                direction: g.direction,
                unit: g.unit.clone(),
            })
            .collect(),
        requires: experiment
            .requires
            .iter()
            .map(|r| Requirement {
                text: r.text.clone(),
                why: r.why.clone(),
            })
            .collect(),
        decisions: template
            .decisions()
            .all
            .iter()
            .map(|d| d.path.clone())
            .collect(),
        decision_units: template
            .decisions()
            .all
            .iter()
            .map(|d| d.unit.clone())
            .collect(),
        units: experiment.units.clone(),
        pareto: front.iter().map(|t| t.number).collect(),
        best,
        intervals: trials.iter().filter_map(intervals).collect(),
        finals: Default::default(),
        tests: Default::default(),
        hypervolume,
        expects: Vec::new(),
        provenance: experiment.provenance.clone(),
        trials,
    }
}

/// Reads the test split for the Pareto set, then judges what was expected.
pub(super) fn test(
    mut result: RunResult,
    bench: &Bench,
    store: &mut Store,
) -> Result<RunResult, RunError> {
    if let Some(data) = bench.data {
        // The best is a member of the Pareto set. Where networks were trained again, it is these that are tested.
        let tested: Vec<usize> = match bench.experiment.final_training {
            None => result.pareto.clone(),
            Some(_) => {
                let finals = result.finals.values();
                let complete = finals.filter(|t| t.status == Status::Complete);
                complete.map(|t| t.number).collect()
            }
        };
        bench.observer.testing(tested.len());
        for number in tested {
            let accuracies = match store.state().tests.get(&number) {
                Some(accuracies) => accuracies.clone(),
                None => test_one(number, &result, bench, data, store)?,
            };
            result.tests.insert(number, interval::mean(&accuracies));
            if let Some(intervals) = result.intervals.get_mut(&number) {
                intervals.test = interval::half_width(&accuracies);
                intervals.tests = accuracies;
            }
        }
    }
    result.expects = expect::judge(bench.experiment, bench.template.of_best(), &result);
    Ok(result)
}

fn test_one(
    number: usize,
    result: &RunResult,
    bench: &Bench,
    data: &Data,
    store: &mut Store,
) -> Result<Vec<f64>, RunError> {
    let (phase, trial) = match result.finals.get(&number) {
        Some(trial) => (Phase::Final, Some(trial)),
        None => (Phase::Search, result.trial(number)),
    };
    let trial = trial.expect("invariant: the Pareto set is made of trials");
    let accuracies = (0..trial.models.len())
        .map(|repeat| Ok(model(phase, trial, repeat, bench, store)?.accuracy(data.test())))
        .collect::<Result<Vec<f64>, RunError>>()?;
    store.append(Record::Test {
        trial: number,
        accuracies: accuracies.clone(),
    })?;
    Ok(accuracies)
}

/// How sure the accuracy of a trial is; nothing for one that was trained once.
fn intervals(trial: &Trial) -> Option<(usize, Intervals)> {
    let accuracies: Vec<f64> = trial.repeats.iter().map(|r| r.accuracy).collect();
    let intervals = Intervals {
        accuracy: interval::half_width(&accuracies)?,
        test: None,
        tests: Vec::new(),
    };
    Some((trial.number, intervals))
}

/// The network of a trial as it was stored, or trained again if the file is missing or damaged.
fn model(
    phase: Phase,
    trial: &Trial,
    repeat: usize,
    bench: &Bench,
    store: &mut Store,
) -> Result<Model, RunError> {
    let number = trial.number;
    let name = model_name(phase, number, repeat);
    let hash = trial.models[repeat].as_str();
    if let Some(bytes) = store.load_model(&name, hash) {
        let candidate = bench.candidate(phase, &trial.point);
        if let Ok(Some(candidate)) = candidate
            && let Ok(model) = Model::from_safetensors(&candidate, &bytes)
        {
            return Ok(model);
        }
    }
    bench.observer.note(&format!(
        "the network `{name}` is missing or damaged: training it again"
    ));
    let model = bench
        .retrain(phase, number, repeat, &trial.point)
        .map_err(RunError::Internal)?
        .ok_or_else(|| RunError::interrupted(bench, store))?;
    let bytes = model.to_safetensors(&bench.identity(number, repeat));
    if store.save_model(&name, &bytes)? != hash {
        bench.observer.note(&format!(
            "the network `{name}` trained again has other bits than at first: was the run begun on another machine?"
        ));
    }
    if let Some(checkpoints) = &bench.checkpoints {
        checkpoints.remove(phase, number, repeat + 1);
    }
    Ok(model)
}

/// Trains those networks again that an earlier run left and that are missing or damaged now.
pub(super) fn restore(
    trials: &[(Phase, Trial)],
    bench: &Bench,
    store: &mut Store,
) -> Result<(), RunError> {
    for (phase, trial) in trials {
        for (repeat, hash) in trial.models.iter().enumerate() {
            let name = model_name(*phase, trial.number, repeat);
            if store.load_model(&name, hash).is_none() {
                model(*phase, trial, repeat, bench, store)?;
            }
        }
    }
    Ok(())
}

/// The goals of a complete trial, turned so that more is better.
pub(super) fn gains(experiment: &Experiment, trial: &Trial) -> Vec<f64> {
    let goals = experiment.goals.iter().zip(&trial.goals);
    goals.map(|(g, v)| turned(g.direction, *v)).collect()
}

fn gains_first(experiment: &Experiment, trial: &Trial) -> f64 {
    let goal = gains(experiment, trial).first().copied();
    goal.unwrap_or(f64::NEG_INFINITY)
}

/// A minimized value is negated; the same again turns it back.
pub(super) fn turned(direction: Direction, value: f64) -> f64 {
    match direction {
        Direction::Maximize => value,
        Direction::Minimize => -value,
    }
}

/// The worst value of each goal among complete trials, turned so that more is better: what hypervolumes are measured from. It needs
/// no number from the user, and stays the same however the trials are ordered. To compare runs, take one reference for both.
pub(super) fn worst(experiment: &Experiment, trials: &[&Trial]) -> Option<Vec<f64>> {
    let complete = trials.iter().filter(|t| t.status == Status::Complete);
    complete.map(|t| gains(experiment, t)).reduce(|a, b| {
        let pairs = a.into_iter().zip(b);
        pairs.map(|(x, y)| if y < x { y } else { x }).collect()
    })
}

/// The volume that a front dominates, from a reference as [`worst`] gives it.
pub(super) fn hypervolume(
    experiment: &Experiment,
    front: &[&Trial],
    reference: &[f64],
) -> Hypervolume {
    let gains: Vec<Vec<f64>> = front.iter().map(|t| gains(experiment, t)).collect();
    Hypervolume {
        value: pareto::hypervolume(&gains, reference),
        reference: experiment
            .goals
            .iter()
            .zip(reference)
            .map(|(g, v)| turned(g.direction, *v))
            .collect(),
    }
}
