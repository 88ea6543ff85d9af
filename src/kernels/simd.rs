//! One set of vector operations over three instruction sets, chosen at run time.
//!
//! A loop is a [`Kernel`]: a struct of its arguments and one body, generic over [`Simd`]. [`Isa::run`] calls the body
//! compiled for AVX-512, for AVX2 with FMA, or for the portable path. The operations are exact to the bit on all three:
//! `fma` rounds once, `max` and `min` are comparisons with a stated choice for NaN.

use std::sync::OnceLock;

/// An instruction set that this machine has. A value can only be had for a supported set, so running on it is sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isa(Set);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// Every instruction set of this machine, fastest first; the portable path is always the last.
    pub fn available() -> Vec<Isa> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let v4 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if v4 {
                sets.push(Isa(Set::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Isa(Set::Avx2));
            }
        }
        sets.push(Isa(Set::Portable));
        sets
    }

    /// `avx512`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            Set::Portable => "portable",
        }
    }

    /// The instruction set with this name, or what to write instead.
    pub fn named(name: &str) -> Result<Isa, String> {
        let available = Isa::available();
        let known: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        let found = available.iter().find(|isa| isa.name() == name);
        found.copied().ok_or_else(|| {
            format!(
                "no instruction set `{name}` on this machine, choose one of {}",
                known.join(", ")
            )
        })
    }

    /// The instruction set that `BNAS_SIMD` names, else the fastest. The command line reports the error at its start.
    pub fn from_environment() -> Result<Isa, String> {
        match std::env::var("BNAS_SIMD") {
            Ok(name) => Isa::named(&name),
            Err(_) => Ok(Isa::available()[0]),
        }
    }

    /// The instruction set of this process, decided once. A wrong `BNAS_SIMD` counts as none here: results do not
    /// depend on the choice, and [`Isa::from_environment`] is the place that reports it.
    pub fn current() -> Isa {
        static CURRENT: OnceLock<Isa> = OnceLock::new();
        *CURRENT.get_or_init(|| Isa::from_environment().unwrap_or(Isa::available()[0]))
    }

    /// Numbers in one vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => Avx512::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => Avx2::LANES,
            Set::Portable => Portable::LANES,
        }
    }

    /// The loop `out[i] = F::of(out[i], [a[i], b[i], …, e[i]])` that is compiled for this instruction set.
    pub fn block_loop<F: Lanewise, const N: usize>(self) -> BlockLoop<N> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => lanewise_avx512::<F, N>,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => lanewise_avx2::<F, N>,
            Set::Portable => lanewise_portable::<F, N>,
        }
    }

    /// Runs the body of `kernel` that is compiled for this instruction set.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        // SAFETY: an `Isa` exists only for a set that the processor reported.
        unsafe {
            match self.0 {
                #[cfg(target_arch = "x86_64")]
                Set::Avx512 => run_avx512(kernel),
                #[cfg(target_arch = "x86_64")]
                Set::Avx2 => run_avx2(kernel),
                Set::Portable => kernel.run::<Portable>(),
            }
        }
    }
}

/// A function of what a block holds and of five others, lane by lane. `of` must be `#[inline(always)]`.
pub trait Lanewise {
    /// The new number in the place of `old`.
    fn of(old: f32, operands: [f32; 5]) -> f32;
}

/// A loop over blocks of `N` numbers, compiled for one instruction set: calling it is sound where that is there.
pub type BlockLoop<const N: usize> =
    unsafe fn(&mut [f32; N], &[f32; N], &[f32; N], &[f32; N], &[f32; N], &[f32; N]);

#[inline(always)]
fn lanewise<F: Lanewise, const N: usize>(out: &mut [f32; N], [a, b, c, d, e]: [&[f32; N]; 5]) {
    for i in 0..N {
        out[i] = F::of(out[i], [a[i], b[i], c[i], d[i], e[i]]);
    }
}

