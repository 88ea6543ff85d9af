//! The gradient to the weights.
//!
//! It sums `x * dy` over the pixels of an image; images are added in order. Threads share out the channels, not the images:
//! no sum is cut.

use super::windows::Windows;
use crate::kernels::{
    conv::{
        input::Reader,
        padded::Padded,
        pass::{Share, WeightGradient},
    },
    simd::{Kernel, Simd},
};

/// Channels that a thread takes at least: those of the longest vector.
const GRAIN: usize = 16;

/// Adds to `dw` the gradient to the weights.
pub(in crate::kernels::conv) fn weight_gradient(pass: &WeightGradient<'_>, dw: &mut [f32]) {
    pass.share_out(pass.shape.channels, GRAIN, dw, Channels);
}

/// Some of the channels.
struct Channels<'a>(Share<'a>);

impl Kernel for Channels<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Share {
            pass,
            range: slice,
            dw,
        } = self.0;
        let WeightGradient {
            isa,
            shape,
            input,
            dy,
        } = *pass;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows::of(shape);
        let output = out_h * out_w * channels;
        let mut reader = Reader::new(isa, input, channels);
        for (n, dy) in dy.chunks_exact(output).enumerate() {
            image.read(&mut reader, n, 0);
            for c in slice.clone().step_by(S::LANES) {
                let n = (slice.end - c).min(S::LANES);
                // SAFETY: windows end inside the padded image; n channels from c on exist in all three buffers.
                unsafe {
                    let (x, dy, dw) = (image.buffer.as_ptr().add(c), dy.as_ptr().add(c), dw.add(c));
                    match (windows.kernel, n == S::LANES) {
                        ([3, 3], true) => taps_gradient_3x3::<S>(&windows, x, dy, dw, S::LANES),
                        ([3, 3], false) => taps_gradient_3x3::<S>(&windows, x, dy, dw, n),
                        _ => taps_gradient_any::<S>(&windows, x, dy, dw, n),
                    }
                }
            }
        }
    }
}

/// Adds the gradient of one image and one vector of channels to the nine taps, which stay in registers.
///
/// # Safety
/// As for [`correlate`](super::correlate::correlate), with `dy` in the place of `y`.
#[inline(always)]
unsafe fn taps_gradient_3x3<S: Simd>(
    windows: &Windows,
    image: *const f32,
    dy: *const f32,
    dw: *mut f32,
    n: usize,
) {
    let channels = windows.channels;
    let (down, right) = windows.steps();
    let mut sums = [S::splat(0.0); 9];
    for oy in 0..windows.out_h {
        for ox in 0..windows.out_w {
            let g = S::read(dy.add(windows.output(oy, ox)), n);
            let window = image.add(windows.start(oy, ox));
            for (t, sum) in sums.iter_mut().enumerate() {
                let x = S::read(window.add(t / 3 * down + t % 3 * right), n);
                *sum = S::fma(g, x, *sum);
            }
        }
    }
    for (t, &sum) in sums.iter().enumerate() {
        let p = dw.add(t * channels);
        S::write(p, S::add(S::read(p, n), sum), n);
    }
}

/// [`taps_gradient_3x3`] for any kernel.
///
/// # Safety
/// As for [`correlate`](super::correlate::correlate), with `dy` in the place of `y`.
#[inline(always)]
unsafe fn taps_gradient_any<S: Simd>(
    windows: &Windows,
    image: *const f32,
    dy: *const f32,
    dw: *mut f32,
    n: usize,
) {
    let channels = windows.channels;
    let (down, right) = windows.steps();
    let [kernel_h, kernel_w] = windows.kernel;
    for ky in 0..kernel_h {
        for kx in 0..kernel_w {
            let mut sum = S::splat(0.0);
            for oy in 0..windows.out_h {
                for ox in 0..windows.out_w {
                    let x = windows.start(oy, ox) + ky * down + kx * right;
                    let x = S::read(image.add(x), n);
                    let g = S::read(dy.add(windows.output(oy, ox)), n);
                    sum = S::fma(g, x, sum);
                }
            }
            let p = dw.add((ky * kernel_w + kx) * channels);
            S::write(p, S::add(S::read(p, n), sum), n);
        }
    }
}
