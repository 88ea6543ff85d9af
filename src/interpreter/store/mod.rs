//! The run folder: what a study leaves, and how it goes on after it was stopped anywhere.
//!
//! ```text
//! DIR/
//!   spec.bnas            the text as it ran
//!   spec.lock.json       what determines the result
//!   journal/main.jsonl   what has been found out; the state is a fold over it
//!   models/<trial>.safetensors, for further repeats <trial>-<repeat>.safetensors
//!   checkpoints/         of trainings that have not ended (written by `keep`)
//!   result.json  trials.csv
//!   arms/<arm>/          of an experiment with arms: the journal, models and results of each
//! ```
//!
//! In: records and finished texts. Out: the [`State`] that the records add up to. Files other than the journal are written beside
//! their place and renamed, so that a reader sees the old one or the new one. Knows nothing of search or training.

mod error;
mod hold;
mod journal;
mod lock;
mod state;
pub mod trial;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub use error::StoreError;
pub use hold::Hold;
pub use journal::Loss;
pub use lock::{Lock, SourceHash, hash};
pub use state::{Record, State};

use journal::Journal;

/// Folder of the arms' folders.
pub const ARMS: &str = "arms";
const LOCK: &str = "spec.lock.json";
const SPEC: &str = "spec.bnas";

/// An open run folder, or the same in memory.
#[derive(Debug)]
pub struct Store {
    place: Place,
    state: State,
    losses: Vec<Loss>,
    spec: String,
}

#[derive(Debug)]
enum Place {
    Folder { root: PathBuf, journal: Journal },
    Memory { models: BTreeMap<String, Vec<u8>> },
}

impl Store {
    /// A study that is forgotten when the process ends.
    pub fn in_memory() -> Store {
        Store {
            place: Place::Memory {
                models: BTreeMap::new(),
            },
            state: State::default(),
            losses: Vec::new(),
            spec: hash(b""),
        }
    }

    /// Starts a run in a folder that does not exist, is empty, or holds a run without a single result.
    pub fn create(root: &Path, lock: &Lock, spec: &str) -> Result<Store, StoreError> {
        fs::create_dir_all(root).map_err(StoreError::io("create", root))?;
        if !is_empty(root)? && !holds_no_result(root) {
            let path = root.to_path_buf();
            return Err(if root.join(LOCK).exists() || root.join(SPEC).exists() {
                StoreError::Exists { path }
            } else {
                StoreError::Foreign { path }
            });
        }
        Store::start(root, lock, spec)
    }

    /// What the command line changed in the run of a folder.
    pub fn overrides(root: &Path) -> Result<BTreeMap<String, u64>, StoreError> {
        let path = root.join(LOCK);
        let text = fs::read_to_string(&path).map_err(StoreError::io("read", &path))?;
        Ok(Store::lock(&path, &text)?.overrides)
    }

    fn lock(path: &Path, text: &str) -> Result<Lock, StoreError> {
        serde_json::from_str(text).map_err(|e| StoreError::BadLock {
            path: path.to_path_buf(),
            reason: format!("cannot be read: {e}"),
        })
    }

