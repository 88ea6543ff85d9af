//! Rectifiers before few-bit activations, and repairs of binary networks.

use super::fixtures::*;
use crate::ir::{
    Edit, Experiment, Expr, LayerPath, Quantifier, Quantizer, Repair, RepairKind, Rule, Slot,
    Source, Stmt, Value, Which,
};
use crate::model::quantization::quantizer::ScaleRule;
use crate::model::{Activation, Network, Op};
use crate::source::Span;

fn repair(name: &str, edits: Vec<Edit>) -> Repair {
    Repair {
        name: name.into(),
        kind: RepairKind::Topology,
        edits,
        span: Span::default(),
    }
}

fn repaired(body: Vec<Stmt>, rules: Vec<Rule>, repairs: Vec<Repair>) -> Experiment {
    let surrogate = Quantizer {
        derived: Vec::new(),
        formulas: crate::ir::Formulas {
            gradient: Some(name("x")),
            ..Default::default()
        },
        ..few_bits("ede", crate::ir::Codes::Binary)
    };
    let mut experiment = experiment(body);
    experiment.quantizers.push(surrogate);
    experiment.policy = Some(policy(rules));
    experiment.repairs = Expr::Set(repairs.iter().map(|r| word(&r.name)).collect()).slot();
    experiment.repair_definitions = repairs;
    experiment
}

fn all(weights: &str, activations: &str) -> Rule {
    rule(
        Which::All,
        Some(word(weights).slot()),
        Some(word(activations).slot()),
    )
}

fn weights(which: Which, quantizer: &str) -> Rule {
    rule(which, Some(word(quantizer).slot()), None)
}

fn network(experiment: &Experiment) -> Network {
    candidate(&template(experiment), &[]).network
}

/// What each node does and reads: `add(3, 1)`.
fn graph(network: &Network) -> Vec<String> {
    let shown = |op: &Op| match op {
        Op::Input => "input".to_string(),
        Op::Convolution(_) => "conv".into(),
        Op::Linear => "linear".into(),
        Op::Norm => "norm".into(),
        Op::Activation(a) => format!("{a:?}").to_lowercase(),
        Op::Pool { .. } => "pool".into(),
        Op::Add => "add".into(),
        Op::Sum => "sum".into(),
        Op::Concat => "concat".into(),
        Op::PadShortcut { stride } => format!("pad/{stride}"),
        Op::Flatten => "flatten".into(),
        Op::Quantize => "quantize".into(),
    };
    let nodes = network.nodes.iter();
    nodes
        .map(|n| format!("{}{:?}", shown(&n.op), n.inputs))
        .collect()
}

/// Every node reads earlier ones, and shapes agree where they must.
fn check(network: &Network) {
    for (index, node) in network.nodes.iter().enumerate() {
        assert!(
            node.inputs.iter().all(|i| *i < index),
            "{:?}",
            graph(network)
        );
        if node.op == Op::Add {
            for input in &node.inputs {
                assert_eq!(
                    network.nodes[*input].shape,
                    node.shape,
                    "{:?}",
                    graph(network)
                );
            }
        }
    }
}

#[test]
fn rectifiers_before_few_bits_become_hardtanh() {
    let body = |chain: Vec<crate::ir::Operation>| {
        let mut stem = vec![conv(4.0)];
        stem.extend(chain);
        vec![layer("stem", stem), layer("next", vec![conv(4.0)]), head()]
    };
    let activation = |quantizer: &str, chain| {
        let found = network(&repaired(body(chain), vec![all("int8", quantizer)], vec![]));
        let op = found.nodes.iter().find_map(|n| match n.op {
            Op::Activation(a) => Some(a),
            _ => None,
        });
        op.unwrap()
    };
    let relu = || vec![plain("relu")];
    assert_eq!(activation("int8", relu()), Activation::Relu);
    assert_eq!(activation("binary", relu()), Activation::Hardtanh);
    assert_eq!(
        activation("ternary", vec![plain("relu6")]),
        Activation::Hardtanh
    );
    let pooled = vec![
        plain("relu"),
        pool("max", 2.0, 2.0),
        pool("average", 2.0, 1.0),
    ];
    assert_eq!(activation("binary", pooled), Activation::Hardtanh);
    // A norm between the two makes both signs again.
    let normed = vec![plain("relu"), plain("norm")];
    assert_eq!(activation("binary", normed), Activation::Relu);
}

