//! The transform of the filters.

use super::transforms::filter;
use crate::kernels::simd::{Kernel, Simd};

/// Gives `U`, the transformed filters: element, channel, output.
pub(super) struct Filters<'a> {
    pub w: &'a [f32],
    pub channels: usize,
    pub outputs: usize,
}

impl Kernel for Filters<'_> {
    type Output = Vec<f32>;
    #[inline(always)]
    fn run<S: Simd>(self) -> Vec<f32> {
        let plane = self.channels * self.outputs;
        let mut u = vec![0.0; 16 * plane];
        let (w, to) = (self.w.as_ptr(), u.as_mut_ptr());
        for at in (0..plane).step_by(S::LANES) {
            let n = (plane - at).min(S::LANES);
            // SAFETY: w has 9 planes, u has 16; numbers at..at + n exist in each.
            unsafe {
                let mut lines = [[S::splat(0.0); 4]; 3];
                for (ky, line) in lines.iter_mut().enumerate() {
                    let taps = w.add(3 * ky * plane + at);
                    *line = filter::<S>([
                        S::read(taps, n),
                        S::read(taps.add(plane), n),
                        S::read(taps.add(2 * plane), n),
                    ]);
                }
                for j in 0..4 {
                    let column = filter::<S>([lines[0][j], lines[1][j], lines[2][j]]);
                    for (i, element) in column.into_iter().enumerate() {
                        S::write(to.add((4 * i + j) * plane + at), element, n);
                    }
                }
            }
        }
        u
    }
}
