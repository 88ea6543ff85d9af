use super::*;
use crate::model::hardware::fixtures::{add_node, braintta, conv, grid_int8, linear, quantized};
use crate::model::hardware::price;
use crate::model::network::{Op, Shape};
use crate::model::quantization::quantizer::Grid;

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-12 * expected.abs(),
        "{found} is not {expected}"
    );
}

fn memory(name: &str, holds: Holds, size: f64, read: Option<f64>, write: Option<f64>) -> Memory {
    Memory {
        name: name.into(),
        holds,
        size,
        read,
        write,
    }
}

const KIB: f64 = 8192.0;

/// The memories of the worked example of docs/hardware.md: 312.5 fJ/bit at 16 KiB, by the square root of the size.
fn worked() -> Target {
    let per_bit = |kib: f64| 312.5e-15 * (kib / 16.0).sqrt();
    Target {
        memories: vec![
            memory(
                "parameters",
                Holds::Weights,
                16.0 * KIB,
                Some(per_bit(16.0)),
                None,
            ),
            memory(
                "data",
                Holds::Activations,
                4.0 * KIB,
                Some(per_bit(4.0)),
                Some(per_bit(4.0)),
            ),
        ],
        ..braintta()
    }
}

/// A 3x3 convolution of 8x8 pixels from 24 to 40 channels, read by a layer of the same precision.
fn worked_network(grid: Grid) -> Network {
    let mut network = conv((8, 8, 24), 40, 3, 1, 1);
    let shape = Shape {
        height: 1,
        width: 1,
        channels: 10,
    };
    add_node(&mut network, Op::Linear, &[1], shape, None);
    quantized(network, grid)
}

#[test]
fn moved_bits_are_charged_as_the_docs_work_them_out() {
    let docs = std::fs::read_to_string("docs/hardware.md").unwrap();
    let rows = [
        (
            Grid::Binary,
            1.0,
            "| binary | 8 640 | 1 536 | 2 560 | 2.70 nJ | 0.24 nJ | 0.40 nJ | 3.34 nJ |",
        ),
        (
            Grid::Ternary,
            2.0,
            "| ternary | 17 280 | 3 072 | 5 120 | 5.40 nJ | 0.48 nJ | 0.80 nJ | 6.68 nJ |",
        ),
        (
            grid_int8(),
            8.0,
            "| int8 | 69 120 | 12 288 | 20 480 | 21.60 nJ | 1.92 nJ | 3.20 nJ | 26.72 nJ |",
        ),
    ];
    for (grid, bits, row) in rows {
        assert!(docs.contains(row), "docs/hardware.md has no row {row}");
        let network = worked_network(grid);
        let layer = price(&network, &worked()).unwrap().layers[0].clone();
        let moved = [8640.0, 1536.0, 2560.0].map(|n| n * bits);
        let found = [layer.weight_bits, layer.input_bits, layer.output_bits];
        assert_eq!(found.map(|n| n as f64), moved);
        let cell = |n: usize| {
            row.split('|')
                .nth(n)
                .unwrap()
                .trim()
                .trim_end_matches(" nJ")
        };
        let printed = |n: usize| cell(n).parse::<f64>().unwrap() * 1e-9;
        close(moved[0] * 312.5e-15, printed(5));
        close(moved[1] * 156.25e-15, printed(6));
        close(moved[2] * 156.25e-15, printed(7));
        close(layer.memory_energy.unwrap(), printed(8));
        // On top of what the operations take.
        let without = price(&network, &braintta()).unwrap().layers[0].clone();
        assert_eq!(without.memory_energy, None);
        close(layer.energy - without.energy, printed(8));
        assert_eq!(layer.latency, without.latency);
    }
}

#[test]
fn energies_of_layers_and_of_memories_are_the_same_sum() {
    let network = worked_network(Grid::Ternary);
    let cost = price(&network, &worked()).unwrap();
    let of_memories = cost.memories.iter().filter_map(|m| m.energy).sum();
    let of_layers: f64 = cost.layers.iter().filter_map(|l| l.memory_energy).sum();
    close(of_layers, of_memories);
    let without = price(&network, &braintta()).unwrap();
    close(cost.energy, without.energy + of_layers);
    // The linear layer has 2560 · 10 weights, and writes 10 values as wide as an accumulator.
    assert_eq!(cost.memories[0].read_bits, 2 * (8640 + 25_600));
    assert_eq!(cost.memories[0].written_bits, 0);
    assert_eq!(cost.memories[1].read_bits, 2 * (1536 + 2560));
    assert_eq!(cost.memories[1].written_bits, 2 * 2560 + 10 * 32);
}

#[test]
fn one_memory_for_all_costs_what_two_of_its_energies_do() {
    let network = worked_network(grid_int8());
    let of = |memories| {
        let target = Target {
            memories,
            ..braintta()
        };
        price(&network, &target).unwrap()
    };
    let (read, write) = (Some(1e-13), Some(3e-13));
    let one = of(vec![memory("all", Holds::All, 1e6, read, write)]);
    let two = of(vec![
        memory("w", Holds::Weights, 1e6, read, None),
        memory("a", Holds::Activations, 1e6, read, write),
    ]);
    close(one.energy, two.energy);
    assert_eq!(
        one.memories[0].held,
        two.memories[0].held + two.memories[1].held
    );
    assert_eq!(
        one.memories[0].held,
        stored_size(&network, &braintta()).unwrap() + peak_memory(&network)
    );
}

#[test]
fn a_memory_without_energies_changes_no_price() {
    let network = worked_network(Grid::Binary);
    let sized = Target {
        memories: vec![memory("all", Holds::All, 1.0, None, None)],
        ..braintta()
    };
    let (with, without) = (
        price(&network, &sized).unwrap(),
        price(&network, &braintta()).unwrap(),
    );
    assert_eq!(with.energy.to_bits(), without.energy.to_bits());
    assert_eq!(with.layers, without.layers);
    assert_eq!(with.memories[0].energy, None);
}

#[test]
fn what_is_not_stated_is_not_charged() {
    let network = worked_network(Grid::Binary);
    let of = |read, write| {
        let target = Target {
            memories: vec![memory("data", Holds::Activations, KIB, read, write)],
            ..braintta()
        };
        price(&network, &target).unwrap().memories[0].energy
    };
    let (read, written) = (1536.0 + 2560.0, 2560.0 + 320.0);
    close(of(Some(1e-13), None).unwrap(), read * 1e-13);
    close(of(None, Some(1e-13)).unwrap(), written * 1e-13);
    close(of(Some(0.0), Some(0.0)).unwrap() + 1.0, 1.0);
}

#[test]
fn a_network_fits_into_exactly_its_size() {
    let network = quantized(linear((1, 1, 64), 10), Grid::Binary);
    // 640 weights, 10 biases and 10 scales of 32 bits.
    for (size, fits) in [(1280.0, true), (1279.0, false)] {
        let target = Target {
            memories: vec![memory("w", Holds::Weights, size, None, None)],
            ..braintta()
        };
        let cost = price(&network, &target).unwrap();
        assert_eq!(cost.memories[0].held, 1280);
        assert_eq!(cost.memories[0].fits(), fits);
    }
}
