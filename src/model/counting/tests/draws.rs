use super::*;

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
