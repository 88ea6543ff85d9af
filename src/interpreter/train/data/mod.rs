//! Labelled images in memory.
//!
//! In: a data set as written. Out: three [`Split`]s in the order of the file, or a [`DataError`] that names the file, the byte and
//! what to do. Pixels stay bytes here, as in the file, and become numbers in [0, 1] where a batch is made. Knows nothing
//! of networks. The test split has one door, [`Data::test`].

mod idx;

use std::path::{Path, PathBuf};

use self::idx::Idx;
use crate::ir::{Dataset, Files};

/// The variable that names the folder of data files.
const FOLDER: &str = "BNAS_DATA";

/// The UCI optical digits; see `stdlib/data/README.md`.
const DIGITS_IMAGES: &[u8] = include_bytes!("../../../../stdlib/data/digits-images-idx3-ubyte.gz");
const DIGITS_LABELS: &[u8] = include_bytes!("../../../../stdlib/data/digits-labels-idx1-ubyte.gz");

/// A data set, split three ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    train: Split,
    validation: Split,
    test: Split,
    classes: usize,
}

/// Some samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// (samples, height, width, channels).
    pixels: Vec<u8>,
    labels: Vec<u8>,
    /// Height, width, channels.
    shape: [usize; 3],
    /// The number that each byte stands for: byte / scale.
    values: [f32; 256],
}

/// Why there are no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataError {
    /// The file, or the name of an embedded data set.
    pub file: String,
    /// The byte after inflation, where one is to blame.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

impl std::fmt::Display for DataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(offset) = self.offset {
            write!(f, "at byte {offset}: ")?;
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
        match &dataset.files {
            Files::Embedded(name) if name == "digits" => build(
                dataset,
                &Source::new("embedded(digits): images", DIGITS_IMAGES)?,
                &Source::new("embedded(digits): labels", DIGITS_LABELS)?,
            ),
            Files::Embedded(name) => Err(DataError {
                file: format!("embedded({name})"),
                offset: None,
                what: "there is no embedded data set of this name".into(),
                help: "write `embedded(digits)`, or name files with `idx(images = …, labels = …)`"
                    .into(),
            }),
            Files::Idx {
                images,
                labels,
                base,
            } => {
                let read = |name: &str| -> Result<Source, DataError> {
                    let (path, bytes) = read(name, Path::new(base), folder)?;
                    Source::new(&path.display().to_string(), &bytes)
                };
                build(dataset, &read(images)?, &read(labels)?)
            }
        }
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

impl Split {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no sample. Never so after loading.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height, width, channels.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The class of a sample.
    pub fn label(&self, index: usize) -> usize {
        usize::from(self.labels[index])
    }

    /// The pixels of a sample as bytes (height, width, channels).
    pub fn pixels(&self, index: usize) -> &[u8] {
        let size = self.shape.iter().product::<usize>();
        &self.pixels[index * size..][..size]
    }

    /// What a byte stands for, in [0, 1].
    pub fn value(&self, byte: u8) -> f32 {
        self.values[usize::from(byte)]
    }

    /// Writes a sample (height, width, channels) with values in [0, 1].
    pub fn copy_to(&self, index: usize, out: &mut [f32]) {
        for (out, byte) in out.iter_mut().zip(self.pixels(index)) {
            *out = self.value(*byte);
        }
    }
}

/// A file that was read, with its name for messages.
struct Source {
    file: String,
    idx: Idx,
}

impl Source {
    fn new(file: &str, bytes: &[u8]) -> Result<Source, DataError> {
        match Idx::parse(bytes) {
            Ok(idx) => Ok(Source {
                file: file.to_owned(),
                idx,
            }),
            Err(e) => Err(DataError {
                file: file.to_owned(),
                offset: Some(e.offset),
                what: e.what,
                help: "fetch the file again, or name an IDX file of unsigned bytes (.gz or not)"
                    .into(),
            }),
        }
    }

    fn fail<T>(&self, offset: Option<u64>, what: String, help: &str) -> Result<T, DataError> {
        Err(DataError {
            file: self.file.clone(),
            offset,
            what,
            help: help.into(),
        })
    }

