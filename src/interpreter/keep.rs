//! Checkpoints of trainings as files: one beside the results for each training that lasts, gone when its trial has ended.
//!
//! In: where, how often, which training. Out: a [`Keeper`]. A checkpoint is written at the end of an epoch, once so many seconds have passed
//! since the last one or since the training began: what it costs does not grow with the number of epochs. When it was written changes no bit
//! of a result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use safetensors::SafeTensors;

use super::store::{self, Store};
use super::train::Keeper;
use super::{Phase, model_name};

/// The time between two checkpoints unless the user wants another: little is lost, and little is written.
pub const EVERY: Duration = Duration::from_secs(30);

/// The folder of a run's checkpoints.
#[derive(Debug)]
pub(super) struct Checkpoints {
    folder: PathBuf,
    every: Duration,
}

impl Checkpoints {
    /// Those of a run that has a folder.
    pub fn of(store: &Store, every: Duration) -> Option<Checkpoints> {
        let folder = store.root()?.join("checkpoints");
        Some(Checkpoints { folder, every })
    }

    /// The keeper of one training.
    pub fn keeper<'a>(
        &self,
        name: &str,
        identity: BTreeMap<String, String>,
        note: &'a dyn Fn(&str),
    ) -> FileKeeper<'a> {
        FileKeeper::new(self.path(name), self.every, identity, note)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.safetensors"))
    }

    /// A trial is in the journal: its checkpoints are not needed any more.
    pub fn remove(&self, phase: Phase, trial: usize, repeats: usize) {
        for repeat in 0..repeats {
            remove(&self.path(&model_name(phase, trial, repeat)));
        }
        // As soon as it is empty.
        let _ = fs::remove_dir(&self.folder);
    }
}

/// Whether a file is a network as they are written here.
pub fn is_network(path: &Path) -> bool {
    // A device may never end.
    path.is_file() && fs::read(path).is_ok_and(|bytes| SafeTensors::deserialize(&bytes).is_ok())
}

/// Removes a checkpoint, and what a kill may have left of the next one. It may never have been written.
pub fn remove(path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_file(store::unfinished(path));
}

/// Keeps the checkpoints of one training in a file.
pub struct FileKeeper<'a> {
    path: PathBuf,
    every: Duration,
    /// When the last one was written, or the training began.
    last: Instant,
    identity: BTreeMap<String, String>,
    note: &'a dyn Fn(&str),
    /// Whether it was said that none can be written.
    has_failed: bool,
}

impl<'a> FileKeeper<'a> {
    /// At `path`, at most once in `every`; `note` hears what the user should know.
    pub fn new(
        path: PathBuf,
        every: Duration,
        identity: BTreeMap<String, String>,
        note: &'a dyn Fn(&str),
    ) -> FileKeeper<'a> {
        FileKeeper {
            path,
            every,
            last: Instant::now(),
            identity,
            note,
            has_failed: false,
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Keeper for FileKeeper<'_> {
    fn identity(&self) -> &BTreeMap<String, String> {
        &self.identity
    }

    fn load(&mut self) -> Option<Vec<u8>> {
        match fs::read(&self.path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => {
                let path = self.path.display();
                self.note(&format!(
                    "cannot read its checkpoint `{path}` ({e}); trains from the beginning"
                ));
                None
            }
        }
    }

    fn is_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    fn save(&mut self, bytes: &[u8]) {
        self.last = Instant::now();
        let folder = self.path.parent().filter(|f| !f.as_os_str().is_empty());
        // Whether there is a folder is found out by writing.
        let _ = folder.map(fs::create_dir_all);
        if let Err(e) = store::write(&self.path, bytes)
            && !self.has_failed
        {
            self.has_failed = true;
            self.note(&format!(
                "goes on without a checkpoint: if it is interrupted, it starts again ({e})"
            ));
        }
    }

    fn note(&mut self, text: &str) {
        (self.note)(text);
    }
}
