//! What a run gives back: every trial, the Pareto set, the best of it, and whether expectations held.
//!
//! Plain data in base units; `report` turns it into tables and files. Without the seconds of trials, two equal runs give equal values.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::store::trial::Trial;
use crate::ir::{Direction, Provenance, Value};

/// Everything that a finished search has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Name of the experiment.
    pub experiment: String,
    /// The root of all randomness.
    pub seed: u64,
    /// The goals in order: columns of every table.
    pub goals: Vec<GoalColumn>,
    /// The requirements in order, as written, with the author's reasons.
    pub requires: Vec<Requirement>,
    /// Paths of the decisions, in the order of every trial's point. Of those with one path, one at most exists.
    pub decisions: Vec<String>,
    /// The unit that each of them is shown in; empty for plain numbers and names.
    pub decision_units: Vec<String>,
    /// The author's units of goals and metrics, by their text.
    pub units: BTreeMap<String, String>,
    /// By number.
    pub trials: Vec<Trial>,
    /// Numbers of the feasible trials that no other feasible trial beats in all goals, ascending.
    pub pareto: Vec<usize>,
    /// The feasible trial with the best first goal by validation; the earlier one of equals.
    pub best: Option<usize>,
    /// How sure the accuracies are, by number, where `repeats` asks for several trainings.
    pub intervals: BTreeMap<usize, Intervals>,
    /// Trainings after the search, by number; empty without `final`.
    pub finals: BTreeMap<usize, Trial>,
    /// Accuracy on the test split, of the final network where there is one, for the Pareto set and the best; the mean over repeats.
    pub tests: BTreeMap<usize, f64>,
    /// Volume that the Pareto set dominates.
    pub hypervolume: Option<Hypervolume>,
    /// What the spec expected.
    pub expects: Vec<Expectation>,
    /// Where constants come from.
    pub provenance: Vec<Provenance>,
}

/// A goal as a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalColumn {
    /// The text as written.
    pub text: String,
    /// Which way is better.
    pub direction: Direction,
    /// Base unit; empty for plain numbers.
    pub unit: String,
}

/// A requirement as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// The condition.
    pub text: String,
    /// The author's reason.
    pub why: Option<String>,
}

/// Half the widths of 95 % confidence intervals (Student's t) of means over the repeats of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Of the accuracy on the validation split.
    pub accuracy: f64,
    /// Of the accuracy on the test split, where it was read.
    pub test: Option<f64>,
    /// Accuracy of each repeat on the test split.
    pub tests: Vec<f64>,
}

/// Volume between the Pareto set and a reference point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypervolume {
    /// Product of the goals' units.
    pub value: f64,
    /// The worst value of each goal among complete trials, of all arms if there are any that compare.
    pub reference: Vec<f64>,
}

/// An `expect` line and how it came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The condition as written.
    pub text: String,
    /// Whether it holds.
    pub holds: bool,
    /// Sub-expressions with their values, in the order of the text.
    pub parts: Vec<Part>,
}

/// A sub-expression of an expectation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The sub-expression.
    pub text: String,
    /// Its value; absent if it has none, for instance where no trial is feasible.
    pub value: Option<Value>,
    /// Base unit; empty for plain numbers.
    pub unit: String,
}

/// What an experiment with arms has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmsResult {
    /// Name of the experiment.
    pub experiment: String,
    /// The root of all randomness.
    pub seed: u64,
    /// Whether all are measured on the same samples, or by the same table or command; then hypervolumes have one reference, else each has its own.
    pub comparable: bool,
    /// In the order of the spec.
    pub arms: Vec<ArmResult>,
}

/// One arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmResult {
    /// What was set to what, on one line.
    pub label: String,
    /// Its folder below `arms`.
    pub folder: String,
    /// The same part by part.
    pub settings: Vec<(String, String)>,
    /// Its search.
    pub result: RunResult,
}

impl RunResult {
    /// The path of each decision once, with its places in every trial's point.
    pub fn columns(&self) -> Vec<(&str, Vec<usize>)> {
        let mut found: Vec<(&str, Vec<usize>)> = Vec::with_capacity(self.decisions.len());
        let mut known = HashMap::new();
        for (place, path) in self.decisions.iter().enumerate() {
            let at = *known.entry(path).or_insert_with(|| {
                found.push((path, Vec::new()));
                found.len() - 1
            });
            found[at].1.push(place);
        }
        found
    }

    /// The trial with this number.
    pub fn trial(&self, number: usize) -> Option<&Trial> {
        // Numbers are positions unless a run was cut short.
        self.trials.iter().find(|t| t.number == number)
    }

    /// Whether every `expect` line holds.
    pub fn meets_expectations(&self) -> bool {
        self.expects.iter().all(|e| e.holds)
    }
}