unsafe fn lanewise_portable<F: Lanewise, const N: usize>(
    out: &mut [f32; N],
    a: &[f32; N],
    b: &[f32; N],
    c: &[f32; N],
    d: &[f32; N],
    e: &[f32; N],
) {
    lanewise::<F, N>(out, [a, b, c, d, e]);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn lanewise_avx2<F: Lanewise, const N: usize>(
    out: &mut [f32; N],
    a: &[f32; N],
    b: &[f32; N],
    c: &[f32; N],
    d: &[f32; N],
    e: &[f32; N],
) {
    lanewise::<F, N>(out, [a, b, c, d, e]);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn lanewise_avx512<F: Lanewise, const N: usize>(
    out: &mut [f32; N],
    a: &[f32; N],
    b: &[f32; N],
    c: &[f32; N],
    d: &[f32; N],
    e: &[f32; N],
) {
    lanewise::<F, N>(out, [a, b, c, d, e]);
}

/// A loop with its arguments. `run` must be `#[inline(always)]`, so that the whole body lands inside the function that
/// enables the instruction set.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// The body.
    fn run<S: Simd>(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2>()
}

/// Vector operations of one instruction set.
///
/// # Safety
/// All functions: the processor has the instruction set; a pointer is good for the numbers that the function touches
/// (`LANES`, or `n` of them, `1 <= n <= LANES`).
#[allow(clippy::missing_safety_doc)] // stated once, above
pub trait Simd: Copy + 'static {
    /// Numbers in a vector.
    const LANES: usize;
    /// A vector.
    type V: Copy;
    /// All lanes `x`.
    unsafe fn splat(x: f32) -> Self::V;
    /// `LANES` numbers.
    unsafe fn load(p: *const f32) -> Self::V;
    /// The first `n` numbers, zeros beyond; memory beyond is not touched.
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V;
    /// Writes all lanes.
    unsafe fn store(p: *mut f32, v: Self::V);
    /// Writes the first `n` lanes; memory beyond is not touched.
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize);
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `if a > b { a } else { b }`: a NaN in `b` comes out.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `if a < b { a } else { b }`: a NaN in `b` comes out.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// `if y <= low || y >= high { 0 } else { g }`: the gradient of clipping to `[low, high]`, from the clipped value.
    unsafe fn inside(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V;
    /// `a / b`
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `if y < low || y > high { 0 } else { g }`
    unsafe fn within(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V;
    /// `if x >= 0 { s } else if x < 0 { -s } else { x }`: NaN stays.
    unsafe fn signed(x: Self::V, s: Self::V) -> Self::V;

    /// Asks for the memory around `p`, which will be needed soon. Any address will do; no result depends on it.
    #[inline(always)]
    fn prefetch(_p: *const f32) {}

    /// [`load`](Self::load) or [`load_first`](Self::load_first), whichever `n` asks for.
    #[inline(always)]
    unsafe fn read(p: *const f32, n: usize) -> Self::V {
        if n == Self::LANES {
            Self::load(p)
        } else {
            Self::load_first(p, n)
        }
    }

    /// [`store`](Self::store) or [`store_first`](Self::store_first), whichever `n` asks for.
    #[inline(always)]
    unsafe fn write(p: *mut f32, v: Self::V, n: usize) {
        if n == Self::LANES {
            Self::store(p, v);
        } else {
            Self::store_first(p, v, n);
        }
    }
}

/// Plain Rust, eight lanes; the compiler turns it into whatever the machine has.
#[derive(Clone, Copy)]
pub struct Portable;

/// Applies `f` lane by lane.
#[inline(always)]
fn lanes(f: impl Fn(usize) -> f32) -> [f32; 8] {
    std::array::from_fn(f)
}

impl Simd for Portable {
    const LANES: usize = 8;
    type V = [f32; 8];
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self::V {
        [x; 8]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self::V {
        p.cast::<[f32; 8]>().read_unaligned()
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self::V {
        let mut v = [0.0; 8];
        std::ptr::copy_nonoverlapping(p, v.as_mut_ptr(), n);
        v
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: Self::V) {
        p.cast::<[f32; 8]>().write_unaligned(v);
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, v: Self::V, n: usize) {
        std::ptr::copy_nonoverlapping(v.as_ptr(), p, n);
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] * b[i])
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        lanes(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn inside(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V {
        lanes(|i| {
            if y[i] <= low[i] || y[i] >= high[i] {
                0.0
            } else {
                g[i]
            }
        })
    }
    #[inline(always)]
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V {
        lanes(|i| a[i] / b[i])
    }
    #[inline(always)]
    unsafe fn within(g: Self::V, y: Self::V, low: Self::V, high: Self::V) -> Self::V {
        lanes(|i| {
            if y[i] < low[i] || y[i] > high[i] {
                0.0
            } else {
                g[i]
            }
        })
    }
    #[inline(always)]
    unsafe fn signed(x: Self::V, s: Self::V) -> Self::V {
        lanes(|i| {
            if x[i] >= 0.0 {
                s[i]
            } else if x[i] < 0.0 {
                -s[i]
            } else {
                x[i]
            }
        })
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_path_is_always_there_and_last() {
        let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
        assert_eq!(names.last(), Some(&"portable"));
        for name in names {
            assert_eq!(Isa::named(name).map(Isa::name), Ok(name));
        }
        assert!(Isa::named("mmx").unwrap_err().contains("portable"));
    }

    /// All operations on one line of numbers, `len` of them at a time.
    struct Operations<'a> {
        a: &'a [f32],
        b: &'a [f32],
    }

    impl Kernel for Operations<'_> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<S: Simd>(self) -> Vec<f32> {
            let mut out = Vec::new();
            for n in 1..=S::LANES.min(self.a.len()) {
                // SAFETY: n numbers exist in both slices and in the buffer.
                unsafe {
                    let a = S::read(self.a.as_ptr(), n);
                    let b = S::read(self.b.as_ptr(), n);
                    let half = S::splat(0.5);
                    let results = [
                        S::add(a, b),
                        S::sub(a, b),
                        S::mul(a, b),
                        S::fma(a, b, half),
                        S::max(a, b),
                        S::min(a, b),
                        S::inside(a, b, half, S::splat(2.0)),
                        S::div(a, b),
                        S::within(a, b, half, S::splat(2.0)),
                        S::signed(a, half),
                    ];
                    for result in results {
                        let mut line = vec![9.0; 16];
                        S::write(line.as_mut_ptr(), result, n);
                        assert!(line[n..].iter().all(|x| *x == 9.0), "wrote too far");
                        if n <= 8 {
                            out.extend(line);
                        }
                    }
                }
            }
            out
        }
    }

    #[test]
    fn operations_agree_to_the_bit_also_on_special_numbers() {
        let tiny = f32::MIN_POSITIVE / 4.0;
        let a = [1.0, -0.0, f32::NAN, 2.0, 0.1, tiny, f32::INFINITY, 3.0];
        let b = [2.0, 0.0, 1.0, f32::NAN, 0.7, tiny, 1.0, 0.5];
        let a = [a, b].concat();
        let b: Vec<f32> = a.iter().rev().copied().collect();
        let results =
            crate::kernels::testing::on_every_isa(|isa| isa.run(Operations { a: &a, b: &b }));
        assert!(results.iter().any(|x| x.is_nan()));
    }
}
