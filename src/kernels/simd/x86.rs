//! AVX-512, and AVX2 with FMA.

use std::arch::x86_64::*;

use super::Simd;

/// 16 lanes, masked loads and stores.
#[derive(Clone, Copy)]
pub struct Avx512;

/// The mask of the first `n` lanes.
#[inline(always)]
fn first16(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    type V = __m512;
    #[inline(always)]
    fn prefetch(p: *const f32) {
        // SAFETY: a hint, which never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) };
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        _mm512_set1_ps(x)
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m512 {
        _mm512_loadu_ps(p)
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m512 {
        _mm512_maskz_loadu_ps(first16(n), p)
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m512) {
        _mm512_storeu_ps(p, v);
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m512, n: usize) {
        _mm512_mask_storeu_ps(p, first16(n), v);
    }
    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        _mm512_sub_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m512, b: __m512) -> __m512 {
        _mm512_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn fma(a: __m512, b: __m512, c: __m512) -> __m512 {
        _mm512_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn max(a: __m512, b: __m512) -> __m512 {
        _mm512_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: __m512, b: __m512) -> __m512 {
        _mm512_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn inside(g: __m512, y: __m512, low: __m512, high: __m512) -> __m512 {
        // "not less or equal" is true for NaN, as in the definition
        let above = _mm512_cmp_ps_mask::<_CMP_NLE_UQ>(y, low);
        let inside = _mm512_mask_cmp_ps_mask::<_CMP_NGE_UQ>(above, y, high);
        _mm512_maskz_mov_ps(inside, g)
    }
    #[inline(always)]
    unsafe fn div(a: __m512, b: __m512) -> __m512 {
        _mm512_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn within(g: __m512, y: __m512, low: __m512, high: __m512) -> __m512 {
        let above = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(y, low);
        let within = _mm512_mask_cmp_ps_mask::<_CMP_NGT_UQ>(above, y, high);
        _mm512_maskz_mov_ps(within, g)
    }
    #[inline(always)]
    unsafe fn signed(x: __m512, s: __m512) -> __m512 {
        let zero = _mm512_setzero_ps();
        let negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(x, zero);
        let unordered = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x);
        let sign_bit = _mm512_set1_ps(-0.0);
        let signed = _mm512_mask_xor_ps(s, negative, s, sign_bit);
        _mm512_mask_mov_ps(signed, unordered, x)
    }
}

/// 8 lanes with fused multiply-add.
#[derive(Clone, Copy)]
pub struct Avx2;

/// The mask of the first `n` lanes.
///
/// # Safety
/// The processor has the instruction set.
#[inline(always)]
unsafe fn first8(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(
        _mm256_set1_epi32(n as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    )
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    type V = __m256;
    #[inline(always)]
    fn prefetch(p: *const f32) {
        // SAFETY: a hint, which never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) };
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        _mm256_set1_ps(x)
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> __m256 {
        _mm256_loadu_ps(p)
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> __m256 {
        _mm256_maskload_ps(p, first8(n))
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: __m256) {
        _mm256_storeu_ps(p, v);
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: __m256, n: usize) {
        _mm256_maskstore_ps(p, first8(n), v);
    }
    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        _mm256_add_ps(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        _mm256_sub_ps(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: __m256, b: __m256) -> __m256 {
        _mm256_mul_ps(a, b)
    }
    #[inline(always)]
    unsafe fn fma(a: __m256, b: __m256, c: __m256) -> __m256 {
        _mm256_fmadd_ps(a, b, c)
    }
    #[inline(always)]
    unsafe fn max(a: __m256, b: __m256) -> __m256 {
        _mm256_max_ps(a, b)
    }
    #[inline(always)]
    unsafe fn min(a: __m256, b: __m256) -> __m256 {
        _mm256_min_ps(a, b)
    }
    #[inline(always)]
    unsafe fn inside(g: __m256, y: __m256, low: __m256, high: __m256) -> __m256 {
        let above = _mm256_cmp_ps::<_CMP_NLE_UQ>(y, low);
        let below = _mm256_cmp_ps::<_CMP_NGE_UQ>(y, high);
        _mm256_and_ps(_mm256_and_ps(above, below), g)
    }
    #[inline(always)]
    unsafe fn div(a: __m256, b: __m256) -> __m256 {
        _mm256_div_ps(a, b)
    }
    #[inline(always)]
    unsafe fn within(g: __m256, y: __m256, low: __m256, high: __m256) -> __m256 {
        let above = _mm256_cmp_ps::<_CMP_NLT_UQ>(y, low);
        let below = _mm256_cmp_ps::<_CMP_NGT_UQ>(y, high);
        _mm256_and_ps(_mm256_and_ps(above, below), g)
    }
    #[inline(always)]
    unsafe fn signed(x: __m256, s: __m256) -> __m256 {
        let negative = _mm256_cmp_ps::<_CMP_LT_OQ>(x, _mm256_setzero_ps());
        let unordered = _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x);
        let sign = _mm256_and_ps(negative, _mm256_set1_ps(-0.0));
        _mm256_blendv_ps(_mm256_xor_ps(s, sign), x, unordered)
    }
}
