//! Elimination against trying everything.

mod limits;
mod mobile;

use std::collections::HashMap;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::*;
use crate::ir::{BinaryOp, Expr, UnaryOp, Value};
use crate::model::counting::tests::{
    always, assert_chi_square, chosen, decision, op, ordered, random_decisions, random_truth,
    slow_points,
};
use crate::model::counting::{Count, Counted, Uniform};
use crate::model::decision::{Choices, Point};
use crate::stream::{Purpose, below, stream};

/// All constraints; sums are partial sums, however short.
fn counted(decisions: &Decisions) -> Option<Eliminated> {
    let all: Vec<usize> = (0..decisions.constraints.len()).collect();
    let (raw, _) = tabulate::raw(decisions, &all, &[], &[], 0)?;
    if !raw.beyond.is_empty() {
        return None;
    }
    eliminated(&raw, &raw.units(true, 0)?)
}

/// The same in few steps: not less than that.
fn rounded(decisions: &Decisions, steps: u64) -> Option<Eliminated> {
    let all: Vec<usize> = (0..decisions.constraints.len()).collect();
    let (raw, _) = tabulate::raw(decisions, &all, &[], &[], 0)?;
    eliminated(&raw, &raw.units(false, steps)?)
}

/// The members of a point by number, where they are eliminated.
fn members(decisions: &Decisions, point: &Point, of: &Eliminated) -> Vec<Option<u64>> {
    let keys = of.reached();
    let member = |(i, value): (usize, &Option<Value>)| {
        let value = value.as_ref().filter(|_| keys.contains_key(&i))?;
        decisions.all[i].choices.index_of(value)
    };
    point.0.iter().enumerate().map(member).collect()
}

/// A thousand of them are one table, and all others are counted as before.
#[test]
fn constraints_on_the_same_decisions_are_one_table() {
    let one = ordered(9, always());
    let mut decisions = Decisions {
        all: vec![one.clone(), one.clone(), one],
        constraints: Vec::new(),
    };
    let less = |least: usize| {
        op(
            BinaryOp::Less,
            Expr::number(least as f64),
            Expr::Decision(0),
        )
    };
    let sum = op(BinaryOp::Add, Expr::Decision(1), Expr::Decision(2));
    for limit in 0..1000 {
        decisions.constraints.push(less(limit % 3));
        let most = Expr::number((20 - limit % 10) as f64);
        let limited = op(BinaryOp::LessEqual, sum.clone(), most);
        decisions.constraints.push(limited);
    }
    let all: Vec<usize> = (0..decisions.constraints.len()).collect();
    let (raw, _) = tabulate::raw(&decisions, &all, &[], &[], FEW).unwrap();
    // Behind those that say where each decision exists.
    assert_eq!(raw.allowed.len(), 3 + 2);
    let Exactly::Counted(found) = exactly(&decisions, &all) else {
        panic!("it is little work");
    };
    assert_eq!(found.total.parts, slow_points(&decisions).len().into());
}

/// Compares with every point, one by one: the count, the members that occur, and what is drawn.
fn compare(decisions: &Decisions, rng: &mut ChaCha8Rng) -> Option<usize> {
    let slow = slow_points(decisions);
    let found = counted(decisions)?;
    assert_eq!(found.total.parts, slow.len().into(), "{decisions:?}");
    let points: Vec<Vec<Option<u64>>> =
        slow.iter().map(|p| members(decisions, p, &found)).collect();
    for (key, reached) in found.reached() {
        let slow: BTreeSet<u64> = points.iter().filter_map(|p| p[key]).collect();
        assert_eq!(reached, slow, "decision {key} of {decisions:?}");
    }
    for _ in 0..5 {
        let drawn = found.draw(decisions.all.len(), &mut Uniform(rng));
        assert_eq!(drawn.is_some(), !slow.is_empty());
        assert!(drawn.is_none_or(|d| points.contains(&d)), "{decisions:?}");
    }
    for steps in [1, 3, 20] {
        if let Some(more) = rounded(decisions, steps) {
            assert!(more.total.parts >= found.total.parts, "{decisions:?}");
        }
    }
    Some(slow.len())
}

