//! Unrolling: paths, guards and what layers become.

use super::fixtures::*;
use crate::ir::{BinaryOp, Expr, Function, Value};
use crate::model::{Op, PoolKind};

#[test]
fn a_searched_depth_guards_its_copies() {
    let body = vec![
        repeat(
            number(2.0),
            "s",
            vec![
                set("depth", range(1, 3)),
                repeat(
                    name("depth"),
                    "d",
                    vec![
                        set("kernel", any_of(&[3.0, 5.0])),
                        layer("filter", vec![with(conv(4.0), "kernel", name("kernel"))]),
                    ],
                ),
            ],
        ),
        head(),
    ];
    let template = template(&experiment(body));
    let of_stage = |s| {
        let depth = format!("space.s[{s}].depth");
        let kernels = (0..3).map(move |d| format!("space.s[{s}].d[{d}].kernel"));
        std::iter::once(depth).chain(kernels)
    };
    assert_eq!(
        paths(&template),
        (0..2).flat_map(of_stage).collect::<Vec<_>>()
    );

    let first = candidate(&template, &[]);
    let layers: Vec<_> = first
        .network
        .nodes
        .iter()
        .map(|n| n.layer.as_str())
        .collect();
    assert_eq!(
        layers,
        [
            "input",
            "s[0].d[0].filter",
            "s[1].d[0].filter",
            "head",
            "head"
        ]
    );

    let deep = [
        ("space.s[1].depth", n(3.0)),
        ("space.s[1].d[2].kernel", n(5.0)),
    ];
    let values = point(&template, &deep).0;
    assert_eq!(values[1..4], [Some(n(3.0)), None, None]);
    assert_eq!(
        values[4..8],
        [Some(n(3.0)), Some(n(3.0)), Some(n(3.0)), Some(n(5.0))]
    );
    let network = candidate(&template, &deep).network;
    assert_eq!(network.nodes.len(), 1 + 1 + 3 + 2);
    let Op::Convolution(last) = &network.nodes[4].op else {
        panic!("{:?}", network.nodes[4]);
    };
    assert_eq!((last.kernel, last.padding), (5, 2));
    // 2 stages with (2 + 4 + 8) members each.
    assert_eq!(all_points(template.decisions()).len(), 14 * 14);
}

/// MobileNetV2's block on 8x8x1 images, against shapes counted by hand.
#[test]
fn blocks_see_their_own_input() {
    let residual = block(
        vec![
            ("channels", None),
            ("expansion", Some(6.0.slot())),
            ("stride", Some(1.0.slot())),
        ],
        vec![
            layer_when(
                "expand",
                vec![
                    with(
                        conv(times(name("input.channels"), name("expansion"))),
                        "kernel",
                        1.0,
                    ),
                    plain("norm"),
                    plain("relu6"),
                ],
                above(name("expansion"), 1.0),
            ),
            layer(
                "filter",
                vec![with(depthwise(), "stride", name("stride")), plain("norm")],
            ),
            layer(
                "project",
                vec![with(conv(name("channels")), "kernel", 1.0), plain("norm")],
            ),
            add_input(Some(op(
                equal(name("stride"), number(1.0)),
                BinaryOp::And,
                equal(name("input.channels"), name("channels")),
            ))),
        ],
    );
    let stride = iff(equal(name("d"), number(0.0)), number(2.0), number(1.0));
    let body = vec![
        layer("stem", vec![conv(4.0)]),
        repeat(
            number(2.0),
            "d",
            vec![
                set("expansion", any_of(&[1.0, 2.0])),
                copy(
                    &residual,
                    vec![
                        ("channels", 6.0.slot()),
                        ("expansion", name("expansion").slot()),
                        ("stride", stride.slot()),
                    ],
                ),
            ],
        ),
        head(),
    ];
    let template = template(&experiment(body));
    let wide = candidate(&template, &[("space.d[1].expansion", n(2.0))]);
    assert_eq!(
        shapes(&wide),
        [
            "input 8x8x1",
            "stem 8x8x4",
            "d[0].filter 4x4x4",
            "d[0].filter 4x4x4",
            "d[0].project 4x4x6",
            "d[0].project 4x4x6",
            "d[1].expand 4x4x12",
            "d[1].expand 4x4x12",
            "d[1].expand 4x4x12",
            "d[1].filter 4x4x12",
            "d[1].filter 4x4x12",
            "d[1].project 4x4x6",
            "d[1].project 4x4x6",
            "d[1] 4x4x6",
            "head 1x1x6",
            "head 1x1x10",
        ]
    );
    // The second copy's input is what the first one gives.
    assert_eq!(wide.network.nodes[13].op, Op::Add);
    assert_eq!(wide.network.nodes[13].inputs, [12, 5]);
    // Without the expansion the input is still the first copy's result.
    let narrow = candidate(&template, &[]);
    assert_eq!(narrow.network.nodes[10].inputs, [9, 5]);
}

#[test]
fn defaults_of_parameters_see_the_input_of_their_block() {
    let doubling = block(
        vec![(
            "channels",
            Some(times(name("input.channels"), number(2.0)).slot()),
        )],
        vec![layer("wide", vec![conv(name("channels"))])],
    );
    let body = vec![
        layer("stem", vec![conv(3.0)]),
        copy(&doubling, vec![]),
        head(),
    ];
    let found = candidate(&template(&experiment(body)), &[]);
    assert_eq!(shapes(&found)[2], "wide 8x8x6");
}

