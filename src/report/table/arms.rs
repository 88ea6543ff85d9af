//! The report of an experiment with arms.

use std::fmt::Write;

use super::super::Look;
use super::super::grid::Grid;
use super::super::quantity::quantity;
use super::super::words::{goal_value, plural, verb};
use super::columns::{goal_of, test};
use super::notes::{expectations, failures, misses};
use super::{dash, put};
use crate::interpreter::result::ArmsResult;

/// The report of an experiment with arms: one row for each, then what failed.
pub fn arms(result: &ArmsResult, look: Look) -> String {
    let mut out = String::new();
    let goals = result.arms.first().map_or(&[][..], |a| &a.result.goals);
    let written: Vec<String> = goals
        .iter()
        .map(|g| format!("{} {}", verb(g.direction), g.text))
        .collect();
    put(
        &mut out,
        format!("{}: {}", result.experiment, written.join(", ")),
    );
    put(&mut out, format!("{}\n", plural(result.arms.len(), "arm")));
    let has_tests = result.arms.iter().any(|a| !a.result.tests.is_empty());
    let mut header: Vec<String> = vec!["arm".into(), "trials".into(), "feasible".into()];
    header.extend(goals.iter().map(|g| g.text.clone()));
    if has_tests {
        header.push("test accuracy".into());
    }
    header.extend(["on the front".into(), "hypervolume".into()]);
    let mut grid = Grid::new(&header, &[0], look);
    for arm in &result.arms {
        let run = &arm.result;
        let best = run.best.and_then(|n| run.trial(n));
        let mut row = vec![
            arm.label.clone(),
            run.trials.len().to_string(),
            run.trials
                .iter()
                .filter(|t| t.is_feasible())
                .count()
                .to_string(),
        ];
        row.extend((0..goals.len()).map(|i| best.map_or_else(dash, |t| goal_of(run, i, t))));
        if has_tests {
            row.push(best.map_or_else(dash, |t| test(run, t)));
        }
        row.push(run.pareto.len().to_string());
        row.push(
            run.hypervolume
                .as_ref()
                .map_or_else(dash, |h| quantity(h.value, "")),
        );
        grid.row(&row, false);
    }
    out.push_str(&grid.finish());
    out.push_str("goals: of the best by validation in the first goal\n");
    let reference = result
        .arms
        .iter()
        .find_map(|a| a.result.hypervolume.as_ref());
    if !result.comparable {
        put(
            &mut out,
            "hypervolume: in base units, of each arm from its own worst: what is measured on different samples does not compare".into(),
        );
    } else if let Some(reference) = reference {
        let units = &result.arms[0].result.units;
        let point = goals.iter().zip(&reference.reference);
        let point: Vec<String> = point
            .map(|(g, v)| format!("{} {}", g.text, goal_value(units, &g.text, *v, &g.unit)))
            .collect();
        put(
            &mut out,
            format!(
                "hypervolume: in base units, from {}: the worst of all arms",
                point.join(", ")
            ),
        );
    }
    for arm in &result.arms {
        let mut said = String::new();
        misses(&arm.result, &mut said);
        failures(&arm.result, &mut said);
        expectations(&arm.result, &mut said);
        if !said.is_empty() {
            let _ = write!(out, "\n{}{said}", arm.label);
            if !out.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    out
}
