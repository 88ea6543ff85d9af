//! The state of a study: a pure fold over the records of its journal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::trial::Trial;

/// One line of the journal.
#[allow(clippy::large_enum_variant)] // read and applied one at a time
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A trial has ended.
    Trial(Trial),
    /// A trial was trained again after the search; its numbers are those of that training.
    Final(Trial),
    /// The test split was read for a trial.
    Test {
        /// Its number.
        trial: usize,
        /// Share of test samples that are classified rightly, by each of its networks.
        accuracies: Vec<f64>,
    },
}

/// What the journal says, whatever the order in which trials ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    /// Trials that have ended, by number.
    pub trials: BTreeMap<usize, Trial>,
    /// Trainings after the search, by trial.
    pub finals: BTreeMap<usize, Trial>,
    /// Accuracies on the test split, by trial.
    pub tests: BTreeMap<usize, Vec<f64>>,
}

impl State {
    /// Takes one record in. The first record about a trial stands: what follows it can only be a repetition.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Trial(trial) => {
                self.trials.entry(trial.number).or_insert(trial);
            }
            Record::Final(trial) => {
                self.finals.entry(trial.number).or_insert(trial);
            }
            Record::Test { trial, accuracies } => {
                self.tests.entry(trial).or_insert(accuracies);
            }
        }
    }

    /// The fold.
    pub fn of(records: impl IntoIterator<Item = Record>) -> State {
        let mut state = State::default();
        for record in records {
            state.apply(record);
        }
        state
    }
}