#[test]
fn optional_layers_change_what_follows() {
    let body = vec![
        set("use", words(&["yes", "no"])),
        layer_when(
            "shrink",
            vec![with(conv(6.0), "stride", 2.0)],
            equal(name("use"), word("yes")),
        ),
        layer("flat", vec![plain("flatten")]),
        layer("head", vec![linear(name("classes"))]),
    ];
    let template = template(&experiment(body));
    let with_layer = candidate(&template, &[]);
    assert_eq!(shapes(&with_layer)[2], "flat 1x1x96");
    let without = candidate(&template, &[("space.use", Value::name("no"))]);
    assert_eq!(shapes(&without)[1], "flat 1x1x64");
    // 9 * 6 weights and 6 biases, then 96 * 10 + 10, or 64 * 10 + 10.
    assert_eq!(with_layer.network.params(), 54 + 6 + 970);
    assert_eq!(without.network.params(), 650);
    assert_eq!(with_layer.network.total_macs(), 54 * 16 + 960);
}

/// Odd kernels, strides, numeric and searched padding on a 7-pixel side, counted by hand.
#[test]
fn windows_have_the_shapes_of_the_textbook() {
    let side = |op: crate::ir::Operation, choices: &[(&str, Value)]| {
        let mut experiment = experiment(vec![layer("one", vec![op]), head()]);
        experiment.data.as_mut().unwrap().shape = [7, 7, 1];
        let template = template(&experiment);
        candidate(&template, choices).network.nodes[1].shape.height
    };
    let strided =
        |stride: f64, padding: Expr| with(with(conv(2.0), "stride", stride), "padding", padding);
    assert_eq!(side(strided(1.0, word("same")), &[]), 7);
    assert_eq!(side(strided(2.0, word("same")), &[]), 4);
    assert_eq!(side(strided(3.0, word("same")), &[]), 3);
    assert_eq!(side(strided(1.0, number(0.0)), &[]), 5);
    assert_eq!(side(strided(2.0, number(0.0)), &[]), 3);
    assert_eq!(side(strided(2.0, number(2.0)), &[]), 5);
    assert_eq!(side(pool("max", 2.0, 2.0), &[]), 3);
    let either = among(vec![word("same"), number(0.0)]);
    let padded = || with(conv(2.0), "padding", either.clone());
    assert_eq!(side(padded(), &[]), 7);
    assert_eq!(side(padded(), &[("space.one.padding", n(0.0))]), 5);
    // Kernel 3 with dilation d spans 2 d + 1 rows.
    let apart = |d: Expr, padding: Expr| with(with(conv(2.0), "dilation", d), "padding", padding);
    assert_eq!(side(apart(number(2.0), word("same")), &[]), 7);
    assert_eq!(side(apart(number(2.0), number(0.0)), &[]), 3);
    assert_eq!(side(apart(number(3.0), number(0.0)), &[]), 1);
    assert_eq!(
        side(with(apart(number(2.0), word("same")), "stride", 2.0), &[]),
        4
    );
    let either = among(vec![number(1.0), number(2.0)]);
    let searched = || {
        with(
            with(conv(2.0), "dilation", either.clone()),
            "padding",
            number(0.0),
        )
    };
    assert_eq!(side(searched(), &[]), 5);
    assert_eq!(side(searched(), &[("space.one.dilation", n(2.0))]), 3);
    let kernel = among(vec![word("global"), number(3.0)]);
    let pooled = || pool("average", kernel.clone(), 2.0);
    assert_eq!(side(pooled(), &[]), 1);
    assert_eq!(side(pooled(), &[("space.one.kernel", n(3.0))]), 3);
}

#[test]
fn pooling_kinds_are_categories() {
    let kind = with(pool("max", 2.0, 2.0), "kind", words(&["max", "average"]));
    let template = template(&experiment(vec![layer("down", vec![kind]), head()]));
    let of = |choice: &str| {
        let chosen = candidate(&template, &[("space.down.kind", Value::name(choice))]);
        chosen.network.nodes[1].op.clone()
    };
    let expected = |kind| Op::Pool {
        kind,
        kernel: (2, 2),
        stride: 2,
    };
    assert_eq!(of("max"), expected(PoolKind::Max));
    assert_eq!(of("average"), expected(PoolKind::Average));
}

#[test]
fn widths_are_rounded_as_in_mobile_nets() {
    let channels = call(
        Function::MultipleOf,
        vec![number(8.0), times(number(32.0), name("width"))],
    );
    let body = vec![
        set("width", any_of(&[0.25, 0.35, 0.5, 1.4])),
        layer("stem", vec![conv(channels)]),
        head(),
    ];
    let template = template(&experiment(body));
    for (width, channels) in [(0.25, 8), (0.35, 16), (0.5, 16), (1.4, 48)] {
        let found = candidate(&template, &[("space.width", n(width))]);
        assert_eq!(found.network.nodes[1].shape.channels, channels, "{width}");
    }
}

#[test]
fn layers_with_one_path_are_reported() {
    let body = vec![
        layer("a", vec![conv(2.0)]),
        layer("a", vec![conv(2.0)]),
        head(),
    ];
    assert_eq!(error(&experiment(body)).code, "bnas::name::duplicate");
}
