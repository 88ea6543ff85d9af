//! What `bnas run` prints: the Pareto set, the best of it, what fine-tuning won, what was expected.
//!
//! In: a [`RunResult`]. Out: text for a terminal. Values of the search are of the validation split; the column `test` is
//! of samples that no choice has seen.

mod arms;
mod columns;
mod notes;

pub use arms::arms;

use columns::columns;
use notes::{best, expectations, failures, fine_tuning, legend, misses, sources};

use super::Look;
use super::grid::Grid;
use super::words::{plural, verb};
use crate::interpreter::result::RunResult;
use crate::interpreter::store::trial::{Status, Trial};
use crate::ir::Direction;

/// The whole report.
pub fn summary(result: &RunResult, look: Look) -> String {
    let mut out = String::new();
    headline(result, &mut out);
    if !result.pareto.is_empty() {
        out.push('\n');
        out.push_str(&pareto(result, look));
        legend(result, &mut out);
        best(result, &mut out);
        fine_tuning(result, &mut out);
    }
    misses(result, &mut out);
    failures(result, &mut out);
    sources(result, &mut out);
    expectations(result, &mut out);
    out
}

fn headline(result: &RunResult, out: &mut String) {
    let complete = result
        .trials
        .iter()
        .filter(|t| t.status == Status::Complete);
    let feasible = result.trials.iter().filter(|t| t.is_feasible()).count();
    let goals: Vec<String> = result
        .goals
        .iter()
        .map(|g| format!("{} {}", verb(g.direction), g.text))
        .collect();
    put(out, format!("{}: {}", result.experiment, goals.join(", ")));
    let required = if result.requires.is_empty() {
        String::new()
    } else {
        let meet = if feasible == 1 { "meets" } else { "meet" };
        format!(", {feasible} {meet} every requirement")
    };
    put(
        out,
        format!(
            "{}, {} complete{required}; {} on the Pareto front",
            plural(result.trials.len(), "trial"),
            complete.count(),
            result.pareto.len(),
        ),
    );
}

/// One row for each member of the Pareto set, the best first goal on top.
fn pareto(result: &RunResult, look: Look) -> String {
    let mut members: Vec<&Trial> = result
        .pareto
        .iter()
        .filter_map(|n| result.trial(*n))
        .collect();
    if let Some(goal) = result.goals.first() {
        members.sort_by(|a, b| {
            let order = first_goal(a).total_cmp(&first_goal(b));
            let order = match goal.direction {
                Direction::Maximize => order.reverse(),
                Direction::Minimize => order,
            };
            order.then(a.number.cmp(&b.number))
        });
    }
    let columns = columns(result);
    let header: Vec<String> = columns.iter().map(|c| c.title.clone()).collect();
    let text: Vec<usize> = (0..columns.len()).filter(|i| columns[*i].is_text).collect();
    let mut grid = Grid::new(&header, &text, look);
    for trial in members {
        let cells: Vec<String> = columns.iter().map(|c| (c.cell)(trial)).collect();
        grid.row(&cells, result.best == Some(trial.number));
    }
    grid.finish()
}

fn first_goal(trial: &Trial) -> f64 {
    trial.goals.first().copied().unwrap_or(f64::NAN)
}

/// A sentence for standard error when no trial is feasible.
pub fn nothing_feasible(result: &RunResult) -> String {
    if result.trials.is_empty() {
        return "no candidate was found that has a price and meets every requirement that is known before training: relax one, or widen a domain that it speaks of"
            .into();
    }
    if result.trials.iter().all(|t| t.goals.is_empty()) {
        return format!(
            "{} failed: `trials.csv` has the reasons",
            match result.trials.len() {
                1 => "the only trial".into(),
                n => format!("all {n} trials"),
            }
        );
    }
    format!(
        "none of {} meets every requirement",
        plural(result.trials.len(), "trial")
    )
}

fn dash() -> String {
    "–".into()
}

fn put(out: &mut String, line: String) {
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    const LOOK: Look = Look {
        color: false,
        width: 100,
    };

    #[test]
    fn a_summary_reads_well() {
        insta::assert_snapshot!(summary(&fixtures::digits(), LOOK));
    }

    #[test]
    fn color_is_used_only_when_wanted() {
        let look = Look {
            color: true,
            ..LOOK
        };
        assert!(summary(&fixtures::digits(), look).contains('\u{1b}'));
        assert!(!summary(&fixtures::digits(), LOOK).contains('\u{1b}'));
    }

    #[test]
    fn nothing_feasible_is_said() {
        let mut run = fixtures::digits();
        run.pareto.clear();
        run.best = None;
        run.tests.clear();
        let text = summary(&run, LOOK);
        assert!(text.contains("0 on the Pareto front"), "{text}");
        assert_eq!(
            nothing_feasible(&run),
            "none of 4 trials meets every requirement"
        );
    }
}