#[test]
fn rectifiers_reach_few_bits_through_sums_without_a_sign() {
    let residual = |last: &str| {
        let inner = block(
            vec![],
            vec![layer("body", vec![conv(4.0), plain(last)]), add_input(None)],
        );
        let body = vec![
            layer("stem", vec![conv(4.0), plain("relu")]),
            copy(&inner, vec![]),
            layer("next", vec![conv(4.0)]),
            head(),
        ];
        let mut rules = vec![all("int8", "int8")];
        let next = crate::ir::PatternPart {
            name: "next".into(),
            index: None,
        };
        let named = Which::Named(crate::ir::Pattern(vec![next]));
        rules.push(rule(named, None, Some(word("binary").slot())));
        network(&repaired(body, rules, vec![]))
    };
    let both = residual("relu");
    assert_eq!(both.nodes[2].op, Op::Activation(Activation::Hardtanh));
    assert_eq!(both.nodes[4].op, Op::Activation(Activation::Hardtanh));
    // The block's convolution reads the same node: its integers have a sign now.
    let grid = |network: &Network, at: usize| {
        let placement = network.nodes[at].placement.clone().unwrap();
        placement.activations.unwrap().grid.to_string()
    };
    assert_eq!(grid(&both, 3), "int8");
    let signed = residual("norm");
    assert_eq!(signed.nodes[2].op, Op::Activation(Activation::Relu));
    assert_eq!(grid(&signed, 3), "uint8");
}

#[test]
fn few_bit_activations_have_scale_one() {
    let body = vec![layer("stem", vec![conv(4.0)]), head()];
    let found = network(&repaired(body, vec![all("binary", "binary")], vec![]));
    let placement = found.nodes[1].placement.clone().unwrap();
    assert_eq!(placement.activations.unwrap().scale, ScaleRule::One);
    assert_eq!(placement.weights.unwrap().scale, ScaleRule::MeanAbs);
}

#[test]
fn surrogates_are_replaced_for_binary_only() {
    let body = vec![
        layer("a", vec![conv(4.0)]),
        layer("b", vec![conv(4.0)]),
        head(),
    ];
    let rules = vec![
        all("binary", "binary"),
        rule(
            Which::First,
            Some(word("ternary").slot()),
            Some(word("int8").slot()),
        ),
    ];
    let edits = |edit: Edit| vec![repair("sharper", vec![edit])];
    let names = |edit: Edit| {
        let found = network(&repaired(body.clone(), rules.clone(), edits(edit)));
        let of = |at: usize| {
            let placement = found.nodes[at].placement.clone().unwrap();
            let (weights, activations) =
                (placement.weights.unwrap(), placement.activations.unwrap());
            assert_eq!(
                weights.name == "ede",
                weights.formulas.gradient == Some(name("x"))
            );
            (weights.name, activations.name)
        };
        [of(1), of(2)].map(|(w, a)| format!("{w}/{a}"))
    };
    assert_eq!(
        names(Edit::Features("ede".into())),
        ["ternary/int8", "binary/ede"]
    );
    assert_eq!(
        names(Edit::Weights("ede".into())),
        ["ternary/int8", "ede/binary"]
    );
}

/// Two residual blocks: the first keeps its shape, the second halves the sides and doubles the channels.
fn residuals() -> Vec<Stmt> {
    let plain_block = block(
        vec![],
        vec![
            layer("one", vec![conv(4.0), plain("norm"), plain("relu")]),
            layer("two", vec![conv(4.0), plain("norm")]),
            add_input(None),
        ],
    );
    vec![
        layer("stem", vec![conv(4.0)]),
        copy(&plain_block, vec![]),
        layer("down", vec![with(conv(8.0), "stride", 2.0), plain("norm")]),
        layer("narrow", vec![conv(6.0)]),
        head(),
    ]
}

#[test]
fn skips_are_removed_and_the_graph_stays_right() {
    let rules = || vec![all("int8", "int8")];
    let with_skip = network(&repaired(residuals(), rules(), vec![]));
    check(&with_skip);
    assert_eq!(graph(&with_skip)[7], "add[6, 1]");
    let skipless = repair("no_skip", vec![Edit::RemoveSkips]);
    let found = network(&repaired(residuals(), rules(), vec![skipless]));
    check(&found);
    let without: Vec<_> = graph(&found);
    assert!(without.iter().all(|n| !n.starts_with("add")), "{without:?}");
    assert_eq!(without[7..10], ["conv[6]", "norm[7]", "conv[8]"]);
    assert_eq!(found.nodes.len(), with_skip.nodes.len() - 1);
}

#[test]
fn shortcuts_go_around_binary_convolutions() {
    let rules = vec![
        all("binary", "binary"),
        weights(Which::First, "int8"),
        weights(Which::Last, "int8"),
    ];
    let double = repair(
        "double",
        vec![Edit::ShortcutAroundBinaryConvs, Edit::RemoveSkips],
    );
    let found = network(&repaired(residuals(), rules, vec![double]));
    check(&found);
    assert_eq!(
        graph(&found),
        [
            "input[]",
            "conv[0]",
            // one, behind its norm and before its rectifier
            "conv[1]",
            "norm[2]",
            "add[3, 1]",
            "hardtanh[4]",
            // two
            "conv[5]",
            "norm[6]",
            "add[7, 5]",
            // down: every second pixel, four zero channels
            "conv[8]",
            "norm[9]",
            "pad/2[8]",
            "add[10, 11]",
            // narrow: six channels from eight get none
            "conv[12]",
            "pool[13]",
            "linear[14]",
        ]
    );
    let shape = found.nodes[11].shape;
    assert_eq!((shape.height, shape.channels), (4, 8));
}

