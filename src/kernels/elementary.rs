//! Elementary functions of f32 that the compiler can turn into vectors: no branches (so `&` stands where
//! `&&` would jump), no tables, one fixed sequence of operations.
//!
//! ```text
//! exp2(z) = 2^k * e^((z - k) ln 2)            k = z rounded, Taylor's polynomial of degree 9 on |(z - k) ln 2| <= 0.347
//! log2(x) = k + 2 / ln 2 * atanh((m - 1) / (m + 1))       x = 2^k * m, sqrt(1/2) <= m < sqrt(2), eight terms of atanh's series
//! exp(x)  = exp2(x / ln 2)            ln(x) = log2(x) ln 2            pow(x, y) = exp2(y log2(x))
//! tanh(x) = (e^(2x) - 1) / (e^(2x) - 1 + 2)
//! ```
//!
//! All of it is computed in f64, where the error is below 2^-36 of the result, and rounded once. So a result is the f32 nearest to the true
//! value in all but one of 2000 cases, and there it is the one next to it: at most 0.5005 units in the last place. Limits and
//! NaN are those of IEEE 754 and C. The bits are the same on every platform, since every sum, product and quotient is rounded by itself.

use std::f64::consts::{LN_2, LOG2_E};

/// Adding and taking away this number (1.5 * 2^52) rounds half to even wherever |x| < 2^51; the last bits of the sum are the integer.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// Beyond these exponents an f32 is 0 or infinite.
const FAR: f64 = 200.0;

/// From here on every f32 is an even number.
const EVEN: f32 = 16_777_216.0;

/// `e^x`
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (scale, rest) = exp2(f64::from(x) * LOG2_E);
    (scale + scale * rest) as f32
}

/// The natural logarithm: -infinity of 0, NaN of what is negative.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    (log2_wide(x) * LN_2) as f32
}

/// The logarithm to base 2: -infinity of 0, NaN of what is negative.
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    log2_wide(x) as f32
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let (scale, rest) = exp2(f64::from(x.abs()) * (2.0 * LOG2_E));
    // Near 0 this is `rest` itself: nothing cancels.
    let less_one = (scale - 1.0) + scale * rest;
    ((less_one / (less_one + 2.0)) as f32).copysign(x)
}

/// `x^y`, with the limits of C's `pow`.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let (scale, rest) = exp2(f64::from(y) * log2_wide(x.abs()));
    let magnitude = (scale + scale * rest) as f32;
    // From 2^24 on every number is even, infinity too.
    let near = if y < -EVEN { -EVEN } else { y };
    let near = f64::from(if near > EVEN { EVEN } else { near });
    let whole = (near + ROUND) - ROUND == near;
    let even = (0.5 * near + ROUND) - ROUND == 0.5 * near;
    let signed = if whole & !even {
        magnitude.copysign(x)
    } else {
        magnitude
    };
    let fails = (x < 0.0) & (x > f32::NEG_INFINITY) & !whole;
    let power = if fails { f32::NAN } else { signed };
    let one = (y == 0.0) | (x == 1.0) | ((x == -1.0) & (y.abs() == f32::INFINITY));
    if one { 1.0 } else { power }
}

/// `2^z` as a power of two and what is to be added to 1: `2^z = scale * (1 + rest)`.
#[inline(always)]
fn exp2(z: f64) -> (f64, f64) {
    // Comparisons let NaN through.
    let z = if z < -FAR { -FAR } else { z };
    let z = if z > FAR { FAR } else { z };
    let shifted = z + ROUND;
    let t = (z - (shifted - ROUND)) * LN_2;
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    // t + t^2 / 2! + … + t^9 / 9!
    let p = 1.0 / 362_880.0 * t + 1.0 / 40_320.0;
    let p = p * t + 1.0 / 5_040.0;
    let p = p * t + 1.0 / 720.0;
    let p = p * t + 1.0 / 120.0;
    let p = p * t + 1.0 / 24.0;
    let p = p * t + 1.0 / 6.0;
    let p = p * t + 0.5;
    (scale, t + (p * t) * t)
}

