use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::ir::{Function, Value};
use crate::model::decision::Decision;
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

#[test]
fn agrees_with_trying_everything() {
    let mut sizes = BTreeSet::new();
    for seed in 0..400 {
        let mut rng = stream(seed, 0, Purpose::Search);
        let n = 2 + below(&mut rng, 6);
        let mut decisions = Decisions::default();
        for i in 0..n {
            let guard = if i > 0 && below(&mut rng, 2) == 0 {
                random_truth(i, 2, &mut rng)
            } else {
                always()
            };
            let members = 1 + below(&mut rng, 3) as usize;
            decisions.all.push(ordered(members, guard));
        }
        for _ in 0..below(&mut rng, 3) {
            decisions.constraints.push(random_truth(n, 2, &mut rng));
        }
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

#[test]
fn a_product_is_drawn_uniformly() {
    let decisions = space((0..4).map(|i| ordered(4 + i, always())).collect());
    assert_uniform(&decisions, &slow_points(&decisions));
}

#[test]
fn what_exists_at_times_is_drawn_uniformly() {
    // A depth, as many layers, and a choice that only the deepest layer has.
    let mut decisions = space(vec![ordered(5, always())]);
    for layer in 0..4 {
        let guard = op(BinaryOp::Greater, chosen(0), Expr::number(f64::from(layer)));
        decisions.all.push(ordered(5, guard));
    }
    let last = op(
        BinaryOp::And,
        op(BinaryOp::Equal, chosen(0), Expr::number(4.0)),
        op(BinaryOp::Less, chosen(4), Expr::number(2.0)),
    );
    decisions.all.push(ordered(3, last));
    assert_uniform(&decisions, &slow_points(&decisions));
}

#[test]
fn a_bounded_sum_is_drawn_uniformly() {
    let mut decisions = space((0..6).map(|_| ordered(5, always())).collect());
    let total = Arc::new(sum((0..6).map(chosen)));
    let low = Expr::Binary(
        BinaryOp::LessEqual,
        Arc::new(Expr::number(4.0)),
        total.clone(),
    );
    let high = Expr::Binary(BinaryOp::LessEqual, total, Arc::new(Expr::number(9.0)));
    decisions.constraints.push(op(BinaryOp::And, low, high));
    assert_uniform(&decisions, &slow_points(&decisions));
}

#[test]
fn implications_across_copies_are_drawn_uniformly() {
    let mut decisions = space((0..7).map(|_| ordered(4, always())).collect());
    for i in 0..6 {
        let is = |i: usize, n: f64| op(BinaryOp::Equal, chosen(i), Expr::number(n));
        let follows = op(BinaryOp::Implies, is(i, 3.0), is(i + 1, 3.0));
        decisions.constraints.push(follows);
        let differs = op(
            BinaryOp::Implies,
            is(i, 0.0),
            op(BinaryOp::NotEqual, chosen(i + 1), chosen(i)),
        );
        decisions.constraints.push(differs);
    }
    assert_uniform(&decisions, &slow_points(&decisions));
}

#[test]
fn sixty_layers_under_a_budget_are_counted_and_drawn() {
    // Sixty layers of 1 to 4 units, not more than 100 of them: the coefficients of (x + x² + x³ + x⁴)^60 up to x^100.
    let numbers = || Choices::Ordered(vec![1.0, 2.0, 3.0, 4.0]);
    let mut decisions = space((0..60).map(|_| decision(numbers(), always())).collect());
    let budget = op(
        BinaryOp::LessEqual,
        sum((0..60).map(chosen)),
        Expr::number(100.0),
    );
    decisions.constraints.push(budget);
    let mut ways = vec![BigUint::from(1_u32)];
    for _ in 0..60 {
        let mut next = vec![BigUint::ZERO; ways.len() + 4];
        for (total, n) in ways.iter().enumerate() {
            for k in 1..=4 {
                next[total + k] += n;
            }
        }
        ways = next;
    }
    let expected: BigUint = ways[..=100].iter().sum();
    let counted = Counted::new(&decisions);
    assert_eq!(counted.count(&decisions), Count::Exact(expected));
    assert_eq!(counted.how(), How::PartialSums(60));
    let mut rng = stream(1, 0, Purpose::Search);
    for _ in 0..2000 {
        let point = counted.draw(&decisions, &mut Uniform(&mut rng)).unwrap();
        assert!(decisions.is_feasible(&point));
    }
}

#[test]
fn a_sum_of_what_exists_at_times_is_bounded() {
    // `if depth > i then width_i else 0`: the guard of the width makes the sum have a value.
    let mut decisions = space(vec![ordered(31, always())]);
    let mut terms = Vec::new();
    for i in 0..30 {
        let guard = op(BinaryOp::Greater, chosen(0), Expr::number(f64::from(i)));
        decisions.all.push(ordered(8, guard.clone()));
        let width = chosen(i as usize + 1);
        terms.push(Expr::If(
            Arc::new(guard),
            Arc::new(width),
            Arc::new(Expr::number(0.0)),
        ));
    }
    let bound = op(
        BinaryOp::LessEqual,
        sum(terms.into_iter()),
        Expr::number(2.0),
    );
    decisions.constraints.push(bound);
    // Of d widths from 0 up: 1 + d + d (d + 1) / 2 with a sum of at most 2.
    let expected: u32 = (0..=30).map(|d| 1 + d + d * (d + 1) / 2).sum();
    assert_eq!(count(&decisions), Count::Exact(BigUint::from(expected)));
}

#[test]
fn what_is_too_hard_is_left_to_rejection() {
    let mut decisions = space((0..40).map(|_| ordered(3, always())).collect());
    let spread = sum((0..40).map(|i| {
        let weight = Expr::number(3.0_f64.powi(i as i32).sqrt());
        op(BinaryOp::Multiply, chosen(i), weight)
    }));
    let odd = Expr::Call(Function::Sin, vec![spread]);
    decisions
        .constraints
        .push(op(BinaryOp::Greater, odd, Expr::number(0.0)));
    decisions
        .constraints
        .push(op(BinaryOp::Less, chosen(0), chosen(1)));
    let counted = Counted::new(&decisions);
    assert_eq!(counted.left_out(), [0]);
    assert!(!counted.is_exact());
    // 3 of the 9 pairs.
    assert_eq!(counted.parts(), Some(&(power(3, 39))));
    let mut rng = stream(1, 0, Purpose::Search);
    let point = counted.draw(&decisions, &mut Uniform(&mut rng)).unwrap();
    assert!(counted.is_met(&decisions, &point).is_ok());
}

#[test]
fn a_look_for_the_next_member_goes_on_where_it_ended() {
    let mut decisions = space((0..4).map(|_| ordered(3, always())).collect());
    let limit = op(
        BinaryOp::GreaterEqual,
        sum((0..4).map(chosen)),
        Expr::number(6.0),
    );
    decisions.constraints.push(limit);
    let (mut found, mut looks) = (Vec::new(), 0);
    let mut all = members(&decisions).unwrap();
    loop {
        looks += 1;
        match all.next_within(&mut { 20 }, None) {
            Next::Member(point) => found.push(point),
            Next::TooFar => {}
            Next::End => break,
        }
    }
    assert_eq!(found, slow_points(&decisions));
    assert!(looks > found.len() + 10, "{looks}");
}

#[test]
fn members_that_no_point_has() {
    let mut decisions = space(vec![
        ordered(5, always()),
        ordered(5, always()),
        ordered(2, always()),
    ]);
    let small = op(
        BinaryOp::LessEqual,
        op(BinaryOp::Add, chosen(0), chosen(1)),
        Expr::number(3.0),
    );
    decisions.constraints.push(small);
    let found = Counted::new(&decisions).pruned(&decisions);
    assert_eq!(found, [(0, vec![4]), (1, vec![4])]);
}

#[test]
fn reals_are_drawn_once_the_rest_is() {
    let log = Choices::Reals {
        low: 1e-4,
        high: 1.0,
        log: true,
    };
    let mut decisions = space(vec![ordered(2, always())]);
    let guard = op(BinaryOp::Equal, chosen(0), Expr::number(1.0));
    decisions.all.push(decision(log, guard));
    let counted = Counted::new(&decisions);
    assert_eq!(counted.parts(), Some(&BigUint::from(2_u32)));
    let mut rng = stream(1, 0, Purpose::Search);
    let (mut exists, mut small) = (0, 0);
    for _ in 0..4000 {
        let point = counted.draw(&decisions, &mut Uniform(&mut rng)).unwrap();
        if let Some(value) = &point.0[1] {
            exists += 1;
            small += u32::from(value.as_number().unwrap() < 1e-2);
        }
    }
    // Half of the points have it, and half of its logarithms are below.
    assert!((1900..2100).contains(&exists), "{exists}");
    assert!((0.46..0.54).contains(&(f64::from(small) / f64::from(exists))));
}

fn integers(low: i64, high: i64) -> Decision {
    let choices = Choices::Integers {
        low,
        high,
        step: 1,
        log: false,
    };
    decision(choices, always())
}

/// n! / (k! (n - k)!)
fn binomial(n: u32, k: u32) -> BigUint {
    let falling: BigUint = (0..k).map(|i| BigUint::from(n - i)).product();
    falling / (1..=k).map(BigUint::from).product::<BigUint>()
}

#[test]
fn chains_over_many_members_are_counted() {
    for (n, members) in [(4_usize, 1000_u32), (10, 1000), (3, 20_000)] {
        let all = (0..n).map(|_| integers(0, i64::from(members) - 1));
        let mut decisions = space(all.collect());
        for i in 1..n {
            let rises = op(BinaryOp::LessEqual, chosen(i - 1), chosen(i));
            decisions.constraints.push(rises);
        }
        let expected = binomial(members + n as u32 - 1, n as u32);
        let counted = Counted::new(&decisions);
        assert_eq!(counted.count(&decisions), Count::Exact(expected));
        let mut rng = stream(1, 0, Purpose::Search);
        for _ in 0..50 {
            let point = counted.draw(&decisions, &mut Uniform(&mut rng)).unwrap();
            assert!(decisions.is_feasible(&point));
        }
        assert_eq!(counted.pruned(&decisions), []);
    }
}

#[test]
fn a_chain_a_sum_and_a_product_of_thousands_of_members_are_counted_together() {
    use BinaryOp::*;
    let mut decisions = space((0..10).map(|_| integers(0, 999)).collect());
    let at_most = op(LessEqual, sum((0..4).map(chosen)), Expr::number(700.0));
    let product = op(Multiply, chosen(4), chosen(5));
    let rises = |i: usize| op(LessEqual, chosen(i), chosen(i + 1));
    decisions.constraints = vec![at_most, op(Equal, product, Expr::number(36.0))];
    decisions.constraints.extend((6..9).map(rises));
    let expected = binomial(704, 4) * 9_u32 * binomial(1003, 4);
    assert_eq!(count(&decisions), Count::Exact(expected));
}

#[test]
fn pairs_of_many_members_are_counted() {
    let product = op(BinaryOp::Multiply, chosen(0), chosen(1));
    let mut decisions = space(vec![integers(0, 999), integers(0, 999)]);
    decisions
        .constraints
        .push(op(BinaryOp::Equal, product.clone(), Expr::number(36.0)));
    let all: Vec<Point> = (1..=36_u32)
        .filter(|x| 36 % x == 0)
        .map(|x| {
            let of = |x: u32| Some(Value::Number(f64::from(x)));
            Point(vec![of(x), of(36 / x)])
        })
        .collect();
    assert_uniform(&decisions, &all);
    let reached = Counted::new(&decisions).pruned(&decisions);
    assert_eq!(
        reached.iter().map(|(_, never)| never.len()).sum::<usize>(),
        2 * 991
    );
    // A second constraint of the same pair, and one that no bound decides before the members are single.
    decisions
        .constraints
        .push(op(BinaryOp::Less, chosen(0), chosen(1)));
    assert_eq!(count(&decisions), Count::Exact(4_u32.into()));
    let half = op(BinaryOp::Multiply, product, Expr::number(0.5));
    let even = op(
        BinaryOp::Equal,
        Expr::Call(Function::Floor, vec![half.clone()]),
        half,
    );
    let mut decisions = space(vec![integers(0, 299), integers(0, 299)]);
    decisions.constraints.push(even);
    assert_eq!(
        count(&decisions),
        Count::Exact((90_000_u32 - 150 * 150).into())
    );
}

#[test]
fn bounds_of_one_decision_each_narrow_its_domain() {
    use BinaryOp::*;
    let n = 3000;
    let mut decisions = space((0..n).map(|i| integers(1, i + 2)).collect());
    for i in 0..n {
        let limit = Expr::number((i + 1) as f64);
        decisions
            .constraints
            .push(op(LessEqual, chosen(i as usize), limit));
    }
    let counted = Counted::new(&decisions);
    let expected: BigUint = (1..=n as u32).map(BigUint::from).product();
    assert_eq!(counted.count(&decisions), Count::Exact(expected));
    // Short domains are gone through, long ones narrowed.
    assert_eq!(counted.how(), How::Conditioning(30));
    let pruned = counted.pruned(&decisions);
    assert_eq!(pruned.len(), n as usize);
    assert!(pruned.iter().all(|(i, never)| never[..] == [*i as u64 + 1]));
    // A domain with gaps, half of a conjunction, and nothing left.
    let mut decisions = space(vec![integers(0, 99), integers(0, 99), ordered(3, always())]);
    let square = op(Multiply, chosen(0), chosen(0));
    let far = op(Greater, square, Expr::number(2500.0));
    let or = op(Or, far, op(Less, chosen(0), Expr::number(3.0)));
    let differ = op(NotEqual, chosen(1), chosen(2));
    let low = op(Less, chosen(1), Expr::number(2.0));
    decisions.constraints = vec![op(And, or, low), op(And, differ, always())];
    let all = slow_points(&decisions);
    assert_eq!(all.len(), (3 + 49) * 4);
    assert_uniform(&decisions, &all);
    let counted = Counted::new(&decisions);
    let pruned: Vec<(usize, usize)> = (counted.pruned(&decisions).iter())
        .map(|(i, never)| (*i, never.len()))
        .collect();
    assert_eq!(pruned, [(0, 48), (1, 98)]);
    let mut listed = members(&decisions).unwrap();
    let next = |members: &mut Members| match members.next_within(&mut { 1 << 40 }, Some(&counted)) {
        Next::Member(point) => Some(point),
        _ => None,
    };
    let listed: Vec<Point> = std::iter::from_fn(|| next(&mut listed)).collect();
    assert_eq!(listed, all);
    decisions
        .constraints
        .push(op(Greater, chosen(1), Expr::number(50.0)));
    assert!(Counted::new(&decisions).is_empty());
    assert_eq!(count(&decisions), Count::Exact(BigUint::ZERO));
}

/// Clauses of three over `n` truths, with nothing that any two of them share in common.
fn clauses(n: u32, count: u32, seed: u64) -> Decisions {
    let mut rng = stream(seed, 0, Purpose::Search);
    let truth = || Choices::Categories(vec![Value::Bool(false), Value::Bool(true)]);
    let mut decisions = space((0..n).map(|_| decision(truth(), always())).collect());
    for _ in 0..count {
        let clause = (0..3).map(|_| {
            let one = chosen(below(&mut rng, n) as usize);
            match below(&mut rng, 2) {
                0 => one,
                _ => Expr::Unary(crate::ir::UnaryOp::Not, Arc::new(one)),
            }
        });
        let clause = clause.reduce(|x, y| op(BinaryOp::Or, x, y)).unwrap();
        decisions.constraints.push(clause);
    }
    decisions
}

#[test]
fn what_is_copied_at_each_step_is_work() {
    // Each step of conditioning copies some hundred clauses, however few of them it changes.
    let decisions = clauses(60, 200, 3);
    let all: Vec<&Expr> = decisions.constraints.iter().collect();
    let (mut left, given) = (20_000, 20_000);
    assert!(compile(&decisions, &all, &mut left).is_none());
    assert!(left < given / 100, "{left}");
    // One count after the other, and each alone: all of it is within one limit.
    let mut work = 300_000;
    let counted = Counted::with_work(&decisions, &[], &mut work);
    assert!(!counted.is_exact());
    assert!(matches!(counted.count(&decisions), Count::TooHard { .. }));
    let mut work = 1000;
    Counted::quickly(&decisions, &[], &mut work);
    assert_eq!(work, 0);
}
