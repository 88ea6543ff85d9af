//! Arms: the whole search once for each value, side by side in the end.
//!
//! In: an experiment with arms, and the store of the whole run; each arm has a store of its own in it, so that resuming, jobs and the
//! journal are those of a single search. Out: one result for each arm, with the hypervolumes measured from one reference point, so
//! that they compare.

use super::conclude;
use super::result::{ArmResult, ArmsResult, Hypervolume};
use super::store::Store;
use super::store::trial::Trial;
use super::{Observer, RunError, RunOptions, planned, run};
use crate::ir::{Arm, Experiment};
use crate::model::Template;
use crate::model::findings::blame::in_arm;

/// The most characters of a folder's name.
const LONGEST: usize = 60;

/// Runs each arm of an experiment in order, or goes on with them.
pub fn run_arms(
    experiment: &Experiment,
    options: RunOptions,
    store: &mut Store,
    observer: &dyn Observer,
) -> Result<ArmsResult, RunError> {
    // Whatever does not fit is found before the first search.
    let mut total = 0;
    for arm in &experiment.arms {
        let template = Template::new(&arm.experiment);
        let template = template.map_err(|found| RunError::Spec(in_arm(found, &arm.settings)))?;
        total += planned(&arm.experiment, &template);
    }
    let mut arms: Vec<ArmResult> = Vec::with_capacity(experiment.arms.len());
    for (index, arm) in experiment.arms.iter().enumerate() {
        let label = label(arm);
        observer.arm(index, experiment.arms.len(), &label);
        let folder = folder(index, &label);
        let mut own = store.arm(&folder)?;
        let ended: usize = arms.iter().map(|a| a.result.trials.len()).sum();
        let result =
            run(&arm.experiment, options, &mut own, observer).map_err(|error| match error {
                RunError::Interrupted { done, .. } => RunError::Interrupted {
                    done: ended + done,
                    total,
                },
                other => other,
            })?;
        arms.push(ArmResult {
            label,
            folder,
            settings: arm.settings.clone(),
            result,
        });
    }
    let comparable = are_measured_alike(experiment);
    if comparable {
        compare(experiment, &mut arms);
    }
    Ok(ArmsResult {
        comparable,
        experiment: experiment.name.clone(),
        seed: experiment.seed,
        arms,
    })
}

/// Whether all arms are measured on the same samples, or by the same table or command.
fn are_measured_alike(experiment: &Experiment) -> bool {
    let mut arms = experiment.arms.iter().map(|arm| &arm.experiment);
    let Some(first) = arms.next() else {
        return true;
    };
    arms.all(|other| {
        let same_samples = match (&first.data, &other.data) {
            (Some(first), Some(other)) => first.has_samples_of(other),
            (first, other) => first.is_none() && other.is_none(),
        };
        same_samples && first.evaluator == other.evaluator
    })
}

/// Measures every hypervolume from the worst that any arm has seen.
fn compare(experiment: &Experiment, arms: &mut [ArmResult]) {
    let trials: Vec<&Trial> = arms.iter().flat_map(|a| &a.result.trials).collect();
    let Some(worst) = conclude::worst(experiment, &trials) else {
        return;
    };
    for arm in arms {
        let result = &mut arm.result;
        let front: Vec<&Trial> = result
            .pareto
            .iter()
            .filter_map(|number| result.trial(*number))
            .collect();
        let measured: Hypervolume = conclude::hypervolume(experiment, &front, &worst);
        result.hypervolume = Some(measured);
    }
}

/// `finetune.epochs = 0, policy = tied`.
fn label(arm: &Arm) -> String {
    let settings = arm
        .settings
        .iter()
        .map(|(path, value)| format!("{path} = {value}"));
    settings.collect::<Vec<_>>().join(", ")
}

/// `0-finetune.epochs=0`: a name that every file system takes; the number alone makes it unique.
fn folder(index: usize, label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._=-".contains(c);
    let words = label.replace(" = ", "=").replace(", ", "-");
    let name: String = words
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .take(LONGEST)
        .collect();
    format!("{index}-{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_plain_words() {
        assert_eq!(
            folder(1, "finetune.epochs = 0, policy = tied"),
            "1-finetune.epochs=0-policy=tied"
        );
        let odd = folder(0, "train.optimizer = adam(lr = 1e-3) { ä/.. }");
        assert!(!odd.contains(['/', ' ', '(']) && odd.is_ascii(), "{odd}");
        assert!(folder(7, &"x".repeat(500)).len() < 80);
    }
}
