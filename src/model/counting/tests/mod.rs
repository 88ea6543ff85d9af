/// Points that are drawn, and members that none has.
mod draws;
/// Decisions of many members under comparisons, and the limit of the work.
mod many;
mod reals;

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::ir::{Function, Value};
use crate::model::decision::{Decision, Point};
use crate::source::Span;
use crate::stream::{Purpose, below, stream};

pub fn decision(choices: Choices, guard: Expr) -> Decision {
    Decision {
        path: "d".into(),
        default: choices.member(0).unwrap_or(Value::Number(0.0)),
        choices,
        guard,
        unit: String::new(),
        span: Span::default(),
    }
}

pub fn ordered(n: usize, guard: Expr) -> Decision {
    decision(Choices::Ordered((0..n).map(|i| i as f64).collect()), guard)
}

pub fn op(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

pub fn chosen(index: usize) -> Expr {
    Expr::Decision(index)
}

pub fn always() -> Expr {
    Expr::bool(true)
}

/// A space without constraints.
fn space(all: Vec<Decision>) -> Decisions {
    Decisions {
        all,
        constraints: Vec::new(),
    }
}

fn power(base: u32, exponent: u32) -> BigUint {
    BigUint::from(base).pow(exponent)
}

/// Every assignment, one by one.
pub fn slow_points(decisions: &Decisions) -> Vec<Point> {
    let mut prefixes = vec![Vec::new()];
    for (i, d) in decisions.all.iter().enumerate() {
        prefixes = prefixes
            .into_iter()
            .flat_map(|prefix: Vec<Option<Value>>| {
                let values: Vec<Option<Value>> = if decisions.is_active(i, &prefix) {
                    (0..d.choices.len().unwrap())
                        .map(|k| d.choices.member(k))
                        .collect()
                } else {
                    vec![None]
                };
                values.into_iter().map(move |v| {
                    let mut longer = prefix.clone();
                    longer.push(v);
                    longer
                })
            })
            .collect();
    }
    let points = prefixes.into_iter().map(Point);
    points.filter(|p| decisions.is_feasible(p)).collect()
}

/// A truth value over decisions before `n`, of any shape, also over ones that do not exist.
pub fn random_truth(n: u32, depth: u32, rng: &mut rand_chacha::ChaCha8Rng) -> Expr {
    use BinaryOp::*;
    let number = |rng: &mut rand_chacha::ChaCha8Rng| match below(rng, 4) {
        0 => Expr::number(f64::from(below(rng, 3))),
        1 => op(
            Add,
            chosen(below(rng, n) as usize),
            chosen(below(rng, n) as usize),
        ),
        2 => Expr::Call(
            Function::Max,
            vec![chosen(below(rng, n) as usize), Expr::number(1.0)],
        ),
        _ => chosen(below(rng, n) as usize),
    };
    match below(rng, if depth == 0 { 3 } else { 7 }) {
        0 => op(Less, number(rng), number(rng)),
        1 => op(NotEqual, number(rng), number(rng)),
        2 => op(LessEqual, number(rng), number(rng)),
        3 => Expr::Unary(
            crate::ir::UnaryOp::Not,
            Arc::new(random_truth(n, depth - 1, rng)),
        ),
        4 => Expr::If(
            Arc::new(random_truth(n, depth - 1, rng)),
            Arc::new(random_truth(n, depth - 1, rng)),
            Arc::new(random_truth(n, depth - 1, rng)),
        ),
        k => op(
            [And, Or, Implies][(k + below(rng, 2)) as usize % 3],
            random_truth(n, depth - 1, rng),
            random_truth(n, depth - 1, rng),
        ),
    }
}

/// Two to seven decisions, half of them under conditions, and up to two constraints.
pub fn random_decisions(rng: &mut rand_chacha::ChaCha8Rng) -> Decisions {
    let n = 2 + below(rng, 6);
    let mut decisions = Decisions::default();
    for i in 0..n {
        let guard = match i > 0 && below(rng, 2) == 0 {
            true => random_truth(i, 2, rng),
            false => always(),
        };
        let members = 1 + below(rng, 3) as usize;
        decisions.all.push(ordered(members, guard));
    }
    for _ in 0..below(rng, 3) {
        decisions.constraints.push(random_truth(n, 2, rng));
    }
    decisions
}

#[test]
fn agrees_with_trying_everything() {
    let mut sizes = BTreeSet::new();
    for seed in 0..400 {
        let mut rng = stream(seed, 0, Purpose::Search);
        let decisions = random_decisions(&mut rng);
        let slow = slow_points(&decisions);
        assert_eq!(
            count(&decisions),
            Count::Exact(BigUint::from(slow.len())),
            "{decisions:?}"
        );
        assert_eq!(members(&decisions).unwrap().collect::<Vec<_>>(), slow);
        sizes.insert(slow.len());
    }
    assert!(sizes.len() > 30, "{sizes:?}");
}

#[test]
fn sixty_layers_behind_a_depth() {
    let mut decisions = Decisions::default();
    decisions.all.push(ordered(61, always()));
    for layer in 0..60 {
        let guard = op(BinaryOp::Greater, chosen(0), Expr::number(f64::from(layer)));
        decisions.all.push(ordered(8, guard));
    }
    // Σ 8^depth
    let expected: BigUint = (0..=60).map(|depth| power(8, depth)).sum();
    assert_eq!(count(&decisions), Count::Exact(expected));
}

#[test]
fn thirty_digits() {
    let decisions = space((0..30).map(|_| ordered(10, always())).collect());
    assert_eq!(count(&decisions), Count::Exact(power(10, 30)));
    assert_eq!(members(&decisions).unwrap().take(3).count(), 3);
}

#[test]
fn increasing_channels() {
    let mut decisions = space((0..20).map(|_| ordered(10, always())).collect());
    for i in 1..20 {
        let rises = op(BinaryOp::LessEqual, chosen(i - 1), chosen(i));
        decisions.constraints.push(rises);
    }
    // Multisets of 20 among 10: C(29, 9).
    assert_eq!(
        count(&decisions),
        Count::Exact(BigUint::from(10_015_005_u32))
    );
}

#[test]
fn bounded_sum() {
    let mut decisions = space((0..30).map(|_| ordered(2, always())).collect());
    let sum = (1..30).fold(chosen(0), |sum, i| op(BinaryOp::Add, sum, chosen(i)));
    let bound = op(BinaryOp::LessEqual, sum, Expr::number(3.0));
    decisions.constraints.push(bound);
    // 1 + 30 + C(30, 2) + C(30, 3)
    assert_eq!(count(&decisions), Count::Exact(BigUint::from(4526_u32)));
    assert_eq!(members(&decisions).unwrap().take(100).count(), 100);
}

#[test]
fn reals_are_infinite_where_they_exist() {
    let reals = || Choices::Reals {
        low: 0.0,
        high: 1.0,
        log: false,
    };
    let mut decisions = Decisions::default();
    decisions.all.push(ordered(2, always()));
    let guard = op(BinaryOp::Equal, chosen(0), Expr::number(1.0));
    decisions.all.push(decision(reals(), guard));
    assert_eq!(count(&decisions), Count::Infinite);
    assert_eq!(members(&decisions).unwrap_err().path, "d");
    let never = op(BinaryOp::Less, chosen(0), Expr::number(1.0));
    decisions.constraints.push(never);
    assert_eq!(count(&decisions), Count::Exact(BigUint::from(1_u32)));
}

#[test]
fn too_hard_has_a_bound() {
    // Products of powers: no two partial results are alike.
    let mut decisions = space((0..40).map(|_| ordered(3, always())).collect());
    let sum = (0..40).fold(Expr::number(0.0), |sum, i| {
        let term = op(
            BinaryOp::Multiply,
            chosen(i),
            Expr::number(3.0_f64.powi(i as i32)),
        );
        op(BinaryOp::Add, sum, term)
    });
    let odd = op(
        BinaryOp::Greater,
        Expr::Call(Function::Sin, vec![sum]),
        Expr::number(0.0),
    );
    decisions.constraints.push(odd);
    assert_eq!(
        count(&decisions),
        Count::TooHard {
            at_most: power(3, 40)
        }
    );
}

/// Draws points of a space of which these are all: each is drawn, none else is, and chi square stays below its 99.9 % quantile.
pub fn assert_uniform(decisions: &Decisions, all: &[Point]) {
    assert!((2..=100_000).contains(&all.len()), "{}", all.len());
    let counted = Counted::new(decisions);
    assert!(counted.is_exact(), "{:?}", counted.left_out());
    assert_eq!(
        counted.count(decisions),
        Count::Exact(BigUint::from(all.len()))
    );
    let key = |point: &Point| format!("{:?}", point.0);
    let number: HashMap<String, usize> = all.iter().enumerate().map(|(i, p)| (key(p), i)).collect();
    let mut rng = stream(17, 0, Purpose::Search);
    assert_chi_square(all.len(), || {
        let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
        number[&key(&point)]
    });
}

/// Draws numbers below `n`: chi square stays below its 99.9 % quantile.
pub fn assert_chi_square(n: usize, mut draw: impl FnMut() -> usize) {
    assert!((2..=100_000).contains(&n), "{n}");
    let mut seen = vec![0_u32; n];
    let draws = 20 * n;
    for _ in 0..draws {
        seen[draw()] += 1;
    }
    let expected = draws as f64 / n as f64;
    let chi: f64 = seen
        .iter()
        .map(|n| (f64::from(*n) - expected).powi(2) / expected)
        .sum();
    // Its 99.9 % quantile by the cube root of Wilson and Hilferty (1931): its error is below 1 % from two degrees of freedom on.
    let freedom = n as f64 - 1.0;
    let ninth = 2.0 / (9.0 * freedom);
    let limit = freedom * (1.0 - ninth + 3.0902 * ninth.sqrt()).powi(3);
    assert!(chi < limit, "{chi} of {limit}");
}

fn sum(terms: impl Iterator<Item = Expr>) -> Expr {
    terms.reduce(|sum, x| op(BinaryOp::Add, sum, x)).unwrap()
}
