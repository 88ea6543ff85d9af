//! Limits of sums against trying everything, those that are attained, too.

use super::*;

/// A number over some decisions, with a value where they exist.
fn random_term(n: u32, rng: &mut ChaCha8Rng) -> Expr {
    let scale = |rng: &mut ChaCha8Rng| {
        let scales = [1.0, 2.0, 6.0, -1.0, 0.5, 0.25, 10.0];
        Expr::number(scales[below(rng, 7) as usize])
    };
    let one = |rng: &mut ChaCha8Rng| chosen(below(rng, n) as usize);
    match below(rng, 5) {
        0 => op(BinaryOp::Multiply, one(rng), one(rng)),
        1 => Expr::If(
            Arc::new(random_truth(n, 1, rng)),
            Arc::new(one(rng)),
            Arc::new(scale(rng)),
        ),
        2 => Expr::Unary(UnaryOp::Negate, Arc::new(one(rng))),
        3 => one(rng),
        _ => op(BinaryOp::Multiply, scale(rng), one(rng)),
    }
}

#[test]
fn limits_of_sums_agree_with_trying_everything() {
    use BinaryOp::*;
    let mut sizes = BTreeSet::new();
    for seed in 0..500 {
        let mut rng = stream(seed, 1, Purpose::Search);
        let n = 3 + below(&mut rng, 4);
        let mut decisions = Decisions::default();
        for i in 0..n {
            let guard = match i > 0 && below(&mut rng, 4) == 0 {
                true => random_truth(i, 1, &mut rng),
                false => always(),
            };
            let members = 1 + below(&mut rng, 4) as usize;
            decisions.all.push(ordered(members, guard));
        }
        for _ in 0..1 + below(&mut rng, 3) {
            let terms = 1 + below(&mut rng, 5);
            let total = sum((0..terms).map(|_| random_term(n, &mut rng)));
            let limit = Expr::number(f64::from(below(&mut rng, 24)) / 2.0 - 2.0);
            let how = [Less, LessEqual, Greater, GreaterEqual, Equal][below(&mut rng, 5) as usize];
            let (x, y) = match below(&mut rng, 2) {
                0 => (total, limit),
                _ => (limit, total),
            };
            decisions.constraints.push(op(how, x, y));
        }
        sizes.extend(compare(&decisions, &mut rng));
    }
    assert!(sizes.len() > 30, "{sizes:?}");
}

/// Decimal members, and limits that are attained: by whatever way the sum is taken, those that reach a limit meet it.
#[test]
fn limits_that_are_attained_agree_with_trying_everything() {
    use BinaryOp::*;
    let (mut exact, mut attained) = (0, 0);
    for seed in 0..300 {
        let mut rng = stream(seed, 4, Purpose::Search);
        let n = 3 + below(&mut rng, 3) as usize;
        let scale = [0.1, 0.3, 1e-9, 1.1e12, 0.25][below(&mut rng, 5) as usize];
        let members = (1..=4).map(|k| f64::from(k) * scale).collect();
        let one = decision(Choices::Ordered(members), always());
        let mut decisions = Decisions {
            all: vec![one; n],
            constraints: Vec::new(),
        };
        let total = sum((0..n).map(chosen));
        let backwards = |point: &Point| {
            let numbers = point.0.iter().rev().flatten();
            numbers.filter_map(Value::as_number).sum::<f64>()
        };
        let all = slow_points(&decisions);
        let limit = backwards(&all[below(&mut rng, all.len() as u32) as usize]);
        let how = [Less, LessEqual, Greater, GreaterEqual, Equal, NotEqual];
        let how = how[below(&mut rng, 6) as usize];
        let holds = match below(&mut rng, 3) {
            0 => op(how, total, Expr::number(limit)),
            1 => op(how, Expr::number(limit), total),
            // The last one on the other side.
            _ => {
                let last = op(Subtract, Expr::number(limit), chosen(n - 1));
                op(how, sum((0..n - 1).map(chosen)), last)
            }
        };
        decisions.constraints.push(holds.clone());
        let slow = slow_points(&decisions).len();
        let equal = op(Equal, sum((0..n).map(chosen)), Expr::number(limit));
        decisions.constraints = vec![equal];
        attained += usize::from(slow_points(&decisions).len() > 1);
        decisions.constraints = vec![holds];
        let counted = Counted::new(&decisions);
        assert_eq!(
            counted.count(&decisions),
            Count::Exact(slow.into()),
            "{decisions:?}"
        );
        let all: Vec<usize> = vec![0];
        let found = super::counted(&decisions);
        if let Some(found) = found.filter(|found| found.left_out.is_empty()) {
            exact += 1;
            assert_eq!(found.total.parts, slow.into(), "{decisions:?}");
        }
        if let Some(more) = roughly(&decisions, &all, &[], false) {
            assert!(more.total.parts >= slow.into(), "{decisions:?}");
            if more.left_out.is_empty() {
                assert_eq!(more.total.parts, slow.into(), "{decisions:?}");
            }
        }
    }
    assert!(exact > 30 && attained > 200, "{exact} {attained}");
}