#[test]
fn agrees_with_trying_everything() {
    let mut sizes = BTreeSet::new();
    for seed in 0..400 {
        let mut rng = stream(seed, 0, Purpose::Search);
        let decisions = random_decisions(&mut rng);
        sizes.extend(compare(&decisions, &mut rng));
    }
    assert!(sizes.len() > 30, "{sizes:?}");
}

fn sum(terms: impl Iterator<Item = Expr>) -> Expr {
    terms.reduce(|sum, x| op(BinaryOp::Add, sum, x)).unwrap()
}

fn product(factors: impl IntoIterator<Item = Expr>) -> Expr {
    let factors = factors.into_iter();
    factors.reduce(|x, y| op(BinaryOp::Multiply, x, y)).unwrap()
}

#[test]
fn what_nothing_mentions_multiplies() {
    // Kernels of layers that exist or not, and a real that exists with the deepest.
    let mut decisions = Decisions {
        all: vec![ordered(4, always())],
        constraints: Vec::new(),
    };
    for layer in 0..3 {
        let guard = op(BinaryOp::Greater, chosen(0), Expr::number(f64::from(layer)));
        decisions.all.push(ordered(5, guard));
    }
    let reals = Choices::Reals {
        low: 0.0,
        high: 1.0,
        log: false,
    };
    let deepest = op(BinaryOp::Equal, chosen(0), Expr::number(3.0));
    decisions.all.push(decision(reals, deepest.clone()));
    let found = counted(&decisions).unwrap();
    assert_eq!(found.total.parts, BigUint::from(1_u32 + 5 + 25 + 125));
    assert!(found.total.real);
    decisions
        .constraints
        .push(Expr::Unary(UnaryOp::Not, Arc::new(deepest)));
    let found = counted(&decisions).unwrap();
    assert_eq!(found.total.parts, BigUint::from(1_u32 + 5 + 25));
    assert!(!found.total.real);
}

#[test]
fn numbers_longer_than_128_bits_are_counted() {
    // Ways to make at most 90 of 60 times 0 to 7: too many for 128 bits, and compared with the coefficients of the polynomial.
    let all = (0..60).map(|_| ordered(8, always())).collect();
    let total = sum((0..60).map(chosen));
    let limit = op(BinaryOp::LessEqual, total, Expr::number(90.0));
    let decisions = Decisions {
        all,
        constraints: vec![limit],
    };
    let mut ways = vec![BigUint::from(1_u32)];
    for _ in 0..60 {
        let mut next = vec![BigUint::ZERO; ways.len() + 7];
        for (total, n) in ways.iter().enumerate() {
            (0..8).for_each(|k| next[total + k] += n);
        }
        ways = next;
    }
    let expected: BigUint = ways[..=90].iter().sum();
    let found = counted(&decisions).unwrap();
    assert_eq!(found.total.parts, expected);
    assert_eq!(found.tree.room(), 256);
    let mut rng = stream(1, 0, Purpose::Search);
    for _ in 0..100 {
        let drawn = found.draw(60, &mut Uniform(&mut rng)).unwrap();
        assert!(drawn.into_iter().map(Option::unwrap).sum::<u64>() <= 90);
    }
}

/// Decisions of up to `most` members, and comparisons of two of them each, which tie them in a tree.
fn tied(n: u32, most: u32, rng: &mut ChaCha8Rng) -> Decisions {
    use BinaryOp::*;
    let mut decisions = Decisions::default();
    for i in 0..n {
        let guard = match i > 0 && below(rng, 5) == 0 {
            true => op(Less, chosen(below(rng, i) as usize), Expr::number(2.0)),
            false => always(),
        };
        let members = 1 + below(rng, most) as usize;
        decisions.all.push(ordered(members, guard));
        if i > 0 {
            let how = [Less, LessEqual, Greater, GreaterEqual, Equal][below(rng, 5) as usize];
            let (x, y) = (chosen(i as usize), chosen(below(rng, i) as usize));
            let right = match below(rng, 3) {
                0 => op(Multiply, Expr::number(2.0), y),
                1 => op(Add, y, Expr::number(f64::from(below(rng, 3)))),
                _ => y,
            };
            decisions.constraints.push(op(how, x, right));
        }
    }
    decisions
}

