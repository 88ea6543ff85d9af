//! What stands below the table: its legend, the best of it, what fine-tuning won, what failed, sources, expectations.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::bits;
use super::super::quantity::{percent, points, shown};
use super::super::words::plural;
use super::columns::{gain, show};
use super::put;
use crate::interpreter::result::RunResult;
use crate::interpreter::store::trial::Status;
use crate::ir::{Provenance, Value};

/// The most failed trials that are spelled out.
const MOST_FAILURES: usize = 5;

/// The most decisions of the best trial that are listed.
const MOST_CHOSEN: usize = 24;

pub(super) fn legend(result: &RunResult, out: &mut String) {
    let measured = if result.tests.is_empty() {
        ""
    } else {
        "accuracy on the validation split, which chose; test: on the test split, read once\n"
    };
    if result.best.is_some() {
        put(out, "*: best by the first goal".into());
    }
    out.push_str(measured);
    if !result.finals.is_empty() {
        out.push_str("final: after training again, on the validation split; the test split was read for these networks\n");
    }
    for last in result.finals.values() {
        if let Status::Failed(reason) = &last.status {
            put(
                out,
                format!("final training of trial {} failed: {reason}", last.number),
            );
        }
    }
    let repeats = result.trials.iter().map(|t| t.repeats.len()).max();
    if let Some(repeats) = repeats.filter(|n| *n > 1) {
        put(
            out,
            format!("±: 95 % interval of the mean of {repeats} trainings (Student's t)"),
        );
    }
    if result.trials.iter().any(|t| gain(t).is_some()) {
        put(
            out,
            "over PTQ: points of accuracy that fine-tuning won over quantizing after training"
                .into(),
        );
    }
    if result.trials.iter().any(|t| !t.layers.is_empty()) {
        put(out, bits::LEGEND.into());
    }
}

pub(super) fn best(result: &RunResult, out: &mut String) {
    let Some(trial) = result.best.and_then(|n| result.trial(n)) else {
        return;
    };
    let _ = writeln!(out, "\nbest: trial {}", trial.number);
    let decisions = result.decisions.iter().zip(&result.decision_units);
    let chosen: Vec<(&String, String)> = decisions
        .zip(&trial.point.0)
        .filter_map(|((path, unit), v)| Some((path, show(v.as_ref()?, unit))))
        .collect();
    let width = chosen
        .iter()
        .map(|(p, _)| p.chars().count())
        .max()
        .unwrap_or(0);
    for (path, value) in chosen.iter().take(MOST_CHOSEN) {
        let _ = writeln!(out, "  {path:width$}  {value}");
    }
    if chosen.len() > MOST_CHOSEN {
        let more = chosen.len() - MOST_CHOSEN;
        let _ = writeln!(out, "  and {more} more: see `result.json`");
    }
}

/// Means over the trials that were fine-tuned, since one trial may be lucky.
pub(super) fn fine_tuning(result: &RunResult, out: &mut String) {
    let tuned: Vec<(f64, f64, f64)> = result
        .trials
        .iter()
        .filter_map(|t| t.stages.as_ref())
        .filter_map(|s| Some((s.float?, s.ptq?, s.qaft?)))
        .collect();
    if tuned.is_empty() {
        return;
    }
    let mean = |pick: fn(&(f64, f64, f64)) -> f64| {
        tuned.iter().map(pick).sum::<f64>() / tuned.len() as f64
    };
    let (float, ptq, qaft) = (mean(|t| t.0), mean(|t| t.1), mean(|t| t.2));
    let _ = writeln!(
        out,
        "\nfine-tuning against post-training quantization: {} points of accuracy\n  (mean of {}: float {}, PTQ {}, fine-tuned {})",
        points(qaft - ptq),
        plural(tuned.len(), "trial"),
        percent(float),
        percent(ptq),
        percent(qaft),
    );
}

/// How many trials miss each requirement.
pub(super) fn misses(result: &RunResult, out: &mut String) {
    let complete = result
        .trials
        .iter()
        .filter(|t| t.status == Status::Complete);
    let mut missed: BTreeMap<usize, usize> = BTreeMap::new();
    for index in complete.flat_map(|t| &t.violated) {
        *missed.entry(*index).or_default() += 1;
    }
    if !missed.is_empty() {
        out.push('\n');
    }
    for (index, count) in missed {
        if let Some(require) = result.requires.get(index) {
            let why = require
                .why
                .as_ref()
                .map_or(String::new(), |w| format!(" ({w})"));
            let verb = if count == 1 { "misses" } else { "miss" };
            let _ = writeln!(
                out,
                "{} {verb} `{}`{why}",
                plural(count, "trial"),
                require.text
            );
        }
    }
}

