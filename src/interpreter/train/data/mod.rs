//! Labelled images in memory.
//!
//! In: a data set as written. Out: three [`Split`]s, or a [`DataError`] that names the file, the byte or line and
//! what to do. Pixels stay bytes here, as in the file, and become numbers where a batch is made; all splits of a file share
//! them. Knows nothing of networks. The test split has one door, [`Data::test`].

mod cifar;
mod fingerprint;
mod folder;
mod idx;
mod place;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::fingerprint::fingerprints;

use self::idx::Idx;
use self::place::{FOLDER, Places};
use crate::ir::{Dataset, Files, IdxPair};

/// The UCI optical digits; see `stdlib/data/README.md`.
const DIGITS_IMAGES: &[u8] = include_bytes!("../../../../stdlib/data/digits-images-idx3-ubyte.gz");
const DIGITS_LABELS: &[u8] = include_bytes!("../../../../stdlib/data/digits-labels-idx1-ubyte.gz");

const SCALE_HELP: &str = "make `scale` of the data set the largest pixel value of its files";

/// A data set, split three ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    train: Split,
    validation: Split,
    test: Split,
    classes: usize,
}

/// Some samples: a stretch of what a file has.
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    samples: Arc<Samples>,
    start: usize,
    len: usize,
    /// Height, width, channels.
    shape: [usize; 3],
    scale: Arc<Scale>,
}

/// Everything that files of one kind hold.
#[derive(Debug, Clone, PartialEq)]
struct Samples {
    /// The last file, or the folder, for messages.
    file: String,
    pixels: Pixels,
    labels: Vec<u16>,
}

/// Values of images (samples, height, width, channels).
#[derive(Debug, Clone, PartialEq)]
enum Pixels {
    /// As in the file.
    Bytes(Vec<u8>),
    /// Divided by the scale.
    Reals(Vec<f32>),
}

