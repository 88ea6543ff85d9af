//! The gradient in front of the sum, number by number: what both passes backward compute.

use super::Backward;
use crate::kernels::{quantize::Staircase, simd::Simd};

/// What `g` is computed from.
pub(super) struct Source<'a, Q> {
    pub pass: &'a Backward<'a>,
    pub steps: Q,
    pub upstream: [*mut f32; 2],
}

// SAFETY: threads that share it read and write the rows of their own ranges, and the steps are plain numbers.
unsafe impl<Q: Staircase> Sync for Source<'_, Q> {}

/// What does not change along a channel.
pub(super) struct Row<S: Simd> {
    scale: S::V,
    shift: S::V,
    low: S::V,
    high: S::V,
    step: S::V,
}

/// # Safety
/// All functions: the processor has the instruction set, and the numbers and channels that are named exist.
impl<Q: Staircase> Source<'_, Q> {
    /// What channels `c..c + n` have in common.
    #[inline(always)]
    pub(super) unsafe fn row<S: Simd>(&self, c: usize, n: usize) -> Row<S> {
        let tail = &self.pass.tail;
        let (low, high) = tail.activation.bounds();
        Row {
            scale: S::read(tail.scale.as_ptr().add(c), n),
            shift: S::read(tail.shift.as_ptr().add(c), n),
            low: S::splat(low),
            high: S::splat(high),
            step: S::splat(tail.quantizer.map_or(1.0, |q| q.scale)),
        }
    }

    /// `g` of the `n` numbers from `at` on, whose inputs are `x`.
    #[inline(always)]
    pub(super) unsafe fn gradient<S: Simd, const RESIDUAL: bool, const PLAIN: bool>(
        &self,
        row: &Row<S>,
        x: S::V,
        at: usize,
        n: usize,
    ) -> S::V {
        let v = match self.pass.clipped.filter(|_| RESIDUAL) {
            Some(y) => S::read(y.as_ptr().add(at), n),
            None => {
                let mut v = S::fma(x, row.scale, row.shift);
                if RESIDUAL {
                    let residual = self.pass.tail.residual;
                    let residual = residual.map_or(std::ptr::null(), <[f32]>::as_ptr);
                    v = S::add(v, S::read(residual.add(at), n));
                }
                S::min(row.high, S::max(row.low, v))
            }
        };
        let mut g = S::splat(0.0);
        if PLAIN {
            g = S::read(self.upstream[0].add(at), n);
        }
        if Q::QUANTIZES {
            let passed = S::read(self.upstream[1].add(at), n);
            let passed = self.steps.pass::<S>(passed, v, row.step);
            g = if PLAIN { S::add(g, passed) } else { passed };
        }
        S::inside(g, v, row.low, row.high)
    }

    /// `g` and `x - mean` of the `n` numbers from `at` on. With `KEEP`, `g` stays in the first buffer that is there.
    #[inline(always)]
    pub(super) unsafe fn sample<
        S: Simd,
        const RESIDUAL: bool,
        const PLAIN: bool,
        const KEEP: bool,
    >(
        &self,
        row: &Row<S>,
        mean: S::V,
        at: usize,
        n: usize,
    ) -> (S::V, S::V) {
        let x = S::read(self.pass.x.as_ptr().add(at), n);
        let g = self.gradient::<S, RESIDUAL, PLAIN>(row, x, at, n);
        if KEEP {
            S::write(self.upstream[usize::from(!PLAIN)].add(at), g, n);
        }
        (g, S::sub(x, mean))
    }
}
