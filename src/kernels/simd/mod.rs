//! One set of vector operations over four instruction sets, chosen at run time.
//!
//! A loop is a [`Kernel`]: a struct of its arguments and one body, generic over [`Simd`]. [`Isa::run`] calls the body
//! compiled for AVX-512, for AVX2 with FMA, for NEON, or for the portable path. The operations are exact to the bit on all:
//! `fma` rounds once, `max` and `min` are comparisons with a stated choice for NaN.

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::OnceLock;

#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

/// An instruction set that this machine has. A value can only be had for a supported set, so running on it is sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isa(Set);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
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
        // Every processor of this architecture has it.
        #[cfg(target_arch = "aarch64")]
        sets.push(Isa(Set::Neon));
        sets.push(Isa(Set::Portable));
        sets
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "neon",
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

    /// The instruction set that `BNAS_SIMD` names, else the fastest. The command line reports the error, and ends.
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
            #[cfg(target_arch = "aarch64")]
            Set::Neon => Neon::LANES,
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
            #[cfg(target_arch = "aarch64")]
            Set::Neon => lanewise_portable::<F, N>,
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
                #[cfg(target_arch = "aarch64")]
                Set::Neon => kernel.run::<Neon>(),
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

/// A loop over blocks of `N` numbers, compiled for one instruction set: calling it is sound where that is there. Its
/// operands are five arguments, since an array of them would travel through memory: 4 % of a step with formulas.
pub type BlockLoop<const N: usize> =
    unsafe fn(&mut [f32; N], &[f32; N], &[f32; N], &[f32; N], &[f32; N], &[f32; N]);

/// Compiles the loop for processors with some features; with none, for all of the architecture.
macro_rules! lanewise {
    ($name:ident $(, $features:literal)?) => {
        /// # Safety
        /// The processor has the instruction set.
        $(#[target_feature(enable = $features)])?
        unsafe fn $name<F: Lanewise, const N: usize>(
            out: &mut [f32; N],
            a: &[f32; N],
            b: &[f32; N],
            c: &[f32; N],
            d: &[f32; N],
            e: &[f32; N],
        ) {
            for i in 0..N {
                out[i] = F::of(out[i], [a[i], b[i], c[i], d[i], e[i]]);
            }
        }
    };
}

lanewise!(lanewise_portable);
#[cfg(target_arch = "x86_64")]
lanewise!(lanewise_avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
lanewise!(
    lanewise_avx512,
    "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
);

/// A loop with its arguments. `run` must be `#[inline(always)]`, so that the whole body lands inside the function that
/// enables the instruction set.
pub trait Kernel {
    /// What the loop returns.
    type Output;
    /// The body.
    fn run<S: Simd>(self) -> Self::Output;
}

/// # Safety
/// The processor has the instruction set.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512>()
}

/// # Safety
/// The processor has the instruction set.
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

    /// Writes `n` lanes, or adds them to what is there with `add`.
    #[inline(always)]
    unsafe fn put(p: *mut f32, v: Self::V, n: usize, add: bool) {
        let sum = if add {
            Self::add(Self::read(p, n), v)
        } else {
            v
        };
        Self::write(p, sum, n);
    }
}
