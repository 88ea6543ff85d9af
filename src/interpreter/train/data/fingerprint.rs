//! Hashes of the files that a data set is read from, for the lock of a run.
//!
//! In: a data set. Out: for each file or folder that it names its BLAKE3, of what is read: of a gzip file the inflated bytes, of a
//! folder of images the names and bytes of all. Embedded data are part of the program, which the lock has by its version.

use std::path::Path;

use super::folder::entries;
use super::place::{FOLDER, Places, read};
use super::{DataError, named};
use crate::ir::{Dataset, Files};

/// Name in the spec and hash, in the order of the spec.
pub fn fingerprints(dataset: &Dataset) -> Result<Vec<(String, String)>, DataError> {
    let around = std::env::var_os(FOLDER).map(std::path::PathBuf::from);
    let places = Places::of(dataset, around.as_deref());
    let is_folder = matches!(dataset.files, Files::ImageFolder { .. });
    let hashed = named(dataset).into_iter().map(|name| {
        let hash = match is_folder {
            true => of_folder(&places.folder(name)?)?,
            false => blake3::hash(&read(&places.file(name)?)?),
        };
        Ok((name.clone(), hash.to_hex().to_string()))
    });
    hashed.collect()
}

/// Classes in the order of names, and in each its images.
fn of_folder(folder: &Path) -> Result<blake3::Hash, DataError> {
    let mut hasher = blake3::Hasher::new();
    for class in entries(folder)?.iter().filter(|class| class.is_dir()) {
        for image in entries(class)? {
            let name = image.strip_prefix(folder).unwrap_or(&image);
            hasher.update(name.to_string_lossy().as_bytes());
            // Of a fixed length, so that no name runs into the bytes behind it.
            hasher.update(blake3::hash(&read(&image)?).as_bytes());
        }
    }
    Ok(hasher.finalize())
}
