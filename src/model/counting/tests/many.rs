use super::*;

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
