//! Minima of smooth functions in a box: L-BFGS (Nocedal and Wright 2006, Algorithm 7.4) with steps cut off at the box.

/// How many steps the curvature is estimated from.
const MEMORY: usize = 8;
/// Stop where no component of the gradient that points into the box is larger.
const GRADIENT_TOLERANCE: f64 = 1e-3;
/// Stop after a step that gains less.
const VALUE_TOLERANCE: f64 = 1e-5;

/// The best place found from `start` within `low ≤ x ≤ high`, and its value. `f` fills the gradient and returns the value; a
/// value that isn't finite is worse than all others. At most `evaluations` calls.
pub fn minimize(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: &[f64],
    low: &[f64],
    high: &[f64],
    evaluations: usize,
) -> (Vec<f64>, f64) {
    let n = start.len();
    let clamp = |i: usize, x: f64| x.max(low[i]).min(high[i]);
    let mut x: Vec<f64> = (0..n).map(|i| clamp(i, start[i])).collect();
    let mut gradient = vec![0.0; n];
    let mut value = f(&x, &mut gradient);
    let mut left = evaluations.saturating_sub(1);
    // Pairs (s, y) of steps and changes of the gradient, oldest first.
    let mut pairs: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    while value.is_finite() && left > 0 {
        // Components that the box stops.
        let free: Vec<bool> = (0..n)
            .map(|i| !(x[i] <= low[i] && gradient[i] > 0.0 || x[i] >= high[i] && gradient[i] < 0.0))
            .collect();
        let steepest: Vec<f64> = (0..n)
            .map(|i| if free[i] { -gradient[i] } else { 0.0 })
            .collect();
        if steepest.iter().all(|g| g.abs() < GRADIENT_TOLERANCE) {
            break;
        }
        let mut direction = two_loops(&pairs, &steepest);
        for i in 0..n {
            if !free[i] {
                direction[i] = 0.0;
            }
        }
        if inner(&direction, &steepest) <= 0.0 {
            pairs.clear();
            direction = steepest.clone();
        }
        let mut scale = if pairs.is_empty() {
            1.0 / steepest.iter().fold(1.0_f64, |a, g| a.max(g.abs()))
        } else {
            1.0
        };
        let mut next_gradient = vec![0.0; n];
        let mut accepted = None;
        while left > 0 && scale > 1e-6 {
            let next: Vec<f64> = (0..n)
                .map(|i| clamp(i, x[i] + scale * direction[i]))
                .collect();
            let step: Vec<f64> = (0..n).map(|i| next[i] - x[i]).collect();
            let next_value = f(&next, &mut next_gradient);
            left -= 1;
            // Sufficient decrease (Armijo).
            if next_value.is_finite() && next_value <= value + 1e-4 * inner(&step, &gradient) {
                accepted = Some((next, step, next_value));
                break;
            }
            scale *= 0.3;
        }
        let Some((next, step, next_value)) = accepted else {
            break;
        };
        let change: Vec<f64> = (0..n).map(|i| next_gradient[i] - gradient[i]).collect();
        if inner(&step, &change) > 1e-10 * inner(&change, &change).sqrt() {
            if pairs.len() == MEMORY {
                pairs.remove(0);
            }
            pairs.push((step, change));
        }
        let gain = value - next_value;
        (x, value, gradient) = (next, next_value, next_gradient);
        if gain < VALUE_TOLERANCE {
            break;
        }
    }
    (x, value)
}

/// The inverse Hessian that the pairs stand for, times `v`.
fn two_loops(pairs: &[(Vec<f64>, Vec<f64>)], v: &[f64]) -> Vec<f64> {
    let mut q = v.to_vec();
    let mut shares = Vec::with_capacity(pairs.len());
    for (s, y) in pairs.iter().rev() {
        let a = inner(s, &q) / inner(s, y);
        q.iter_mut().zip(y).for_each(|(q, y)| *q -= a * y);
        shares.push(a);
    }
    if let Some((s, y)) = pairs.last() {
        let curvature = inner(s, y) / inner(y, y);
        q.iter_mut().for_each(|q| *q *= curvature);
    }
    for ((s, y), a) in pairs.iter().zip(shares.iter().rev()) {
        let b = inner(y, &q) / inner(s, y);
        q.iter_mut().zip(s).for_each(|(q, s)| *q += (a - b) * s);
    }
    q
}

fn inner(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        g[0] = -2.0 * a - 400.0 * x[0] * b;
        g[1] = 200.0 * b;
        a * a + 100.0 * b * b
    }

    #[test]
    fn finds_the_bottom_of_a_valley() {
        let (x, value) = minimize(rosenbrock, &[-1.2, 1.0], &[-5.0; 2], &[5.0; 2], 200);
        assert!(value < 1e-5, "{x:?} {value}");
    }

    #[test]
    fn stops_at_the_box() {
        let bowl = |x: &[f64], g: &mut [f64]| {
            g[0] = 2.0 * (x[0] - 3.0);
            g[1] = 2.0 * (x[1] - 0.5);
            (x[0] - 3.0).powi(2) + (x[1] - 0.5).powi(2)
        };
        let (x, _) = minimize(bowl, &[0.0, 0.0], &[-1.0; 2], &[1.0; 2], 50);
        assert_eq!(x[0], 1.0);
        assert!((x[1] - 0.5).abs() < 1e-3);
    }
}
