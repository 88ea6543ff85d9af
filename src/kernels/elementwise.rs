//! Loops over single numbers: clipping activations, sums.
//!
//! ```text
//! for i: y[i]   = clip(x[i])                     clip(x) = min(high, max(low, x)), NaN stays NaN
//! for i: d[i]   = d[i] if low < y[i] < high else 0
//! for i: a[i]  += b[i]
//! for r, c: y[r, c] = x[r, c] + bias[c]          and dbias[c] += sum over r of dy[r, c]
//! ```

use super::{
    buffer::Unfilled,
    simd::{Isa, Kernel, Simd},
};

/// A piecewise linear activation: the identity, clipped to an interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activation {
    /// The identity.
    None,
    /// Clips to `[0, inf)`.
    Relu,
    /// Clips to `[0, 6]`.
    Relu6,
    /// Clips to `[-1, 1]`.
    Hardtanh,
}

impl Activation {
    /// The interval `(low, high)` that the activation clips to.
    pub fn bounds(self) -> (f32, f32) {
        match self {
            Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
            Activation::Relu => (0.0, f32::INFINITY),
            Activation::Relu6 => (0.0, 6.0),
            Activation::Hardtanh => (-1.0, 1.0),
        }
    }
}

/// `clip(x)`.
pub fn clip(isa: Isa, activation: Activation, x: &[f32]) -> Vec<f32> {
    let (low, high) = activation.bounds();
    isa.run(Clip { low, high, x })
}

/// The gradient of [`clip`] in the place of that of its result `y`: it passes where `y` lies strictly inside the interval.
pub fn clip_backward(isa: Isa, activation: Activation, y: &[f32], d: &mut [f32]) {
    assert_eq!(y.len(), d.len());
    let (low, high) = activation.bounds();
    isa.run(ClipBackward { low, high, y, d });
}

/// `a + b` as a new buffer.
pub fn sum(isa: Isa, a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    isa.run(Sum { a, b })
}

/// `a += b`.
pub fn accumulate(isa: Isa, a: &mut [f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    isa.run(Accumulate { a, b });
}

/// `x + bias`, row by row of `bias.len()` numbers.
pub fn add_rows(isa: Isa, x: &[f32], bias: &[f32]) -> Vec<f32> {
    assert!(!bias.is_empty() && x.len().is_multiple_of(bias.len()));
    isa.run(AddRows { x, bias })
}

/// Adds the sum of all rows to `dbias`: rows in order, `f32`.
pub fn accumulate_rows(isa: Isa, dbias: &mut [f32], dy: &[f32]) {
    assert!(!dbias.is_empty() && dy.len().is_multiple_of(dbias.len()));
    isa.run(AccumulateRows { dbias, dy });
}

struct Clip<'a> {
    low: f32,
    high: f32,
    x: &'a [f32],
}

impl Kernel for Clip<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let x = self.x.as_ptr();
        let len = self.x.len();
        // SAFETY: each block of at most LANES numbers lies inside `x` and the new buffer, and together they fill it.
        unsafe {
            let mut out = Unfilled::new(len);
            let y = out.as_mut_ptr();
            let (low, high) = (S::splat(self.low), S::splat(self.high));
            for i in (0..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                let v = S::min(high, S::max(low, S::read(x.add(i), n)));
                S::write(y.add(i), v, n);
            }
            out.filled()
        }
    }
}

struct ClipBackward<'a> {
    low: f32,
    high: f32,
    y: &'a [f32],
    d: &'a mut [f32],
}

impl Kernel for ClipBackward<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let len = self.d.len();
        let (y, d) = (self.y.as_ptr(), self.d.as_mut_ptr());
        // SAFETY: both slices have the same length and each block lies inside it.
        unsafe {
            let (low, high) = (S::splat(self.low), S::splat(self.high));
            for i in (0..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                let g = S::inside(S::read(d.add(i), n), S::read(y.add(i), n), low, high);
                S::write(d.add(i), g, n);
            }
        }
    }
}

struct Sum<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Kernel for Sum<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let len = self.a.len();
        let (a, b) = (self.a.as_ptr(), self.b.as_ptr());
        // SAFETY: both slices have the length of the new buffer, and the blocks fill it.
        unsafe {
            let mut out = Unfilled::new(len);
            let y = out.as_mut_ptr();
            for i in (0..len).step_by(S::LANES) {
                let n = (len - i).min(S::LANES);
                let v = S::add(S::read(a.add(i), n), S::read(b.add(i), n));
                S::write(y.add(i), v, n);
            }
            out.filled()
        }
    }
}

struct Accumulate<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
}

impl Kernel for Accumulate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (a, b) in self.a.iter_mut().zip(self.b) {
            *a += *b;
        }
    }
}

struct AddRows<'a> {
    x: &'a [f32],
    bias: &'a [f32],
}

impl Kernel for AddRows<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let mut y = self.x.to_vec();
        for row in y.chunks_exact_mut(self.bias.len()) {
            for (y, bias) in row.iter_mut().zip(self.bias) {
                *y += *bias;
            }
        }
        y
    }
}

struct AccumulateRows<'a> {
    dbias: &'a mut [f32],
    dy: &'a [f32],
}

impl Kernel for AccumulateRows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for row in self.dy.chunks_exact(self.dbias.len()) {
            for (sum, dy) in self.dbias.iter_mut().zip(row) {
                *sum += *dy;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{noise, on_every_isa};

    #[test]
    fn clips_and_passes_gradients_inside_only() {
        let x = [-9.0, -1.0, -0.5, 0.0, 0.5, 1.0, 6.0, 7.0, f32::NAN];
        let dy = [1.0; 9];
        let cases = [
            (
                Activation::Relu,
                [0., 0., 0., 0., 0.5, 1., 6., 7.],
                [0., 0., 0., 0., 1., 1., 1., 1.],
            ),
            (
                Activation::Relu6,
                [0., 0., 0., 0., 0.5, 1., 6., 6.],
                [0., 0., 0., 0., 1., 1., 0., 0.],
            ),
            (
                Activation::Hardtanh,
                [-1., -1., -0.5, 0., 0.5, 1., 1., 1.],
                [0., 0., 1., 1., 1., 0., 0., 0.],
            ),
        ];
        for (activation, expected, gradient) in cases {
            let y = on_every_isa(|isa| clip(isa, activation, &x));
            assert_eq!(y[..8], expected);
            assert!(y[8].is_nan(), "NaN comes through");
            let dx = on_every_isa(|isa| {
                let mut d = dy.to_vec();
                clip_backward(isa, activation, &y, &mut d);
                d
            });
            assert_eq!(dx[..8], gradient);
        }
    }

    #[test]
    fn sums_of_any_length() {
        for len in [1, 7, 8, 16, 17, 50] {
            let (a, b) = (noise(len, 1), noise(len, 2));
            let expected: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
            assert_eq!(on_every_isa(|isa| sum(isa, &a, &b)), expected);
            let added = on_every_isa(|isa| {
                let mut a = a.clone();
                accumulate(isa, &mut a, &b);
                a
            });
            assert_eq!(added, expected);
        }
        let rows = on_every_isa(|isa| add_rows(isa, &[1., 2., 3., 4.], &[10., 20.]));
        assert_eq!(rows, [11., 22., 13., 24.]);
        let columns = on_every_isa(|isa| {
            let mut sums = vec![1.0, 1.0];
            accumulate_rows(isa, &mut sums, &[1., 2., 3., 4.]);
            sums
        });
        assert_eq!(columns, [5., 7.]);
    }
}
