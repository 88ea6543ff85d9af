//! The number of MobileNetV2-like networks under a limit of size, against polynomials written by hand.

use num_bigint::BigUint;

use super::fixtures::{self, on_digits};
use crate::model::Template;
use crate::model::counting::{Count, Uniform};
use crate::stream::{Purpose, stream};

fn template(uses: &str, policy: &str, require: &str) -> Template {
    let declared = format!(
        "use std.quantizers.{{{uses}}}
use std.spaces.mobilenet_v2
policy some {{ {policy} }}"
    );
    let lines = format!(
        "space = mobilenet_v2 {{ width in {{0.25, 0.5, 1.0}} }}
  policy = some
  require {require}"
    );
    fixtures::template(&on_digits(&declared, &lines))
}

/// How many ways lead to each size up to a limit, in units of 8 bits, of which all sizes are multiples.
#[derive(Clone)]
struct Ways(Vec<u128>);

const LIMIT: u64 = 8 * 1024 * 8;

impl Ways {
    fn of(sizes: impl IntoIterator<Item = u64>) -> Ways {
        let mut ways = vec![0; (LIMIT / 8 + 1) as usize];
        for size in sizes.into_iter().filter(|s| *s <= LIMIT) {
            assert_eq!(size % 8, 0);
            ways[(size / 8) as usize] += 1;
        }
        Ways(ways)
    }

    fn and(&self, other: &Ways) -> Ways {
        let mut ways = Ways::of([]);
        for (x, n) in other.0.iter().enumerate().filter(|(_, n)| **n > 0) {
            for (y, m) in self.0[..self.0.len() - x].iter().enumerate() {
                ways.0[x + y] += n * m;
            }
        }
        ways
    }

    fn or(mut self, other: Ways) -> Ways {
        self.0.iter_mut().zip(other.0).for_each(|(n, m)| *n += m);
        self
    }
}

/// Weights at one of these bits, a bias and a scale of 32 bits for each output.
fn layer(weights: u64, outputs: u64, bits: &[u64]) -> Ways {
    Ways::of(bits.iter().map(|b| weights * b + 64 * outputs))
}

/// `_make_divisible` of the reference code, for 8.
fn channels(x: f64) -> u64 {
    let nearest = (((x + 4.0) / 8.0).floor() * 8.0).max(8.0);
    (if nearest < 0.9 * x {
        nearest + 8.0
    } else {
        nearest
    }) as u64
}

fn block(inputs: u64, outputs: u64, bits: &[u64]) -> Ways {
    let mut all = Ways::of([]);
    for expansion in [1, 2, 4, 6] {
        let wide = inputs * expansion;
        let mut ways = layer(9 * wide, wide, bits).or(layer(25 * wide, wide, bits));
        ways = ways.and(&layer(wide * outputs, outputs, bits));
        if expansion > 1 {
            ways = ways.and(&layer(inputs * wide, wide, bits));
        }
        all = all.or(ways);
    }
    all
}

/// The ends at 8 bits, all other layers at one of these bits.
fn networks(bits: &[u64]) -> BigUint {
    let mut total = 0;
    for width in [0.25, 0.5, 1.0] {
        let mut inputs = channels(32.0 * width);
        let mut ways = layer(9 * inputs, inputs, &[8]);
        for stage in 0..4 {
            let outputs = channels(16.0 * f64::from(1 << stage) * width);
            let one = ways.and(&block(inputs, outputs, bits));
            let two = one.and(&block(outputs, outputs, bits));
            let three = two.and(&block(outputs, outputs, bits));
            ways = one.or(two).or(three);
            inputs = outputs;
        }
        ways = ways.and(&layer(inputs * 10, 10, &[8]));
        total += ways.0.iter().sum::<u128>();
    }
    BigUint::from(total)
}

/// Counted exactly, and what is drawn keeps to the limit.
fn compare(uses: &str, policy: &str, require: &str, expected: BigUint) {
    let template = template(uses, policy, require);
    let (decisions, counted) = (template.decisions(), template.counted());
    assert_eq!(counted.count(decisions), Count::Exact(expected));
    let mut rng = stream(1, 0, Purpose::Search);
    for _ in 0..100 {
        let point = counted.draw(decisions, &mut Uniform(&mut rng)).unwrap();
        assert!(decisions.is_feasible(&point));
        assert!(template.known(&point).unwrap().0["model_size"] <= LIMIT as f64);
    }
}

#[test]
fn one_precision_for_each_layer() {
    compare(
        "binary, ternary, int8",
        "kinds = {binary, ternary, int8}
  each layer { q in kinds  weights = q  activations = q }
  first layer, last layer { weights = int8  activations = int8 }",
        "model_size <= 8 KiB",
        networks(&[1, 2, 8]),
    );
}

#[test]
fn more_points_than_128_bits_can_count() {
    // Activations have no part in the size: each of up to 36 layers has 7 of them.
    let counted = template(
        "int, int8",
        "each layer { weights = int { bits in {2, 4, 8} }  activations = int { bits in 2..8 } }
  first layer, last layer { weights = int8  activations = int8 }",
        "model_size <= 12 KiB",
    );
    let Count::Exact(n) = counted.counted().count(counted.decisions()) else {
        panic!("counted exactly");
    };
    assert!(n.bits() > 128, "{n}");
}

#[test]
fn eight_bits_for_every_layer() {
    compare(
        "int8",
        "each layer { weights = int8  activations = int8 }",
        "model_size <= 8 KiB",
        networks(&[8]),
    );
}
