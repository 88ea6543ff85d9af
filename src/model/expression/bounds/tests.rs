use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use std::sync::Arc;

use crate::ir::{BinaryOp, Function, UnaryOp};
use crate::model::decision::{Choices, Decision, Point};
use crate::model::expression::evaluate::{self, Scope};
use crate::source::Span;

struct At<'a>(&'a Point);

impl Scope for At<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.0.0.get(index).cloned().flatten()
    }
}

fn no_names(_: &str) -> Option<Abstract> {
    None
}

fn decision(choices: Choices, guard: Expr) -> Decision {
    Decision {
        path: String::new(),
        default: choices.member(0).unwrap_or(Value::Number(0.0)),
        choices,
        guard,
        unit: String::new(),
        span: Span::default(),
    }
}

fn space(choices: Vec<Choices>) -> Decisions {
    Decisions {
        all: choices
            .into_iter()
            .map(|c| decision(c, Expr::bool(true)))
            .collect(),
        constraints: Vec::new(),
    }
}

fn op(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

fn pick<T: Copy>(rng: &mut impl Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

/// A number over the first `count` decisions, which may have no value.
fn random_number(rng: &mut impl Rng, count: usize, depth: usize) -> Expr {
    let constants = [-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 8.0];
    let boxed = |rng: &mut _, depth| Arc::new(random_number(rng, count, depth));
    match rng.random_range(0..if depth == 0 { 4 } else { 9 }) {
        0 => Expr::number(pick(rng, &constants)),
        1..4 if count > 0 => Expr::Decision(rng.random_range(0..count)),
        4 => Expr::Unary(UnaryOp::Negate, boxed(rng, depth - 1)),
        5 => {
            let c = Arc::new(random_truth(rng, count, depth - 1));
            Expr::If(c, boxed(rng, depth - 1), boxed(rng, depth - 1))
        }
        6 => {
            use Function::*;
            let function = pick(
                rng,
                &[
                    Abs, Sign, Round, Floor, Ceil, Sqrt, Exp, Ln, Log2, Tanh, Sin,
                ],
            );
            Expr::Call(function, vec![random_number(rng, count, depth - 1)])
        }
        7 => {
            use Function::*;
            let function = pick(rng, &[Max, Min, MultipleOf]);
            let args = vec![
                random_number(rng, count, depth - 1),
                random_number(rng, count, depth - 1),
            ];
            Expr::Call(function, args)
        }
        8 => {
            use BinaryOp::*;
            let operator = pick(rng, &[Add, Subtract, Multiply, Divide, Power]);
            Expr::Binary(operator, boxed(rng, depth - 1), boxed(rng, depth - 1))
        }
        _ => Expr::number(1.0),
    }
}

/// A truth value over the first `count` decisions, which may have no value.
fn random_truth(rng: &mut impl Rng, count: usize, depth: usize) -> Expr {
    use BinaryOp::*;
    match rng.random_range(0..if depth == 0 { 2 } else { 8 }) {
        0 => Expr::bool(rng.random_bool(0.5)),
        1 if count > 0 => op(
            Equal,
            Expr::Decision(rng.random_range(0..count)),
            Expr::Value(Value::name("a")),
        ),
        2 => Expr::Unary(UnaryOp::Not, Arc::new(random_truth(rng, count, depth - 1))),
        3 | 4 => op(
            pick(rng, &[And, Or, Implies]),
            random_truth(rng, count, depth - 1),
            random_truth(rng, count, depth - 1),
        ),
        _ => op(
            pick(
                rng,
                &[Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual],
            ),
            random_number(rng, count, depth.saturating_sub(1)),
            random_number(rng, count, depth.saturating_sub(1)),
        ),
    }
}

/// A few decisions with few members, numbers or names, some behind guards.
fn random_space(rng: &mut impl Rng) -> Decisions {
    let mut decisions = Decisions::default();
    for index in 0..rng.random_range(1..5) {
        let choices = match rng.random_range(0..4) {
            0 => Choices::Ordered(vec![-1.5, 0.0, 2.0]),
            1 => Choices::Categories(vec![
                Value::name("a"),
                Value::Number(4.0),
                Value::Bool(true),
            ]),
            2 => Choices::Integers {
                low: 1,
                high: 8,
                step: 3,
                log: false,
            },
            _ => Choices::Ordered(vec![1.0, 4.0]),
        };
        let guard = if rng.random_bool(0.5) {
            Expr::bool(true)
        } else {
            random_truth(rng, index, 2)
        };
        decisions.all.push(decision(choices, guard));
    }
    decisions
}

/// Every point, by trying every member of every decision that exists.
fn points(decisions: &Decisions) -> Vec<Point> {
    let mut points = vec![Vec::new()];
    for (index, decision) in decisions.all.iter().enumerate() {
        let mut longer = Vec::new();
        for before in points {
            if decisions.is_active(index, &before) {
                for i in 0..decision.choices.len().unwrap() {
                    let mut point = before.clone();
                    point.push(decision.choices.member(i));
                    longer.push(point);
                }
            } else {
                let mut point = before;
                point.push(None);
                longer.push(point);
            }
        }
        points = longer;
    }
    points.into_iter().map(Point).collect()
}

/// `contains`, but NaN is a member of a set that has it.
fn covers(set: &Abstract, value: &Value) -> bool {
    match set {
        Abstract::Values(values) => values.iter().any(|v| order(v, value).is_eq()),
        _ => set.contains(value),
    }
}

#[test]
fn bounds_hold_at_every_point_of_random_spaces() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut proved, mut bounded, mut abstractly) = (0, 0, 0);
    for _ in 0..4000 {
        let decisions = random_space(&mut rng);
        let count = decisions.all.len();
        let expr = if rng.random_bool(0.5) {
            random_number(&mut rng, count, 4)
        } else {
            random_truth(&mut rng, count, 4)
        };
        let values: Vec<_> = points(&decisions)
            .iter()
            .map(|p| evaluate::value(&expr, &At(p)))
            .collect();
        let given: Vec<Value> = values.iter().flatten().cloned().collect();
        let all_true = values.iter().all(|v| v == &Ok(Value::Bool(true)));
        let any_true = values.iter().any(|v| v == &Ok(Value::Bool(true)));
        let expected = match (all_true, any_true) {
            (true, _) => Some(true),
            (_, false) => Some(false),
            _ => None,
        };

        // Few decisions: exactly what brute force finds.
        let exact = possible(&expr, &decisions, &no_names);
        assert_eq!(
            format!("{exact:?}"),
            format!("{:?}", Abstract::of(given.clone(), RESULTS)),
            "{expr:?}"
        );
        assert_eq!(proves(&expr, &decisions, &no_names), expected, "{expr:?}");

        // Partly or not at all enumerated: never too small.
        for split in [1, 3] {
            let limits = Limits { exact: 0, split };
            let outcome = over_points(&expr, &decisions, &no_names, limits);
            for value in &values {
                match value {
                    Ok(value) => assert!(
                        covers(&outcome.value, value),
                        "{value:?} is not in {outcome:?} of {expr:?} in {decisions:?}"
                    ),
                    Err(_) => assert!(outcome.may_fail || outcome.value == Abstract::Unknown),
                }
            }
            match outcome.verdict() {
                Some(true) => assert!(all_true, "{expr:?}"),
                Some(false) => assert!(!any_true, "{expr:?}"),
                None => {}
            }
            proved += usize::from(outcome.verdict().is_some());
            bounded += usize::from(outcome.value.hull().is_some());
            abstractly += 1;
        }
    }
    // The test would mean little if nearly everything were unknown.
    assert!(proved > abstractly / 8, "{proved} of {abstractly} proved");
    assert!(
        bounded > abstractly / 8,
        "{bounded} of {abstractly} bounded"
    );
}

