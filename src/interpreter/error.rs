//! Why a run ends without a result.

use std::fmt;

use super::bench::Bench;
use super::planned;
use super::store::{Store, StoreError};
use super::train::DataError;
use crate::diagnostic::Diagnostic;

/// Why there is no result.
#[derive(Debug)]
pub enum RunError {
    /// The experiment does not fit together.
    Spec(Vec<Diagnostic>),
    /// The data cannot be read.
    Data(DataError),
    /// The run folder cannot be used.
    Store(StoreError),
    /// Somebody asked to stop.
    Interrupted {
        /// Trials in the journal.
        done: usize,
        /// Trials in all.
        total: usize,
    },
    /// What must not happen.
    Internal(String),
}

impl RunError {
    pub(super) fn interrupted(bench: &Bench, store: &Store) -> RunError {
        RunError::Interrupted {
            done: store.state().trials.len(),
            total: planned(bench.experiment, bench.template),
        }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Spec(problems) => {
                let first = problems.first().map_or("", |d| d.message.as_str());
                write!(f, "the experiment does not fit together: {first}")
            }
            RunError::Data(e) => write!(f, "{e}"),
            RunError::Store(e) => write!(f, "{e}"),
            RunError::Interrupted { done, total } => {
                write!(f, "stopped after {done} of {total} trials")
            }
            RunError::Internal(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for RunError {}

impl From<StoreError> for RunError {
    fn from(e: StoreError) -> RunError {
        RunError::Store(e)
    }
}
