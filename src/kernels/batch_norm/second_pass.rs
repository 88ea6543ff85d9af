//! The second pass backward: the gradient to `x`.

use std::ops::Range;

use super::{Backward, Pair, rows, source::Source};
use crate::kernels::{
    parallel::{self, Shared},
    quantize::{Codes, Sign, Smooth, Staircase, Uniform},
    simd::{Isa, Kernel, Simd},
};

/// `dx = g * by_gradient + (x * by_input + constant)`, and the gradients to gamma and beta.
pub(super) struct Factors {
    pub dgamma: Vec<f32>,
    pub dbeta: Vec<f32>,
    by_gradient: Vec<f32>,
    by_input: Vec<f32>,
    constant: Vec<f32>,
}

impl Factors {
    pub(super) fn new(pass: &Backward<'_>, sums: &Pair) -> Factors {
        let channels = pass.gamma.len();
        let rows = rows(pass.x, channels) as f64;
        let zeros = || vec![0.0; channels];
        let mut factors = Factors {
            dgamma: zeros(),
            dbeta: zeros(),
            by_gradient: zeros(),
            by_input: zeros(),
            constant: zeros(),
        };
        for c in 0..channels {
            let (sum_g, sum_gx) = (sums.first[c], sums.second[c]);
            let inverse = f64::from(pass.inverse_deviation[c]);
            factors.dbeta[c] = sum_g as f32;
            factors.dgamma[c] = (sum_gx * inverse) as f32;
            let scale = f64::from(pass.gamma[c]) * inverse;
            let slope = -scale * inverse * inverse * sum_gx / rows;
            factors.by_gradient[c] = scale as f32;
            factors.by_input[c] = slope as f32;
            factors.constant[c] = (-scale * sum_g / rows - slope * f64::from(pass.mean[c])) as f32;
        }
        factors
    }
}

/// Picks the loop of the second pass: `from` holds `g` itself if it was `kept`, else the gradient to `q` or to `y`.
///
/// # Safety
/// Both buffers have the length of `x`. They may be one.
pub(super) unsafe fn second_pass(
    isa: Isa,
    pass: &Backward<'_>,
    factors: &Factors,
    from: *const f32,
    to: *mut f32,
    kept: bool,
    quantized: bool,
) {
    let codes = pass.tail.quantizer.map(|q| q.codes);
    match codes.filter(|_| !kept && quantized) {
        _ if kept => remaining::<_, true>(isa, pass, factors, from, to, Smooth),
        None => remaining::<_, false>(isa, pass, factors, from, to, Smooth),
        Some(Codes::Uniform { low, high }) => {
            remaining::<_, false>(isa, pass, factors, from, to, Uniform { low, high })
        }
        Some(Codes::Sign) => remaining::<_, false>(isa, pass, factors, from, to, Sign),
    }
}

/// The second pass, with the steps that the gradient goes through.
///
/// # Safety
/// As of [`second_pass`].
unsafe fn remaining<Q: Staircase, const KEPT: bool>(
    isa: Isa,
    pass: &Backward<'_>,
    factors: &Factors,
    from: *const f32,
    to: *mut f32,
    steps: Q,
) {
    let source = Source {
        pass,
        steps,
        upstream: [from.cast_mut(); 2],
    };
    let to = Shared::new(to);
    let (source, rows) = (&source, rows(pass.x, pass.gamma.len()));
    parallel::split(rows, 1, pass.x.len(), |rows| {
        isa.run(SecondPass::<_, KEPT> {
            source,
            factors,
            rows,
            to: to.start(),
        });
    });
}

/// `to = g * by_gradient + (x * by_input + constant)`.
struct SecondPass<'a, Q, const KEPT: bool> {
    source: &'a Source<'a, Q>,
    factors: &'a Factors,
    rows: Range<usize>,
    to: *mut f32,
}

impl<Q: Staircase, const KEPT: bool> Kernel for SecondPass<'_, Q, KEPT> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let SecondPass {
            source,
            factors,
            rows,
            to,
        } = self;
        let pass = source.pass;
        let channels = pass.gamma.len();
        let x = pass.x.as_ptr();
        let (by_gradient, by_input, constant) = (
            factors.by_gradient.as_ptr(),
            factors.by_input.as_ptr(),
            factors.constant.as_ptr(),
        );
        // SAFETY: all buffers have these rows of `channels` numbers, the factors one row.
        unsafe {
            for r in rows {
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let at = r * channels + c;
                    let x = S::read(x.add(at), n);
                    let g = if KEPT {
                        S::read(source.upstream[0].add(at), n)
                    } else if Q::QUANTIZES {
                        source.gradient::<S, false, false>(&source.row::<S>(c, n), x, at, n)
                    } else {
                        source.gradient::<S, false, true>(&source.row::<S>(c, n), x, at, n)
                    };
                    let from_input =
                        S::fma(x, S::read(by_input.add(c), n), S::read(constant.add(c), n));
                    let v = S::fma(g, S::read(by_gradient.add(c), n), from_input);
                    S::write(to.add(at), v, n);
                }
            }
        }
    }
}