#[test]
fn relations_agree_with_trying_everything() {
    let mut sizes = BTreeSet::new();
    for seed in 0..300 {
        let mut rng = stream(seed, 3, Purpose::Search);
        let n = 2 + below(&mut rng, 3);
        let mut decisions = tied(n, 11, &mut rng);
        if below(&mut rng, 2) == 0 {
            // A sum of all of them.
            let total = sum((0..n as usize).map(chosen));
            let limit = Expr::number(f64::from(below(&mut rng, 20)));
            let how = [BinaryOp::LessEqual, BinaryOp::GreaterEqual][below(&mut rng, 2) as usize];
            decisions.constraints.push(op(how, total, limit));
        }
        if let Some(size) = compare(&decisions, &mut rng) {
            sizes.insert(size);
            begins(&decisions);
            cheapest_is_least(&decisions, &mut rng);
        }
    }
    assert!(sizes.len() > 40, "{sizes:?}");
}

/// A beginning is let through where some point has it: always, and only there unless there are sums.
fn begins(decisions: &Decisions) {
    let found = counted(decisions).unwrap();
    let points = slow_points(decisions);
    let points: Vec<Vec<Option<u64>>> = (points.iter())
        .map(|p| members(decisions, p, &found))
        .collect();
    let mut open = vec![Vec::new()];
    while let Some(prefix) = open.pop() {
        let is_there = points.iter().any(|p| p.starts_with(&prefix));
        let may = found.may_begin(&prefix, &mut { u64::MAX });
        assert!(may || !is_there, "{prefix:?} of {decisions:?}");
        let is_last_known = prefix.len() == decisions.all.len() && !found.has_sums;
        assert!(
            !may || is_there || !is_last_known,
            "{prefix:?} of {decisions:?}"
        );
        if is_there && let Some(next) = decisions.all.get(prefix.len()) {
            let absent = (next.guard != always()).then_some(None);
            let members = (0..next.choices.len().unwrap_or(0)).map(Some);
            open.extend(members.chain(absent).map(|member| {
                let mut longer = prefix.clone();
                longer.push(member);
                longer
            }));
        }
    }
}

/// The cheapest point costs as much as the cheapest of all.
fn cheapest_is_least(decisions: &Decisions, rng: &mut ChaCha8Rng) {
    let scales: Vec<f64> = (decisions.all.iter())
        .map(|_| f64::from(below(rng, 9)) - 4.0)
        .collect();
    let cost = |values: &[Option<Value>], i: usize| {
        let value = values[i].as_ref().and_then(Value::as_number);
        scales[i] * value.unwrap_or(0.0)
    };
    let terms: Vec<Term> = (0..decisions.all.len())
        .map(|i| Term {
            scope: vec![i],
            work: 1,
            rows: None,
            value: Box::new(move |values| Some(cost(values, i))),
        })
        .collect();
    let least = slow_points(decisions).into_iter().map(|point| {
        let costs = (0..point.0.len()).map(|i| cost(&point.0, i));
        costs.sum::<f64>()
    });
    let least = least.reduce(f64::min);
    let all: Vec<usize> = (0..decisions.constraints.len()).collect();
    let costs = [(&terms[..], Costs::Added)];
    let (raw, prices) = tabulate::raw(decisions, &all, &[], &[costs[0].0], 0).unwrap();
    let raw = raw.with(prices.into_iter().next().flatten().unwrap());
    let units = raw.units(true, 0).unwrap();
    let found = priced::cheapest::<cheapest::Added>(
        &raw,
        &units,
        decisions.all.len(),
        f64::MAX,
        &Plans::default(),
    );
    assert_eq!(found.map(|(_, cost)| cost), least, "{decisions:?}");
}

#[test]
fn a_chain_is_drawn_uniformly() {
    let mut decisions = Decisions {
        all: (0..3).map(|_| ordered(11, always())).collect(),
        constraints: Vec::new(),
    };
    for i in 0..2 {
        let rises = op(BinaryOp::LessEqual, chosen(i), chosen(i + 1));
        decisions.constraints.push(rises);
    }
    let all = slow_points(&decisions);
    assert_eq!(all.len(), 13 * 12 * 11 / 6);
    let found = counted(&decisions).unwrap();
    assert!(!found.has_sums);
    let places: HashMap<Vec<Option<u64>>, usize> = (all.iter().enumerate())
        .map(|(i, p)| (members(&decisions, p, &found), i))
        .collect();
    let mut rng = stream(19, 0, Purpose::Search);
    assert_chi_square(all.len(), || {
        places[&found.draw(3, &mut Uniform(&mut rng)).unwrap()]
    });
}

