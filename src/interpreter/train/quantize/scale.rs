//! Scales: the value that one code step stands for.
//!
//! In: values, the codes and a rule. Out: a positive scale. Slices are weights of one channel, weights of a tensor, or a sample of
//! the activations that reach a layer; this file can't tell which.

use crate::kernels::{Isa, quantize};
use crate::model::{Grid, ScaleRule};

/// Candidates of [`ScaleRule::MeanSquaredError`]: multiples of 1/50 of the scale that clips nothing.
pub const CANDIDATES: usize = 50;

/// The scale of each member of the last axis of `values` under `rule`; `channels` is 1 for one scale of all. 1 where the rule
/// finds 0, so that codes are always defined; NaN stays NaN.
pub fn find(rule: ScaleRule, grid: Grid, values: &[f32], channels: usize) -> Vec<f32> {
    let isa = Isa::current();
    let (_, largest) = grid.range();
    let largest = largest as f32;
    let mean = || quantize::mean_abs(isa, values, channels);
    let scales = match (rule, grid) {
        (ScaleRule::One, _) => vec![1.0; channels],
        (ScaleRule::MaxAbs | ScaleRule::LearnedClip, _) => {
            divided(quantize::abs_max(isa, values, channels), largest)
        }
        // The mean of |x| is also where the squared error of binary codes is least (XNOR-Net, Eq. (6)).
        (ScaleRule::MeanAbs | ScaleRule::MeanSquaredError, Grid::Binary) => mean(),
        (ScaleRule::Learned, Grid::Binary) => mean(),
        // The mean of |x| above the threshold (TWN, Eq. (5)).
        (ScaleRule::MeanAbs, Grid::Ternary) => {
            quantize::mean_abs_above(isa, values, &ternary_thresholds(values, channels))
        }
        // The start value of learned steps: 2 mean |x| / sqrt(largest code) (arXiv:1902.08153, section 2.1).
        (ScaleRule::Learned, _) | (ScaleRule::MeanAbs, Grid::Integer { .. }) => {
            mean().iter().map(|m| 2.0 * m / largest.sqrt()).collect()
        }
        (ScaleRule::Percentile(share), _) => {
            let found = each(values, channels, |column| percentile(column, share));
            divided(found, largest)
        }
        (ScaleRule::MeanSquaredError, _) => {
            each(values, channels, |column| least_error(grid, column))
        }
    };
    // Divided by a smaller number, values could overflow.
    let positive = |scale: f32| {
        if scale < f32::MIN_POSITIVE {
            1.0
        } else {
            scale
        }
    };
    scales.into_iter().map(positive).collect()
}

/// Below these magnitudes ternary weights are 0: 0.7 mean |x| (TWN, arXiv:1605.04711, Eq. (6)).
pub fn ternary_thresholds(values: &[f32], channels: usize) -> Vec<f32> {
    let means = quantize::mean_abs(Isa::current(), values, channels);
    means.iter().map(|mean| 0.7 * mean).collect()
}

fn divided(mut numbers: Vec<f32>, by: f32) -> Vec<f32> {
    numbers.iter_mut().for_each(|n| *n /= by);
    numbers
}

/// What `rule` says of each channel by itself.
fn each(values: &[f32], channels: usize, rule: impl Fn(&[f32]) -> f32) -> Vec<f32> {
    if channels == 1 {
        return vec![rule(values)];
    }
    let column = |channel| {
        values
            .iter()
            .skip(channel)
            .step_by(channels)
            .copied()
            .collect()
    };
    let columns = (0..channels).map(column);
    columns.map(|column: Vec<f32>| rule(&column)).collect()
}

/// The smallest |x| that `share` of all values don't exceed.
fn percentile(values: &[f32], share: f64) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let mut sizes: Vec<f32> = values.iter().map(|x| x.abs()).collect();
    let rank = (share * sizes.len() as f64).ceil().max(1.0) as usize;
    let rank = rank.min(sizes.len()) - 1;
    *sizes.select_nth_unstable_by(rank, f32::total_cmp).1
}

/// The candidate with the least squared error; the larger one of two equals.
fn least_error(grid: Grid, values: &[f32]) -> f32 {
    let whole = quantize::abs_max(Isa::current(), values, 1)[0] / grid.range().1 as f32;
    let mut best = (f64::INFINITY, whole);
    for i in (1..=CANDIDATES).rev() {
        let scale = whole * i as f32 / CANDIDATES as f32;
        if scale < f32::MIN_POSITIVE {
            break;
        }
        let error = squared_error(grid, values, scale);
        if error < best.0 {
            best = (error, scale);
        }
    }
    best.1
}

fn squared_error(grid: Grid, values: &[f32], scale: f32) -> f64 {
    let (low, high) = grid.range();
    let (low, high) = (low as f32, high as f32);
    // Eight running sums let the loop use vector registers, in an order that no machine changes.
    let mut sums = [0.0_f32; 8];
    let mut total = 0.0_f64;
    for block in values.chunks(4096) {
        let (rows, rest) = block.as_chunks::<8>();
        for row in rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                let e = x - code(x / scale, low, high) * scale;
                *sum += e * e;
            }
        }
        for x in rest {
            let e = x - code(x / scale, low, high) * scale;
            sums[0] += e * e;
        }
        total += sums.iter().map(|s| f64::from(*s)).sum::<f64>();
        sums = [0.0; 8];
    }
    total
}

