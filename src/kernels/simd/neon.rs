//! NEON, which every 64-bit Arm processor has.

use std::arch::aarch64::*;

use super::Simd;

/// 8 lanes, as two registers of four.
#[derive(Clone, Copy)]
pub struct Neon;

/// Applies `f` to both halves.
#[inline(always)]
unsafe fn both(f: impl Fn(usize) -> float32x4_t) -> [float32x4_t; 2] {
    [f(0), f(1)]
}

/// `x` where the mask is not set, zero where it is.
#[inline(always)]
unsafe fn clear(x: float32x4_t, mask: uint32x4_t) -> float32x4_t {
    vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), mask))
}

impl Simd for Neon {
    const LANES: usize = 8;
    type V = [float32x4_t; 2];
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [vdupq_n_f32(x); 2]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        both(|i| vld1q_f32(p.add(4 * i)))
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        let mut v = [0.0; 8];
        std::ptr::copy_nonoverlapping(p, v.as_mut_ptr(), n);
        Self::load(v.as_ptr())
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        vst1q_f32(p, v[0]);
        vst1q_f32(p.add(4), v[1]);
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        let mut all = [0.0; 8];
        Self::store(all.as_mut_ptr(), v);
        std::ptr::copy_nonoverlapping(all.as_ptr(), p, n);
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vaddq_f32(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vsubq_f32(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vmulq_f32(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        both(|i| vfmaq_f32(c[i], a[i], b[i]))
    }
    // `vmaxq_f32` and `vminq_f32` have another rule for NaN and for zeros of two signs, so these compare and select.
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vbslq_f32(vcgtq_f32(a[i], b[i]), a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vbslq_f32(vcltq_f32(a[i], b[i]), a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn inside(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V {
        both(|i| {
            let below = vcleq_f32(y[i], low[i]);
            let above = vcgeq_f32(y[i], high[i]);
            clear(g[i], vorrq_u32(below, above))
        })
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        both(|i| vdivq_f32(a[i], b[i]))
    }
    #[inline(always)]
    unsafe fn within(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V {
        both(|i| {
            let below = vcltq_f32(y[i], low[i]);
            let above = vcgtq_f32(y[i], high[i]);
            clear(g[i], vorrq_u32(below, above))
        })
    }
    #[inline(always)]
    unsafe fn signed(x: Self::V, s: Self::V) -> Self::V {
        both(|i| {
            let negative = vcltq_f32(x[i], vdupq_n_f32(0.0));
            let sign = vandq_u32(negative, vdupq_n_u32(1 << 31));
            let signed = vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(s[i]), sign));
            // Only NaN differs from itself.
            vbslq_f32(vceqq_f32(x[i], x[i]), signed, x[i])
        })
    }
}
