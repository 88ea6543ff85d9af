//! The gradient to the weights.

use super::{
    planes::{Planes, apart},
    transforms::{four, narrow, widen},
};
use crate::kernels::{
    conv::{
        input::Reader,
        pass::{Share, WeightGradient},
    },
    simd::{Kernel, Simd},
    tile::{Columns, Layout, product},
};

/// Tiles in one chain of the gradient to the weights. Fixed: it shows in the last bits of results.
pub(super) const BLOCK: usize = 32;

/// Channels that a thread takes at least: as many as a tile of registers has rows.
const GRAIN: usize = 8;

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
        let outputs = shape.outputs;
        let planes = Planes::new(
            shape.batch,
            [shape.height, shape.width],
            shape.channels,
            shape.padding,
            shape.output_size(),
        );
        let across = planes.tiles[1];
        let step = (BLOCK / across).max(1);
        let channels = slice.len();
        let (element_v, element_d) = (
            apart(step * across * channels),
            apart(step * across * outputs),
        );
        let mut v = vec![0.0; 16 * element_v];
        let mut d = vec![0.0; 16 * element_d];
        let mut sums = vec![0.0; 16 * channels * outputs];
        let x = input.x.as_ptr();
        let zeros = vec![0.0; shape.width * shape.channels];
        let mut reader = Reader::new(isa, input, shape.channels);
        let rows = 0..planes.batch * planes.tiles[0];
        for first in rows.clone().step_by(step) {
            let count = (rows.end - first).min(step);
            // SAFETY: the buffers have room for `step` rows of tiles; rows of tiles lie inside the images.
            unsafe {
                let start = v.as_mut_ptr();
                let (tiles, part) = (first..first + count, [slice.start, channels]);
                planes.transform_rows::<S>(&mut reader, &zeros, tiles, part, start, element_v);
                for row in 0..count {
                    let d = d.as_mut_ptr().add(row * across * outputs);
                    scatter::<S>(&planes, outputs, first + row, dy.as_ptr(), d, element_d);
                }
                let layout = Layout {
                    a_row: 1,
                    a_outer: 0,
                    a_inner: channels,
                    outer: 1,
                    inner: count * across,
                    c_row: outputs,
                };
                let next = first + count..(first + count + step).min(rows.end);
                let ahead = [
                    planes.input_ahead(x, next.clone()),
                    planes.output_ahead(dy.as_ptr(), outputs, next),
                ];
                for e in 0..16 {
                    ahead.iter().for_each(|ahead| ahead.fetch::<S>(e));
                    let b = Columns::Strided {
                        b: d.as_ptr().add(e * element_d),
                        outer: 0,
                        inner: outputs,
                    };
                    let (v, sums) = (
                        v.as_ptr().add(e * element_v),
                        sums.as_mut_ptr().add(e * channels * outputs),
                    );
                    product::<S>(channels, outputs, v, b, sums, &layout, true);
                }
            }
        }
        let plane = channels * outputs;
        let sums = sums.as_ptr();
        for at in (0..plane).step_by(S::LANES) {
            let n = (plane - at).min(S::LANES);
            // SAFETY: there are 16 planes of sums; dw has nine of all channels, of which these are consecutive.
            unsafe {
                let mut lines = [[S::splat(0.0); 3]; 4];
                for (i, line) in lines.iter_mut().enumerate() {
                    *line = narrow::<S>(four::<S>(sums.add(4 * i * plane + at), plane, n));
                }
                for kx in 0..3 {
                    let column =
                        narrow::<S>([lines[0][kx], lines[1][kx], lines[2][kx], lines[3][kx]]);
                    for (ky, &sum) in column.iter().enumerate() {
                        let to =
                            dw.add(((3 * ky + kx) * shape.channels + slice.start) * outputs + at);
                        S::write(to, S::add(S::read(to, n), sum), n);
                    }
                }
            }
        }
    }
}

/// `D` of one row of tiles: the transform of [`Planes::transform`] for gradients, `outputs` numbers a tile.
///
/// # Safety
/// `dy` holds the images' gradients, and `d` has the room.
#[inline(always)]
unsafe fn scatter<S: Simd>(
    planes: &Planes,
    outputs: usize,
    row: usize,
    dy: *const f32,
    d: *mut f32,
    element: usize,
) {
    let width = planes.output[1];
    let (start, lines) = planes.output_of(row, outputs);
    let dy = dy.add(start);
    for tile in 0..planes.tiles[1] {
        let columns = planes.columns_of(tile);
        for o in (0..outputs).step_by(S::LANES) {
            let n = (outputs - o).min(S::LANES);
            let mut pixels = [[S::splat(0.0); 2]; 2];
            for (y, line) in pixels.iter_mut().enumerate().take(lines) {
                for (x, pixel) in line.iter_mut().enumerate().take(columns) {
                    *pixel = S::read(dy.add((y * width + 2 * tile + x) * outputs + o), n);
                }
            }
            let left = widen::<S>([pixels[0][0], pixels[1][0]]);
            let right = widen::<S>([pixels[0][1], pixels[1][1]]);
            let d = d.add(tile * outputs + o);
            for i in 0..4 {
                for (j, &sum) in widen::<S>([left[i], right[i]]).iter().enumerate() {
                    S::write(d.add((4 * i + j) * element), sum, n);
                }
            }
        }
    }
}
