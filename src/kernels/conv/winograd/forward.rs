//! The forward pass.

use super::{correlate::Walk, filters::Filters, planes::Planes};
use crate::kernels::{buffer::Unfilled, conv::pass::Forward, tile::pack};

/// The convolution of the input with `w`.
pub(in crate::kernels::conv) fn forward(pass: &Forward<'_>) -> Vec<f32> {
    let Forward {
        isa,
        shape,
        input,
        w,
        watcher,
    } = *pass;
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
            pack(isa.lanes(), channels, outputs, 1, |c| &u[c * outputs..])
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
