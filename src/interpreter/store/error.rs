//! What can go wrong with a run folder, in words that say what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why the run folder cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// The system refused to read or write.
    Io {
        /// What was tried: `write`, `read`, `create`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The folder holds a run, and `--resume` was not given.
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds something else than a run.
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds results, but the lock that says of what cannot be read.
    BadLock {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder holds a run of another spec, seed, length or version.
    OtherLock {
        /// The folder.
        path: PathBuf,
        /// One line for each difference.
        differences: Vec<String>,
    },
    /// Another process is writing to the folder.
    Busy {
        /// The folder.
        path: PathBuf,
    },
}

impl StoreError {
    /// For `map_err`: what was tried on what.
    pub(super) fn io<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> StoreError + 'a {
        move |source| StoreError::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io {
                action,
                path,
                source,
            } => {
                write!(f, "cannot {action} `{}`: {source}", path.display())?;
                match source.kind() {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => f.write_str(
                        "\n  free some space, then go on with `--resume`; finished trials are kept",
                    ),
                    io::ErrorKind::FileTooLarge => f.write_str(
                        "\n  allow larger files, `ulimit -f unlimited`, then go on with `--resume`; finished trials are kept",
                    ),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        f.write_str("\n  choose a place that you may write to with `--out`")
                    }
                    io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                        f.write_str("\n  there is a file of this name: choose a folder with `--out DIR`")
                    }
                    _ => Ok(()),
                }
            }
            StoreError::Exists { path } => write!(
                f,
                "`{}` already holds a run\n  go on with it by adding `--resume`, or keep it and choose another folder with `--out DIR`",
                path.display()
            ),
            StoreError::Foreign { path } => write!(
                f,
                "`{}` is not empty and holds no run\n  choose another folder with `--out DIR`",
                path.display()
            ),
            StoreError::BadLock { path, reason } => write!(
                f,
                "cannot tell what this run is a run of: `{}` {reason}\n  start again in another folder with `--out DIR`",
                path.display()
            ),
            StoreError::OtherLock { path, differences } => {
                write!(f, "`{}` holds a run of something else:", path.display())?;
                for difference in differences {
                    write!(f, "\n  {difference}")?;
                }
                f.write_str(
                    "\n  undo the change to go on, or start again in another folder with `--out DIR`",
                )
            }
            StoreError::Busy { path } => write!(
                f,
                "another process is running in `{}`\n  wait for it, or choose another folder with `--out DIR`",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
