//! Windows of a padded image times a filter per channel: the forward pass, and the gradient to the input for stride 1.

use super::windows::Windows;
use crate::kernels::simd::Simd;

/// `y[oy, ox, c] = sum of window * w`, or `+=` with `add`.
///
/// # Safety
/// `image` holds every window, `w` the kernel's taps, `y` the output pixels, all with `windows.channels` channels.
#[inline(always)]
pub(super) unsafe fn correlate<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    add: bool,
) {
    let channels = windows.channels;
    for c in (0..channels).step_by(S::LANES) {
        let n = (channels - c).min(S::LANES);
        let (image, w, y) = (image.add(c), w.add(c), y.add(c));
        match (windows.kernel, n == S::LANES) {
            ([3, 3], true) => correlate_3x3::<S>(windows, image, w, y, S::LANES, add),
            ([3, 3], false) => correlate_3x3::<S>(windows, image, w, y, n, add),
            _ => correlate_any::<S>(windows, image, w, y, n, add),
        }
    }
}

/// One vector of channels of [`correlate`] for a 3 x 3 kernel.
///
/// # Safety
/// As of [`correlate`], for `n` channels.
#[inline(always)]
unsafe fn correlate_3x3<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    n: usize,
    add: bool,
) {
    let (down, right) = windows.steps();
    let mut taps = [S::splat(0.0); 9];
    for (t, tap) in taps.iter_mut().enumerate() {
        *tap = S::read(w.add(t * windows.channels), n);
    }
    for oy in 0..windows.out_h {
        for ox in 0..windows.out_w {
            let window = image.add(windows.start(oy, ox));
            let mut sums = [S::splat(0.0); 3];
            for (ky, sum) in sums.iter_mut().enumerate() {
                let x = window.add(ky * down);
                *sum = S::mul(S::read(x, n), taps[3 * ky]);
                *sum = S::fma(S::read(x.add(right), n), taps[3 * ky + 1], *sum);
                *sum = S::fma(S::read(x.add(2 * right), n), taps[3 * ky + 2], *sum);
            }
            let sum = S::add(S::add(sums[0], sums[1]), sums[2]);
            S::put(y.add(windows.output(oy, ox)), sum, n, add);
        }
    }
}

/// One vector of channels of [`correlate`] for any kernel.
///
/// # Safety
/// As of [`correlate`], for `n` channels.
#[inline(always)]
unsafe fn correlate_any<S: Simd>(
    windows: &Windows,
    image: *const f32,
    w: *const f32,
    y: *mut f32,
    n: usize,
    add: bool,
) {
    let (down, right) = windows.steps();
    let [kernel_h, kernel_w] = windows.kernel;
    for oy in 0..windows.out_h {
        for ox in 0..windows.out_w {
            let window = image.add(windows.start(oy, ox));
            let mut total = S::splat(0.0);
            for ky in 0..kernel_h {
                let mut sum = S::splat(0.0);
                for kx in 0..kernel_w {
                    let x = S::read(window.add(ky * down + kx * right), n);
                    let tap = S::read(w.add((ky * kernel_w + kx) * windows.channels), n);
                    sum = S::fma(x, tap, sum);
                }
                total = S::add(total, sum);
            }
            S::put(y.add(windows.output(oy, ox)), total, n, add);
        }
    }
}
