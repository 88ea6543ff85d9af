//! Output buffers that are not filled with zeros before a kernel fills them with results.

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

/// A gradient to which several readers of a tensor contribute: the first writes it, the others add to it.
#[derive(Debug)]
pub enum Sum {
    /// Nobody has contributed to these many numbers.
    New(usize),
    /// What there is.
    Begun(Vec<f32>),
}

impl Sum {
    /// What there is of `len` numbers.
    pub fn of(begun: Option<Vec<f32>>, len: usize) -> Sum {
        match begun {
            None => Sum::New(len),
            Some(sum) => {
                assert_eq!(sum.len(), len);
                Sum::Begun(sum)
            }
        }
    }

    /// Whether a kernel has to add to what is there.
    pub fn has_begun(&self) -> bool {
        matches!(self, Sum::Begun(_))
    }

    /// The same for a kernel that doesn't reach every number.
    pub fn zeroed(self) -> Sum {
        match self {
            Sum::New(len) => Sum::Begun(vec![0.0; len]),
            begun => begun,
        }
    }

    /// The sum once `contribute` has written or added to it.
    ///
    /// # Safety
    /// `contribute` writes every number, unless the sum has begun.
    pub unsafe fn fill(self, contribute: impl FnOnce(*mut f32)) -> Vec<f32> {
        match self {
            Sum::New(len) => {
                let mut buffer = Unfilled::new(len);
                contribute(buffer.as_mut_ptr());
                buffer.filled()
            }
            Sum::Begun(mut sum) => {
                contribute(sum.as_mut_ptr());
                sum
            }
        }
    }
}
