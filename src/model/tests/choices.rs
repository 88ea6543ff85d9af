//! What is chosen: alternatives with choices of their own, domains and categories, and at which paths.

use super::fixtures::*;
use crate::ir::{DomainKind, Expr, Value};
use crate::model::{Activation, Choices, Op, Optimizer};

#[test]
fn alternatives_have_decisions_where_they_are_chosen() {
    let mut experiment = experiment(vec![head()]);
    let sgd = record(
        "sgd",
        vec![("lr", log_range(1e-3, 1e-1)), ("momentum", 0.8.slot())],
    );
    let adam = record("adam", vec![("lr", log_range(1e-4, 1e-2))]);
    experiment.stages[0].training.optimizer = among(vec![sgd, adam]);
    let template = template(&experiment);
    let found = [
        "train.optimizer",
        "train.optimizer.sgd.lr",
        "train.optimizer.adam.lr",
    ];
    assert_eq!(paths(&template), found);

    let default = template.decisions().default_point();
    assert_eq!(default.0[0], Some(Value::name("sgd")));
    // The middle of 1e-3 … 1e-1 between logarithms.
    assert!((default.0[1].as_ref().unwrap().as_number().unwrap() - 1e-2).abs() < 1e-12);
    assert_eq!(default.0[2], None);
    let adam = [
        ("train.optimizer", Value::name("adam")),
        ("train.optimizer.adam.lr", n(5e-3)),
    ];
    assert_eq!(point(&template, &adam).0[1], None);
    assert_eq!(
        candidate(&template, &adam).stages[0].recipe.optimizer,
        Optimizer::Adam {
            lr: 5e-3,
            beta1: 0.9,
            beta2: 0.999,
            weight_decay: 0.0
        }
    );
}

#[test]
fn a_default_may_name_an_alternative() {
    let of = |default: Value| {
        let mut experiment = experiment(vec![head()]);
        let sgd = record("sgd", vec![("lr", log_range(1e-3, 1e-1))]);
        let adam = record("adam", vec![("lr", log_range(1e-4, 1e-2))]);
        experiment.stages[0].training.optimizer = with_default(among(vec![sgd, adam]), default);
        experiment
    };
    let called = Value::Record(crate::ir::Record {
        name: "adam".into(),
        fields: Vec::new(),
    });
    for default in [Value::name("adam"), called] {
        let template = template(&of(default));
        let first = template.decisions().default_point();
        assert_eq!(first.0[0], Some(Value::name("adam")));
        assert!(first.0[1].is_none() && first.0[2].is_some());
    }
    assert_eq!(
        error(&of(Value::name("lion"))).code,
        "bnas::domain::default"
    );
}

#[test]
fn alternatives_with_one_name_are_numbered() {
    let mut experiment = experiment(vec![head()]);
    let adam = |low| record("adam", vec![("lr", log_range(low, 1.0))]);
    experiment.stages[0].training.optimizer = among(vec![adam(1e-4), adam(1e-2)]);
    let template = template(&experiment);
    let found = [
        "train.optimizer",
        "train.optimizer.adam_1.lr",
        "train.optimizer.adam_2.lr",
    ];
    assert_eq!(paths(&template), found);
    let second = [("train.optimizer", Value::name("adam_2"))];
    let Optimizer::Adam { lr, .. } = candidate(&template, &second).stages[0].recipe.optimizer
    else {
        panic!("both are adam");
    };
    assert!((lr - 0.1).abs() < 1e-12);
}

