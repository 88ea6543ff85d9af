//! What the tests of kernels share: noise, comparisons, all instruction sets at once.

use super::Isa;

/// Numbers in `[-1, 1)`, the same for the same seed.
pub fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Runs `compute` on every instruction set of this machine, checks that all give the same bits, and returns them.
pub fn on_every_isa(compute: impl Fn(Isa) -> Vec<f32>) -> Vec<f32> {
    let mut sets = Isa::available().into_iter();
    let first = compute(sets.next().expect("there is always one"));
    for isa in sets {
        let other = compute(isa);
        assert_eq!(first.len(), other.len());
        for (i, (a, b)) in first.iter().zip(&other).enumerate() {
            let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            assert!(same, "element {i}: {a} and {b} on {}", isa.name());
        }
    }
    first
}

/// Panics unless all numbers agree to `tolerance` times the largest expected magnitude.
#[track_caller]
pub fn assert_close(actual: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().fold(1e-3, |a: f64, b| a.max(b.abs()));
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(*a) - e).abs() / scale;
        assert!(error <= tolerance, "element {i}: {a}, expected {e}");
    }
}

/// The numbers in double precision.
pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

/// Central differences of `f` at `x`.
pub fn numeric_gradient(x: &[f32], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-5;
    let mut x = wide(x);
    (0..x.len())
        .map(|i| {
            let at = x[i];
            x[i] = at + STEP;
            let above = f(&x);
            x[i] = at - STEP;
            let below = f(&x);
            x[i] = at;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}
