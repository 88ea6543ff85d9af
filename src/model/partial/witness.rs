//! Members at which an operation has no value.
//!
//! In: an operation, the decisions, and what names may be. Out: a member of the space that goes wrong, or that none does, or that neither is
//! known. Few combinations are all tried; of many, some of each domain.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::bound::LEAST_STD;
use super::{Names, Use, reduces};
use crate::ir::{Expr, Function, Reduction, Value};
use crate::model::counting::{Counted, Uniform};
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::evaluate::{self, Scope};
use crate::model::members;
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

/// Tensors as they come: values that differ, with and without a mean among them, of either sign and both.
const TENSORS: [&[f64]; 6] = [
    &[-1.0, 0.0, 1.0],
    &[0.5, 1.0, 3.0],
    &[-3.0, -1.0, -0.5],
    &[-2.0, -0.5, 0.25, 1.0],
    &[100.0, -100.0, 2.0, 0.0],
    &[1.0, 2.0, 3.0],
];

/// Values of decisions and names.
struct Tried<'a> {
    values: &'a [Option<Value>],
    names: &'a [(String, f64)],
}

impl Scope for Tried<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        let found = self.names.iter().find(|(n, _)| n == name)?;
        Some(Value::Number(found.1))
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.values.get(index).cloned().flatten()
    }
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

/// The tensor that a value stands in, where all are written one behind the other.
fn holder(tensors: &[&'static [f64]], mut index: usize) -> Option<&'static [f64]> {
    for tensor in tensors {
        match index.checked_sub(tensor.len()) {
            Some(behind) => index = behind,
            None => return Some(tensor),
        }
    }
    None
}

/// An expression whose reductions are those of a tensor.
fn of_values(expr: &Expr, tensor: &[f64], scope: &Tried) -> Option<Expr> {
    if !reduces(expr) {
        return Some(expr.clone());
    }
    let again = |e: &Arc<Expr>| of_values(e, tensor, scope).map(Arc::new);
    Some(match expr {
        Expr::Call(Function::Reduce(reduction, _), args) => {
            let inner = of_values(&args[0], tensor, scope)?;
            let of_each = tensor.iter().map(|x| {
                let mut names = scope.names.to_vec();
                names.retain(|(name, _)| name != "x");
                names.push(("x".into(), *x));
                let scope = Tried {
                    names: &names,
                    ..*scope
                };
                evaluate::number(&inner, &scope).ok()
            });
            Expr::number(reduced(*reduction, &of_each.collect::<Option<Vec<f64>>>()?))
        }
        Expr::Call(f, args) => {
            let args = args.iter().map(|a| of_values(a, tensor, scope));
            Expr::Call(*f, args.collect::<Option<_>>()?)
        }
        Expr::Unary(op, x) => Expr::Unary(*op, again(x)?),
        Expr::Binary(op, x, y) => Expr::Binary(*op, again(x)?, again(y)?),
        Expr::If(c, x, y) => Expr::If(again(c)?, again(x)?, again(y)?),
        _ => expr.clone(),
    })
}

fn reduced(reduction: Reduction, values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let mean = sum / values.len() as f64;
    match reduction {
        Reduction::Sum => sum,
        Reduction::Mean => mean,
        Reduction::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Reduction::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Reduction::Std => {
            let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
            libm::sqrt(squares / (values.len() as f64 - 1.0)).max(LEAST_STD)
        }
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

/// What an expression over a tensor is where the tensor has one value, or all of its values are the same, so that reductions are known.
pub fn of_one_value(expr: &Expr) -> Expr {
    // Unrolled expressions share their parts, which must not be copied apart.
    if !reduces(expr) {
        return expr.clone();
    }
    let again = |e: &Arc<Expr>| Arc::new(of_one_value(e));
    match expr {
        // Of one value; at least 1e-6, as training takes it.
        Expr::Call(Function::Reduce(Reduction::Std, _), _) => Expr::number(LEAST_STD),
        Expr::Call(Function::Reduce(..), args) => of_one_value(&args[0]),
        Expr::Call(f, args) => Expr::Call(*f, args.iter().map(of_one_value).collect()),
        Expr::Unary(op, x) => Expr::Unary(*op, again(x)),
        Expr::Binary(op, x, y) => Expr::Binary(*op, again(x), again(y)),
        Expr::If(c, x, y) => Expr::If(again(c), again(x), again(y)),
        _ => expr.clone(),
    }
}
