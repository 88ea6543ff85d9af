//! Reads what a data set names, kind by kind of file.

use super::place::{self, Places};
use super::{DataError, Pixels, Samples, cifar, folder, pair, table};
use crate::ir::{Dataset, Files, IdxPair};

/// The UCI optical digits; see `stdlib/data/README.md`.
const DIGITS_IMAGES: &[u8] = include_bytes!("../../../../stdlib/data/digits-images-idx3-ubyte.gz");
const DIGITS_LABELS: &[u8] = include_bytes!("../../../../stdlib/data/digits-labels-idx1-ubyte.gz");

/// Names of the files and folders outside of the program that a data set is read from, in the order of the spec.
pub(super) fn named(dataset: &Dataset) -> Vec<&String> {
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
pub(super) fn read(
    dataset: &Dataset,
    places: &Places,
) -> Result<(Samples, Option<Samples>), DataError> {
    match &dataset.files {
        Files::Embedded(name) if name == "digits" => {
            let inflate = |part: &str, bytes: &[u8]| {
                let file = format!("embedded(digits): {part}");
                let bytes = place::inflated(&file, bytes.to_vec())?;
                Ok((file, bytes))
            };
            let images = inflate("images", DIGITS_IMAGES)?;
            let labels = || inflate("labels", DIGITS_LABELS);
            Ok((pair::read(dataset, images, labels)?, None))
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
            let both =
                |pair: &IdxPair| pair::read(dataset, open(&pair.images)?, || open(&pair.labels));
            Ok((both(train)?, test.as_ref().map(both).transpose()?))
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
            let mut columns = None;
            let append = |file: &str, bytes: &[u8], samples: &mut Samples| {
                table::append(dataset, label, &mut columns, file, bytes, samples)
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
    mut append: impl FnMut(&str, &[u8], &mut Samples) -> Result<(), DataError>,
) -> Result<(Samples, Option<Samples>), DataError> {
    let mut all = |names: &[String]| -> Result<Samples, DataError> {
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
