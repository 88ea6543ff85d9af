//! The journal: one JSON record a line, appended and never changed, each with a checksum.
//!
//! ```text
//! {"check":"0123456789abcdef","record":{"trial":{"number":0,…}}}
//! ```
//!
//! `check` is the first 64 bits of BLAKE3 over the bytes of the record. A line that was cut off by a crash, or changed since, is
//! reported as a [`Loss`] and dropped; what it said is found out again.
//!
//! A line is one write, so that killing the process loses at most the line being written. It is forced to disk at
//! most once a second and at the end, so that losing power loses at most the last second of results. A trained network
//! is on disk before the line that names it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::StoreError;
use super::state::Record;

const HEAD: &str = "{\"check\":\"";
const MIDDLE: &str = "\",\"record\":";
const TAIL: &str = "}";
const CHECK_LEN: usize = 16;
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// A line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// An open journal that only this process writes.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    synced: Instant,
}

impl Journal {
    /// Opens or creates the journal, reads every line, and leaves it ready to be appended to.
    pub fn open(path: &Path) -> Result<(Journal, Vec<Record>, Vec<Loss>), StoreError> {
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(StoreError::io("open", path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Busy {
                    path: path.to_path_buf(),
                });
            }
            // Some network file systems know no locks: then nothing guards against two writers but the user.
            Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(StoreError::io("read", path))?;
        let (records, losses) = read(&bytes);
        let mut journal = Journal {
            file,
            path: path.to_path_buf(),
            synced: Instant::now(),
        };
        // A torn last line stays, closed, so that the next record begins on a line of its own.
        if bytes.last().is_some_and(|b| *b != b'\n') {
            journal.write(b"\n")?;
        }
        Ok((journal, records, losses))
    }

    /// Adds a record.
    pub fn append(&mut self, record: &Record) -> Result<(), StoreError> {
        self.write(encode(record).as_bytes())?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Forces everything to disk.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.synced = Instant::now();
        self.file
            .sync_data()
            .map_err(StoreError::io("write", &self.path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all(bytes)
            .map_err(StoreError::io("write", &self.path))
    }
}

/// A record as a line, newline included.
fn encode(record: &Record) -> String {
    let json = serde_json::to_string(record).expect("invariant: records are plain data");
    let check = check(json.as_bytes());
    format!("{HEAD}{check}{MIDDLE}{json}{TAIL}\n")
}

/// Every readable record in order, and what could not be read.
fn read(bytes: &[u8]) -> (Vec<Record>, Vec<Loss>) {
    let mut records = Vec::new();
    let mut losses = Vec::new();
    for (i, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
        let decoded = match line.strip_suffix(b"\n") {
            Some([]) => continue,
            Some(line) => decode(line),
            None => Err("was cut off while it was written"),
        };
        match decoded {
            Ok(record) => records.push(record),
            Err(reason) => losses.push(Loss {
                line: i + 1,
                reason,
            }),
        }
    }
    (records, losses)
}

fn decode(line: &[u8]) -> Result<Record, &'static str> {
    const FORM: &str = "is not a record";
    let line = std::str::from_utf8(line).map_err(|_| FORM)?;
    let rest = line.strip_prefix(HEAD).ok_or(FORM)?;
    let (sum, rest) = rest.split_at_checked(CHECK_LEN).ok_or(FORM)?;
    let json = rest
        .strip_prefix(MIDDLE)
        .and_then(|r| r.strip_suffix(TAIL))
        .ok_or(FORM)?;
    if sum != check(json.as_bytes()) {
        return Err("does not match its checksum");
    }
    serde_json::from_str(json).map_err(|_| "holds a record of another version")
}

fn check(bytes: &[u8]) -> String {
    let mut hex = super::lock::hash(bytes);
    hex.truncate(CHECK_LEN);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::store::state::State;

    fn record(trial: usize) -> Record {
        Record::Test {
            trial,
            accuracies: vec![0.1 + trial as f64 / 3.0],
        }
    }

    fn text(trials: std::ops::Range<usize>) -> Vec<u8> {
        trials
            .map(|t| encode(&record(t)))
            .collect::<String>()
            .into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let (records, losses) = read(&text(0..3));
        assert_eq!(records, [record(0), record(1), record(2)]);
        assert!(losses.is_empty());
    }

    #[test]
    fn a_line_is_json() {
        let line = encode(&record(1));
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["record"]["test"]["trial"], 1);
    }

    /// Wherever a crash cuts the journal, all whole lines are read and at most the last one is lost.
    #[test]
    fn any_prefix_is_readable() {
        let bytes = text(0..3);
        for cut in 0..=bytes.len() {
            let whole = bytes[..cut].iter().filter(|b| **b == b'\n').count();
            let torn = cut > 0 && bytes[cut - 1] != b'\n';
            let (records, losses) = read(&bytes[..cut]);
            assert_eq!(records.len(), whole, "cut at {cut}");
            assert_eq!(losses.len(), usize::from(torn), "cut at {cut}");
        }
    }

    /// Whatever byte is damaged, no wrong record comes out, and the other lines stay.
    #[test]
    fn any_damaged_byte_is_found() {
        let bytes = text(0..3);
        for at in 0..bytes.len() {
            for flip in [0x01, 0x10, 0x80] {
                let mut damaged = bytes.clone();
                damaged[at] ^= flip;
                let (records, losses) = read(&damaged);
                assert!(!losses.is_empty(), "byte {at}");
                assert!(
                    records.iter().all(|r| (0..3).any(|t| *r == record(t))),
                    "byte {at}"
                );
                assert!(!records.is_empty(), "byte {at}");
            }
        }
    }

    #[test]
    fn a_damaged_middle_says_which_line() {
        let mut bytes = text(0..3);
        let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 40;
        bytes[second] ^= 1;
        let (records, losses) = read(&bytes);
        assert_eq!(records, [record(0), record(2)]);
        assert_eq!(losses.len(), 1);
        assert_eq!(losses[0].line, 2);
    }

    #[test]
    fn appending_after_a_torn_line_loses_only_that_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.jsonl");
        let mut bytes = text(0..2);
        bytes.truncate(bytes.len() - 9);
        std::fs::write(&path, &bytes).unwrap();
        let (mut journal, records, losses) = Journal::open(&path).unwrap();
        assert_eq!(records, [record(0)]);
        assert_eq!(losses[0].line, 2);
        journal.append(&record(1)).unwrap();
        drop(journal);
        let (_journal, records, losses) = Journal::open(&path).unwrap();
        assert_eq!(records, [record(0), record(1)]);
        assert_eq!(losses.len(), 1);
    }

    #[test]
    fn two_writers_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("main.jsonl");
        let _first = Journal::open(&path).unwrap();
        assert!(matches!(Journal::open(&path), Err(StoreError::Busy { .. })));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_says_what_to_do() {
        let file = OpenOptions::new().append(true).open("/dev/full").unwrap();
        let mut journal = Journal {
            file,
            path: "main.jsonl".into(),
            synced: Instant::now(),
        };
        let error = journal.append(&record(0)).unwrap_err().to_string();
        assert!(error.contains("free some space"), "{error}");
    }

    #[test]
    fn the_first_record_of_a_trial_stands() {
        let again = Record::Test {
            trial: 0,
            accuracies: vec![0.9],
        };
        assert_eq!(
            State::of([record(0), record(1), again]),
            State::of([record(1), record(0)])
        );
    }
}