/// Adding and taking away this number (1.5 · 2^23) rounds half to even wherever |x| < 2^22, in one vector addition each.
const ROUND: f32 = 12_582_912.0;

/// The code of a value in units of the scale: clipped, then rounded half to even. NaN stays NaN, so that divergence is seen.
#[inline(always)]
fn code(z: f32, low: f32, high: f32) -> f32 {
    let z = if z < low { low } else { z };
    let z = if z > high { high } else { z };
    (z + ROUND) - ROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one scale of all values.
    fn find(rule: ScaleRule, grid: Grid, values: &[f32]) -> f32 {
        super::find(rule, grid, values, 1)[0]
    }
    use crate::stream::{Purpose, normal, stream};

    const INT4: Grid = Grid::Integer {
        bits: 4,
        signed: true,
    };
    const UINT3: Grid = Grid::Integer {
        bits: 3,
        signed: false,
    };

    fn draws(n: usize) -> Vec<f32> {
        let mut rng = stream(5, 0, Purpose::Init);
        (0..n).map(|_| normal(&mut rng) as f32).collect()
    }

    #[test]
    fn closed_forms() {
        let x = [-3.0, 0.5, 1.0, -1.5];
        assert_eq!(find(ScaleRule::MaxAbs, INT4, &x), 3.0 / 7.0);
        assert_eq!(find(ScaleRule::MaxAbs, UINT3, &x), 3.0 / 7.0);
        assert_eq!(find(ScaleRule::MaxAbs, Grid::Binary, &x), 3.0);
        assert_eq!(find(ScaleRule::MeanAbs, Grid::Binary, &x), 1.5);
        // 0.7 mean |x| = 1.05: 3 and 1.5 are above.
        assert_eq!(find(ScaleRule::MeanAbs, Grid::Ternary, &x), 2.25);
        assert_eq!(find(ScaleRule::One, INT4, &x), 1.0);
        assert_eq!(find(ScaleRule::Percentile(0.75), INT4, &x), 1.5 / 7.0);
        assert_eq!(find(ScaleRule::Percentile(0.76), INT4, &x), 3.0 / 7.0);
        assert_eq!(find(ScaleRule::Percentile(1.0), INT4, &x), 3.0 / 7.0);
    }

    #[test]
    fn a_percentile_keeps_its_share_inside() {
        let x = draws(10_000);
        let scale = find(ScaleRule::Percentile(0.99), INT4, &x);
        let inside = x.iter().filter(|x| x.abs() <= 7.0 * scale).count();
        assert!((9900..=9902).contains(&inside), "{inside}");
    }

    #[test]
    fn the_least_error_is_least_among_all_candidates() {
        let x = draws(1003);
        for grid in [INT4, UINT3, Grid::Ternary] {
            let found = find(ScaleRule::MeanSquaredError, grid, &x);
            let error = |scale: f32| -> f64 {
                let (low, high) = grid.range();
                x.iter()
                    .map(|x| {
                        let z = f64::from(*x) / f64::from(scale);
                        let code = z.round_ties_even().clamp(low.into(), high.into());
                        (f64::from(*x) - code * f64::from(scale)).powi(2)
                    })
                    .sum()
            };
            let whole = find(ScaleRule::MaxAbs, grid, &x);
            let least = (1..=CANDIDATES)
                .map(|i| error(whole * i as f32 / CANDIDATES as f32))
                .fold(f64::INFINITY, f64::min);
            assert!(error(found) <= least * (1.0 + 1e-5), "{grid}");
            assert!(error(found) < error(whole), "{grid}");
        }
        // Binary codes: the closed form beats its neighbors.
        let error = |scale: f32| x.iter().map(|x| (x.abs() - scale).powi(2)).sum::<f32>();
        let found = find(ScaleRule::MeanSquaredError, Grid::Binary, &x);
        assert!(error(found) < error(found * 1.01) && error(found) < error(found * 0.99));
    }

    #[test]
    fn zeros_have_scale_one_and_nan_stays() {
        for rule in [
            ScaleRule::MaxAbs,
            ScaleRule::MeanAbs,
            ScaleRule::Percentile(0.9),
            ScaleRule::MeanSquaredError,
        ] {
            for grid in [INT4, Grid::Binary, Grid::Ternary] {
                assert_eq!(find(rule, grid, &[0.0; 5]), 1.0);
                assert_eq!(find(rule, grid, &[]), 1.0);
            }
        }
        assert!(find(ScaleRule::MaxAbs, INT4, &[1.0, f32::NAN, 2.0]).is_nan());
    }

    #[test]
    fn channels_are_found_by_themselves() {
        let x = draws(120);
        let rules = [
            ScaleRule::One,
            ScaleRule::MaxAbs,
            ScaleRule::MeanAbs,
            ScaleRule::Learned,
            ScaleRule::Percentile(0.9),
            ScaleRule::MeanSquaredError,
        ];
        for (rule, grid) in rules
            .into_iter()
            .flat_map(|rule| [INT4, UINT3, Grid::Ternary, Grid::Binary].map(|grid| (rule, grid)))
        {
            let found = super::find(rule, grid, &x, 5);
            for (channel, scale) in found.iter().enumerate() {
                let column: Vec<f32> = x.iter().skip(channel).step_by(5).copied().collect();
                assert_eq!(*scale, find(rule, grid, &column), "{grid} {rule:?}");
            }
        }
    }
}
