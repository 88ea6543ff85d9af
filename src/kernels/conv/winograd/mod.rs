//! Convolutions of 3 x 3 with stride 1 by Winograd's minimal filtering (Lavin and Gray, 2016): 16 products for four
//! outputs in the place of 36.
//!
//! ```text
//! for each tile of 2 x 2 outputs, with d the 4 x 4 inputs that it sees:
//!     V = B d B'      U = G w G'      y = A (sum over channels of U * V) A'            forward, gradient to the input
//!                     D = A' dy A     dw = G' (sum over tiles of V * D) G              gradient to the weights
//!
//!     [1  0 -1  0]      [ 1    0   0 ]
//! B = [0  1  1  0]  G = [1/2  1/2 1/2]  A = [1 1  1  0]          primes transpose; * is element by element
//!     [0 -1  1  0]      [1/2 -1/2 1/2]      [0 1 -1 -1]
//!     [0  1  0 -1]      [ 0    0   1 ]
//! ```
//!
//! Each of the 16 elements of a tile is a matrix product of its own, over channels or over tiles, and [`product`](crate::kernels::tile::product) computes
//! it. The transforms are a few additions, in the order in which the code has them. The sum over tiles goes on from
//! block to block of [`BLOCK`](weight_gradient::BLOCK) tiles: chains within a block, blocks in order.
//!
//! A NaN reaches the whole of every tile that sees it: up to one pixel more than by the definition. Results differ from the
//! definition's by a few units in the last place.

#![allow(clippy::needless_range_loop)] // elements have the indices of the formulas

mod correlate;
mod planes;
mod transforms;
mod weight_gradient;

use super::{ConvShape, Input, Look};
use crate::kernels::{
    buffer::{Sum, Unfilled},
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
    tile::pack,
};
use correlate::Walk;
use planes::Planes;
use transforms::filter;
use weight_gradient::WeightGradient;

/// Whether the products that are saved outweigh the transforms. A rule of shapes alone: it shows in the last bits.
pub(super) fn suits(shape: &ConvShape) -> bool {
    let dense = shape.kernel == [3, 3]
        && shape.stride == [1, 1]
        && shape.dilation == [1, 1]
        && shape.groups == 1;
    if !dense || shape.padding[0] > 2 || shape.padding[1] > 2 {
        return false;
    }
    let covers = |[height, width]: [usize; 2]| {
        let tiles = height.div_ceil(2) * width.div_ceil(2);
        16 * 4 * tiles <= 9 * 3 * height * width
    };
    shape.channels >= 8
        && shape.outputs >= 8
        && covers(shape.output_size())
        && covers([shape.height, shape.width])
}

/// The convolution of the input with `w`.
pub(super) fn forward(
    isa: Isa,
    shape: &ConvShape,
    input: Input<'_>,
    w: &[f32],
    watcher: &dyn Look,
) -> Vec<f32> {
    let mut out = Unfilled::new(shape.output_len());
    let [channels, outputs] = [shape.channels, shape.outputs];
    let filters = isa.run(Filters {
        w,
        channels,
        outputs,
    });
    let packed: Vec<Vec<f32>> = (0..16)
        .map(|e| {
            let u = &filters[e * channels * outputs..];
            pack(isa.lanes(), channels, outputs, |c, o| u[c * outputs + o])
        })
        .collect();
    let walk = Walk {
        planes: Planes::new(
            shape.batch,
            [shape.height, shape.width],
            channels,
            shape.padding,
            shape.output_size(),
        ),
        outputs,
        packed: &packed,
        input,
        add: false,
        watcher,
    };
    walk.run(isa, shape, out.as_mut_ptr());
    // SAFETY: the tiles cover every pixel.
    unsafe { out.filled() }
}

/// The convolution of `dy` with the filters turned around, in `dx`: added to what is there, or written.
pub(super) fn input_gradient(
    isa: Isa,
    shape: &ConvShape,
    dy: &[f32],
    w: &[f32],
    dx: Sum,
    watcher: &dyn Look,
) -> Vec<f32> {
    let [channels, outputs] = [shape.channels, shape.outputs];
    let filters = isa.run(Filters {
        w,
        channels,
        outputs,
    });
    // to turn a filter around is to exchange the first and the last element along each axis
    const TURNED: [usize; 4] = [3, 1, 2, 0];
    let packed: Vec<Vec<f32>> = (0..16)
        .map(|e| {
            let turned = 4 * TURNED[e / 4] + TURNED[e % 4];
            let u = &filters[turned * channels * outputs..];
            pack(isa.lanes(), outputs, channels, |o, c| u[c * outputs + o])
        })
        .collect();
    let border = [2 - shape.padding[0], 2 - shape.padding[1]];
    let walk = Walk {
        planes: Planes::new(
            shape.batch,
            shape.output_size(),
            outputs,
            border,
            [shape.height, shape.width],
        ),
        outputs: channels,
        packed: &packed,
        input: dy.into(),
        add: dx.has_begun(),
        watcher,
    };
    // SAFETY: the tiles cover every pixel.
    unsafe { dx.fill(|dx| walk.run(isa, shape, dx)) }
}

/// Adds to `dw` the gradient to the weights.
pub(super) fn weight_gradient(
    isa: Isa,
    shape: &ConvShape,
    input: Input<'_>,
    dy: &[f32],
    dw: &mut [f32],
) {
    const GRAIN: usize = 8; // as many channels as a tile of registers has rows
    let dw = Shared::new(dw.as_mut_ptr());
    parallel::split(shape.channels, GRAIN, shape.products(), |channels| {
        isa.run(WeightGradient {
            isa,
            shape,
            input,
            dy,
            channels,
            dw: dw.start(),
        });
    });
}

/// `U`: element, channel, output.
struct Filters<'a> {
    w: &'a [f32],
    channels: usize,
    outputs: usize,
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
