//! The forward pass.
//!
//! An image is copied once into a buffer with a border of zeros, and its windows are correlated with the filters.

use std::ops::Range;

use super::{correlate::correlate, windows::Windows};
use crate::kernels::{
    buffer::Unfilled,
    conv::{input::Reader, padded::Padded, pass::Forward},
    parallel::{self, Shared},
    simd::{Kernel, Simd},
};

/// The convolution of the input with `w`.
pub(in crate::kernels::conv) fn forward(pass: &Forward<'_>) -> Vec<f32> {
    let shape = pass.shape;
    let mut out = Unfilled::new(shape.output_len());
    let y = Shared::new(out.as_mut_ptr());
    parallel::split(shape.batch, 1, shape.products(), |range| {
        pass.isa.run(Images {
            pass,
            range,
            y: y.start(),
        });
    });
    // SAFETY: every output pixel of every image is written.
    unsafe { out.filled() }
}

/// Images `range`.
struct Images<'a> {
    pass: &'a Forward<'a>,
    range: Range<usize>,
    y: *mut f32,
}

impl Kernel for Images<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Images { pass, range, y } = self;
        let Forward {
            isa,
            shape,
            input,
            w,
            watcher,
        } = *pass;
        let channels = shape.channels;
        let [out_h, out_w] = shape.output_size();
        let mut image = Padded::new([shape.height, shape.width], channels, shape.padding);
        let windows = Windows::of(shape);
        let mut reader = Reader::new(isa, input, channels);
        for n in range {
            image.read(&mut reader, n, 0);
            // SAFETY: the last window ends inside the padded image; y has room for all images.
            unsafe {
                let output = out_h * out_w * channels;
                let to = y.add(n * output);
                correlate::<S>(&windows, image.buffer.as_ptr(), w.as_ptr(), to, false);
                watcher.show(y, (n + 1) * output);
            }
        }
    }
}
