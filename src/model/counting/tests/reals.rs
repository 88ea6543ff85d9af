use super::*;

fn reals(low: f64, high: f64, log: bool) -> Choices {
    Choices::Reals { low, high, log }
}

fn at_most(x: Expr, limit: f64) -> Expr {
    op(BinaryOp::LessEqual, x, Expr::number(limit))
}

/// So many points, each of which meets every constraint that is drawn for.
fn drawn(decisions: &Decisions, points: usize) -> Vec<Point> {
    let counted = Counted::new(decisions);
    let mut rng = stream(1, 0, Purpose::Search);
    let draw = |_| counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
    (0..points).map(draw).collect()
}

#[test]
fn a_bound_on_a_real_is_drawn_within_in_its_scale() {
    let mut decisions = space(vec![
        decision(reals(1e-4, 1.0, true), always()),
        ordered(3, always()),
    ]);
    decisions.constraints.push(at_most(chosen(1), 1.0));
    decisions.constraints.push(at_most(chosen(0), 1e-2));
    let counted = Counted::new(&decisions);
    assert!(counted.is_exact());
    assert_eq!(counted.parts(), Some(&BigUint::from(2_u32)));
    let points = drawn(&decisions, 4000);
    assert!(points.iter().all(|point| decisions.is_feasible(point)));
    // Half of the logarithms of what is left.
    let rates = points.iter().filter_map(|p| p.0[0].as_ref()?.as_number());
    let low = rates.filter(|rate| *rate < 1e-3).count();
    assert!((1900..2100).contains(&low), "{low}");
}

#[test]
fn what_depends_on_the_rest_leaves_the_rest_uniform() {
    // Of five members, all but the last have a real; the fourth has a twentieth of the range.
    let mut decisions = space(vec![
        decision(reals(0.0, 1.0, false), always()),
        ordered(5, always()),
    ]);
    let power = op(BinaryOp::Power, chosen(1), Expr::number(3.0));
    let limit = op(BinaryOp::Subtract, Expr::number(1.4), chosen(0));
    let power = op(BinaryOp::Divide, power, Expr::number(20.0));
    decisions
        .constraints
        .push(op(BinaryOp::LessEqual, power, limit));
    let points = drawn(&decisions, 5000);
    let met = points.iter().filter(|point| decisions.is_feasible(point));
    let mut met_by = [0; 5];
    for point in met {
        let member = point.0[1].as_ref().unwrap().as_number().unwrap();
        met_by[member as usize] += 1;
    }
    assert_eq!(met_by[4], 0);
    assert!(
        met_by[..4].iter().all(|n| (900..1100).contains(n)),
        "{met_by:?}"
    );
}

#[test]
fn two_reals_and_two_stretches_are_left_to_rejection() {
    let all = || {
        space(vec![
            decision(reals(0.0, 1.0, false), always()),
            decision(reals(0.0, 1.0, false), always()),
        ])
    };
    let sum = at_most(op(BinaryOp::Add, chosen(0), chosen(1)), 1.0);
    let high = op(BinaryOp::GreaterEqual, chosen(0), Expr::number(0.75));
    let ends = op(BinaryOp::Or, at_most(chosen(0), 0.25), high);
    for constraint in [sum, ends] {
        let mut decisions = all();
        decisions.constraints.push(constraint);
        assert!(!Counted::new(&decisions).is_exact());
        let points = drawn(&decisions, 2000);
        let met = points.iter().filter(|point| decisions.is_feasible(point));
        assert!((900..1100).contains(&met.count()));
    }
}

#[test]
fn a_real_that_exists_at_times_is_drawn_within_where_it_does() {
    let mut decisions = space(vec![ordered(2, always())]);
    let exists = op(BinaryOp::Equal, chosen(0), Expr::number(1.0));
    decisions
        .all
        .push(decision(reals(1e-4, 1.0, true), exists.clone()));
    let bound = at_most(chosen(1), 1e-2);
    decisions
        .constraints
        .push(op(BinaryOp::Implies, exists, bound));
    let points = drawn(&decisions, 2000);
    assert!(points.iter().all(|point| decisions.is_feasible(point)));
    let existing = points.iter().filter(|point| point.0[1].is_some()).count();
    assert!((900..1100).contains(&existing), "{existing}");
}
