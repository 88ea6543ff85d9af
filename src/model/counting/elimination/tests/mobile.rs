//! Decisions like those of mobile networks, under a limit of a sum.

use super::*;

/// Stages of optional blocks with a width in common, as MobileNetV2 has them; each layer has its bits. The weights of each layer times
/// its bits, and the weights alone, as sums.
fn mobile(stages: usize, blocks: usize) -> (Decisions, Expr, Expr) {
    let number = Expr::number;
    let numbers = |of: &[f64]| Choices::Ordered(of.to_vec());
    let mut all = vec![decision(numbers(&[1.0, 2.0]), always())];
    let (mut size, mut params) = (Vec::new(), Vec::new());
    for stage in 0..stages {
        let depth = all.len();
        all.push(ordered(blocks + 1, always()));
        for block in 0..blocks {
            let exists = match block {
                0 => always(),
                _ => op(BinaryOp::Greater, chosen(depth), number(block as f64)),
            };
            let expansion = all.len();
            all.push(decision(numbers(&[1.0, 3.0]), exists.clone()));
            let both = |x: Expr, y: Expr| crate::model::expression::evaluate::both(x, y);
            let is_expanded = op(BinaryOp::Greater, chosen(expansion), number(1.0));
            let of_expand = both(exists.clone(), is_expanded);
            let channels = op(BinaryOp::Multiply, chosen(0), number((stage + 1) as f64));
            let layers = [
                (of_expand, product([channels.clone(), chosen(expansion)])),
                (exists, product([number(9.0), chosen(expansion), channels])),
            ];
            for (guard, weights) in layers {
                let bits = all.len();
                all.push(decision(numbers(&[1.0, 2.0, 8.0]), guard.clone()));
                let where_it_is = |e: Expr| {
                    crate::model::expression::evaluate::choose(guard.clone(), e, number(0.0))
                };
                size.push(where_it_is(product([weights.clone(), chosen(bits)])));
                params.push(where_it_is(weights));
            }
        }
    }
    let space = Decisions {
        all,
        constraints: Vec::new(),
    };
    (space, sum(size.into_iter()), sum(params.into_iter()))
}

#[test]
fn small_mobile_networks_agree_with_trying_everything() {
    use BinaryOp::*;
    let mut rng = stream(3, 2, Purpose::Search);
    for (stages, blocks) in [(1, 1), (1, 2), (2, 1)] {
        let (space, size, params) = mobile(stages, blocks);
        let limits = [
            vec![(LessEqual, &size, 60.0)],
            vec![(LessEqual, &size, 200.0)],
            vec![(GreaterEqual, &size, 150.0)],
            vec![(Less, &size, 120.0), (Greater, &size, 60.0)],
            vec![(Equal, &params, 18.0)],
            vec![(LessEqual, &size, 150.0), (LessEqual, &params, 40.0)],
            vec![(LessEqual, &size, 150.0), (GreaterEqual, &params, 20.0)],
        ];
        for of in limits {
            let mut decisions = space.clone();
            for (how, total, limit) in of {
                let limit = Expr::number(limit);
                decisions.constraints.push(op(how, total.clone(), limit));
            }
            compare(&decisions, &mut rng).unwrap();
        }
    }
}

#[test]
fn small_mobile_networks_are_drawn_uniformly() {
    use BinaryOp::*;
    let (space, size, params) = mobile(1, 2);
    let at = |how, total: &Expr, limit| op(how, total.clone(), Expr::number(limit));
    for constraints in [
        vec![at(LessEqual, &size, 150.0)],
        vec![at(GreaterEqual, &size, 200.0)],
        vec![at(LessEqual, &size, 250.0), at(GreaterEqual, &params, 30.0)],
    ] {
        let decisions = Decisions {
            constraints,
            ..space.clone()
        };
        let all = slow_points(&decisions);
        let found = counted(&decisions).unwrap();
        let places: HashMap<Vec<Option<u64>>, usize> = (all.iter().enumerate())
            .map(|(i, p)| (members(&decisions, p, &found), i))
            .collect();
        let mut rng = stream(17, 0, Purpose::Search);
        assert_chi_square(all.len(), || {
            let drawn = found.draw(decisions.all.len(), &mut Uniform(&mut rng));
            places[&drawn.unwrap()]
        });
    }
}
