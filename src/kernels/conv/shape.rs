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
    /// Zeros on each side.
    pub padding: [usize; 2],
    /// Groups; divides channels and outputs.
    pub groups: usize,
}

impl ConvShape {
    /// Output lines and columns.
    pub fn output_size(&self) -> [usize; 2] {
        let [height, width] = self.padded_size();
        [
            (height - self.kernel[0]) / self.stride[0] + 1,
            (width - self.kernel[1]) / self.stride[1] + 1,
        ]
    }

    /// Input lines and columns with the zeros around.
    pub(in crate::kernels) fn padded_size(&self) -> [usize; 2] {
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
    pub(in crate::kernels) fn check(&self) {
        let Self { groups, kernel, .. } = *self;
        assert!(
            groups > 0
                && self.channels.is_multiple_of(groups)
                && self.outputs.is_multiple_of(groups),
            "groups divide channels and outputs: {self:?}"
        );
        let [height, width] = self.padded_size();
        assert!(
            (1..=height).contains(&kernel[0]) && (1..=width).contains(&kernel[1]),
            "the kernel fits into the padded image: {self:?}"
        );
        assert!(
            self.stride[0] > 0 && self.stride[1] > 0,
            "the stride is positive"
        );
    }
}
