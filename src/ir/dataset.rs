//! Data sets as written.

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::source::Span;

/// Labelled images, split three ways in the order of the file: training, validation, test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// Where the samples are.
    pub files: Files,
    /// Height, width, channels.
    pub shape: [usize; 3],
    /// Number of classes.
    pub classes: usize,
    /// Largest pixel value: pixels are divided by it.
    pub scale: f64,
    /// Samples per split.
    pub splits: Splits,
    /// What training batches go through.
    pub augment: Augment,
    /// Where the name stands.
    pub span: Span,
}

/// Where samples come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Files {
    /// `embedded(digits)`: inside the binary.
    Embedded(String),
    /// `idx(images = "…", labels = "…")`: two IDX files, relative to the spec or to `BNAS_DATA`; `.gz` may be missing or there.
    Idx {
        /// The images.
        images: String,
        /// The labels.
        labels: String,
        /// The folder of the spec that names them.
        base: String,
    },
}

/// How many samples each split has, in the order of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splits {
    /// Trains.
    pub train: usize,
    /// Chooses.
    pub validation: usize,
    /// Is read once, for the final table.
    pub test: usize,
}

/// Random changes of training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Augment {
    /// `shift(n)`: up to n pixels each way, filled with zeros.
    pub shift: Slot,
    /// `flip`: left to right, half of the time.
    pub flip: Slot,
}
