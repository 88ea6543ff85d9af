//! The one pass forward: what is wanted of `y` and `q`, from `x`.

use std::ops::Range;

use super::Tail;
use crate::kernels::{
    buffer::Unfilled,
    parallel::{self, Shared},
    quantize::{Codes, Sign, Smooth, Staircase, Uniform},
    simd::{Isa, Kernel, Simd},
};

/// What the pass wrote.
#[derive(Clone, PartialEq, Debug)]
pub struct Results {
    /// What was clipped.
    pub plain: Option<Vec<f32>>,
    /// What was then rounded; there where there is a quantizer.
    pub quantized: Option<Vec<f32>>,
}

/// `clip(x * scale + shift + residual)`, channel by channel, and what its quantizer makes of it. With a quantizer, the
/// numbers before it are only written if `plain` asks for them.
pub fn apply(isa: Isa, x: &[f32], tail: &Tail<'_>, plain: bool) -> Results {
    tail.check(x);
    match tail.quantizer.map(|q| q.codes) {
        None => run::<_, true>(isa, x, tail, Smooth),
        Some(Codes::Uniform { low, high }) => wanted(isa, x, tail, plain, Uniform { low, high }),
        Some(Codes::Sign) => wanted(isa, x, tail, plain, Sign),
    }
}

/// The same for some rows, into a buffer of their size: what the quantizer makes of them, if there is one. No residual.
pub fn apply_into(isa: Isa, x: &[f32], tail: &Tail<'_>, to: &mut [f32]) {
    tail.check(x);
    assert!(tail.residual.is_none() && x.len() == to.len());
    match tail.quantizer.map(|q| q.codes) {
        None => some_rows::<_, true>(isa, x, tail, to, Smooth),
        Some(Codes::Uniform { low, high }) => {
            some_rows::<_, false>(isa, x, tail, to, Uniform { low, high });
        }
        Some(Codes::Sign) => some_rows::<_, false>(isa, x, tail, to, Sign),
    }
}

fn some_rows<Q: Staircase, const PLAIN: bool>(
    isa: Isa,
    x: &[f32],
    tail: &Tail<'_>,
    to: &mut [f32],
    steps: Q,
) {
    isa.run(Apply::<_, false, PLAIN> {
        x,
        tail,
        steps,
        rows: 0..x.len() / tail.scale.len(),
        to: [to.as_mut_ptr(); 2],
    });
}

fn wanted<Q: Staircase>(isa: Isa, x: &[f32], tail: &Tail<'_>, plain: bool, steps: Q) -> Results {
    match plain {
        true => run::<_, true>(isa, x, tail, steps),
        false => run::<_, false>(isa, x, tail, steps),
    }
}

fn run<Q: Staircase, const PLAIN: bool>(isa: Isa, x: &[f32], tail: &Tail<'_>, steps: Q) -> Results {
    let len = |wanted: bool| if wanted { x.len() } else { 0 };
    let mut plain = Unfilled::new(len(PLAIN));
    let mut quantized = Unfilled::new(len(Q::QUANTIZES));
    let to = [&mut plain, &mut quantized].map(|buffer| Shared::new(buffer.as_mut_ptr()));
    parallel::split(x.len() / tail.scale.len(), 1, x.len(), |rows| {
        let to = to.map(Shared::start);
        match tail.residual {
            Some(_) => isa.run(Apply::<_, true, PLAIN> {
                x,
                tail,
                steps,
                rows,
                to,
            }),
            None => isa.run(Apply::<_, false, PLAIN> {
                x,
                tail,
                steps,
                rows,
                to,
            }),
        }
    });
    // SAFETY: the ranges make up all rows, and each writes all of its own to the buffers that are wanted.
    unsafe {
        Results {
            plain: PLAIN.then(|| plain.filled()),
            quantized: Q::QUANTIZES.then(|| quantized.filled()),
        }
    }
}

struct Apply<'a, Q, const RESIDUAL: bool, const PLAIN: bool> {
    x: &'a [f32],
    tail: &'a Tail<'a>,
    steps: Q,
    rows: Range<usize>,
    /// The buffers of `y` and `q`.
    to: [*mut f32; 2],
}

impl<Q: Staircase, const RESIDUAL: bool, const PLAIN: bool> Kernel
    for Apply<'_, Q, RESIDUAL, PLAIN>
{
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Tail {
            scale,
            shift,
            residual,
            activation,
            quantizer,
        } = *self.tail;
        let channels = scale.len();
        let (x, scale, shift) = (self.x.as_ptr(), scale.as_ptr(), shift.as_ptr());
        let residual = residual.map_or(std::ptr::null(), <[f32]>::as_ptr);
        let (low, high) = activation.bounds();
        let [y, q] = self.to;
        // SAFETY: all buffers that are read or written have these rows of `channels` numbers, scale and shift one.
        unsafe {
            let (low, high) = (S::splat(low), S::splat(high));
            let step = S::splat(quantizer.map_or(1.0, |q| q.scale));
            for r in self.rows {
                for c in (0..channels).step_by(S::LANES) {
                    let n = (channels - c).min(S::LANES);
                    let at = r * channels + c;
                    let mut v = S::fma(
                        S::read(x.add(at), n),
                        S::read(scale.add(c), n),
                        S::read(shift.add(c), n),
                    );
                    if RESIDUAL {
                        v = S::add(v, S::read(residual.add(at), n));
                    }
                    v = S::min(high, S::max(low, v));
                    if PLAIN {
                        S::write(y.add(at), v, n);
                    }
                    if Q::QUANTIZES {
                        S::write(q.add(at), self.steps.step::<S>(v, step), n);
                    }
                }
            }
        }
    }
}