/// What a pixel stands for: (x / scale - mean) / std, per channel.
#[derive(Debug, Clone, PartialEq)]
struct Scale {
    /// For each channel, the number of each byte.
    bytes: Vec<[f32; 256]>,
    /// For each channel, mean and std.
    normalize: Vec<(f32, f32)>,
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

/// Names of the files and folders outside of the program that a data set is read from, in the order of the spec.
fn named(dataset: &Dataset) -> Vec<&String> {
    match &dataset.files {
        Files::Embedded(_) => Vec::new(),
        Files::Idx { train, test } => {
            let pairs = std::iter::once(train).chain(test);
            pairs
                .flat_map(|pair| [&pair.images, &pair.labels])
                .collect()
        }
        Files::Cifar { train, test, .. } | Files::Csv { train, test, .. } => {
            train.iter().chain(test).collect()
        }
        Files::ImageFolder { train, test } => std::iter::once(train).chain(test).collect(),
    }
}

/// What is read for training, validation and, without files of its own, testing; and what is read for testing.
fn read(dataset: &Dataset, places: &Places) -> Result<(Samples, Option<Samples>), DataError> {
    match &dataset.files {
        Files::Embedded(name) if name == "digits" => {
            let inflate = |part: &str, bytes: &[u8]| {
                let file = format!("embedded(digits): {part}");
                let bytes = place::inflated(&file, bytes.to_vec())?;
                Ok((file, bytes))
            };
            let images = inflate("images", DIGITS_IMAGES)?;
            let labels = || inflate("labels", DIGITS_LABELS);
            Ok((idx(dataset, images, labels)?, None))
        }
        Files::Embedded(name) => Err(DataError {
            file: format!("embedded({name})"),
            place: None,
            what: "there is no embedded data set of this name".into(),
            help: "write `content = digits`, or name files".into(),
        }),
        Files::Idx { train, test } => {
            let open = |name: &str| {
                let path = places.file(name)?;
                Ok((path.display().to_string(), place::read(&path)?))
            };
            let pair = |pair: &IdxPair| idx(dataset, open(&pair.images)?, || open(&pair.labels));
            Ok((pair(train)?, test.as_ref().map(pair).transpose()?))
        }
        Files::Cifar {
            train,
            test,
            label_bytes,
        } => {
            let append = |file: &str, bytes: &[u8], samples: &mut Samples| {
                cifar::append(dataset, *label_bytes, file, bytes, samples)
            };
            several(places, train, test, append)
        }
        Files::Csv { train, test, label } => {
            let append = |file: &str, bytes: &[u8], samples: &mut Samples| {
                table::append(dataset, label, file, bytes, samples)
            };
            several(places, train, test, append)
        }
        Files::ImageFolder { train, test } => {
            let (first, classes) = folder::read(dataset, &places.folder(train)?, None)?;
            let second = match test {
                Some(test) => {
                    let folder = places.folder(test)?;
                    Some(folder::read(dataset, &folder, Some(&classes))?.0)
                }
                None => None,
            };
            Ok((first, second))
        }
    }
}

/// Appends files one after the other, so that no more than one is in memory twice.
fn several(
    places: &Places,
    train: &[String],
    test: &[String],
    append: impl Fn(&str, &[u8], &mut Samples) -> Result<(), DataError>,
) -> Result<(Samples, Option<Samples>), DataError> {
    let all = |names: &[String]| -> Result<Samples, DataError> {
        let mut samples = Samples {
            file: String::new(),
            pixels: Pixels::Bytes(Vec::new()),
            labels: Vec::new(),
        };
        for name in names {
            let path = places.file(name)?;
            samples.file = path.display().to_string();
            let file = samples.file.clone();
            append(&file, &place::read(&path)?, &mut samples)?;
        }
        Ok(samples)
    };
    let first = all(train)?;
    let second = if test.is_empty() {
        None
    } else {
        Some(all(test)?)
    };
    Ok((first, second))
}

/// Checks images and labels against the data set and each other.
fn idx(
    dataset: &Dataset,
    (file, images): (String, Vec<u8>),
    labels: impl FnOnce() -> Result<(String, Vec<u8>), DataError>,
) -> Result<Samples, DataError> {
    let fail = |file: &str, offset: u64, what: String, help: &str| DataError {
        file: file.into(),
        place: Some(Place::Byte(offset)),
        what,
        help: help.into(),
    };
    let parse = |file: &str, bytes: Vec<u8>| {
        Idx::parse(bytes).map_err(|e| {
            let help = "fetch the file again, or name an IDX file of unsigned bytes (.gz or not)";
            fail(file, e.offset, e.what, help)
        })
    };
    // What is wrong with the images is said before their labels are looked for.
    let images = parse(&file, images)?;
    let (labels_file, labels) = labels()?;
    let labels = parse(&labels_file, labels)?;
    let [height, width, channels] = dataset.shape;
    let (count, axes) = images.axes.split_first().unwrap_or((&0, &[]));
    let fits = match axes {
        [h, w] => [*h, *w, 1] == dataset.shape,
        [h, w, c] => [*h, *w, *c] == dataset.shape,
        _ => false,
    };
    if !fits {
        let found: Vec<String> = axes.iter().map(usize::to_string).collect();
        let found = match found.is_empty() {
            true => "no axes of images".into(),
            false => found.join("x"),
        };
        let what = format!("expected images of {height}x{width}x{channels}, found {found}");
        let help = "make `shape` of the data set what the file has";
        return Err(fail(&file, 8, what, help));
    }
    if labels.axes != [*count] {
        let what = format!(
            "expected {count} labels, one for each image of {file}, found axes {:?}",
            labels.axes
        );
        let help = "name the labels that belong to the images";
        return Err(fail(&labels_file, 4, what, help));
    }
    let is_class = |label: &u8| usize::from(*label) < dataset.classes;
    if let Some(at) = labels.values.iter().position(|l| !is_class(l)) {
        let what = format!(
            "label {} of sample {at} is no class from 0 to {}",
            labels.values[at],
            dataset.classes.saturating_sub(1)
        );
        let help = "raise `classes` of the data set, or fix the file";
        return Err(fail(&labels_file, 8 + at as u64, what, help));
    }
    let is_pixel = |value: &u8| f64::from(*value) <= dataset.scale;
    if let Some(at) = images.values.iter().position(|p| !is_pixel(p)) {
        let header = 4 + 4 * images.axes.len();
        let what = format!(
            "pixel value {} is above the scale {}",
            images.values[at], dataset.scale
        );
        return Err(fail(&file, (header + at) as u64, what, SCALE_HELP));
    }
    Ok(Samples {
        file,
        pixels: Pixels::Bytes(images.values),
        labels: labels.values.into_iter().map(u16::from).collect(),
    })
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
    fn check_scale(&self, dataset: &Dataset) -> Result<(), DataError> {
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
    fn hold(&self, splits: &[(&str, usize)]) -> Result<(), DataError> {
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
    fn of(dataset: &Dataset) -> Scale {
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
        match &self.samples.pixels {
            Pixels::Bytes(bytes) => {
                let source = bytes[values].chunks_exact(channels);
                for (out, pixel) in out.chunks_exact_mut(channels).zip(source) {
                    for ((out, byte), table) in out.iter_mut().zip(pixel).zip(&self.scale.bytes) {
                        *out = table[usize::from(*byte)];
                    }
                }
            }
            Pixels::Reals(reals) => {
                let source = reals[values].chunks_exact(channels);
                for (out, pixel) in out.chunks_exact_mut(channels).zip(source) {
                    let normalize = &self.scale.normalize;
                    for ((out, x), (mean, std)) in out.iter_mut().zip(pixel).zip(normalize) {
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

#[cfg(test)]
mod tests;
