//! Unrolling always ends, and soon.

use std::time::Instant;

use super::fixtures::*;
use crate::ir::{Function, Stmt, Value};

/// `count` optional layers, each with a width that mentions its input twice: as trees, their shapes have 2^count parts.
fn optional(count: f64) -> Vec<Stmt> {
    let channels = call(
        Function::Min,
        vec![
            times(name("input.channels"), number(2.0)),
            call(Function::Max, vec![name("input.channels"), number(16.0)]),
        ],
    );
    let one = block(
        vec![("use", None)],
        vec![
            layer_when(
                "maybe",
                vec![conv(channels), plain("norm"), plain("relu")],
                equal(name("use"), word("yes")),
            ),
            add_input(Some(equal(name("use"), word("no")))),
        ],
    );
    vec![
        repeat(
            number(count),
            "i",
            vec![copy(&one, vec![("use", words(&["yes", "no"]))])],
        ),
        head(),
    ]
}

#[test]
fn a_long_chain_of_optional_layers_is_instant() {
    let start = Instant::now();
    let mut experiment = experiment(optional(60.0));
    let weights = Some(words(&["binary", "int8"]));
    let mut wide = rule(crate::ir::Which::All, weights, None);
    wide.selectors[0].filter = Some(above(name("channels"), 8.0));
    experiment.policy = Some(policy(vec![
        wide,
        rule(crate::ir::Which::First, Some(word("int8").slot()), None),
        rule(crate::ir::Which::Last, Some(word("int8").slot()), None),
    ]));
    let template = template(&experiment);
    // The first layer's precision is fixed where it is there.
    assert_eq!(template.decisions().all.len(), 60 + 59);
    let all = candidate(&template, &[]);
    assert_eq!(all.network.nodes.len(), 1 + 3 * 60 + 2);
    assert_eq!(all.network.nodes[3 * 60].shape.channels, 16);
    let none: Vec<_> = (0..60).map(|i| format!("space.i[{i}].use")).collect();
    let none: Vec<_> = none
        .iter()
        .map(|p| (p.as_str(), Value::name("no")))
        .collect();
    assert_eq!(candidate(&template, &none).network.nodes.len(), 1 + 60 + 2);
    template.extremes();
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

/// Deep formulas are evaluated, or reported before the stack is too small for them.
#[test]
fn deep_formulas_end() {
    let found = template(&experiment(optional(200.0)));
    assert_eq!(candidate(&found, &[]).network.nodes.len(), 1 + 600 + 2);
    let found = error(&experiment(optional(5_000.0)));
    assert_eq!(
        found.message,
        "the space unrolls to more than 1000 steps to the shape of one layer"
    );
    // Layers of one shape nest nothing, but each of them may be the first.
    let body = |count| {
        let one = layer_when("a", vec![conv(1.0)], equal(name("use"), word("yes")));
        let body = vec![set("use", words(&["yes", "no"])), one];
        vec![repeat(number(count), "i", body), head()]
    };
    let mut many = experiment(body(1_000.0));
    let rule = rule(crate::ir::Which::First, Some(word("int8").slot()), None);
    many.policy = Some(policy(vec![rule]));
    let found = template(&many);
    assert_eq!(placements(&candidate(&found, &[])).len(), 1_001);
    let found = error(&experiment(body(1_001.0)));
    assert!(found.message.ends_with("1000 layers that may be absent"));
}

#[test]
fn absurd_counts_are_reported() {
    let code = |count| {
        let stem = layer("stem", vec![conv(2.0)]);
        let found = error(&experiment(vec![repeat(count, "i", vec![stem]), head()]));
        assert_eq!(found.code, "bnas::space::count");
        found.message
    };
    let beyond = "a `repeat` counts from 0 to 20000, found 1000000000000000000000000000000";
    assert_eq!(code(number(1e30)), beyond);
    assert!(code(number(f64::INFINITY)).ends_with("inf"));
    assert!(code(number(-1.0)).ends_with("-1"));
    assert!(code(number(2.5)).ends_with("2.5"));
    assert!(code(word("many")).contains("count"));
}

/// A count must be whole in every member, not only in the largest.
#[test]
fn every_member_of_a_count_is_checked() {
    let of = |count, body: Vec<Stmt>| {
        let mut all = vec![set("n", range(1, 4)), repeat(count, "i", body)];
        all.push(head());
        experiment(all)
    };
    let half = crate::ir::BinaryOp::Divide;
    let found = error(&of(op(name("n"), half, number(4.0)), vec![]));
    assert_eq!(
        found.message,
        "a `repeat` counts from 0 to 20000, found 0.25"
    );
    let less = op(name("n"), crate::ir::BinaryOp::Subtract, number(2.0));
    assert!(error(&of(less, vec![])).message.ends_with("found -1"));
    let found = error(&of(times(name("n"), number(1e9)), vec![]));
    assert!(found.message.ends_with("found 1000000000"));
    let huge = vec![
        set("n", range(1, i64::MAX)),
        repeat(name("n"), "i", vec![]),
        head(),
    ];
    assert_eq!(error(&experiment(huge)).code, "bnas::space::count");
}

#[test]
fn nested_repeats_without_layers_end() {
    let mut body = vec![set("x", range(1, 2))];
    for index in ["a", "b", "c"] {
        body = vec![repeat(number(20_000.0), index, body)];
    }
    body.push(head());
    let start = Instant::now();
    let found = error(&experiment(body));
    assert_eq!(found.message, "the space unrolls to more than 20000 copies");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn blocks_that_double_end() {
    let mut inner = block(vec![], vec![]);
    for _ in 0..64 {
        inner = block(vec![], vec![copy(&inner, vec![]), copy(&inner, vec![])]);
    }
    let found = error(&experiment(vec![copy(&inner, vec![]), head()]));
    assert_eq!(found.code, "bnas::space::count");
}

#[test]
fn numbers_that_overflow_are_misfits() {
    let message = |op| error(&experiment(vec![layer("one", vec![op]), head()])).message;
    assert!(message(conv(1e30)).contains("whole number"));
    assert!(message(conv(f64::NAN)).contains("whole number"));
    assert!(message(conv(0.0)).contains("whole number"));
    assert!(message(with(conv(1.0), "padding", 1e30)).contains("padding"));
    assert!(message(with(conv(1.0), "padding", 1e9)).contains("more than a network can have"));
    assert!(message(with(conv(1.0), "kernel", 1e9)).contains("odd kernel"));
    assert!(message(with(conv(1.0), "kernel", 999_999_999.0)).contains("more than"));
    let wide = vec![layer("one", vec![conv(1e9), conv(1e9)]), head()];
    assert!(error(&experiment(wide)).message.contains("more than"));
    assert!(message(with(conv(1.0), "stride", 0.0)).contains("stride"));
    assert!(message(with(conv(4.0), "groups", 3.0)).contains("groups"));
    assert!(message(with(conv(4.0), "kernel", 2.0)).contains("odd kernel"));
    assert!(message(with(conv(4.0), "dilation", 0.0)).contains("dilation"));
    let apart = with(with(conv(4.0), "dilation", 40.0), "padding", 0.0);
    assert!(message(apart).contains("kernel 3 with dilation 40 spans 81 rows"));
}
