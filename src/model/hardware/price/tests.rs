use super::*;
use crate::model::hardware::fixtures::{
    add_node, braintta, conv, grid_int8, input, linear, quantized, quantizer,
};
use crate::model::network::{Activation, Convolution, Placement, PoolKind, Shape};

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs(),
        "{found} is not {expected}"
    );
}

#[test]
fn peak_energy_and_efficiency_are_the_published_ones() {
    // arXiv:2211.11331 (35, 67, 405 fJ/op) and ICCD 2023 (28.6, 14.9, 2.47 TOPS/W).
    for (grid, channels, femtojoule, tera, giga) in [
        (Grid::Binary, 32, 35.0, 28.571_428_571_428_57, 614.4),
        (Grid::Ternary, 16, 67.0, 14.925_373_134_328_36, 307.2),
        (grid_int8(), 4, 405.0, 2.469_135_802_469_136, 76.8),
    ] {
        let network = quantized(conv((8, 8, channels), 64, 3, 1, 1), grid);
        let cost = price(&network, &braintta()).unwrap();
        assert_eq!(cost.layers[0].utilization, 1.0);
        close(cost.energy / cost.ops, femtojoule * 1e-15);
        close(cost.ops / cost.energy, tera * 1e12);
        close(cost.ops / cost.latency, giga * 1e9);
    }
}

#[test]
fn idle_lanes_take_their_share() {
    // 8 of 32 lanes and all codes of the words: 9216 mac in 36 cycles of 1024 slots, a quarter of them useful.
    let network = quantized(conv((2, 2, 32), 8, 3, 1, 1), Grid::Binary);
    for (idle, factor) in [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0)] {
        let target = Target { idle, ..braintta() };
        let cost = price(&network, &target).unwrap();
        let macs = 4 * 9 * 32 * 8;
        assert_eq!(cost.macs, macs);
        assert_eq!(cost.layers[0].idle_ops, 3.0 * 2.0 * macs as f64);
        close(cost.energy, factor * 2.0 * macs as f64 * 35e-15);
        close(cost.latency, 36.0 / 300e6);
    }
}

#[test]
fn bits_move_as_the_target_stores_them() {
    // 4-bit weights and activations are held in 8 bits; what leaves the last layer is an accumulator.
    let int4 = Grid::Integer {
        bits: 4,
        signed: true,
    };
    let network = quantized(linear((1, 1, 20), 10), int4);
    let layer = &price(&network, &braintta()).unwrap().layers[0];
    assert_eq!(layer.runs_as, "int8");
    assert_eq!(layer.weight_bits, 20 * 10 * 8);
    assert_eq!(layer.input_bits, 20 * 8);
    assert_eq!(layer.output_bits, 10 * 32);
}

