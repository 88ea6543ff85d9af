//! A trained network as bytes: safetensors, which other tools read.
//!
//! In: named tensors and metadata. Out: bytes that depend on nothing else, and back. Tensors are f32 in C order; metadata is one
//! JSON object with sorted keys under the key `bnas`, because the format itself leaves the order of keys open.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use safetensors::{Dtype, SafeTensors, View};

/// The key of the metadata.
const KEY: &str = "bnas";

/// A tensor by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Unique among all entries.
    pub name: String,
    /// Sizes of the axes.
    pub axes: Vec<usize>,
    /// In C order.
    pub values: Vec<f32>,
}

impl Entry {
    /// A list of numbers.
    pub fn vector(name: impl Into<String>, values: Vec<f32>) -> Entry {
        Entry {
            name: name.into(),
            axes: vec![values.len()],
            values,
        }
    }
}

/// Why bytes are no trained network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageError {
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for StorageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for StorageError {}

/// An error with this reason.
pub fn error<T>(reason: impl Into<String>) -> Result<T, StorageError> {
    Err(StorageError {
        reason: reason.into(),
    })
}

/// Takes the entry of this name out of `entries`, which must have `len` numbers.
pub fn take(
    entries: &mut BTreeMap<String, Entry>,
    name: &str,
    len: usize,
) -> Result<Vec<f32>, StorageError> {
    match entries.remove(name) {
        Some(entry) if entry.values.len() == len => Ok(entry.values),
        Some(entry) => error(format!(
            "tensor `{name}` has {} numbers, not {len}",
            entry.values.len()
        )),
        None => error(format!("tensor `{name}` is missing")),
    }
}

/// A tensor in the byte order of the format.
struct Bytes<'a> {
    axes: &'a [usize],
    bytes: Vec<u8>,
}

impl View for &Bytes<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.axes
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of `entries` with `metadata`.
pub fn write(entries: &[Entry], metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let views: Vec<(&str, Bytes)> = entries
        .iter()
        .map(|e| {
            let bytes = e.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let axes = &e.axes;
            (e.name.as_str(), Bytes { axes, bytes })
        })
        .collect();
    let json = serde_json::to_string(metadata).expect("invariant: text maps to text");
    let information = HashMap::from([(KEY.to_owned(), json)]);
    let views = views.iter().map(|(name, view)| (*name, view));
    safetensors::serialize(views, Some(information))
        .expect("invariant: names differ and sizes follow from axes")
}

/// The entries, in the order of their names, and the metadata.
pub fn read(bytes: &[u8]) -> Result<(Vec<Entry>, BTreeMap<String, String>), StorageError> {
    let explain = |e: safetensors::SafeTensorError| StorageError {
        reason: format!("the file is no safetensors file ({e})"),
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(explain)?;
    let metadata = match header.metadata().as_ref().and_then(|m| m.get(KEY)) {
        None => BTreeMap::new(),
        Some(json) => serde_json::from_str(json).map_err(|e| StorageError {
            reason: format!("the metadata under `{KEY}` is no JSON object of text ({e})"),
        })?,
    };
    let file = SafeTensors::deserialize(bytes).map_err(explain)?;
    let mut entries = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return error(format!(
                "tensor `{name}` has values of type {:?}, not F32",
                view.dtype()
            ));
        }
        entries.push(Entry {
            name: name.to_owned(),
            axes: view.shape().to_vec(),
            values: view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((entries, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![
            Entry {
                name: "a.weight".into(),
                axes: vec![2, 2],
                values: vec![1.0, -0.0, f32::MIN_POSITIVE / 2.0, 3.5],
            },
            Entry {
                name: "b".into(),
                axes: vec![1],
                values: vec![f32::INFINITY],
            },
        ]
    }

    #[test]
    fn bytes_come_back_and_never_vary() {
        let metadata: BTreeMap<String, String> = ('a'..='z')
            .map(|c| (c.to_string(), format!("{c} \"quoted\"")))
            .collect();
        let bytes = write(&entries(), &metadata);
        assert!((0..10).all(|_| write(&entries(), &metadata) == bytes));
        let (back, information) = read(&bytes).unwrap();
        assert_eq!(information, metadata);
        for (a, b) in back.iter().zip(entries()) {
            assert_eq!((&a.name, &a.axes), (&b.name, &b.axes));
            let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&a.values), bits(&b.values));
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = write(&entries(), &BTreeMap::new());
        assert!(read(&bytes[..bytes.len() - 1]).is_err());
        assert!(read(b"").is_err());
    }
}
