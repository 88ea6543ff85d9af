//! A convolution of images with transformed filters: the forward pass, and the gradient to the input.

use std::ops::Range;

use super::{
    planes::{Planes, apart},
    transforms::{four, gather},
};
use crate::kernels::{
    conv::{ConvShape, Input, input::Reader, watch::Look},
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
    tile::{Columns, Layout, product},
};

/// A convolution with transformed filters.
pub(super) struct Walk<'a> {
    pub planes: Planes,
    pub outputs: usize,
    /// `U`, an element each.
    pub packed: &'a [Vec<f32>],
    pub input: Input<'a>,
    /// Whether to add to what is there.
    pub add: bool,
    pub watcher: &'a dyn Look,
}

impl Walk<'_> {
    /// Fills `out`, or adds to it.
    pub(super) fn run(&self, isa: Isa, shape: &ConvShape, out: *mut f32) {
        let out = Shared::new(out);
        let rows = self.planes.batch * self.planes.tiles[0];
        parallel::split(rows, 1, shape.products(), |rows| {
            isa.run(Correlate {
                isa,
                walk: self,
                rows,
                out: out.start(),
            });
        });
    }
}

/// Tiles that are worked on together: enough to fill the registers' tiles, and few enough for the buffers to stay in the
/// cache.
const TOGETHER: usize = 32;

/// Rows `rows` of tiles of all images.
struct Correlate<'a> {
    isa: Isa,
    walk: &'a Walk<'a>,
    rows: Range<usize>,
    out: *mut f32,
}

impl Kernel for Correlate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Correlate {
            isa,
            walk,
            rows,
            out,
        } = self;
        let (planes, outputs) = (&walk.planes, walk.outputs);
        let channels = planes.channels;
        let across = planes.tiles[1];
        let step = (TOGETHER / across).max(1);
        let (element_v, element_m) = (
            apart(step * across * channels),
            apart(step * across * outputs),
        );
        let mut v = vec![0.0; 16 * element_v];
        let mut m = vec![0.0; 16 * element_m];
        let layout = Layout::matrix(channels, outputs);
        let x = walk.input.x.as_ptr();
        let zeros = vec![0.0; planes.input[1] * channels];
        let mut reader = Reader::new(isa, walk.input, channels);
        for first in rows.clone().step_by(step) {
            let count = (rows.end - first).min(step);
            // SAFETY: the buffers have room for `step` rows of tiles; rows of tiles lie inside the images.
            unsafe {
                let start = v.as_mut_ptr();
                let tiles = first..first + count;
                let all = [0, channels];
                planes.transform_rows::<S>(&mut reader, &zeros, tiles, all, start, element_v);
                let next = first + count..(first + count + step).min(rows.end);
                let ahead = [
                    planes.input_ahead(x, next.clone()),
                    planes.output_ahead(out, outputs, next),
                ];
                for (e, packed) in walk.packed.iter().enumerate() {
                    let (v, m) = (
                        v.as_ptr().add(e * element_v),
                        m.as_mut_ptr().add(e * element_m),
                    );
                    ahead.iter().for_each(|ahead| ahead.fetch::<S>(e));
                    product::<S>(
                        count * across,
                        outputs,
                        v,
                        Columns::Packed(packed),
                        m,
                        &layout,
                        false,
                    );
                }
                for row in 0..count {
                    let m = m.as_ptr().add(row * across * outputs);
                    collect::<S>(walk, first + row, m, element_m, out);
                }
                let (images, _) = planes.place(first + count);
                let [height, width] = planes.output;
                walk.watcher.show(out, images * height * width * outputs);
            }
        }
    }
}

/// `y` of one row of tiles from the products `m`.
///
/// # Safety
/// `m` holds the row, `out` all images.
#[inline(always)]
unsafe fn collect<S: Simd>(
    walk: &Walk<'_>,
    row: usize,
    m: *const f32,
    element: usize,
    out: *mut f32,
) {
    let (planes, outputs) = (&walk.planes, walk.outputs);
    let width = planes.output[1];
    let (start, lines) = planes.output_of(row, outputs);
    let out = out.add(start);
    for tile in 0..planes.tiles[1] {
        let columns = planes.columns_of(tile);
        for o in (0..outputs).step_by(S::LANES) {
            let n = (outputs - o).min(S::LANES);
            let m = m.add(tile * outputs + o);
            let mut halves = [[S::splat(0.0); 4]; 2];
            for j in 0..4 {
                let [upper, lower] = gather::<S>(four::<S>(m.add(j * element), 4 * element, n));
                halves[0][j] = upper;
                halves[1][j] = lower;
            }
            for (y, half) in halves.iter().enumerate().take(lines) {
                let pixels = gather::<S>(*half);
                for (x, &pixel) in pixels.iter().enumerate().take(columns) {
                    let to = out.add((y * width + 2 * tile + x) * outputs + o);
                    S::put(to, pixel, n, walk.add);
                }
            }
        }
    }
}
