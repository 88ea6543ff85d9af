//! A file that only one process makes at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Keeps others from making the same file, until it is dropped. A process that is killed leaves a file that holds nobody.
#[derive(Debug)]
pub struct Hold {
    path: PathBuf,
    _locked: File,
}

impl Hold {
    /// Holds what this lock file stands for.
    pub fn new(path: &Path) -> Result<Hold, StoreError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(StoreError::io("create", path))?;
        let path = path.to_path_buf();
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy { path }),
            // Some network file systems know no locks: then nothing guards against two writers but the user.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Hold {
                path,
                _locked: file,
            }),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // What is left of it does no harm.
        let _ = std::fs::remove_file(&self.path);
    }
}