pub(super) fn failures(result: &RunResult, out: &mut String) {
    let failed: Vec<(usize, &String)> = result
        .trials
        .iter()
        .filter_map(|t| match &t.status {
            Status::Failed(reason) => Some((t.number, reason)),
            Status::Complete => None,
        })
        .collect();
    if failed.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{} failed:", plural(failed.len(), "trial"));
    for (number, reason) in failed.iter().take(MOST_FAILURES) {
        let _ = writeln!(out, "  trial {number}: {reason}");
    }
    if failed.len() > MOST_FAILURES {
        let _ = writeln!(
            out,
            "  and {} more: see `trials.csv`",
            failed.len() - MOST_FAILURES
        );
    }
}

/// Papers and assumptions that the numbers rest on.
pub(super) fn sources(result: &RunResult, out: &mut String) {
    let papers = papers(&result.provenance);
    let assumptions = result
        .provenance
        .iter()
        .filter(|p| p.kind != "paper")
        .count();
    if papers.is_empty() && assumptions == 0 {
        return;
    }
    let mut parts = Vec::new();
    if !papers.is_empty() {
        parts.push(papers.join("; "));
    }
    if assumptions > 0 {
        parts.push(format!(
            "{} (`bnas cost` lists them)",
            plural(assumptions, "assumption")
        ));
    }
    let _ = writeln!(out, "\nconstants from {}", parts.join(", and "));
}

/// Each paper once, with the places in it that are cited.
fn papers(provenance: &[Provenance]) -> Vec<String> {
    let mut papers: Vec<(&str, Vec<&str>)> = Vec::new();
    for cited in provenance.iter().filter(|p| p.kind == "paper") {
        let (paper, place) = match cited.text.split_once(", ") {
            Some((paper, place)) => (paper, Some(place)),
            None => (cited.text.as_str(), None),
        };
        let at = papers.iter().position(|(known, _)| *known == paper);
        let at = at.unwrap_or_else(|| {
            papers.push((paper, Vec::new()));
            papers.len() - 1
        });
        let places = &mut papers[at].1;
        places.extend(place.filter(|place| !places.contains(place)));
    }
    let joined = papers.into_iter().map(|(paper, places)| match places[..] {
        [] => paper.to_string(),
        _ => format!("{paper}, {}", places.join(" and ")),
    });
    joined.collect()
}

/// Every `expect` line; a failed one with the values of its parts.
pub(super) fn expectations(result: &RunResult, out: &mut String) {
    if !result.expects.is_empty() {
        out.push('\n');
    }
    for expect in &result.expects {
        let verdict = if expect.holds { "ok    " } else { "FAILED" };
        let _ = writeln!(out, "{verdict}  expect {}", expect.text);
        if expect.holds {
            continue;
        }
        for part in &expect.parts {
            let value = match &part.value {
                Some(Value::Number(n)) => {
                    let of = part.text.strip_prefix("best.").unwrap_or(&part.text);
                    format!("= {}", shown(*n, &part.unit, result.units.get(of)))
                }
                Some(other) => format!("= {other}"),
                None => "has no value".into(),
            };
            let _ = writeln!(out, "          {} {value}", part.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_named_once_with_all_of_its_places() {
        let cited = |kind: &str, text: &str| Provenance {
            subject: "quantizer int8".into(),
            kind: kind.into(),
            text: text.into(),
        };
        let all = [
            cited("paper", "arXiv:1806.08342, abstract: weights per channel"),
            cited("paper", "arXiv:1806.08342"),
            cited("assumption", "arXiv:1806.08342, not at all"),
            cited("paper", "arXiv:1512.03385, table 6"),
            cited("paper", "arXiv:1806.08342, section 3"),
            cited("paper", "arXiv:1512.03385, table 6"),
        ];
        assert_eq!(
            papers(&all),
            [
                "arXiv:1806.08342, abstract: weights per channel and section 3",
                "arXiv:1512.03385, table 6"
            ]
        );
    }
}
