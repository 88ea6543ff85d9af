//! Some samples of a file: bytes as they were read, and what they stand for.

use std::sync::Arc;

use super::{DataError, SCALE_HELP};
use crate::ir::Dataset;

/// Some samples: a stretch of what a file has.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    pub(super) samples: Arc<Samples>,
    pub(super) start: usize,
    pub(super) len: usize,
    /// Height, width, channels.
    pub(super) shape: [usize; 3],
    pub(super) scale: Arc<Scale>,
}

/// Everything that files of one kind hold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Samples {
    /// The last file, or the folder, for messages.
    pub(super) file: String,
    pub(super) pixels: Pixels,
    pub(super) labels: Vec<u16>,
}

/// Values of images (samples, height, width, channels).
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pixels {
    /// As in the file.
    Bytes(Vec<u8>),
    /// Divided by the scale.
    Reals(Vec<f32>),
}

/// What a pixel stands for: (x / scale - mean) / std, per channel.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// For each channel, the number of each byte.
    bytes: Vec<[f32; 256]>,
    /// For each channel, mean and std.
    normalize: Vec<(f32, f32)>,
}

impl Samples {
    fn fail(&self, what: String, help: &str) -> DataError {
        DataError {
            file: self.file.clone(),
            place: None,
            what,
            help: help.into(),
        }
    }

    /// Whether every pixel is within the scale.
    pub(super) fn check_scale(&self, dataset: &Dataset) -> Result<(), DataError> {
        // Real numbers were checked line by line.
        let Pixels::Bytes(bytes) = &self.pixels else {
            return Ok(());
        };
        match bytes.iter().position(|p| f64::from(*p) > dataset.scale) {
            None => Ok(()),
            Some(at) => {
                let size = dataset.shape.iter().product::<usize>();
                let what = format!(
                    "pixel value {} of sample {} is above the scale {}",
                    bytes[at],
                    at / size,
                    dataset.scale
                );
                Err(self.fail(what, SCALE_HELP))
            }
        }
    }

    /// Whether there are samples enough for these splits, each of which has one at least.
    pub(super) fn hold(&self, splits: &[(&str, usize)]) -> Result<(), DataError> {
        let wanted = splits
            .iter()
            .try_fold(0_usize, |n, (_, s)| n.checked_add(*s));
        let count = self.labels.len();
        if wanted.is_some_and(|n| n <= count) && splits.iter().all(|(_, s)| *s > 0) {
            return Ok(());
        }
        let asked: Vec<String> = splits.iter().map(|(n, s)| format!("{n} = {s}")).collect();
        let what = format!("splits of {} don't fit {count} samples", asked.join(", "));
        let help =
            "give each split at least one sample, and all together as many as there are at most";
        Err(self.fail(what, help))
    }
}

impl Scale {
    pub(super) fn of(dataset: &Dataset) -> Scale {
        let channels = dataset.shape[2];
        let normalize = (0..channels).map(|c| match &dataset.normalize {
            Some(n) => (n.mean[c], n.std[c]),
            None => (0.0, 1.0),
        });
        let normalize: Vec<(f64, f64)> = normalize.collect();
        let number = |byte: usize, (mean, std): &(f64, f64)| {
            ((byte as f64 / dataset.scale - mean) / std) as f32
        };
        Scale {
            bytes: normalize
                .iter()
                .map(|n| std::array::from_fn(|byte| number(byte, n)))
                .collect(),
            normalize: normalize
                .iter()
                .map(|(mean, std)| (*mean as f32, *std as f32))
                .collect(),
        }
    }
}

impl Split {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no sample. Never so after loading.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The class of a sample.
    pub fn label(&self, index: usize) -> usize {
        assert!(index < self.len, "invariant: a sample of this split");
        usize::from(self.samples.labels[self.start + index])
    }

    /// Writes a sample (height, width, channels) as numbers: in [0, 1], or normalized.
    pub fn copy_to(&self, index: usize, out: &mut [f32]) {
        self.copy_row(index, 0..self.shape[0] * self.shape[1], out);
    }

    /// Writes some pixels of a sample (pixels, channels); `pixels` counts along rows, from row to row.
    pub fn copy_row(&self, index: usize, pixels: std::ops::Range<usize>, out: &mut [f32]) {
        assert!(index < self.len, "invariant: a sample of this split");
        let channels = self.shape[2];
        let size = self.shape.iter().product::<usize>();
        let from = (self.start + index) * size + pixels.start * channels;
        let values = from..from + pixels.len() * channels;
        // Channel by channel: what one of them needs stays in registers.
        for channel in 0..channels {
            let out = out.iter_mut().skip(channel).step_by(channels);
            match &self.samples.pixels {
                Pixels::Bytes(bytes) => {
                    let source = bytes[values.clone()].iter();
                    let table = &self.scale.bytes[channel];
                    for (out, byte) in out.zip(source.skip(channel).step_by(channels)) {
                        *out = table[usize::from(*byte)];
                    }
                }
                Pixels::Reals(reals) => {
                    let source = reals[values.clone()].iter();
                    let (mean, std) = self.scale.normalize[channel];
                    for (out, x) in out.zip(source.skip(channel).step_by(channels)) {
                        *out = (x - mean) / std;
                    }
                }
            }
        }
    }

    /// What a pixel of value 0 stands for, in each channel.
    pub fn black(&self) -> impl Iterator<Item = f32> {
        self.scale.bytes.iter().map(|table| table[0])
    }
}
