//! Data sets as written.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::source::Span;

/// Labelled images, split three ways: training, validation, test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Where the samples are.
    pub files: Files,
    /// The folder of the spec that names the files, where they are looked for first; the second place is `BNAS_DATA`.
    pub base: String,
    /// Where the files can be had.
    pub source: Option<String>,
    /// Height, width, channels.
    pub shape: [usize; 3],
    /// Number of classes.
    pub classes: usize,
    /// Largest pixel value: pixels are divided by it.
    pub scale: f64,
    /// What happens after the division; absent: nothing.
    pub normalize: Option<Normalize>,
    /// Samples per split.
    pub splits: Splits,
    /// What training batches go through: `shift(…)`, `cutout(…)`, `flip`, `none`, or a set of them.
    pub augment: Slot,
    /// Where the name stands.
    pub span: Span,
}

impl Dataset {
    /// Whether accuracies on the one compare with accuracies on the other: both take the same samples, whatever is done to them.
    pub fn has_samples_of(&self, other: &Dataset) -> bool {
        self.files == other.files
            && self.base == other.base
            && self.classes == other.classes
            && self.splits == other.splits
    }
}

/// Where samples come from. Names are relative to `base` or to `BNAS_DATA`; `.gz` may be missing or there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Files {
    /// Inside the binary.
    Embedded(String),
    /// IDX files.
    Idx {
        /// For training and validation; for all splits if there is nothing else.
        train: IdxPair,
        /// For the test split.
        test: Option<IdxPair>,
    },
    /// Records of label bytes and planes of pixels.
    Cifar {
        /// For training and validation, in order; for all splits if there is nothing else.
        train: Vec<String>,
        /// For the test split.
        test: Vec<String>,
        /// Bytes before the pixels, of which the last is the label.
        label_bytes: usize,
    },
    /// A folder per class.
    ImageFolder {
        /// For training and validation; for all splits if there is nothing else.
        train: String,
        /// For the test split.
        test: Option<String>,
    },
    /// Tables with a header.
    Csv {
        /// For training and validation, in order; for all splits if there is nothing else.
        train: Vec<String>,
        /// For the test split.
        test: Vec<String>,
        /// The column of labels.
        label: String,
    },
}

/// Images and their labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdxPair {
    /// The images.
    pub images: String,
    /// The labels.
    pub labels: String,
}

/// (x - mean) / std per channel, where x is in 0 … 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Normalize {
    /// One value per channel.
    pub mean: Vec<f64>,
    /// One value per channel, above 0.
    pub std: Vec<f64>,
}

/// How many samples each split has. Training comes first in the files and validation behind it; the test split is behind both where it has no
/// files of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// Trains.
    pub train: usize,
    /// Chooses.
    pub validation: usize,
    /// Is read once, for the final table.
    pub test: usize,
}
