//! `trials.csv`: one trial a line, for spreadsheets and data frames.
//!
//! Numbers are in base units and in the shortest form that reads back to the same bits; a cell is empty where there is no value.

use std::collections::BTreeSet;

use crate::interpreter::result::RunResult;
use crate::interpreter::store::trial::{Status, Trial};
use crate::ir::Value;

/// All trials. `timings` adds a column of seconds.
pub fn trials(result: &RunResult, timings: bool) -> String {
    let metrics: BTreeSet<&str> = result
        .trials
        .iter()
        .flat_map(|t| t.metrics.0.keys().map(String::as_str))
        .collect();
    // A goal that is a metric as it stands has its column already.
    let goals: Vec<usize> = (0..result.goals.len())
        .filter(|i| !metrics.contains(result.goals[*i].text.as_str()))
        .collect();

    let mut header: Vec<String> = ["trial", "status", "feasible", "pareto", "best"]
        .map(String::from)
        .into();
    let columns = result.columns();
    header.extend(columns.iter().map(|(path, _)| path.to_string()));
    header.extend(goals.iter().map(|i| result.goals[*i].text.clone()));
    header.extend(metrics.iter().map(|m| m.to_string()));
    header.extend(["float_accuracy", "ptq_accuracy", "qaft_accuracy"].map(String::from));
    let named = named_stages(result);
    header.extend(named.iter().map(|name| format!("{name}_accuracy")));
    if !result.finals.is_empty() {
        header.push("final_accuracy".into());
    }
    header.extend(["test_accuracy", "violated", "reason"].map(String::from));
    if !result.intervals.is_empty() {
        header.push("accuracy_half_width".into());
    }
    if timings {
        header.push("seconds".into());
    }

    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let mut write = |row: &[String]| {
        writer
            .write_record(row)
            .expect("invariant: rows are of one length and memory takes them");
    };
    write(&header);
    for trial in &result.trials {
        write(&row(
            trial, result, &columns, &goals, &metrics, &named, timings,
        ));
    }
    let bytes = writer
        .into_inner()
        .expect("invariant: memory takes every write");
    String::from_utf8(bytes).expect("invariant: all fields are text")
}

fn row(
    trial: &Trial,
    result: &RunResult,
    columns: &[(&str, Vec<usize>)],
    goals: &[usize],
    metrics: &BTreeSet<&str>,
    named: &[&str],
    timings: bool,
) -> Vec<String> {
    let (status, reason) = match &trial.status {
        Status::Complete => ("complete", ""),
        Status::Failed(reason) => ("failed", reason.as_str()),
    };
    let mut row = vec![
        trial.number.to_string(),
        status.into(),
        trial.is_feasible().to_string(),
        result.pareto.contains(&trial.number).to_string(),
        (result.best == Some(trial.number)).to_string(),
    ];
    row.extend((columns.iter()).map(|(_, places)| cell(trial.point.one_of(places))));
    row.extend(goals.iter().map(|i| float(trial.goals.get(*i).copied())));
    row.extend(
        metrics
            .iter()
            .map(|name| float(trial.metrics.0.get(*name).copied())),
    );
    let stages = trial.stages.as_ref();
    row.push(float(stages.and_then(|s| s.float)));
    row.push(float(stages.and_then(|s| s.ptq)));
    row.push(float(stages.and_then(|s| s.qaft)));
    row.extend(named.iter().map(|name| {
        let after = stages.and_then(|s| s.after.iter().find(|(n, _)| n == name));
        float(after.map(|(_, accuracy)| *accuracy))
    }));
    if !result.finals.is_empty() {
        let last = result.finals.get(&trial.number);
        let accuracy = last.and_then(|t| t.metrics.0.get("accuracy"));
        row.push(float(accuracy.copied()));
    }
    row.push(float(result.tests.get(&trial.number).copied()));
    row.push(
        trial
            .violated
            .iter()
            .filter_map(|i| Some(result.requires.get(*i)?.text.as_str()))
            .collect::<Vec<_>>()
            .join("; "),
    );
    row.push(reason.into());
    if !result.intervals.is_empty() {
        let intervals = result.intervals.get(&trial.number);
        row.push(float(intervals.map(|of| of.accuracy)));
    }
    if timings {
        row.push(float(Some(trial.seconds)));
    }
    row
}

/// Stages with names of the author's own, in the order of training. One called `float` has its column already.
fn named_stages(result: &RunResult) -> Vec<&str> {
    let mut named: Vec<&str> = Vec::new();
    for stages in result.trials.iter().filter_map(|t| t.stages.as_ref()) {
        for (name, _) in &stages.after {
            if name != "float" && !named.contains(&name.as_str()) {
                named.push(name);
            }
        }
    }
    named
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::Number(n)) => float(Some(*n)),
        Some(other) => other.to_string(),
    }
}

/// The same digits as in `result.json`.
fn float(x: Option<f64>) -> String {
    x.map_or(String::new(), |x| super::json::number(x).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn the_form_is_stable() {
        insta::assert_snapshot!(trials(&fixtures::digits(), false));
    }

    #[test]
    fn every_row_has_every_column() {
        for timings in [false, true] {
            let text = trials(&fixtures::digits(), timings);
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let columns = reader.headers().unwrap().len();
            let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
            assert_eq!(rows.len(), 4);
            assert!(rows.iter().all(|r| r.len() == columns));
        }
    }
}
