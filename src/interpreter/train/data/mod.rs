//! Labelled images in memory.
//!
//! In: a data set as written. Out: three [`Split`]s, or a [`DataError`] that names the file, the byte or line and
//! what to do. Pixels stay bytes here, as in the file, and become numbers where a batch is made; all splits of a file share
//! them. Knows nothing of networks. The test split has one door, [`Data::test`].

mod cifar;
mod fingerprint;
mod folder;
mod idx;
mod pair;
mod picture;
mod place;
mod read;
mod split;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::fingerprint::fingerprints;
pub use self::split::Split;

use self::place::{FOLDER, Places};
use self::read::{named, read};
use self::split::{Pixels, Samples, Scale};
use crate::ir::Dataset;

const SCALE_HELP: &str = "make `scale` of the data set the largest pixel value of its files";

/// A data set, split three ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    train: Split,
    validation: Split,
    test: Split,
    classes: usize,
}

/// Why there are no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataError {
    /// The file, or the name of an embedded data set.
    pub file: String,
    /// The place in it, where one is to blame.
    pub place: Option<Place>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Counted from 0, after inflation.
    Byte(u64),
    /// Counted from 1.
    Line(u64),
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.file)?;
        match self.place {
            Some(Place::Byte(offset)) => write!(f, "at byte {offset}: ")?,
            Some(Place::Line(line)) => write!(f, "at line {line}: ")?,
            None => {}
        }
        write!(f, "{}; {}", self.what, self.help)
    }
}

impl std::error::Error for DataError {}

impl Data {
    /// Reads a data set. Relative paths start at the folder of the spec, then at the folder that `BNAS_DATA` names.
    pub fn load(dataset: &Dataset) -> Result<Data, DataError> {
        let folder = std::env::var_os(FOLDER).map(PathBuf::from);
        Data::load_from(dataset, folder.as_deref())
    }

    /// The same with the folder given.
    pub fn load_from(dataset: &Dataset, folder: Option<&Path>) -> Result<Data, DataError> {
        if !(dataset.scale.is_finite() && dataset.scale > 0.0) {
            return Err(DataError {
                file: dataset.name.clone(),
                place: None,
                what: format!("a scale of {} makes no numbers of pixels", dataset.scale),
                help: SCALE_HELP.into(),
            });
        }
        let (first, second) = read(dataset, &Places::of(dataset, folder))?;
        let scale = Arc::new(Scale::of(dataset));
        let (first, second) = (Arc::new(first), second.map(Arc::new));
        for samples in [Some(&first), second.as_ref()].into_iter().flatten() {
            samples.check_scale(dataset)?;
        }
        let splits = dataset.splits;
        let split = |samples: &Arc<Samples>, start: usize, len: usize| Split {
            samples: samples.clone(),
            start,
            len,
            shape: dataset.shape,
            scale: scale.clone(),
        };
        let behind = splits.train.saturating_add(splits.validation);
        let test = match &second {
            Some(second) => {
                first.hold(&[("train", splits.train), ("validation", splits.validation)])?;
                second.hold(&[("test", splits.test)])?;
                split(second, 0, splits.test)
            }
            None => {
                first.hold(&[
                    ("train", splits.train),
                    ("validation", splits.validation),
                    ("test", splits.test),
                ])?;
                split(&first, behind, splits.test)
            }
        };
        Ok(Data {
            train: split(&first, 0, splits.train),
            validation: split(&first, splits.train, splits.validation),
            test,
            classes: dataset.classes,
        })
    }

    /// What trains.
    pub fn train(&self) -> &Split {
        &self.train
    }

    /// What chooses.
    pub fn validation(&self) -> &Split {
        &self.validation
    }

    /// What is read once, for the final table. Nothing that chooses, tunes or calibrates may call this.
    pub fn test(&self) -> &Split {
        &self.test
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }
}

#[cfg(test)]
mod tests;
