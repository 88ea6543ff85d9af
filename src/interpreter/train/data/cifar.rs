//! The binary version of CIFAR-10 and CIFAR-100: records without a header.
//!
//! In: the bytes of a file. Out: images in the order of the file, or the byte at which it is wrong. A record is one byte of label (CIFAR-10) or two, coarse and
//! fine, of which the fine one counts (CIFAR-100), then one plane of rows for each channel:
//! <https://www.cs.toronto.edu/~kriz/cifar.html>.

use super::{DataError, Pixels, Place, Samples};
use crate::ir::Dataset;

/// Appends the records of a file to `samples`.
pub fn append(
    dataset: &Dataset,
    label_bytes: usize,
    file: &str,
    bytes: &[u8],
    samples: &mut Samples,
) -> Result<(), DataError> {
    let fail = |offset: usize, what: String, help: &str| {
        Err(DataError {
            file: file.into(),
            place: Some(Place::Byte(offset as u64)),
            what,
            help: help.into(),
        })
    };
    let [height, width, channels] = dataset.shape;
    let plane = height * width;
    let record = label_bytes + plane * channels;
    let count = bytes.len() / record;
    if !bytes.len().is_multiple_of(record) || count == 0 {
        return fail(
            count * record,
            format!(
                "a record of {label_bytes} + {height}x{width}x{channels} = {record} bytes breaks off: the file has {} bytes, {count} records and {} bytes",
                bytes.len(),
                bytes.len() % record
            ),
            "fetch the file again, or make `shape` and `label_bytes` of the data set what it has",
        );
    }
    let Pixels::Bytes(pixels) = &mut samples.pixels else {
        unreachable!("invariant: only tables have real numbers")
    };
    pixels.reserve_exact(count * plane * channels);
    samples.labels.reserve_exact(count);
    for (index, record_bytes) in bytes.chunks_exact(record).enumerate() {
        let (label, planes) = record_bytes.split_at(label_bytes);
        let label = label[label_bytes - 1];
        if usize::from(label) >= dataset.classes {
            return fail(
                index * record + label_bytes - 1,
                format!(
                    "label {label} of record {index} is no class from 0 to {}",
                    dataset.classes - 1
                ),
                "raise `classes` of the data set, or name files of this format",
            );
        }
        samples.labels.push(u16::from(label));
        // (channels, height, width) -> (height, width, channels)
        for at in 0..plane {
            pixels.extend((0..channels).map(|c| planes[c * plane + at]));
        }
    }
    Ok(())
}
