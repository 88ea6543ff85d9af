//! Constraints, and requirements that no candidate can meet.

use super::fixtures::*;
use crate::ir::{BinaryOp, Experiment, Expr, Require, Stmt, Value};
use crate::model::{Metrics, Point};

/// `depth in 1..2`, with a kernel per copy, and `width`.
fn body() -> Vec<Stmt> {
    vec![
        set("width", any_of(&[4.0, 8.0])),
        set("depth", range(1, 2)),
        repeat(
            name("depth"),
            "d",
            vec![
                set("kernel", any_of(&[3.0, 5.0])),
                layer(
                    "conv",
                    vec![with(conv(name("width")), "kernel", name("kernel"))],
                ),
            ],
        ),
        head(),
    ]
}

fn requiring(requires: Vec<Require>) -> Experiment {
    Experiment {
        requires,
        ..experiment(body())
    }
}

fn kernel(copy: usize) -> Expr {
    name(&format!("space.d[{copy}].kernel"))
}

#[test]
fn a_requirement_does_not_bind_where_a_decision_does_not_exist() {
    let small = require(at_most(kernel(1), 4.0), "space.d[1].kernel <= 4");
    let template = template(&requiring(vec![small]));
    let decisions = template.decisions();
    let shallow = point(
        &template,
        &[("space.depth", n(1.0)), ("space.d[0].kernel", n(5.0))],
    );
    assert!(decisions.is_feasible(&shallow));
    let deep = |k| {
        point(
            &template,
            &[("space.depth", n(2.0)), ("space.d[1].kernel", n(k))],
        )
    };
    assert!(decisions.is_feasible(&deep(3.0)));
    assert!(!decisions.is_feasible(&deep(5.0)));
    // 2 widths · (2 kernels, or 2 · 1).
    assert_eq!(all_points(decisions).len(), 2 * (2 + 2));
    // The run asks the same question of the requirement itself.
    let value = template.evaluate(&template.requires()[0], &shallow, &Metrics::default());
    assert_eq!(value, Ok(Value::Bool(true)));
}

#[test]
fn a_branch_that_is_taken_binds() {
    let deep = above(name("space.depth"), 1.0);
    let holds = iff(
        deep.clone(),
        at_most(kernel(1), 4.0),
        at_most(kernel(0), 4.0),
    );
    let template = template(&requiring(vec![require(holds, "by depth")]));
    // Depth 1: the first kernel is 3. Depth 2: the second is, the first is free.
    assert_eq!(all_points(template.decisions()).len(), 2 * (1 + 2));

    // `and` looks at its right side only where the left one holds.
    let holds = op(above(kernel(0), 4.0), BinaryOp::And, above(kernel(1), 4.0));
    let template = super::fixtures::template(&requiring(vec![require(holds, "both")]));
    // Depth 1: kernel 3 fails, kernel 5 needs what does not exist. Depth 2: both are 5.
    assert_eq!(all_points(template.decisions()).len(), 2 * (1 + 1));
}

#[test]
fn requirements_over_metrics_do_not_bind_either() {
    let small = op(
        at_most(kernel(1), 4.0),
        BinaryOp::And,
        at_most(name("params"), 1e6),
    );
    let template = template(&requiring(vec![require(small, "small")]));
    let shallow = point(&template, &[]);
    assert!(template.decisions().is_feasible(&shallow));
    assert!(template.is_known(&template.requires()[0]));
    let known = template.known(&shallow).unwrap();
    let value = template.evaluate(&template.requires()[0], &shallow, &known);
    assert_eq!(value, Ok(Value::Bool(true)));
}

#[test]
fn constraints_of_the_space_come_before_those_of_the_experiment() {
    let mut experiment = requiring(vec![require(at_most(name("space.width"), 4.0), "narrow")]);
    let never = at_most(name("width"), 3.0);
    let shallow = at_most(name("depth"), 1.0);
    experiment.space.as_mut().unwrap().requires = vec![require(shallow, "shallow")];
    let found = template(&experiment);
    assert_eq!(found.decisions().constraints.len(), 2);
    assert_eq!(all_points(found.decisions()).len(), 2);

    experiment.space.as_mut().unwrap().requires[0] = require(never, "width <= 3");
    let found = error(&experiment);
    assert_eq!(found.code, "bnas::require::unmeetable");
    assert_eq!(found.message, "no candidate can meet `width <= 3`");
}

