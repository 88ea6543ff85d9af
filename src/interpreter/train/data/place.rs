//! Finding and reading files of data.
//!
//! In: a name, the folder of the spec, the folder of `BNAS_DATA`. Out: a path, or bytes without gzip; or what to do about the
//! absence. Knows no format.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{DataError, Place};
use crate::ir::Dataset;

/// The variable that names the folder of data files.
pub const FOLDER: &str = "BNAS_DATA";

/// Where files of a data set may be.
pub struct Places<'a> {
    base: &'a Path,
    folder: Option<&'a Path>,
    source: Option<&'a str>,
}

impl<'a> Places<'a> {
    /// Beside the spec, then in the folder of data.
    pub fn of(dataset: &'a Dataset, folder: Option<&'a Path>) -> Places<'a> {
        Places {
            base: Path::new(&dataset.base),
            folder,
            source: dataset.source.as_deref(),
        }
    }

    /// The file of this name; `.gz` may be missing or there.
    pub fn file(&self, name: &str) -> Result<PathBuf, DataError> {
        let other = match name.strip_suffix(".gz") {
            Some(stem) => stem.to_owned(),
            None => format!("{name}.gz"),
        };
        let names = [name, &other];
        self.first(&names, Path::is_file)
            .ok_or_else(|| self.missing(name, "file", ", with .gz or without"))
    }

    /// The folder of this name.
    pub fn folder(&self, name: &str) -> Result<PathBuf, DataError> {
        self.first(&[name], Path::is_dir)
            .ok_or_else(|| self.missing(name, "folder", ""))
    }

    fn first(&self, names: &[&str], is: fn(&Path) -> bool) -> Option<PathBuf> {
        let places = std::iter::once(self.base).chain(self.folder);
        let mut paths = places.flat_map(|place| names.iter().map(move |name| place.join(name)));
        paths.find(|path| is(path))
    }

    fn missing(&self, name: &str, what: &str, how: &str) -> DataError {
        let base = shown(self.base);
        if let Some(other) = self.first(&[name], Path::exists) {
            let found = if other.is_dir() { "folder" } else { "file" };
            return DataError {
                file: other.display().to_string(),
                place: None,
                what: format!("expected a {what}, and this is a {found}"),
                help: format!("name the {what} that is meant"),
            };
        }
        DataError {
            file: name.to_owned(),
            place: None,
            what: match self.folder {
                Some(folder) => format!("no such {what} in {base} or {}{how}", folder.display()),
                None => format!("no such {what} in {base}{how}"),
            },
            help: match self.source {
                Some(source) => format!(
                    "{} {source}, so that `{name}` stands in some folder, and let {FOLDER} name that folder",
                    match [".tar.gz", ".tgz", ".tar", ".zip"]
                        .iter()
                        .any(|end| source.ends_with(end))
                    {
                        true => "download and unpack",
                        false => "download",
                    }
                ),
                None => format!("put it there, or let {FOLDER} name the folder that has it"),
            },
        }
    }
}

/// A folder as a reader knows it: the current one has an empty path.
fn shown(folder: &Path) -> String {
    if folder.as_os_str().is_empty() {
        return "this folder".into();
    }
    folder.display().to_string()
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| DataError {
        file: file.clone(),
        place: None,
        what: format!("the file can't be read ({e})"),
        help: "make it a readable file".into(),
    })?;
    let bytes = inflated(&file, bytes)?;
    not_packed(path, &bytes)?;
    Ok(bytes)
}

/// Refuses archives, which hold the files that are meant.
fn not_packed(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let shown = path.display();
    let is_tar = bytes.get(257..262) == Some(b"ustar");
    let is_zip = bytes.starts_with(b"PK\x03\x04");
    let (what, command) = match (is_tar, is_zip) {
        (true, _) => ("a tar archive", format!("tar -xf {shown}")),
        (_, true) => ("a zip archive", format!("unzip {shown}")),
        _ => return Ok(()),
    };
    Err(DataError {
        file: shown.to_string(),
        place: None,
        what: format!("this is {what} of files, and none of them"),
        help: format!("unpack it, `{command}`, and name the files that are in it"),
    })
}

/// Bytes as they are, inflated if they start like a gzip file.
pub fn inflated(file: &str, bytes: Vec<u8>) -> Result<Vec<u8>, DataError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    // A vector that grows would hold everything twice.
    let mut plain = Vec::with_capacity(inflated_size(&bytes));
    let mut decoder = flate2::bufread::MultiGzDecoder::new(bytes.as_slice());
    match decoder.read_to_end(&mut plain) {
        Ok(_) => Ok(plain),
        Err(e) => Err(DataError {
            file: file.into(),
            place: Some(Place::Byte((bytes.len() - decoder.get_ref().len()) as u64)),
            what: format!("the gzip data breaks off or is damaged ({e})"),
            help: "fetch the file again".into(),
        }),
    }
}

/// How many bytes a gzip file says that it holds, in its last four (RFC 1952, modulo 2^32), as far as so few bytes can hold so many: deflate makes at
/// most 1032 of one.
fn inflated_size(bytes: &[u8]) -> usize {
    let said = bytes
        .last_chunk::<4>()
        .map_or(0, |last| u32::from_le_bytes(*last));
    (said as usize).min(bytes.len().saturating_mul(1032))
}
