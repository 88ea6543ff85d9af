//! Who is told what happens in a run.

use super::Phase;
use super::store::trial::Trial;
use super::train::Progress;
use crate::diagnostic::Diagnostic;

/// Who watches a run. Called from several threads.
pub trait Observer: Sync {
    /// The search begins; so many of its trials are in the journal already.
    fn started(&self, done: usize, total: usize) {
        let _ = (done, total);
    }

    /// What is likelier a mistake than meant, seen once the space is unrolled.
    fn warned(&self, found: &[Diagnostic]) {
        let _ = found;
    }

    /// A trial of the search that ended before this process began; comes before `started`.
    fn recalled(&self, trial: &Trial) {
        let _ = trial;
    }

    /// The search of another arm follows; `index` counts from 0.
    fn arm(&self, index: usize, count: usize, label: &str) {
        let _ = (index, count, label);
    }

    /// A trial runs now.
    fn running(&self, trial: usize) {
        let _ = trial;
    }

    /// A trial has trained another epoch.
    fn epoch(&self, trial: usize, progress: Progress) {
        let _ = (trial, progress);
    }

    /// A trial has ended, in the search or after it.
    fn ended(&self, phase: Phase, trial: &Trial) {
        let _ = (phase, trial);
    }

    /// The search is over, and so many of its trials are trained again.
    fn final_training(&self, trials: usize) {
        let _ = trials;
    }

    /// The search is over, and the test split is read for so many trials.
    fn testing(&self, trials: usize) {
        let _ = trials;
    }

    /// Something that the user should know, and that does not stop the run.
    fn note(&self, text: &str) {
        let _ = text;
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
