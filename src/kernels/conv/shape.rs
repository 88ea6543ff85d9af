//! What a convolution's loops run over.

/// Shapes of one convolution. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input lines.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Input channels.
    pub channels: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel size.
    pub kernel: [usize; 2],
    /// Step between output pixels.
    pub stride: [usize; 2],
    /// Distance of kernel taps.
    pub dilation: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
    /// Groups; divides channels and outputs.
    pub groups: usize,
}

impl ConvShape {
    /// Output lines and columns.
    pub fn output_size(&self) -> [usize; 2] {
        let [height, width] = self.padded_size();
        let [kernel_h, kernel_w] = self.extent();
        [
            (height - kernel_h) / self.stride[0] + 1,
            (width - kernel_w) / self.stride[1] + 1,
        ]
    }

    /// Lines and columns from the first tap to the last.
    pub fn extent(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.dilation[axis] * (self.kernel[axis] - 1) + 1)
    }

    /// Multiplications of the definition.
    pub fn products(&self) -> usize {
        self.output_len() * (self.weight_len() / self.outputs)
    }

    /// Input lines and columns with the zeros around.
    pub(super) fn padded_size(&self) -> [usize; 2] {
        [
            self.height + 2 * self.padding[0],
            self.width + 2 * self.padding[1],
        ]
    }

    /// Numbers in the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * height * width * self.outputs
    }

    /// Numbers in the weights.
    pub fn weight_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.channels / self.groups) * self.outputs
    }

    /// One filter per channel.
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.channels && self.groups == self.outputs && self.groups > 1
    }

    /// A matrix product in disguise: every output pixel sees one input pixel.
    pub(super) fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] && self.groups == 1
    }

    /// Panics on shapes that mean nothing.
    pub(super) fn check(&self) {
        let Self { groups, .. } = *self;
        assert!(
            groups > 0
                && self.channels.is_multiple_of(groups)
                && self.outputs.is_multiple_of(groups),
            "groups divide channels and outputs: {self:?}"
        );
        let positive = [self.kernel, self.stride, self.dilation];
        assert!(
            positive.iter().flatten().all(|n| *n > 0),
            "kernel, stride and dilation are positive: {self:?}"
        );
        let ([height, width], [kernel_h, kernel_w]) = (self.padded_size(), self.extent());
        assert!(
            kernel_h <= height && kernel_w <= width,
            "the kernel fits into the padded image: {self:?}"
        );
    }
}
