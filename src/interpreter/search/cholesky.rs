//! Factors of symmetric positive-definite matrices, in a fixed order of operations.

/// `A = L Lᵀ` with `L` lower triangular.
#[derive(Debug, Clone)]
pub struct Cholesky {
    n: usize,
    /// `L`, (n, n) row by row; what lies above the diagonal is not read.
    l: Vec<f64>,
}

impl Cholesky {
    /// Factors `a`, (n, n) row by row, of which the lower triangle is read. `None` if it isn't positive definite.
    pub fn new(n: usize, mut a: Vec<f64>) -> Option<Self> {
        for i in 0..n {
            let (above, row) = a.split_at_mut(i * n);
            for j in 0..i {
                let other = &above[j * n..j * n + j + 1];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            // Also false for NaN.
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            row[i] = pivot.sqrt();
        }
        Some(Cholesky { n, l: a })
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.l[i * self.n..i * self.n + i + 1]
    }

    /// `L⁻¹ b`, in place.
    pub fn forward(&self, b: &mut [f64]) {
        for i in 0..self.n {
            let row = self.row(i);
            b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
        }
    }

    /// `A⁻¹ b`.
    pub fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        self.forward(&mut x);
        // Lᵀ x = y by columns of Lᵀ, which are rows of L.
        for i in (0..self.n).rev() {
            let row = self.row(i);
            x[i] /= row[i];
            let known = x[i];
            for (rest, l) in x[..i].iter_mut().zip(row) {
                *rest -= l * known;
            }
        }
        x
    }

    /// `log √det A`.
    pub fn half_log_determinant(&self) -> f64 {
        (0..self.n).map(|i| libm::log(self.row(i)[i])).sum()
    }

    /// `A⁻¹`, (n, n) row by row; only its lower triangle is filled.
    pub fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        // Row i holds column i of L⁻¹, whose entries before i are 0.
        let mut columns = vec![0.0; n * n];
        for (i, column) in columns.chunks_exact_mut(n).enumerate() {
            column[i] = 1.0 / self.row(i)[i];
            for k in i + 1..n {
                let row = self.row(k);
                column[k] = -dot(&row[i..k], &column[i..k]) / row[k];
            }
        }
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            let a = &columns[i * n + i..(i + 1) * n];
            for j in 0..=i {
                inverse[i * n + j] = dot(a, &columns[j * n + i..(j + 1) * n]);
            }
        }
        inverse
    }
}

/// Sum of products in eight interleaved partial sums, always combined in the same order.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (xs, ys) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = xs
        .remainder()
        .iter()
        .zip(ys.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in xs.zip(ys) {
        for k in 0..8 {
            sums[k] += a[k] * b[k];
        }
    }
    ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7])) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Symmetric, diagonally dominant, hence positive definite.
    fn example(n: usize) -> Vec<f64> {
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                let d = i.abs_diff(j) as f64;
                a[i * n + j] = if d == 0.0 { n as f64 } else { 1.0 / (1.0 + d) };
            }
        }
        a
    }

    #[test]
    fn solves_and_inverts() {
        for n in [1, 2, 7, 20] {
            let a = example(n);
            let chol = Cholesky::new(n, a.clone()).unwrap();
            let x: Vec<f64> = (0..n).map(|i| (i as f64 * 1.7).sin()).collect();
            let b: Vec<f64> = (0..n).map(|i| dot(&a[i * n..(i + 1) * n], &x)).collect();
            for (got, want) in chol.solve(&b).iter().zip(&x) {
                assert!((got - want).abs() < 1e-12);
            }
            let lower = chol.inverse();
            for i in 0..n {
                for j in 0..n {
                    let entry: f64 = (0..n)
                        .map(|k| lower[i.max(k) * n + i.min(k)] * a[k * n + j])
                        .sum();
                    let want = if i == j { 1.0 } else { 0.0 };
                    assert!((entry - want).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn determinant_of_two_by_two() {
        let chol = Cholesky::new(2, vec![4.0, 1.0, 1.0, 3.0]).unwrap();
        assert!((chol.half_log_determinant() - 11.0_f64.ln() / 2.0).abs() < 1e-15);
    }

    #[test]
    fn indefinite_is_refused() {
        assert!(Cholesky::new(2, vec![1.0, 2.0, 2.0, 1.0]).is_none());
        assert!(Cholesky::new(1, vec![f64::NAN]).is_none());
    }
}
