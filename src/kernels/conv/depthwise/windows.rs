//! Windows of a padded image, one per output pixel.

use crate::kernels::conv::ConvShape;

/// Windows of a padded image of `width` columns onto `out_h` x `out_w` pixels.
#[derive(Clone, Copy)]
pub(super) struct Windows {
    pub width: usize,
    pub channels: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    pub out_h: usize,
    pub out_w: usize,
}

impl Windows {
    /// Those of a convolution onto its outputs.
    pub(super) fn of(shape: &ConvShape) -> Windows {
        let [out_h, out_w] = shape.output_size();
        Windows {
            width: shape.padded_size()[1],
            channels: shape.channels,
            kernel: shape.kernel,
            stride: shape.stride,
            dilation: shape.dilation,
            out_h,
            out_w,
        }
    }

    /// From a tap's pixel of the image to that of the tap below, and of the tap to the right.
    #[inline(always)]
    pub(super) fn steps(&self) -> (usize, usize) {
        let line = self.width * self.channels;
        (self.dilation[0] * line, self.dilation[1] * self.channels)
    }

    /// Where the window of output pixel (oy, ox) starts in the image.
    #[inline(always)]
    pub(super) fn start(&self, oy: usize, ox: usize) -> usize {
        (oy * self.stride[0] * self.width + ox * self.stride[1]) * self.channels
    }

    /// Where output pixel (oy, ox) starts in the output.
    #[inline(always)]
    pub(super) fn output(&self, oy: usize, ox: usize) -> usize {
        (oy * self.out_w + ox) * self.channels
    }
}
