//! What a run shows while it lasts: a bar on a terminal, a line per trial elsewhere.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::spec::Spec;
use super::terminal::Terminal;
use crate::diagnostic::Diagnostic;
use crate::interpreter::store::trial::{Status, Trial};
use crate::interpreter::{Observer, Phase};
use crate::ir::{Direction, Experiment, Goal};
use crate::report::words::goal_value;

/// Watches a run.
pub struct Progress<'a> {
    terminal: &'a Terminal,
    experiment: &'a Experiment,
    /// Absent off a terminal, and if it shall be quiet.
    bar: Option<ProgressBar>,
    best: Mutex<Option<f64>>,
    spec: &'a Spec,
    /// What has been warned of: arms have much in common.
    warned: Mutex<HashSet<Diagnostic>>,
}

impl<'a> Progress<'a> {
    /// Draws nothing yet.
    pub fn new(experiment: &'a Experiment, spec: &'a Spec, terminal: &'a Terminal) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !terminal.quiet;
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::new(experiment.search.trials as u64);
            // How long a trial takes is known after one.
            set_style(&bar, "{spinner} {bar:32} {pos}/{len} trials  {msg}");
            bar
        });
        Progress {
            terminal,
            experiment,
            bar,
            best: Mutex::new(None),
            spec,
            warned: Mutex::default(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.terminal.say(text)),
            None => self.terminal.say(text),
        }
    }

    /// Keeps the best first goal of feasible trials.
    fn update_best(&self, trial: &Trial) {
        let mut best = self.best.lock().unwrap_or_else(|e| e.into_inner());
        let Some(goal) = self.experiment.goals.first() else {
            return;
        };
        if let (true, Some(value)) = (trial.is_feasible(), trial.goals.first()) {
            let is_better = match (*best, goal.direction) {
                (None, _) => true,
                (Some(b), Direction::Maximize) => *value > b,
                (Some(b), Direction::Minimize) => *value < b,
            };
            if is_better {
                *best = Some(*value);
            }
        }
    }

    fn show_best(&self, bar: &ProgressBar) {
        let best = *self.best.lock().unwrap_or_else(|e| e.into_inner());
        if let (Some(best), Some(goal)) = (best, self.experiment.goals.first()) {
            let value = self.value(goal, best);
            bar.set_message(format!("best {} {value}", goal.text));
        }
    }

    fn value(&self, goal: &Goal, value: f64) -> String {
        goal_value(&self.experiment.units, &goal.text, value, &goal.unit)
    }

    /// `accuracy 95.3 %, energy 12.4 nJ`.
    fn goals(&self, trial: &Trial) -> String {
        let goals = self.experiment.goals.iter().zip(&trial.goals);
        let goals: Vec<String> = goals
            .map(|(g, v)| format!("{} {}", g.text, self.value(g, *v)))
            .collect();
        goals.join(", ")
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▌░"));
    }
}

impl Observer for Progress<'_> {
    fn warned(&self, found: &[Diagnostic]) {
        let mut warned = self.warned.lock().unwrap_or_else(|e| e.into_inner());
        let new = found.iter().filter(|d| warned.insert((*d).clone()));
        self.spec
            .warn(&new.cloned().collect::<Vec<_>>(), self.terminal);
    }

    fn recalled(&self, trial: &Trial) {
        self.update_best(trial);
    }

    fn started(&self, done: usize, total: usize) {
        if done > 0 {
            self.line(&format!("going on after {done} of {total} trials"));
        }
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
            self.show_best(bar);
            // Trials of another process say nothing of how fast this one is.
            bar.reset_eta();
            bar.enable_steady_tick(Duration::from_millis(200));
        }
    }

    fn arm(&self, index: usize, count: usize, label: &str) {
        *self.best.lock().unwrap_or_else(|e| e.into_inner()) = None;
        self.line(&format!("arm {} of {count}: {label}", index + 1));
    }

    fn final_training(&self, trials: usize) {
        if let Some(bar) = &self.bar {
            bar.set_length(trials as u64);
            bar.set_position(0);
            bar.set_message("training again".to_string());
            bar.reset_eta();
        }
    }

    fn ended(&self, phase: Phase, trial: &Trial) {
        if phase == Phase::Final {
            if let Some(bar) = &self.bar {
                bar.inc(1);
            }
            let outcome = match &trial.status {
                Status::Failed(reason) => format!("failed: {reason}"),
                Status::Complete => self.goals(trial),
            };
            self.line(&format!(
                "final training of trial {}: {outcome}",
                trial.number
            ));
            return;
        }
        self.update_best(trial);
        if let Some(bar) = &self.bar {
            self.show_best(bar);
            set_style(
                bar,
                "{spinner} {bar:32} {pos}/{len} trials  {msg}  {eta} left",
            );
            bar.inc(1);
        }
        if self.bar.is_some() && !self.terminal.verbose {
            return;
        }
        let outcome = match &trial.status {
            Status::Failed(reason) => format!("failed: {reason}"),
            Status::Complete if trial.violated.is_empty() => self.goals(trial),
            Status::Complete => format!("{} (misses a requirement)", self.goals(trial)),
        };
        self.line(&format!("trial {}: {outcome}", trial.number));
    }

    fn testing(&self, trials: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("reading the test split for {trials} trials"));
        }
    }

    fn note(&self, text: &str) {
        self.line(&format!("note: {text}"));
    }
}