/// The logarithm to base 2 in f64. Every f32 but 0 is a normal f64.
#[inline(always)]
fn log2_wide(x: f32) -> f64 {
    let wide = f64::from(x);
    let bits = wide.to_bits();
    // The exponent of x / sqrt(1/2), plus 1023, as a whole number.
    let shifted = bits
        .wrapping_sub(std::f64::consts::FRAC_1_SQRT_2.to_bits())
        .wrapping_add(1023 << 52);
    let biased = shifted >> 52;
    let m = f64::from_bits(bits.wrapping_sub(biased << 52).wrapping_add(1023 << 52));
    // 2^52 + n has n as its last bits.
    let k = f64::from_bits(biased | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    // 1 + q / 3 + q^2 / 5 + … + q^7 / 15
    let p = 1.0 / 15.0 * q + 1.0 / 13.0;
    let p = p * q + 1.0 / 11.0;
    let p = p * q + 1.0 / 9.0;
    let p = p * q + 1.0 / 7.0;
    let p = p * q + 1.0 / 5.0;
    let p = p * q + 1.0 / 3.0;
    let p = p * q + 1.0;
    let log = k + (s * (2.0 * LOG2_E)) * p;
    let log = if x == 0.0 { f64::NEG_INFINITY } else { log };
    let log = if x < 0.0 { f64::NAN } else { log };
    // Infinity and NaN are their own logarithms.
    if x.abs() < f32::INFINITY {
        log
    } else if x == f32::NEG_INFINITY {
        f64::NAN
    } else {
        wide
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::{Kernel, Simd};
    use crate::kernels::testing::{noise, on_every_isa};

    /// How far an f32 is from the true value, in distances between neighbors there.
    fn error(found: f32, wanted: f64) -> f64 {
        if wanted.is_nan() || f64::from(wanted as f32).is_infinite() {
            let same = found.is_nan() == wanted.is_nan();
            // What rounds to infinity is infinity.
            let near = found.is_nan() || f64::from(found) == f64::from(wanted as f32);
            return if same && near { 0.0 } else { f64::INFINITY };
        }
        let rounded = (wanted as f32).abs();
        let gap = f64::from(rounded.next_up()) - f64::from(rounded);
        (f64::from(found) - wanted).abs() / gap
    }

    /// Numbers of every magnitude: a stride through all bit patterns.
    fn all_magnitudes() -> impl Iterator<Item = f32> {
        (0..u32::MAX).step_by(4_093).map(f32::from_bits)
    }

    #[test]
    fn functions_are_within_a_hair_of_half_a_unit() {
        type Both = (fn(f32) -> f32, fn(f64) -> f64);
        let functions: [Both; 4] = [
            (exp, libm::exp),
            (ln, libm::log),
            (log2, libm::log2),
            (tanh, libm::tanh),
        ];
        for (i, (ours, exact)) in functions.into_iter().enumerate() {
            let near = noise(200_000, i as u64).into_iter().map(|x| 20.0 * x);
            for x in all_magnitudes().chain(near) {
                let wanted = exact(f64::from(x));
                let error = error(ours(x), wanted);
                assert!(
                    error <= 0.5005,
                    "function {i} at {x:e}: {} for {wanted:e}",
                    ours(x)
                );
            }
        }
    }

    #[test]
    fn powers_are_within_a_hair_of_half_a_unit() {
        let exponents = noise(1_000_000, 3).into_iter();
        let bases = noise(1_000_000, 4).into_iter();
        for (x, y) in bases.zip(exponents) {
            // From 2^-20 to 2^20, to powers from -6 to 6.
            let (x, y) = (libm::exp2f(20.0 * x), 6.0 * y);
            let wanted = libm::pow(f64::from(x), f64::from(y));
            let error = error(pow(x, y), wanted);
            assert!(error <= 0.5005, "{x}^{y}: {} for {wanted}", pow(x, y));
        }
        for x in all_magnitudes() {
            for y in [-3.0, -1.0, -0.37, 0.5, 1.0, 2.0, 2.5, 3.0] {
                let wanted = libm::pow(f64::from(x), f64::from(y));
                let error = error(pow(x, y), wanted);
                assert!(error <= 0.5005, "{x:e}^{y}: {} for {wanted:e}", pow(x, y));
            }
        }
    }

    #[test]
    fn limits_are_those_of_c() {
        let special = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            2.0,
            -2.0,
            3.0,
            -3.0,
            1e-45,
            -1e-45,
            16_777_215.0,
            -16_777_215.0,
            16_777_216.0,
            f32::MAX,
            f32::MIN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
        ];
        let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        for x in special {
            for (i, (ours, theirs)) in [
                (exp(x), libm::expf(x)),
                (ln(x), libm::logf(x)),
                (log2(x), libm::log2f(x)),
                (tanh(x), libm::tanhf(x)),
            ]
            .into_iter()
            .enumerate()
            {
                let near = same(ours, theirs) || (ours - theirs).abs() <= 1e-6 * theirs.abs();
                assert!(near, "function {i} of {x}: {ours}, {theirs}");
                let signs = ours.is_sign_negative() == theirs.is_sign_negative();
                assert!(signs || ours.is_nan(), "function {i} of {x}");
            }
            for y in special {
                let wanted = libm::pow(f64::from(x), f64::from(y)) as f32;
                assert!(same(pow(x, y), wanted), "{x}^{y}: {}, {wanted}", pow(x, y));
            }
        }
    }

    #[test]
    fn whole_powers_and_logarithms_are_exact() {
        for n in -126..=127 {
            let power = libm::ldexpf(1.0, n);
            assert_eq!(pow(2.0, n as f32), power);
            assert_eq!(log2(power), n as f32);
        }
        for n in 1..200 {
            let n = n as f32;
            assert_eq!(pow(n, 2.0), n * n);
            assert_eq!(pow(n * n, 0.5), n);
        }
        assert_eq!((exp(0.0), ln(1.0), tanh(0.0)), (1.0, 0.0, 0.0));
    }

    struct All<'a>(&'a [f32], &'a mut [f32]);

    impl Kernel for All<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self) {
            for (y, x) in self.1.chunks_exact_mut(5).zip(self.0) {
                y.copy_from_slice(&[exp(*x), ln(*x), log2(*x), tanh(*x), pow(*x, 0.1 + *x)]);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_instruction_set() {
        let x: Vec<f32> = all_magnitudes().chain(noise(100_000, 5)).collect();
        on_every_isa(|isa| {
            let mut y = vec![0.0; 5 * x.len()];
            isa.run(All(&x, &mut y));
            y
        });
    }
}
