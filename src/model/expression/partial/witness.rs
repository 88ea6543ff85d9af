//! Members at which an operation has no value.
//!
//! In: an operation, the decisions, and what names may be. Out: a member of the space that goes wrong, or that none does, or that neither is
//! known. Few combinations are all tried; of many, some of each domain.

use std::collections::BTreeSet;

use super::tensors::{TENSORS, Tried, holder, of_one_value, of_values, reduces};
use super::{Names, Use};
use crate::ir::{Expr, Value};
use crate::model::counting::{Counted, Uniform};
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::expression::evaluate;
use crate::model::expression::members;
use crate::stream::{Purpose, stream};

/// The most combinations that are tried.
const MOST: usize = 4096;

/// Members that are drawn to complete the choices that go wrong.
const DRAWS: usize = 50;

/// Choices that go wrong which are tried for a member.
const MOST_COMPLETED: usize = 20;

/// What trying members has shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// No member goes wrong.
    Never,
    /// None of those that were tried does.
    Unknown,
    /// A member does.
    Fails {
        /// What the operation is asked for.
        operands: Vec<f64>,
        /// The choices that matter, by the index of the decision.
        choices: Vec<(usize, Value)>,
        /// The names that matter; where `tensor` is, `x` is one of its values.
        names: Vec<(String, f64)>,
        /// The values that reductions take. Absent where nothing is reduced, or where all values are the same.
        tensor: Option<&'static [f64]>,
    },
}

/// Looks for a member at which a use goes wrong. Of what is reduced, tensors as they come are tried before those whose values are all the same.
pub fn find(one: &Use, decisions: &Decisions, names: &Names) -> Outcome {
    if one.operands.iter().chain(&one.conditions).any(reduces)
        && let found @ Outcome::Fails { .. } = search(one, decisions, names, &TENSORS)
    {
        return found;
    }
    search(one, decisions, names, &[])
}

/// The same over these tensors, or over those of one value if there are none.
fn search(
    one: &Use,
    decisions: &Decisions,
    names: &Names,
    tensors: &'static [&'static [f64]],
) -> Outcome {
    let known = |e: &Expr| match tensors {
        [] => of_one_value(e),
        _ => e.clone(),
    };
    let operands: Vec<Expr> = one.operands.iter().map(known).collect();
    let conditions: Vec<Expr> = one.conditions.iter().map(known).collect();
    let parts = || operands.iter().chain(&conditions);
    let mut found_names: BTreeSet<String> = BTreeSet::new();
    parts().for_each(|e| found_names.extend(evaluate::names(e)));
    let needed: Vec<usize> = members::dependencies(parts(), decisions)
        .into_iter()
        .collect();
    let mut exact = found_names.is_empty();
    let mut options: Vec<Vec<Value>> = Vec::new();
    let mut combinations = 1_usize;
    let sizes: Vec<Option<u64>> = needed
        .iter()
        .map(|i| decisions.all[*i].choices.len())
        .collect();
    let all = sizes
        .iter()
        .try_fold(1_u64, |n, len| n.checked_mul((*len)?))
        .is_some_and(|n| n <= MOST as u64);
    for index in &needed {
        let decision = &decisions.all[*index];
        let members = match decision.choices.len() {
            Some(n) if all => (0..n).filter_map(|i| decision.choices.member(i)).collect(),
            _ => {
                exact = false;
                some(&decision.choices, &decision.default)
            }
        };
        options.push(members);
    }
    let mut samples: Vec<(String, Vec<f64>)> = Vec::new();
    for name in found_names {
        let values = match (name.as_str(), tensors) {
            ("x", [_, ..]) => tensors.concat(),
            _ => (names.samples)(&name),
        };
        if values.is_empty() {
            return Outcome::Unknown;
        }
        combinations = combinations.saturating_mul(values.len());
        samples.push((name, values));
    }
    let mut search = Search {
        one,
        operands,
        conditions,
        needed,
        options,
        samples,
        tensors,
        decisions,
        left: MOST.max(combinations.min(MOST)),
        exact,
        completed: 0,
        values: vec![None; decisions.all.len()],
    };
    match search.descend(0) {
        Some(fails) => fails,
        None if search.exact => Outcome::Never,
        None => Outcome::Unknown,
    }
}

struct Search<'a> {
    one: &'a Use,
    operands: Vec<Expr>,
    conditions: Vec<Expr>,
    needed: Vec<usize>,
    options: Vec<Vec<Value>>,
    samples: Vec<(String, Vec<f64>)>,
    tensors: &'static [&'static [f64]],
    decisions: &'a Decisions,
    left: usize,
    exact: bool,
    completed: usize,
    values: Vec<Option<Value>>,
}

