//! Convolutions of 1 x 1 and their gradient to the input: products of a matrix with one row per pixel.

use std::ops::Range;

use super::{Input, input::Reader, watch::Look};
use crate::kernels::{
    parallel::{self, Shared},
    simd::{Isa, Kernel, Simd},
    tile::{Columns, Layout, product},
};

/// Pixels that are worked on together: their numbers stay in the cache while all columns read them.
const TOGETHER: usize = 256;

/// Rows of `inner` numbers times a packed matrix of `columns` columns.
#[derive(Clone, Copy)]
pub(super) struct Pixels<'a> {
    pub input: Input<'a>,
    pub inner: usize,
    pub columns: usize,
    pub packed: &'a [f32],
    /// Whether to add to what is there.
    pub add: bool,
}

impl Pixels<'_> {
    /// Fills `out` with the products of all rows, or adds them to it.
    ///
    /// # Safety
    /// `out` has room for them, and numbers if they are added to.
    pub(super) unsafe fn run(&self, isa: Isa, out: *mut f32, watcher: &dyn Look) {
        let out = Shared::new(out);
        let pixels = self.input.x.len() / self.inner;
        let products = pixels * self.inner * self.columns;
        parallel::split(pixels, 1, products, |range| {
            isa.run(Stretch {
                isa,
                all: self,
                range,
                out: out.start(),
                watcher,
            });
        });
    }
}

/// Pixels `range`.
struct Stretch<'a> {
    isa: Isa,
    all: &'a Pixels<'a>,
    range: Range<usize>,
    out: *mut f32,
    watcher: &'a dyn Look,
}

impl Kernel for Stretch<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Pixels {
            input,
            inner,
            columns,
            packed,
            add,
        } = *self.all;
        let layout = Layout::matrix(inner, columns);
        let mut reader = Reader::new(self.isa, input, inner);
        for first in self.range.clone().step_by(TOGETHER) {
            let pixels = first..self.range.end.min(first + TOGETHER);
            let count = pixels.len();
            let a = reader.pixels(pixels).as_ptr();
            let b = Columns::Packed(packed);
            // SAFETY: the reader gave `count` rows of `inner` numbers, and the output has rows for all pixels.
            unsafe {
                let c = self.out.add(first * columns);
                product::<S>(count, columns, a, b, c, &layout, add);
                self.watcher.show(self.out, (first + count) * columns);
            }
        }
    }
}