    /// Bytes before the first value.
    fn header(&self) -> u64 {
        4 + 4 * self.idx.axes.len() as u64
    }
}

/// Finds and reads a file: the name as it is, with `.gz` and without, beside the spec and in the folder of data.
fn read(name: &str, base: &Path, folder: Option<&Path>) -> Result<(PathBuf, Vec<u8>), DataError> {
    let other = match name.strip_suffix(".gz") {
        Some(stem) => stem.to_owned(),
        None => format!("{name}.gz"),
    };
    for place in std::iter::once(base).chain(folder) {
        for name in [name, &other] {
            let path = place.join(name);
            match std::fs::read(&path) {
                Ok(bytes) => return Ok((path, bytes)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => {
                    return Err(DataError {
                        file: path.display().to_string(),
                        offset: None,
                        what: format!("the file can't be read ({e})"),
                        help: "make it a readable file".into(),
                    });
                }
            }
        }
    }
    Err(DataError {
        file: name.to_owned(),
        offset: None,
        what: match folder {
            Some(folder) => format!(
                "no such file in {} or {}, with .gz or without",
                shown(base),
                folder.display()
            ),
            None => format!("no such file in {}, with .gz or without", shown(base)),
        },
        help: format!("put it there, or let {FOLDER} name the folder that has it"),
    })
}

/// A folder as a reader knows it: the current one has an empty path.
fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        return "this folder".into();
    }
    folder.display().to_string()
}

/// Checks both files against the data set and each other, and splits them.
fn build(dataset: &Dataset, images: &Source, labels: &Source) -> Result<Data, DataError> {
    let [height, width, channels] = dataset.shape;
    let (axes, count) = match images.idx.axes.split_first() {
        Some((count, axes)) => (axes, *count),
        None => (&[][..], 0),
    };
    let fits = match axes {
        [h, w] => [*h, *w, 1] == dataset.shape,
        [h, w, c] => [*h, *w, *c] == dataset.shape,
        _ => false,
    };
    if !fits {
        let found: Vec<String> = axes.iter().map(usize::to_string).collect();
        return images.fail(
            Some(8),
            format!(
                "expected images of {height}x{width}x{channels}, found {}",
                if found.is_empty() {
                    "no axes of images".into()
                } else {
                    found.join("x")
                }
            ),
            "make `shape` of the data set what the file has",
        );
    }
    if labels.idx.axes != [count] {
        return labels.fail(
            Some(4),
            format!(
                "expected {count} labels, one for each image of {}, found axes {:?}",
                images.file, labels.idx.axes
            ),
            "name the labels that belong to the images",
        );
    }
    if let Some(at) = labels
        .idx
        .values
        .iter()
        .position(|l| usize::from(*l) >= dataset.classes)
    {
        return labels.fail(
            Some(labels.header() + at as u64),
            format!(
                "label {} of sample {at} is no class from 0 to {}",
                labels.idx.values[at],
                dataset.classes.saturating_sub(1)
            ),
            "raise `classes` of the data set, or fix the file",
        );
    }
    if !(dataset.scale.is_finite() && dataset.scale > 0.0) {
        return images.fail(
            None,
            format!("a scale of {} makes no numbers of pixels", dataset.scale),
            "make `scale` the largest pixel value of the file",
        );
    }
    if let Some(at) = images
        .idx
        .values
        .iter()
        .position(|p| f64::from(*p) > dataset.scale)
    {
        return images.fail(
            Some(images.header() + at as u64),
            format!(
                "pixel value {} is above the scale {}",
                images.idx.values[at], dataset.scale
            ),
            "make `scale` the largest pixel value of the file",
        );
    }
    let splits = dataset.splits;
    let sizes = [splits.train, splits.validation, splits.test];
    let wanted = sizes.iter().try_fold(0_usize, |n, s| n.checked_add(*s));
    if wanted.is_none_or(|n| n > count) || sizes.contains(&0) {
        return images.fail(
            Some(4),
            format!(
                "splits of {}, {} and {} samples don't fit a file of {count}",
                splits.train, splits.validation, splits.test
            ),
            "give each split at least one sample, and all together as many as there are at most",
        );
    }
    let values = std::array::from_fn(|byte| (byte as f64 / dataset.scale) as f32);
    let pixels = height * width * channels;
    let split = |start: usize, len: usize| Split {
        pixels: images.idx.values[start * pixels..(start + len) * pixels].to_vec(),
        labels: labels.idx.values[start..start + len].to_vec(),
        shape: dataset.shape,
        values,
    };
    Ok(Data {
        train: split(0, splits.train),
        validation: split(splits.train, splits.validation),
        test: split(splits.train + splits.validation, splits.test),
        classes: dataset.classes,
    })
}

#[cfg(test)]
mod tests;
