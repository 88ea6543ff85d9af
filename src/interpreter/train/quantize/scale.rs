//! Scales: the value that one code step stands for.
//!
//! In: values, the codes and a rule. Out: a positive scale. Slices are weights of one channel, weights of a tensor, or a sample of
//! the activations that reach a layer; this file can't tell which.

use crate::kernels::quantize;
use crate::model::{Grid, ScaleRule};

/// Candidates of [`ScaleRule::MeanSquaredError`]: multiples of 1/50 of the scale that clips nothing.
pub const CANDIDATES: usize = 50;

/// The scale of `values` under `rule`. 1 if the rule finds 0, so that codes are always defined; NaN stays NaN.
pub fn find(rule: ScaleRule, grid: Grid, values: &[f32]) -> f32 {
    let (_, largest) = grid.range();
    let largest = largest as f32;
    let scale = match (rule, grid) {
        (ScaleRule::One, _) => 1.0,
        (ScaleRule::MaxAbs | ScaleRule::LearnedClip, _) => max_abs(values) / largest,
        // The mean of |x| is also where the squared error of binary codes is least (XNOR-Net, Eq. (6)).
        (ScaleRule::MeanAbs | ScaleRule::MeanSquaredError, Grid::Binary) => mean_abs(values),
        (ScaleRule::MeanAbs, Grid::Ternary) => ternary(values),
        (ScaleRule::Learned, Grid::Binary) => mean_abs(values),
        // The start value of learned steps: 2 mean |x| / sqrt(largest code) (arXiv:1902.08153, section 2.1).
        (ScaleRule::Learned, _) | (ScaleRule::MeanAbs, Grid::Integer { .. }) => {
            2.0 * mean_abs(values) / largest.sqrt()
        }
        (ScaleRule::Percentile(share), _) => percentile(values, share) / largest,
        (ScaleRule::MeanSquaredError, _) => least_error(grid, values),
    };
    // Divided by a smaller number, values could overflow.
    if scale < f32::MIN_POSITIVE {
        1.0
    } else {
        scale
    }
}

fn max_abs(values: &[f32]) -> f32 {
    quantize::abs_max(values, 1)[0]
}

fn mean_abs(values: &[f32]) -> f32 {
    quantize::mean_abs(values, 1)[0]
}

/// Below this magnitude ternary weights are 0: 0.7 mean |x| (TWN, arXiv:1605.04711, Eq. (6)).
pub fn ternary_threshold(values: &[f32]) -> f32 {
    0.7 * mean_abs(values)
}

/// The mean of |x| above the threshold (TWN, Eq. (5)).
fn ternary(values: &[f32]) -> f32 {
    let threshold = ternary_threshold(values);
    let (mut sum, mut count) = (0.0_f64, 0_usize);
    for x in values.iter().filter(|x| x.abs() > threshold) {
        sum += f64::from(x.abs());
        count += 1;
    }
    (sum / count.max(1) as f64) as f32
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
    let whole = max_abs(values) / grid.range().1 as f32;
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
    // Eight running sums let the loop use vector registers, in an order that no machine changes.
    let mut sums = [0.0_f32; 8];
    let mut total = 0.0_f64;
    for block in values.chunks(4096) {
        let (rows, rest) = block.as_chunks::<8>();
        for row in rows {
            for (sum, x) in sums.iter_mut().zip(row) {
                let e = x - super::code(grid, x / scale) * scale;
                *sum += e * e;
            }
        }
        for x in rest {
            let e = x - super::code(grid, x / scale) * scale;
            sums[0] += e * e;
        }
        total += sums.iter().map(|s| f64::from(*s)).sum::<f64>();
        sums = [0.0; 8];
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
