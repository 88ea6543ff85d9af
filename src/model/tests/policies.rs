//! Which quantizer each operand gets, and which decisions a policy takes.

use super::fixtures::*;
use crate::ir::{
    DomainKind, Experiment, Expr, LayerKind, Pattern, PatternPart, Quantifier, Rule, Slot, Stmt,
    Value, Which,
};
use crate::model::Grid;
use crate::model::quantization::quantizer::ScaleRule;

/// Stem, two copies of depthwise and pointwise layers, head.
fn body() -> Vec<Stmt> {
    vec![
        layer("stem", vec![conv(4.0), plain("relu")]),
        repeat(
            number(2.0),
            "d",
            vec![
                layer("filter", vec![depthwise(), plain("relu")]),
                layer(
                    "project",
                    vec![with(conv(8.0), "kernel", 1.0), plain("norm")],
                ),
            ],
        ),
        head(),
    ]
}

fn under(rules: Vec<Rule>) -> Experiment {
    Experiment {
        policy: Some(policy(rules)),
        ..experiment(body())
    }
}

fn both(quantizer: &str) -> (Option<Slot>, Option<Slot>) {
    (Some(word(quantizer).slot()), Some(word(quantizer).slot()))
}

fn all(quantizer: &str) -> Rule {
    let (weights, activations) = both(quantizer);
    rule(Which::All, weights, activations)
}

/// `q in kinds  weights = q  activations = q`.
fn tied(which: Which, kinds: &[&str]) -> Rule {
    Rule {
        lets: vec![binding("q", words(kinds))],
        ..rule(which, Some(name("q").slot()), Some(name("q").slot()))
    }
}

#[test]
fn the_last_rule_wins_field_by_field() {
    let rules = vec![
        all("int8"),
        rule(Which::First, Some(word("binary").slot()), None),
        rule(Which::Last, None, Some(word("ternary").slot())),
    ];
    let found = candidate(&template(&under(rules)), &[]);
    let expected = [
        "binary/uint8",
        "int8/uint8",
        "int8/uint8",
        "int8/int8",
        "int8/uint8",
        "int8/ternary",
    ];
    assert_eq!(placements(&found), expected);
}

#[test]
fn a_layer_of_which_no_rule_speaks_stays_float() {
    let rules = vec![rule(Which::First, Some(word("int8").slot()), None)];
    let found = candidate(&template(&under(rules)), &[]);
    assert_eq!(
        placements(&found),
        ["int8/-", "-/-", "-/-", "-/-", "-/-", "-/-"]
    );
    let found = candidate(&template(&experiment(body())), &[]);
    assert!(found.network.nodes.iter().all(|n| n.placement.is_none()));
}

#[test]
fn a_decision_exists_only_where_its_rule_wins() {
    let kinds = ["binary", "int8"];
    let rules = vec![tied(Which::All, &kinds), {
        let (weights, activations) = both("int8");
        Rule {
            selectors: vec![selector(Which::First), selector(Which::Last)],
            ..rule(Which::All, weights, activations)
        }
    }];
    let template = template(&under(rules));
    assert_eq!(
        paths(&template),
        [
            "policy.d[0].filter.q",
            "policy.d[0].project.q",
            "policy.d[1].filter.q",
            "policy.d[1].project.q"
        ]
    );
    let found = candidate(&template, &[("policy.d[1].filter.q", Value::name("int8"))]);
    assert_eq!(placements(&found)[3], "int8/int8");
    assert_eq!(placements(&found)[2], "binary/binary");
}

#[test]
fn a_name_exists_only_where_a_field_that_needs_it_wins() {
    let uses_q = Rule {
        lets: vec![
            binding("kinds", Expr::Set(vec![word("binary"), word("int8")])),
            binding("q", domain(DomainKind::Of(name("kinds")))),
        ],
        ..rule(
            Which::All,
            Some(name("q").slot()),
            Some(word("int8").slot()),
        )
    };
    let rules = vec![uses_q, rule(Which::All, Some(word("ternary").slot()), None)];
    let template = template(&under(rules));
    assert!(paths(&template).is_empty(), "{:?}", paths(&template));
    assert_eq!(placements(&candidate(&template, &[]))[0], "ternary/uint8");
}