    /// Goes on with the run of a folder; starts it if there is none yet.
    pub fn resume(root: &Path, lock: &Lock, spec: &str) -> Result<Store, StoreError> {
        let path = root.join(LOCK);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Store::resume_without_lock(root, lock, spec);
            }
            Err(e) => return Err(StoreError::io("read", &path)(e)),
        };
        let then = Store::lock(&path, &text)?;
        let differences = then.differences(lock);
        if !differences.is_empty() {
            return Err(StoreError::OtherLock {
                path: root.to_path_buf(),
                differences,
            });
        }
        // Its hash is in the lock, and this is the text that has it.
        let path = root.join(SPEC);
        if fs::read(&path).ok().as_deref() != Some(spec.as_bytes()) {
            write_atomically(&path, spec.as_bytes())?;
        }
        Store::open(root, hash(spec.as_bytes()))
    }

    /// The lock is written before the first record: without one, the run was stopped before it began, or this is no run.
    fn resume_without_lock(root: &Path, lock: &Lock, spec: &str) -> Result<Store, StoreError> {
        fs::create_dir_all(root).map_err(StoreError::io("create", root))?;
        if root.join("journal").exists() {
            return Err(StoreError::BadLock {
                path: root.join(LOCK),
                reason: "is missing".into(),
            });
        }
        if !is_empty(root)? && !root.join(SPEC).exists() {
            return Err(StoreError::Foreign {
                path: root.to_path_buf(),
            });
        }
        Store::start(root, lock, spec)
    }

    fn start(root: &Path, lock: &Lock, spec: &str) -> Result<Store, StoreError> {
        let mut json = serde_json::to_string_pretty(lock).expect("invariant: a lock is plain data");
        json.push('\n');
        write_atomically(&root.join(SPEC), spec.as_bytes())?;
        write_atomically(&root.join(LOCK), json.as_bytes())?;
        Store::open(root, hash(spec.as_bytes()))
    }

    fn open(root: &Path, spec: String) -> Result<Store, StoreError> {
        for folder in ["journal", "models"].map(|name| root.join(name)) {
            fs::create_dir_all(&folder).map_err(StoreError::io("create", &folder))?;
        }
        let (journal, records, losses) = Journal::open(&root.join("journal").join("main.jsonl"))
            .map_err(|e| match e {
                StoreError::Busy { .. } => StoreError::Busy {
                    path: root.to_path_buf(),
                },
                other => other,
            })?;
        Ok(Store {
            place: Place::Folder {
                root: root.to_path_buf(),
                journal,
            },
            state: State::of(records),
            losses,
            spec,
        })
    }

    /// The store of an arm of this run. The lock of the whole is that of its arms.
    pub fn arm(&self, folder: &str) -> Result<Store, StoreError> {
        match self.root() {
            Some(root) => Store::open(&root.join(ARMS).join(folder), self.spec.clone()),
            None => Ok(Store::in_memory()),
        }
    }

    /// BLAKE3 of the text of the spec, in hexadecimal; in memory, where there is no text, of nothing.
    pub fn spec(&self) -> &str {
        &self.spec
    }

    /// What the records add up to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Lines of the journal that could not be read when it was opened.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// The folder; `None` in memory.
    pub fn root(&self) -> Option<&Path> {
        match &self.place {
            Place::Folder { root, .. } => Some(root),
            Place::Memory { .. } => None,
        }
    }

    /// Adds a record to the journal and to the state.
    pub fn append(&mut self, record: Record) -> Result<(), StoreError> {
        if let Place::Folder { journal, .. } = &mut self.place {
            journal.append(&record)?;
        }
        self.state.apply(record);
        Ok(())
    }

    /// Forces the journal to disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        match &mut self.place {
            Place::Folder { journal, .. } => journal.sync(),
            Place::Memory { .. } => Ok(()),
        }
    }

    /// Keeps a trained network under its name and returns its hash for the record that speaks of it.
    pub fn save_model(&mut self, name: &str, bytes: &[u8]) -> Result<String, StoreError> {
        match &mut self.place {
            Place::Folder { root, .. } => write_atomically(&model_path(root, name), bytes)?,
            Place::Memory { models } => {
                models.insert(name.into(), bytes.to_vec());
            }
        }
        Ok(hash(bytes))
    }

    /// The trained network of this name; `None` if it is missing or is not the one with this hash.
    pub fn load_model(&self, name: &str, hash: &str) -> Option<Vec<u8>> {
        let bytes = match &self.place {
            Place::Folder { root, .. } => fs::read(model_path(root, name)).ok()?,
            Place::Memory { models } => models.get(name)?.clone(),
        };
        (lock::hash(&bytes) == hash).then_some(bytes)
    }
}

/// Writes a finished file such as `result.json` beside its place and renames it.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), StoreError> {
    write_atomically(path, content.as_ref())
}

/// Whether a file can be written here, found out before there is anything to lose.
pub fn can_write(path: &Path) -> Result<(), StoreError> {
    let temporary = unfinished(path);
    let tried = fs::File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
    tried.map_err(StoreError::io("write", path))
}

fn model_path(root: &Path, name: &str) -> PathBuf {
    root.join("models").join(format!("{name}.safetensors"))
}

/// Whether a run began here and recorded nothing: its data was missing, say, and there is nothing to lose.
fn holds_no_result(root: &Path) -> bool {
    let is_empty = |root: &Path| {
        let journal = fs::metadata(root.join("journal").join("main.jsonl"));
        journal.is_ok_and(|file| file.len() == 0)
    };
    let arms = fs::read_dir(root.join(ARMS)).into_iter().flatten();
    let mut arms = arms.filter_map(Result::ok);
    root.join(LOCK).exists() && is_empty(root) && arms.all(|arm| is_empty(&arm.path()))
}

/// Whether nothing is there but the first file of a run that was killed while it wrote it.
fn is_empty(folder: &Path) -> Result<bool, StoreError> {
    let entries = fs::read_dir(folder).map_err(StoreError::io("read", folder))?;
    let half_written = format!("{SPEC}.tmp");
    let mut others = entries.filter(|e| {
        let name = e.as_ref().map(|e| e.file_name());
        name.map_or(true, |name| name != half_written.as_str())
    });
    Ok(others.next().is_none())
}

/// Where a file is while it is written.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes beside `path`, forces it to disk and renames it.
fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let temporary = unfinished(path);
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(source) = written.and_then(|()| fs::rename(&temporary, path)) {
        // Best effort: half a file helps nobody, and its name is not one that is read.
        let _ = fs::remove_file(&temporary);
        return Err(StoreError::io("write", path)(source));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
