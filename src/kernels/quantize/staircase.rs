//! The functions with steps, and what stands for their derivatives, a vector at a time.

use crate::kernels::simd::Simd;

/// Adding and taking away this number (1.5 * 2^23) rounds half to even up to [`LARGEST`], in one addition each.
const ROUND: f32 = 12_582_912.0;

/// The largest magnitude of a code, 2^22.
pub(super) const LARGEST: f32 = 4_194_304.0;

/// A function with steps, and what stands for its derivative.
///
/// # Safety
/// As of [`Simd`].
pub(in crate::kernels) trait Staircase: Copy + Sync {
    /// Whether there are steps at all.
    const QUANTIZES: bool;
    /// Code times scale.
    unsafe fn step<S: Simd>(self, x: S::V, scale: S::V) -> S::V;
    /// `g` where the gradient passes, else 0.
    unsafe fn pass<S: Simd>(self, g: S::V, x: S::V, scale: S::V) -> S::V;
}

/// No steps.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Smooth;

impl Staircase for Smooth {
    const QUANTIZES: bool = false;
    #[inline(always)]
    unsafe fn step<S: Simd>(self, x: S::V, _: S::V) -> S::V {
        x
    }
    #[inline(always)]
    unsafe fn pass<S: Simd>(self, g: S::V, _: S::V, _: S::V) -> S::V {
        g
    }
}

#[derive(Clone, Copy)]
pub(in crate::kernels) struct Uniform {
    pub low: f32,
    pub high: f32,
}

impl Staircase for Uniform {
    const QUANTIZES: bool = true;
    #[inline(always)]
    unsafe fn step<S: Simd>(self, x: S::V, scale: S::V) -> S::V {
        let z = S::max(S::splat(self.low), S::div(x, scale));
        let z = S::min(S::splat(self.high), z);
        let round = S::splat(ROUND);
        S::mul(S::sub(S::add(z, round), round), scale)
    }
    #[inline(always)]
    unsafe fn pass<S: Simd>(self, g: S::V, x: S::V, scale: S::V) -> S::V {
        let low = S::mul(S::splat(self.low), scale);
        let high = S::mul(S::splat(self.high), scale);
        S::within(g, x, low, high)
    }
}

#[derive(Clone, Copy)]
pub(in crate::kernels) struct Sign;

impl Staircase for Sign {
    const QUANTIZES: bool = true;
    #[inline(always)]
    unsafe fn step<S: Simd>(self, x: S::V, scale: S::V) -> S::V {
        S::signed(x, scale)
    }
    #[inline(always)]
    unsafe fn pass<S: Simd>(self, g: S::V, x: S::V, scale: S::V) -> S::V {
        let range = Uniform {
            low: -1.0,
            high: 1.0,
        };
        range.pass::<S>(g, x, scale)
    }
}
