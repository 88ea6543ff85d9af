//! New output buffers that are not filled with zeros before a kernel fills them with results.

/// A buffer on its way to becoming a vector.
pub struct Unfilled {
    buffer: Vec<f32>,
    len: usize,
}

impl Unfilled {
    /// Room for `len` numbers.
    pub fn new(len: usize) -> Self {
        let buffer = Vec::with_capacity(len);
        Unfilled { buffer, len }
    }

    /// Where to write.
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.buffer.as_mut_ptr()
    }

    /// The vector.
    ///
    /// # Safety
    /// All `len` numbers have been written.
    pub unsafe fn filled(mut self) -> Vec<f32> {
        self.buffer.set_len(self.len);
        self.buffer
    }
}