#[test]
fn every_decides_once_each_decides_per_layer() {
    let bits = || record("int", vec![("bits", any_of(&[2.0, 4.0]))]).slot();
    let depthwise = |quantifier| {
        let mut one = rule(Which::All, Some(bits()), None);
        one.selectors[0].kind = Some(LayerKind::Depthwise);
        Rule { quantifier, ..one }
    };
    let each = template(&under(vec![all("int8"), depthwise(Quantifier::Each)]));
    let found = [
        "policy.d[0].filter.weights.bits",
        "policy.d[1].filter.weights.bits",
    ];
    assert_eq!(paths(&each), found);
    let every = template(&under(vec![all("int8"), depthwise(Quantifier::Every)]));
    assert_eq!(paths(&every), ["policy.every[1].weights.bits"]);
    let found = candidate(&every, &[("policy.every[1].weights.bits", n(4.0))]);
    let of_weights: Vec<_> = placements(&found)
        .iter()
        .map(|p| p.split('/').next().unwrap().to_string())
        .collect();
    assert_eq!(of_weights, ["int8", "int4", "int8", "int4", "int8", "int8"]);
}

#[test]
fn an_every_rule_that_loses_everywhere_decides_nothing() {
    let every = Rule {
        quantifier: Quantifier::Every,
        ..tied(Which::All, &["binary", "int8"])
    };
    let template = template(&under(vec![every, all("ternary")]));
    assert!(paths(&template).is_empty());
    assert_eq!(placements(&candidate(&template, &[]))[2], "ternary/ternary");
}

#[test]
fn names_match_with_stars() {
    let part = |name: &str, index| PatternPart {
        name: name.into(),
        index,
    };
    let named = |index| Which::Named(Pattern(vec![part("d", Some(index)), part("project", None)]));
    let weights = |which| rule(which, Some(word("binary").slot()), None);
    let of = |which| {
        let found = candidate(&template(&under(vec![weights(which)])), &[]);
        let binary = placements(&found).into_iter().enumerate();
        let binary = binary.filter(|(_, p)| p.starts_with("binary"));
        binary.map(|(i, _)| i).collect::<Vec<_>>()
    };
    assert_eq!(of(named(None)), [2, 4]);
    assert_eq!(of(named(Some(1))), [4]);
    let stem = Which::Named(Pattern(vec![part("stem", None)]));
    assert_eq!(of(stem), [0]);
    // `d.project` has no index where the layer has one; nothing is like `tail`.
    let layers = "the layers with weights are `stem`, `d[0].filter`, `d[0].project`, `d[1].filter`, `d[1].project`, `head`";
    let bare = vec![part("d", None), part("project", None)];
    for (wrong, help) in [
        (bare, "did you mean `d[*].project`?"),
        (vec![part("tail", None)], layers),
    ] {
        let found = error(&under(vec![
            all("int8"),
            weights(Which::Named(Pattern(wrong))),
        ]));
        assert_eq!(found.code, "bnas::policy::matches_nothing");
        assert_eq!(found.help.as_deref(), Some(help));
    }
}

#[test]
fn kinds_restrict_first_and_last() {
    let mut first = rule(Which::First, Some(word("binary").slot()), None);
    first.selectors[0].kind = Some(LayerKind::Depthwise);
    let mut last = rule(Which::Last, Some(word("ternary").slot()), None);
    last.selectors[0].kind = Some(LayerKind::Conv);
    let found = candidate(&template(&under(vec![first, last])), &[]);
    let found = placements(&found);
    assert_eq!(found, ["-/-", "binary/-", "-/-", "-/-", "ternary/-", "-/-"]);
}

