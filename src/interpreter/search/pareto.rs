//! What is already reached: non-dominated points and the volume below them. All goals are maximized.

/// Whether `a` is at least as good as `b` in every goal and better in one.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
}

/// The indices of the points that no other dominates, ascending. Of equal points, the first is kept; a point with NaN is never.
pub fn non_dominated(points: &[Vec<f64>]) -> Vec<usize> {
    (0..points.len())
        .filter(|&i| {
            let p = &points[i];
            !p.iter().any(|x| x.is_nan())
                && !points
                    .iter()
                    .enumerate()
                    .any(|(j, q)| dominates(q, p) || (j < i && q == p))
        })
        .collect()
}

/// The volume of what the points dominate above `reference`, exact in any dimension: a length, a sweep, or slices along the last goal
/// (While et al. 2006), so the time grows with n to the power of the dimension. Points that don't exceed the reference in every goal add
/// nothing.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let above: Vec<&[f64]> = points
        .iter()
        .map(Vec::as_slice)
        .filter(|p| p.iter().zip(reference).all(|(p, r)| p > r))
        .collect();
    volume(above, reference)
}

fn volume(mut points: Vec<&[f64]>, reference: &[f64]) -> f64 {
    let Some((floor, rest)) = reference.split_last() else {
        return 0.0;
    };
    let last = rest.len();
    points.sort_by(|a, b| b[last].total_cmp(&a[last]));
    if rest.is_empty() {
        return points.first().map_or(0.0, |p| p[0] - floor);
    }
    if rest.len() == 1 {
        // From the top down, each point adds what it reaches beyond those above it.
        let mut reached = rest[0];
        let mut sum = 0.0;
        for p in points {
            if p[0] > reached {
                sum += (p[0] - reached) * (p[1] - floor);
                reached = p[0];
            }
        }
        return sum;
    }
    let mut sum = 0.0;
    for i in 0..points.len() {
        let below = points.get(i + 1).map_or(*floor, |p| p[last]);
        let thickness = points[i][last] - below;
        if thickness > 0.0 {
            sum += thickness * volume(points[..=i].to_vec(), rest);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Purpose, stream, uniform};

    fn random_points(n: usize, goals: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = stream(seed, 0, Purpose::Search);
        // Coarse, so that ties occur.
        (0..n)
            .map(|_| {
                (0..goals)
                    .map(|_| (uniform(&mut rng) * 8.0).floor() / 8.0)
                    .collect()
            })
            .collect()
    }

    /// By inclusion and exclusion over all subsets of boxes.
    fn slow_volume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        (1..1_u32 << points.len())
            .map(|set| {
                let members = || (0..points.len()).filter(move |i| set >> i & 1 == 1);
                let product: f64 = (0..reference.len())
                    .map(|d| {
                        let corner = members()
                            .map(|i| points[i][d])
                            .fold(f64::INFINITY, f64::min);
                        (corner - reference[d]).max(0.0)
                    })
                    .product();
                if set.count_ones() % 2 == 1 {
                    product
                } else {
                    -product
                }
            })
            .sum()
    }

    #[test]
    fn volume_agrees_with_inclusion_and_exclusion() {
        for goals in 1..=4 {
            for seed in 0..20 {
                let points = random_points(7, goals, seed);
                let reference = vec![0.1; goals];
                let (fast, slow) = (
                    hypervolume(&points, &reference),
                    slow_volume(&points, &reference),
                );
                assert!((fast - slow).abs() < 1e-12, "{goals} {seed}: {fast} {slow}");
            }
        }
    }

    #[test]
    fn front_keeps_the_first_of_equals() {
        let points = [
            [1.0, 1.0],
            [2.0, 0.0],
            [1.0, 1.0],
            [0.5, 0.5],
            [f64::NAN, 9.0],
        ];
        let points: Vec<Vec<f64>> = points.iter().map(|p| p.to_vec()).collect();
        assert_eq!(non_dominated(&points), [0, 1]);
    }

    #[test]
    fn volume_of_the_front_is_that_of_all() {
        let points = random_points(30, 3, 5);
        let front: Vec<Vec<f64>> = non_dominated(&points)
            .into_iter()
            .map(|i| points[i].clone())
            .collect();
        let reference = [0.0; 3];
        let (a, b) = (
            hypervolume(&points, &reference),
            hypervolume(&front, &reference),
        );
        assert!((a - b).abs() < 1e-12);
    }
}
