//! The gradient to the input: a convolution of `dy` with the filters turned around.

use super::{correlate::Walk, filters::Filters, planes::Planes};
use crate::kernels::{buffer::Sum, conv::pass::InputGradient, tile::pack};

/// The gradient to the input, in `dx`: added to what is there, or written.
pub(in crate::kernels::conv) fn input_gradient(pass: &InputGradient<'_>, dx: Sum) -> Vec<f32> {
    let InputGradient {
        isa,
        shape,
        dy,
        w,
        watcher,
    } = *pass;
    let [channels, outputs] = [shape.channels, shape.outputs];
    let filters = isa.run(Filters {
        w,
        channels,
        outputs,
    });
    // To turn a filter around is to exchange the first and the last element along each axis.
    const TURNED: [usize; 4] = [3, 1, 2, 0];
    let packed: Vec<Vec<f32>> = (0..16)
        .map(|e| {
            let turned = 4 * TURNED[e / 4] + TURNED[e % 4];
            let u = &filters[turned * channels * outputs..];
            pack(isa.lanes(), outputs, channels, outputs, |o| &u[o..])
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