#[test]
fn first_and_last_follow_optional_layers() {
    let body = vec![
        set("ends", words(&["yes", "no"])),
        layer_when("before", vec![conv(2.0)], equal(name("ends"), word("yes"))),
        layer("middle", vec![conv(2.0)]),
        layer_when("after", vec![conv(2.0)], equal(name("ends"), word("yes"))),
        layer("head", vec![plain("flatten"), linear(name("classes"))]),
    ];
    let mut last = rule(Which::Last, Some(word("ternary").slot()), None);
    last.selectors[0].kind = Some(LayerKind::Conv);
    let rules = vec![
        tied(Which::All, &["int8", "binary"]),
        rule(Which::First, both("int8").0, both("int8").1),
        last,
    ];
    let experiment = Experiment {
        policy: Some(policy(rules)),
        ..experiment(body)
    };
    let template = template(&experiment);
    let present = [("space.ends", Value::name("yes"))];
    let absent = [("space.ends", Value::name("no"))];
    let of_weights = |choices: &[(&str, Value)]| {
        let found = placements(&candidate(&template, choices));
        let weights = found
            .iter()
            .map(|p| p.split('/').next().unwrap().to_string());
        weights.collect::<Vec<_>>()
    };
    assert_eq!(of_weights(&present), ["int8", "int8", "ternary", "int8"]);
    assert_eq!(of_weights(&absent), ["ternary", "int8"]);
    // `before` is always the first where it is there; `middle` decides only behind it.
    let active = |choices: &[(&str, Value)]| {
        let point = point(&template, choices);
        let named = template.decisions().named(&point);
        named.map(|(path, _)| path.to_string()).collect::<Vec<_>>()
    };
    let with_ends = [
        "space.ends",
        "policy.middle.q",
        "policy.after.q",
        "policy.head.q",
    ];
    assert_eq!(active(&present), with_ends);
    assert_eq!(active(&absent), ["space.ends", "policy.head.q"]);
}

#[test]
fn where_speaks_of_properties() {
    let of = |filter: Expr| {
        let mut one = rule(Which::All, Some(word("binary").slot()), None);
        one.selectors[0].filter = Some(filter);
        let found = candidate(&template(&under(vec![all("int8"), one])), &[]);
        let binary = placements(&found).into_iter().enumerate();
        let binary = binary.filter(|(_, p)| p.starts_with("binary"));
        binary.map(|(i, _)| i).collect::<Vec<_>>()
    };
    assert_eq!(of(at_most(name("channels"), 4.0)), [0, 1]);
    assert_eq!(of(at_most(name("input.channels"), 1.0)), [0]);
    assert_eq!(of(equal(name("kernel"), number(3.0))), [0, 1, 3]);
    assert_eq!(of(equal(name("groups"), number(8.0))), [3]);
    // stem 9·4 + 4, filter 9·4 + 4, project 4·8 + 8, filter 9·8 + 8, project 8·8 + 8, head 8·10 + 10.
    assert_eq!(of(above(name("params"), 72.0)), [3, 5]);
    // The same without biases, at 64 pixels and at one.
    assert_eq!(of(above(name("macs"), 4095.0)), [3, 4]);
}

/// Two rules speak of one layer, each under its own condition: both decide, never together.
#[test]
fn rules_that_exclude_each_other_decide_apart() {
    let bits = |set: &[f64]| Some(record("int", vec![("bits", any_of(set))]).slot());
    let mut narrow = rule(Which::All, bits(&[6.0, 8.0]), None);
    narrow.selectors[0].filter = Some(at_most(name("channels"), 8.0));
    let body = vec![
        set("width", any_of(&[8.0, 16.0])),
        layer("stem", vec![conv(name("width"))]),
        head(),
    ];
    let wide = rule(Which::All, bits(&[2.0, 4.0]), None);
    let head_only = Rule {
        selectors: vec![selector(Which::Last)],
        ..rule(Which::All, Some(word("int8").slot()), None)
    };
    let experiment = Experiment {
        policy: Some(policy(vec![wide, narrow, head_only])),
        ..experiment(body)
    };
    let template = template(&experiment);
    let stem = [
        "policy.stem.weights.bits",
        "policy.stem.rule[1].weights.bits",
    ];
    assert_eq!(paths(&template), ["space.width", stem[0], stem[1]]);
    let eight = point(&template, &[]);
    assert_eq!(eight.0, [Some(n(8.0)), None, Some(n(6.0))]);
    let sixteen = [("space.width", n(16.0)), (stem[0], n(4.0))];
    assert_eq!(placements(&candidate(&template, &sixteen))[0], "int4/-");
    assert_eq!(all_points(template.decisions()).len(), 4);
}

#[test]
fn rules_that_can_match_nothing_are_reported() {
    let mut never = rule(Which::All, Some(word("binary").slot()), None);
    never.selectors[0].filter = Some(above(name("channels"), 100.0));
    let body = vec![
        set("width", any_of(&[8.0, 16.0])),
        layer("stem", vec![conv(name("width"))]),
        head(),
    ];
    let experiment = Experiment {
        policy: Some(policy(vec![all("int8"), never])),
        ..experiment(body)
    };
    assert_eq!(error(&experiment).code, "bnas::policy::matches_nothing");
}