#[test]
fn shortcuts_are_charged_and_the_rest_is_counted() {
    // conv -> norm -> relu -> add(shortcut of the input) -> pool -> linear
    let shape = Shape {
        height: 4,
        width: 4,
        channels: 40,
    };
    let small = Shape {
        height: 1,
        width: 1,
        channels: 40,
    };
    let mut n = input((4, 4, 8));
    let placement = |grid| {
        Some(Placement {
            weights: Some(quantizer(grid)),
            activations: Some(quantizer(grid)),
        })
    };
    add_node(
        &mut n,
        Op::Convolution(Convolution {
            kernel: 3,
            stride: 1,
            padding: 1,
            dilation: 1,
            groups: 1,
        }),
        &[0],
        shape,
        placement(Grid::Binary),
    );
    add_node(&mut n, Op::Norm, &[1], shape, None);
    add_node(&mut n, Op::Activation(Activation::Relu), &[2], shape, None);
    add_node(&mut n, Op::PadShortcut { stride: 1 }, &[0], shape, None);
    add_node(&mut n, Op::Add, &[3, 4], shape, None);
    let pool = Op::Pool {
        kind: PoolKind::Average,
        kernel: (4, 4),
        stride: 4,
    };
    add_node(&mut n, pool, &[5], small, None);
    let classes = Shape {
        channels: 10,
        ..small
    };
    add_node(&mut n, Op::Linear, &[6], classes, placement(grid_int8()));

    let target = braintta();
    let cost = price(&n, &target).unwrap();
    let ops: Vec<_> = cost
        .elementwise
        .iter()
        .map(|e| (e.op.as_str(), e.elements, e.cycles))
        .collect();
    // 640 elements in 32 lanes: 20 cycles.
    assert_eq!(
        ops,
        [
            ("norm", 640, 0.0),
            ("activation", 640, 0.0),
            ("pad_shortcut", 640, 20.0),
            ("add", 640, 20.0),
            ("pool", 640, 0.0)
        ]
    );
    close(cost.elementwise[3].energy, 640.0 * 405e-15);
    let parts: f64 = cost.layers.iter().map(|l| l.energy).sum::<f64>()
        + cost.elementwise.iter().map(|e| e.energy).sum::<f64>();
    close(cost.energy, parts);
    // conv: 16 pixels · 2 · 1 · 9; linear: 1 · 10; shortcut and addition: 20 each
    assert_eq!(cost.cycles, 288.0 + 10.0 + 40.0);
    close(cost.latency, 338.0 / 300e6);
    // What the convolution gives is added to, so it is not stored as codes.
    assert_eq!(cost.layers[0].output_bits, 640 * 32);
}

#[test]
fn floats_cannot_run() {
    let mut network = quantized(conv((2, 2, 32), 8, 3, 1, 1), Grid::Binary);
    network.nodes[1].placement.as_mut().unwrap().activations = None;
    let error = price(&network, &braintta()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layer `n1` has float activations, and the target multiplies codes only"
    );
    network.nodes[1].placement = None;
    let error = price(&network, &braintta()).unwrap_err();
    assert_eq!(
        error,
        Unpriceable::Float {
            layer: "n1".into(),
            operand: Operand::Weights
        }
    );
}

#[test]
fn a_target_without_a_wide_precision_says_so() {
    let network = quantized(conv((2, 2, 32), 8, 3, 1, 1), grid_int8());
    let mut target = braintta();
    target.precisions.truncate(2);
    assert_eq!(
        price(&network, &target).unwrap_err().to_string(),
        "no precision of `braintta` contains int8 weights and int8 activations of layer `n1`"
    );
}

#[test]
fn the_worked_layer_of_the_docs() {
    // docs/hardware.md: a 3x3 convolution of 8x8 pixels from 24 to 40 channels.
    let docs = std::fs::read_to_string("docs/hardware.md").unwrap();
    for (name, grid, words, peak, femtojoule) in [
        ("binary", Grid::Binary, 1, 1024.0, 35.0),
        ("ternary", Grid::Ternary, 2, 512.0, 67.0),
        ("int8", grid_int8(), 6, 128.0, 405.0),
    ] {
        let network = quantized(conv((8, 8, 24), 40, 3, 1, 1), grid);
        let [busy, spared] = [1.0, 0.0].map(|idle| {
            let target = Target { idle, ..braintta() };
            price(&network, &target).unwrap()
        });
        assert_eq!(busy.macs, 552_960);
        let cycles = busy.layers[0].cycles;
        // 64 pixels, 9 taps, two rounds of 32 lanes, and so many words.
        assert_eq!(cycles, f64::from(64 * 9 * 2 * words));
        let row = format!(
            "| {name} | {words} | {cycles} | {} % | {:.2} nJ | {:.2} nJ | {:.2} µs |",
            busy.layers[0].utilization * 100.0,
            busy.energy * 1e9,
            spared.energy * 1e9,
            busy.latency * 1e6,
        );
        assert!(docs.contains(&row), "docs/hardware.md has no row {row}");
        close(busy.energy, 2.0 * cycles * peak * femtojoule * 1e-15);
        close(spared.energy, 2.0 * 552_960.0 * femtojoule * 1e-15);
        close(busy.latency, cycles / 300e6);
        assert_eq!(busy.latency, spared.latency);
    }
}