#[test]
fn bounds_hold_between_the_ends_of_reals() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let decisions = space(vec![
        Choices::Reals {
            low: -2.0,
            high: 3.0,
            log: false,
        },
        Choices::Reals {
            low: 1e-3,
            high: 0.5,
            log: true,
        },
        Choices::Integers {
            low: 1,
            high: 1000,
            step: 3,
            log: false,
        },
        Choices::Ordered(vec![1.0, 2.0]),
    ]);
    let mut bounded = 0;
    for _ in 0..2000 {
        let expr = random_number(&mut rng, 4, 4);
        let set = possible(&expr, &decisions, &no_names);
        bounded += usize::from(set != Abstract::Unknown);
        for _ in 0..40 {
            let point = decisions.fill(|_, d| match &d.choices {
                Choices::Reals { low, high, .. } => Value::Number(match rng.random_range(0..6) {
                    0 => *low,
                    1 => *high,
                    _ => rng.random_range(*low..*high),
                }),
                finite => finite
                    .member(rng.random_range(0..finite.len().unwrap()))
                    .unwrap(),
            });
            if let Ok(value) = evaluate::value(&expr, &At(&point)) {
                assert!(
                    covers(&set, &value),
                    "{value:?} is not in {set:?} of {expr:?}"
                );
            }
        }
    }
    assert!(bounded > 1000, "{bounded} of 2000 bounded");
}