/// A set of quantizers of which one leaves its bits open.
#[test]
fn open_bits_are_a_decision_where_the_quantizer_is_chosen() {
    let template = template(&under(vec![tied(Which::First, &["binary", "int"])]));
    assert_eq!(
        paths(&template),
        ["policy.stem.q", "policy.stem.q.int.bits"]
    );
    let first = point(&template, &[]);
    assert_eq!(first.0, [Some(Value::name("binary")), None]);
    let four = [
        ("policy.stem.q", Value::name("int")),
        ("policy.stem.q.int.bits", n(4.0)),
    ];
    assert_eq!(placements(&candidate(&template, &four))[0], "int4/uint4");
    assert_eq!(all_points(template.decisions()).len(), 1 + 7);
}

#[test]
fn a_fixed_quantizer_with_open_bits_decides_per_operand() {
    let (weights, activations) = both("int");
    let template = template(&under(vec![rule(Which::First, weights, activations)]));
    let found = ["policy.stem.weights.bits", "policy.stem.activations.bits"];
    assert_eq!(paths(&template), found);
    assert_eq!(template.decisions().all[0].default, n(8.0));
    let found = candidate(&template, &[(found[0], n(3.0))]);
    assert_eq!(placements(&found)[0], "int3/uint8");
}

#[test]
fn an_open_scale_is_a_decision() {
    let mut experiment = under(vec![rule(Which::First, both("int8").0, None)]);
    experiment.quantizers[2].scale = words(&["mse", "max_abs"]);
    let template = template(&experiment);
    assert_eq!(paths(&template), ["policy.stem.weights.scale"]);
    let scale = |choice: &str| {
        let chosen = [("policy.stem.weights.scale", Value::name(choice))];
        let network = candidate(&template, &chosen).network;
        network.nodes[1]
            .placement
            .clone()
            .unwrap()
            .weights
            .unwrap()
            .scale
    };
    assert_eq!(scale("mse"), ScaleRule::MeanSquaredError);
    assert_eq!(scale("max_abs"), ScaleRule::MaxAbs);
}

/// Two amendments of one quantizer are numbered as choices; the network still has the quantizer's own name.
#[test]
fn a_chosen_record_keeps_its_name() {
    let int = |bits: f64| record("int", vec![("bits", bits.slot())]);
    let narrow = rule(Which::First, Some(among(vec![int(2.0), int(4.0)])), None);
    let template = template(&under(vec![narrow]));
    assert_eq!(paths(&template), ["policy.stem.weights"]);
    let chosen = [("policy.stem.weights", Value::name("int_2"))];
    let network = candidate(&template, &chosen).network;
    let weights = network.nodes[1].placement.clone().unwrap().weights.unwrap();
    assert_eq!(weights.name, "int");
    assert_eq!(weights.grid.bits(), 4);
}

#[test]
fn activation_grids_have_a_sign_where_their_producer_has() {
    let of = |quantizer: Expr| {
        let one = rule(Which::All, None, Some(quantizer.slot()));
        placements(&candidate(&template(&under(vec![one])), &[]))
    };
    // The samples and what follows a rectifier are not negative; what follows a norm may be.
    let auto = [
        "-/uint8", "-/uint8", "-/uint8", "-/int8", "-/uint8", "-/int8",
    ];
    assert_eq!(of(word("int8")), auto);
    let fixed = |signed| record("int8", vec![("signed", Expr::bool(signed).slot())]);
    assert_eq!(of(fixed(true)), ["-/int8"; 6]);
    assert_eq!(of(fixed(false)), ["-/uint8"; 6]);
    let mut declared = under(vec![all("int8")]);
    declared.quantizers[2].signed = Expr::bool(true).slot();
    assert_eq!(
        placements(&candidate(&template(&declared), &[])),
        ["int8/int8"; 6]
    );
    let weights = |signed| {
        let one = rule(Which::First, Some(fixed(signed).slot()), None);
        let network = candidate(&template(&under(vec![one])), &[]).network;
        network.nodes[1]
            .placement
            .clone()
            .unwrap()
            .weights
            .unwrap()
            .grid
    };
    let grid = |signed| Grid::Integer { bits: 8, signed };
    assert_eq!((weights(true), weights(false)), (grid(true), grid(false)));
}