/// The order of two repairs does not decide which additions stay, and what both say is done once.
#[test]
fn repairs_commute() {
    let rules = || vec![all("binary", "binary")];
    let around = || repair("around", vec![Edit::ShortcutAroundBinaryConvs]);
    let skipless = || repair("skipless", vec![Edit::RemoveSkips]);
    let double = || {
        repair(
            "double",
            vec![Edit::RemoveSkips, Edit::ShortcutAroundBinaryConvs],
        )
    };
    let of = |repairs| graph(&network(&repaired(residuals(), rules(), repairs)));
    let expected = of(vec![double()]);
    assert_eq!(of(vec![around(), skipless()]), expected);
    assert_eq!(of(vec![skipless(), around()]), expected);
    assert_eq!(of(vec![double(), around()]), expected);
}

/// A sum that hides a rectifier until its skip is removed.
#[test]
fn rectifiers_are_replaced_on_the_repaired_graph() {
    let inner = block(
        vec![],
        vec![
            layer("body", vec![conv(4.0), plain("relu")]),
            add_input(None),
        ],
    );
    let body = vec![
        layer("stem", vec![conv(4.0), plain("norm")]),
        copy(&inner, vec![]),
        layer("next", vec![conv(4.0)]),
        head(),
    ];
    let rules = || vec![all("int8", "binary")];
    let found = network(&repaired(body.clone(), rules(), vec![]));
    assert_eq!(found.nodes[4].op, Op::Activation(Activation::Relu));
    let skipless = repair("skipless", vec![Edit::RemoveSkips]);
    let found = network(&repaired(body, rules(), vec![skipless]));
    assert_eq!(found.nodes[4].op, Op::Activation(Activation::Hardtanh));
}

#[test]
fn repairs_may_be_searched() {
    let set = |names: &[&str]| Expr::Set(names.iter().map(|n| word(n)).collect());
    let mut experiment = repaired(
        residuals(),
        vec![all("int8", "int8")],
        vec![repair("skipless", vec![Edit::RemoveSkips])],
    );
    experiment.repairs = among(vec![set(&[]), set(&["skipless"])]);
    let template = template(&experiment);
    assert_eq!(paths(&template), ["repairs"]);
    assert!(candidate(&template, &[]).repairs.is_empty());
    let chosen = [("repairs", Value::Set(vec![Value::name("skipless")]))];
    assert_eq!(candidate(&template, &chosen).repairs, ["skipless"]);

    experiment.repairs = Slot::Fixed(set(&["unheard_of"]));
    let broken = super::fixtures::template(&experiment);
    assert!(
        broken
            .candidate(&broken.decisions().default_point())
            .is_err()
    );
}

/// `every` and `each` are the same where nothing is chosen.
#[test]
fn fixed_rules_need_no_quantifier() {
    let every = Rule {
        quantifier: Quantifier::Every,
        ..all("binary", "binary")
    };
    let of = |rule| network(&repaired(residuals(), vec![rule], vec![]));
    assert_eq!(of(every), of(all("binary", "binary")));
}

#[test]
fn what_leaves_additions_and_the_network_is_quantized() {
    let from = |layer: &str| {
        Source::Layer(LayerPath {
            parts: vec![(layer.into(), None)],
            span: Span::default(),
        })
    };
    let body = vec![
        layer("stem", vec![conv(4.0), plain("norm"), plain("relu")]),
        layer("one", vec![conv(4.0), plain("norm")]),
        add(from("stem"), None, None),
        layer("act", vec![plain("relu")]),
        layer("two", vec![conv(4.0), plain("norm")]),
        add(from("act"), None, None),
        head(),
    ];
    let mut experiment = repaired(body, vec![all("int8", "int8")], vec![]);
    let memory = |e: &Experiment| crate::model::hardware::peak_memory(&network(e));
    let before = memory(&experiment);
    let mut policy = experiment.policy.take().unwrap();
    policy.output = Some(word("int8").slot());
    experiment.policy = Some(policy);
    let found = network(&experiment);
    check(&found);
    let grids: Vec<(usize, bool)> = (found.nodes.iter().enumerate())
        .filter(|(_, n)| n.op == Op::Quantize)
        .map(|(i, n)| {
            let quantizer = n.placement.as_ref().and_then(|p| p.activations.as_ref());
            let grid = quantizer.unwrap().grid;
            let is_signed = matches!(grid, crate::model::Grid::Integer { signed: true, .. });
            (i, is_signed)
        })
        .collect();
    // Behind the first sum's rectifier: unsigned. Behind the second sum and the logits: signed.
    let shown = graph(&found);
    assert_eq!(
        grids.iter().map(|g| g.1).collect::<Vec<_>>(),
        [false, true, true],
        "{shown:?}"
    );
    assert!(shown[grids[0].0 - 1].starts_with("relu"), "{shown:?}");
    assert!(shown[grids[1].0 - 1].starts_with("add"), "{shown:?}");
    assert_eq!(grids[2].0, found.nodes.len() - 1);
    assert!(memory(&experiment) < before);
}