#[test]
fn a_guard_keeps_what_depends_on_it_apart() {
    // d[1] exists where depth = 2: `depth == 2 implies kernel <= 5` is true, `kernel <= 5` alone has no value elsewhere.
    let mut decisions = space(vec![Choices::Ordered(vec![1.0, 2.0])]);
    let deep = op(BinaryOp::Equal, Expr::Decision(0), Expr::number(2.0));
    decisions
        .all
        .push(decision(Choices::Ordered(vec![3.0, 5.0]), deep.clone()));
    let small = op(BinaryOp::LessEqual, Expr::Decision(1), Expr::number(5.0));
    assert_eq!(proves(&small, &decisions, &no_names), None);
    let guarded = op(BinaryOp::Implies, deep, small);
    assert_eq!(proves(&guarded, &decisions, &no_names), Some(true));
    let large = op(BinaryOp::Greater, Expr::Decision(1), Expr::number(5.0));
    assert_eq!(proves(&large, &decisions, &no_names), Some(false));
}

#[test]
fn sums_over_many_decisions_have_bounds() {
    // 40 decisions have far too many combinations; their sum has few values, and shared parts are walked once.
    let decisions = space(vec![Choices::Ordered(vec![8.0, 16.0, 24.0]); 40]);
    let sum = (1..40).fold(Expr::Decision(0), |sum, i| {
        op(BinaryOp::Add, sum, Expr::Decision(i))
    });
    let set = possible(&sum, &decisions, &no_names);
    assert_eq!(set.hull(), Interval::new(320.0, 960.0));
    assert!(set.contains(&Value::Number(328.0)) && !set.contains(&Value::Number(321.0)));
    let too_large = op(BinaryOp::Greater, sum.clone(), Expr::number(960.0));
    assert_eq!(proves(&too_large, &decisions, &no_names), Some(false));

    let mut doubled = Arc::new(sum);
    for _ in 0..60 {
        doubled = Arc::new(Expr::Binary(BinaryOp::Add, doubled.clone(), doubled));
    }
    let hull = possible(&doubled, &decisions, &no_names).hull().unwrap();
    let factor = 2_f64.powi(60);
    assert_eq!((hull.low, hull.high), (320.0 * factor, 960.0 * factor));
}

#[test]
fn names_have_the_bounds_that_they_are_given() {
    let decisions = space(vec![Choices::Ordered(vec![1.0, 2.0])]);
    let energy = Expr::Name("energy".into(), Span::default());
    let per = op(BinaryOp::Divide, energy, Expr::Decision(0));
    let limit = op(BinaryOp::LessEqual, per, Expr::number(4.0));
    let within = |low, high| move |_: &str| Some(Abstract::interval(low, high));
    assert_eq!(proves(&limit, &decisions, &within(1.0, 4.0)), Some(true));
    assert_eq!(proves(&limit, &decisions, &within(3.0, 9.0)), None);
    assert_eq!(proves(&limit, &decisions, &within(8.5, 9.0)), Some(false));
    assert_eq!(proves(&limit, &decisions, &no_names), None);
}

#[test]
fn a_condition_on_the_only_member_always_holds() {
    let words = |all: &[&str]| Choices::Categories(all.iter().map(|w| Value::name(*w)).collect());
    let is_adam = |of: usize| {
        let adam = Expr::Value(Value::name("adam"));
        Expr::Binary(
            BinaryOp::Equal,
            Arc::new(Expr::Decision(of)),
            Arc::new(adam),
        )
    };
    let decisions = space(vec![words(&["adam"]), words(&["adam", "sgd"])]);
    assert!(always(&is_adam(0), &decisions));
    assert!(!always(&is_adam(1), &decisions));
    assert!(always(&Expr::bool(true), &decisions));
    assert!(!always(&Expr::bool(false), &decisions));
}