impl Search<'_> {
    fn descend(&mut self, depth: usize) -> Option<Outcome> {
        let Some(&index) = self.needed.get(depth) else {
            return self.with_names();
        };
        if !self.decisions.is_active(index, &self.values) {
            self.values[index] = None;
            return self.descend(depth + 1);
        }
        for member in self.options[depth].clone() {
            self.values[index] = Some(member);
            if let Some(found) = self.descend(depth + 1) {
                return Some(found);
            }
            if self.left == 0 {
                self.exact = false;
                break;
            }
        }
        self.values[index] = None;
        None
    }

    /// Every combination of the samples of names.
    fn with_names(&mut self) -> Option<Outcome> {
        let count: usize = self.samples.iter().map(|(_, v)| v.len()).product();
        for number in 0..count.min(MOST) {
            if self.left == 0 {
                return None;
            }
            self.left -= 1;
            let mut rest = number;
            let mut names = Vec::with_capacity(self.samples.len());
            let mut tensor = None;
            for (name, values) in &self.samples {
                let index = rest % values.len();
                names.push((name.clone(), values[index]));
                if name == "x" {
                    tensor = holder(self.tensors, index);
                }
                rest /= values.len();
            }
            let scope = Tried {
                values: &self.values,
                names: &names,
            };
            let reduced = |e: &Expr| match tensor {
                Some(values) => of_values(e, values, &scope),
                None => Some(e.clone()),
            };
            let holds =
                |c: &Expr| reduced(c).is_some_and(|c| evaluate::truth(&c, &scope) == Ok(true));
            if !self.conditions.iter().all(holds) {
                continue;
            }
            let operands: Option<Vec<f64>> = (self.operands.iter())
                .map(|e| evaluate::number(&reduced(e)?, &scope).ok())
                .collect();
            let Some(operands) = operands else { continue };
            if !self.one.kind.fails(&operands) {
                continue;
            }
            match self.is_member() {
                Some(true) => {
                    let choices = self.needed.iter();
                    let choices = choices.filter_map(|i| Some((*i, self.values[*i].clone()?)));
                    return Some(Outcome::Fails {
                        operands,
                        choices: choices.collect(),
                        names,
                        tensor,
                    });
                }
                Some(false) => {}
                None => self.exact = false,
            }
        }
        None
    }

    /// Whether some member makes these choices; `None` if that is not known.
    fn is_member(&mut self) -> Option<bool> {
        let of_needed = |c: &&Expr| {
            let of = members::dependencies([*c], self.decisions);
            of.iter().all(|i| self.needed.contains(i))
        };
        let scope = members::Values(&self.values);
        let mut alone = self.decisions.constraints.iter().filter(of_needed);
        if alone.any(|c| evaluate::truth(c, &scope) != Ok(true)) {
            return Some(false);
        }
        let completed = self.decisions.repair(&Point(self.values.clone()));
        if self.decisions.is_feasible(&completed) {
            return Some(true);
        }
        self.completed += 1;
        if self.completed > MOST_COMPLETED {
            return None;
        }
        // Other members, with these choices in place of theirs: the only way for reals.
        let counted = Counted::new(self.decisions);
        let mut rng = stream(0, u64::MAX, Purpose::Search);
        for _ in 0..DRAWS {
            let Some(mut point) = counted.draw(self.decisions, &mut Uniform(&mut rng)) else {
                break;
            };
            for index in &self.needed {
                point.0[*index].clone_from(&self.values[*index]);
            }
            let point = self.decisions.repair(&point);
            if self.decisions.is_feasible(&point) {
                return Some(true);
            }
        }
        if (self.needed.iter()).any(|i| self.decisions.all[*i].choices.len().is_none()) {
            return None;
        }
        let mut chosen = self.decisions.clone();
        for index in &self.needed {
            if let Some(value) = &self.values[*index] {
                let (is, value) = (Expr::Decision(*index), Expr::Value(value.clone()));
                let equal = evaluate::combine(crate::ir::BinaryOp::Equal, is, value);
                chosen.constraints.extend(equal.ok());
            }
        }
        let counted = Counted::new(&chosen);
        if counted.is_empty() {
            return Some(false);
        }
        let mut rng = stream(0, u64::MAX, Purpose::Search);
        let exists = (0..DRAWS).any(|_| {
            let point = counted.draw(&chosen, &mut Uniform(&mut rng));
            point.is_some_and(|p| chosen.is_feasible(&p))
        });
        exists.then_some(true)
    }
}

/// The ends, the middle, the quarters of reals, zero and the default of a domain.
fn some(choices: &Choices, default: &Value) -> Vec<Value> {
    let mut found = vec![default.clone()];
    let zero = Value::Number(0.0);
    if choices.contains(&zero) {
        found.push(zero);
    }
    match choices {
        Choices::Reals { low, high, .. } => {
            let share = |u: f64| Value::Number(low + (high - low) * u);
            found.extend([Value::Number(*low), Value::Number(*high)]);
            found.extend([share(0.5), share(0.25), share(0.75)]);
        }
        _ => {
            let last = choices.len().unwrap_or(1).saturating_sub(1);
            found.extend(
                [0, last, last / 2]
                    .into_iter()
                    .filter_map(|i| choices.member(i)),
            );
        }
    }
    let mut once: Vec<Value> = Vec::new();
    for value in found {
        if !once.contains(&value) {
            once.push(value);
        }
    }
    once
}