#[test]
fn members_that_occur_are_found_by_the_sums_that_are_wanted() {
    // Sides of right triangles: a sum of squares that is 0 says what the last part of it is.
    let side = || {
        let choices = Choices::Integers {
            low: 1,
            high: 60,
            step: 1,
            log: false,
        };
        decision(choices, always())
    };
    let square = |i| op(BinaryOp::Multiply, chosen(i), chosen(i));
    let sum = op(BinaryOp::Add, square(0), square(1));
    let decisions = Decisions {
        all: vec![side(), side(), side()],
        constraints: vec![op(BinaryOp::Equal, sum, square(2))],
    };
    let found = counted(&decisions).unwrap();
    let is_square = |n: u64| (1..=60).any(|c| c * c == n);
    let leg = |a: u64| (1..=60).any(|b| is_square(a * a + b * b));
    let legs: BTreeSet<u64> = (0..60).filter(|a| leg(a + 1)).collect();
    // Not the 60^3 ways of three sides.
    let mut work = 20_000;
    let reached = found.tree.reached(&mut work);
    assert_eq!(reached[&0], legs);
    assert_eq!(reached[&1], legs);
    assert!(work > 0);
    // Without time for that, every member may occur.
    assert!(found.tree.reached(&mut { 10 })[&0].len() > legs.len());
}

/// What leaves a stage of one or two layers of five widths is a variable of its own, and what is counted and drawn stays as it is.
#[test]
fn what_several_decisions_come_to_is_one_variable() {
    let deep = op(BinaryOp::Equal, chosen(0), Expr::number(1.0));
    let all = vec![
        ordered(2, always()),
        ordered(5, always()),
        ordered(5, deep.clone()),
        ordered(5, always()),
        ordered(3, always()),
    ];
    let leaving = Expr::If(Arc::new(deep), Arc::new(chosen(2)), Arc::new(chosen(1)));
    let kernel = product([chosen(3), chosen(4)]);
    let total = sum([product([leaving, kernel]), chosen(1)].into_iter());
    for limit in [0.0, 3.0, 11.0, 20.0] {
        let holds = op(BinaryOp::LessEqual, total.clone(), Expr::number(limit));
        let decisions = Decisions {
            all: all.clone(),
            constraints: vec![holds],
        };
        let (raw, _) = tabulate::raw(&decisions, &[0], &[], &[], 0).unwrap();
        let shared = raw.shared().unwrap();
        let further = &shared.variables[raw.variables.len()..];
        assert_eq!(
            further
                .iter()
                .map(layout::Variable::size)
                .collect::<Vec<_>>(),
            [5]
        );
        let count = |raw: &Raw| {
            let factors = raw.factors(&raw.units(true, 0).unwrap()).unwrap();
            let (layout, _) = planned(&factors, MOST_PLANNED, None).unwrap();
            counts(&factors, &layout).unwrap().0
        };
        let (plain, shared) = (count(&raw), count(&shared));
        let slow = slow_points(&decisions);
        assert_eq!(shared.total(), slow.len().into());
        let work = || 1_000_000;
        assert_eq!(shared.reached(&mut work()), plain.reached(&mut work()));
        let points: Vec<Vec<Option<u64>>> = (slow.iter())
            .map(|point| {
                let values = point.0.iter().zip(&decisions.all);
                values
                    .map(|(value, d)| d.choices.index_of(value.as_ref()?))
                    .collect()
            })
            .collect();
        let mut rng = stream(7, 0, Purpose::Search);
        for _ in 0..200 {
            let drawn = shared.draw(decisions.all.len(), &mut Uniform(&mut rng));
            assert!(points.contains(&drawn.unwrap()));
        }
        for point in &points {
            for length in 0..=point.len() {
                assert!(shared.may_begin(&point[..length], &mut work()));
            }
        }
        let none = [Some(1), Some(4), Some(4), Some(4), Some(2)];
        assert!(!shared.may_begin(&none, &mut work()));
    }
}
