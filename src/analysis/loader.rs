//! Where texts come from: the standard library inside the binary, and files beside the spec.
//!
//! In: a path. Out: bytes, or nothing. Knows no syntax; what is read and why is `names`' business, and tests bring
//! loaders of their own.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

/// The standard library as it was when the program was built.
static LIBRARY: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/stdlib");

/// Where imported texts come from.
pub trait Loader {
    /// The bytes of a file of the standard library, `targets/braintta.bnas`.
    fn library(&self, path: &str) -> Option<Vec<u8>> {
        LIBRARY
            .get_file(path)
            .map(|file| file.contents().to_owned())
    }

    /// Every `.bnas` file of the standard library by its path, sorted.
    fn library_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        list(&LIBRARY, &mut paths);
        paths.sort();
        paths
    }

    /// The bytes of a file that a spec imports; `path` is relative to where the program runs, or absolute.
    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>>;

    /// The same, inflated if it is a gzip file.
    fn inflated(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let bytes = self.file(path)?;
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return Ok(bytes);
        }
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut plain)?;
        Ok(plain)
    }
}

/// Reads the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileLoader;

impl Loader for FileLoader {
    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// The standard library in a folder (`--std`), and the file system.
#[derive(Debug, Clone)]
pub struct FolderLoader {
    /// The folder that takes the place of the library.
    pub library: PathBuf,
}

impl Loader for FolderLoader {
    fn library(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.library.join(path)).ok()
    }

    fn library_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = walkdir::WalkDir::new(&self.library)
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.path().extension().is_some_and(|e| e == "bnas"))
            .filter_map(|entry| {
                let inner = entry.path().strip_prefix(&self.library).ok()?;
                Some(inner.to_str()?.replace('\\', "/"))
            })
            .collect();
        paths.sort();
        paths
    }

    fn file(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

fn list(dir: &Dir<'_>, paths: &mut Vec<String>) {
    for file in dir.files() {
        if file.path().extension().is_some_and(|e| e == "bnas") {
            paths.push(file.path().to_string_lossy().replace('\\', "/"));
        }
    }
    for inner in dir.dirs() {
        list(inner, paths);
    }
}

/// A path without `.` and `folder/..`, so that a file has one name.
pub(super) fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(clean.components().next_back(), Some(Component::Normal(_))) =>
            {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