#[test]
fn fixed_records_may_hold_choices() {
    let mut experiment = experiment(vec![head()]);
    let chosen = words(&["slow", "fast"]);
    experiment.lets = vec![binding("speed", chosen)];
    let adam = record("adam", vec![("lr", any_of(&[1.0, 2.0]))]);
    let sgd = record(
        "sgd",
        vec![("lr", any_of(&[3.0, 4.0])), ("momentum", 0.0.slot())],
    );
    let slow = equal(name("speed"), word("slow"));
    experiment.stages[0].training.optimizer = iff(slow, adam, sgd).slot();
    let found = template(&experiment);
    let named = ["speed", "train.optimizer.adam.lr", "train.optimizer.sgd.lr"];
    assert_eq!(paths(&found), named);
    let fast = point(&found, &[("speed", Value::name("fast"))]);
    assert_eq!(fast.0[1..], [None, Some(n(3.0))]);

    experiment.stages[0].training.optimizer =
        record("adam", vec![("lr", any_of(&[1.0, 2.0]))]).slot();
    let template = template(&experiment);
    // Nothing reads `speed` any more.
    assert_eq!(paths(&template), ["train.optimizer.lr"]);
    let Optimizer::Adam { lr, .. } = candidate(&template, &[]).stages[0].recipe.optimizer else {
        panic!("adam");
    };
    assert_eq!(lr, 1.0);
}

#[test]
fn domains_of_names_are_those_of_sets() {
    let widths = Expr::Set(vec![number(16.0), number(8.0), number(8.0)]);
    let body = vec![
        set("widths", widths),
        set("width", domain(DomainKind::Of(name("widths")))),
        layer("stem", vec![conv(name("width"))]),
        head(),
    ];
    let template = template(&experiment(body));
    let decision = &template.decisions().all[0];
    assert_eq!(decision.choices, Choices::Ordered(vec![8.0, 16.0]));
    // The first in the text, not the smallest.
    assert_eq!(decision.default, n(16.0));
}

#[test]
fn wrong_domains_are_reported() {
    let code = |slot: crate::ir::Slot| {
        let body = vec![
            set("many", any_of(&[1.0, 2.0])),
            set("x", slot),
            layer("stem", vec![conv(name("x"))]),
            head(),
        ];
        errors(&experiment(body))[0].code
    };
    assert_eq!(code(among(vec![])), "bnas::domain::empty");
    assert_eq!(code(range(3, 1)), "bnas::domain::empty");
    assert_eq!(code(range(1, 0)), "bnas::domain::empty");
    assert_eq!(
        code(with_default(range(1, 3), n(4.0))),
        "bnas::domain::default"
    );
    assert_eq!(
        code(domain(DomainKind::Of(number(1.0)))),
        "bnas::domain::not_a_set"
    );
    let depends = Expr::Set(vec![name("many"), number(8.0)]);
    let other = iff(
        above(name("many"), 1.0),
        depends,
        Expr::Set(vec![number(1.0)]),
    );
    assert_eq!(
        code(domain(DomainKind::Of(other))),
        "bnas::domain::not_constant"
    );
    let reals = DomainKind::Reals {
        low: 2.0,
        high: 1.0,
        log: false,
    };
    assert_eq!(code(domain(reals)), "bnas::domain::empty");
}

#[test]
fn categories_of_numbers_have_no_order() {
    let items = vec![number(16.0), number(8.0)];
    let body = vec![
        set("width", domain(DomainKind::Categories(items))),
        layer("stem", vec![conv(name("width"))]),
        head(),
    ];
    let template = template(&experiment(body));
    let choices = &template.decisions().all[0].choices;
    assert_eq!(*choices, Choices::Categories(vec![n(16.0), n(8.0)]));
}

#[test]
fn the_same_argument_twice_in_a_layer_is_numbered() {
    let kernel = |op| with(op, "kernel", any_of(&[1.0, 3.0]));
    let chain = vec![kernel(conv(2.0)), plain("relu"), kernel(conv(3.0))];
    let template = template(&experiment(vec![layer("twice", chain), head()]));
    assert_eq!(
        paths(&template),
        ["space.twice[0].kernel", "space.twice[1].kernel"]
    );
    let network = candidate(&template, &[("space.twice[1].kernel", n(3.0))]).network;
    assert_eq!(network.weights(&network.nodes[1]), 2);
    assert_eq!(network.weights(&network.nodes[3]), 9 * 2 * 3);
    assert_eq!(network.nodes[2].op, Op::Activation(Activation::Relu));
}