#[test]
fn requirements_on_metrics_that_nothing_meets_are_reported() {
    let tight = require(at_most(name("model_size"), 100.0), "model_size <= 100 bit");
    let found = error(&requiring(vec![tight]));
    assert_eq!(found.code, "bnas::require::unmeetable");
    // Smallest: 9·4 + 4·10 weights and 4 + 10 biases of 32 bits.
    let smallest = (36 + 40 + 14) * 4;
    assert!(found.help.unwrap().contains(&format!("{smallest} B to ")));
    let loose = require(
        at_most(name("model_size"), smallest as f64 * 8.0),
        "just enough",
    );
    let found = template(&requiring(vec![loose]));
    assert_eq!(found.extremes()["model_size"].0, smallest as f64 * 8.0);
    // What training measures is never known.
    let accurate = require(above(name("accuracy"), 0.99), "accuracy > 99 %");
    let found = template(&requiring(vec![accurate]));
    assert!(!found.is_known(&found.requires()[0]));
}

#[test]
fn unknown_names_are_reported() {
    let third = require(at_most(kernel(2), 4.0), "space.d[2].kernel <= 4");
    let found = error(&requiring(vec![third]));
    assert_eq!(found.code, "bnas::name::unknown");
    assert!(found.help.unwrap().contains("`space.d[0].kernel`"));
}

#[test]
fn impossible_combinations_bound_nothing() {
    let narrow = require(at_most(name("space.width"), 4.0), "narrow");
    let free = template(&requiring(vec![])).extremes().clone();
    let bound = template(&requiring(vec![narrow])).extremes().clone();
    assert_eq!(free["params"].0, bound["params"].0);
    assert!(free["params"].1 > bound["params"].1);
}

#[test]
fn searches_over_formulas_have_no_network() {
    let mut experiment = experiment(vec![]);
    experiment.space = None;
    experiment.data = None;
    experiment.lets = vec![
        binding("x", range(0, 4)),
        binding("y", times(name("x"), number(2.0))),
    ];
    experiment.goals[0].expr = std::sync::Arc::new(name("y"));
    experiment.requires = vec![require(at_most(name("y"), 5.0), "y <= 5")];
    let template = template(&experiment);
    assert_eq!(paths(&template), ["x"]);
    assert_eq!(all_points(template.decisions()).len(), 3);
    let two = Point(vec![Some(n(2.0))]);
    assert_eq!(template.candidate(&two), Ok(None));
    let goal = template.evaluate(&template.goals()[0], &two, &Metrics::default());
    assert_eq!(goal, Ok(n(4.0)));
}

#[test]
fn conflicts_of_decisions_that_nothing_ties_are_told_apart() {
    // Each of 60 widths is to be more than itself by the next one: pair by pair, and not all pairs again for each that is left out.
    let number = |k: usize| format!("w{k}");
    let body: Vec<Stmt> = (0..60)
        .map(|k| set(&number(k), range(1, 9)))
        .chain([head()])
        .collect();
    let pairs = (0..60_u32).step_by(2).flat_map(|k| {
        let (x, y) = (format!("space.w{k}"), format!("space.w{}", k + 1));
        let less = |x: &str, y: &str, start: u32| Require {
            span: crate::source::Span {
                start,
                end: start + 1,
                ..Default::default()
            },
            ..require(
                Expr::Binary(BinaryOp::Less, name(x).into(), name(y).into()),
                &format!("{x} < {y}"),
            )
        };
        [less(&x, &y, 4 * k + 1), less(&y, &x, 4 * k + 3)]
    });
    let requires: Vec<Require> = pairs.collect();
    let experiment = Experiment {
        requires,
        ..experiment(body)
    };
    let found = errors(&experiment);
    assert_eq!(found.len(), 8);
    for (diagnostic, pair) in found.iter().zip(22_u32..) {
        assert_eq!(
            diagnostic.message,
            "no candidate can meet these requirements together"
        );
        let starts: Vec<u32> = diagnostic.labels.iter().map(|l| l.span.start).collect();
        assert_eq!(starts, [8 * pair + 1, 8 * pair + 3]);
    }
}
