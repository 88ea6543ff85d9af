//! What can be said of a space before anything runs: how many candidates, which requirements are proved, which members never occur.
//!
//! In: a template. Out: a [`Survey`]. What cannot be counted is estimated: points are drawn from what can be, and looked at.

use num_bigint::BigUint;

use super::counting::{Count, Counted, How, Uniform};
use super::decision::Decisions;
use super::evaluate::{self, Failure};
use super::metrics::Metrics;
use super::template::Template;
use crate::ir::Value;
use crate::stream::{Purpose, stream};

/// Points that are drawn for an estimate: fewer where each must be built and priced.
const DRAWS: u64 = 2000;
const PRICED_DRAWS: u64 = 300;

/// The trial that no search has, for the stream of draws.
const NO_TRIAL: u64 = u64::MAX - 1;

/// What is known of a requirement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// Some candidate meets it: it is counted, or a candidate was drawn that does.
    Meetable,
    /// No candidate that was drawn meets it, which proves nothing.
    Open,
    /// Only training tells.
    Measured,
}

/// Members of a decision that no candidate has.
#[derive(Debug, Clone, PartialEq)]
pub struct Pruned {
    /// The path of the decision.
    pub path: String,
    /// The members, in the order of the domain.
    pub members: Vec<Value>,
    /// The requirement that excludes them, as it is written; `None` if several do so together, or a condition in the space.
    pub by: Option<String>,
}

/// Points that were drawn from what is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// So many.
    pub drawn: u64,
    /// Those that meet everything that is known before training.
    pub met: u64,
}

impl Sample {
    /// The share that meets everything, and the standard error of that share.
    pub fn acceptance(self) -> (f64, f64) {
        let n = self.drawn as f64;
        let p = self.met as f64 / n;
        (p, (p * (1.0 - p) / n).sqrt())
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Points that meet every constraint that is counted.
    pub count: Count,
    /// The same with each real as one value.
    pub parts: Option<BigUint>,
    /// How it was had.
    pub how: How,
    /// Absent if everything that is known before training is counted.
    pub sample: Option<Sample>,
    /// For each requirement of the experiment.
    pub verdicts: Vec<Verdict>,
    /// What never occurs.
    pub pruned: Vec<Pruned>,
}

/// Surveys a template's space.
pub fn survey(template: &Template) -> Survey {
    let decisions = template.decisions();
    let counted = template.counted();
    let is_counted = |require: usize| {
        let of = |c: &&super::template::Claim| c.require == Some(require);
        let claim = template.claims().iter().find(of);
        claim.is_some_and(|c| {
            counted.is_exact()
                || counted.parts().is_some() && !counted.left_out().contains(&c.constraint)
        })
    };
    let mut verdicts = Vec::new();
    for (i, require) in template.requires().iter().enumerate() {
        verdicts.push(match () {
            () if is_counted(i) => Verdict::Meetable,
            () if !template.is_known(require) => Verdict::Measured,
            () => Verdict::Open,
        });
    }
    let sample = sample(template, &mut verdicts);
    Survey {
        count: counted.count(decisions),
        parts: counted.parts().cloned(),
        how: counted.how(),
        sample,
        verdicts,
        pruned: pruned(template),
    }
}

/// Draws points, where something that is known before training is not counted. Requirements that a point meets are meetable.
fn sample(template: &Template, verdicts: &mut [Verdict]) -> Option<Sample> {
    let counted = template.counted();
    let open: Vec<usize> = (0..verdicts.len())
        .filter(|i| verdicts[*i] == Verdict::Open)
        .collect();
    if counted.is_empty() || open.is_empty() && counted.is_exact() {
        return None;
    }
    let priced = open
        .iter()
        .any(|i| !evaluate::names(&template.requires()[*i]).is_empty());
    let mut rng = stream(0, NO_TRIAL, Purpose::Search);
    let drawn = if priced { PRICED_DRAWS } else { DRAWS };
    let mut met = 0;
    for _ in 0..drawn {
        let point = counted.draw(template.decisions(), &mut Uniform(&mut rng))?;
        if counted.is_met(template.decisions(), &point) != Ok(true) {
            continue;
        }
        let metrics = match priced {
            true => template.known(&point),
            false => Ok(Metrics::default()),
        };
        let holds = |i: usize, metrics: &Metrics| -> Result<bool, Failure> {
            let value = template.evaluate(&template.requires()[i], &point, metrics)?;
            Ok(value == Value::Bool(true))
        };
        let Ok(metrics) = metrics else { continue };
        let mut all = true;
        for i in &open {
            match holds(*i, &metrics) {
                Ok(true) => verdicts[*i] = Verdict::Meetable,
                _ => all = false,
            }
        }
        met += u64::from(all);
    }
    Some(Sample { drawn, met })
}

/// The numbers of members that no point has, by decision.
type Excluded = Vec<(usize, Vec<u64>)>;

/// What no point has, with the requirement that alone excludes it, if there is one.
fn pruned(template: &Template) -> Vec<Pruned> {
    let decisions = template.decisions();
    let found = template.counted().pruned(decisions);
    if found.is_empty() {
        return Vec::new();
    }
    let alone: Vec<(&str, Excluded)> = template
        .claims()
        .iter()
        .filter(|c| !template.counted().left_out().contains(&c.constraint))
        .map(|claim| {
            let only = Decisions {
                all: decisions.all.clone(),
                constraints: vec![decisions.constraints[claim.constraint].clone()],
            };
            (
                claim.written.text.as_str(),
                Counted::new(&only).pruned(&only),
            )
        })
        .collect();
    found
        .into_iter()
        .map(|(key, never)| {
            let excludes = |(_, excluded): &&(&str, Excluded)| {
                let of_key = excluded.iter().find(|(k, _)| *k == key);
                of_key.is_some_and(|(_, members)| never.iter().all(|m| members.contains(m)))
            };
            let choices = &decisions.all[key].choices;
            Pruned {
                path: decisions.all[key].path.clone(),
                members: never.iter().filter_map(|m| choices.member(*m)).collect(),
                by: alone
                    .iter()
                    .find(excludes)
                    .map(|(text, _)| text.to_string()),
            }
        })
        .collect()
}
