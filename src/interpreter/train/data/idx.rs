//! IDX files: a magic number, the sizes of the axes, bytes.
//!
//! In: the bytes of a file. Out: its axes and its values, or the byte at which it is wrong.
//! Knows nothing of images or labels. The format is described with the MNIST files it was made for: two zero bytes, a type (8:
//! unsigned bytes, the only one read here), the number of axes, one big-endian 32-bit size per axis, then the values in C order.

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idx {
    /// Sizes of the axes, slowest first.
    pub axes: Vec<usize>,
    /// As many values as the product of the axes.
    pub values: Vec<u8>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdxError {
    /// Offset in the file after inflation.
    pub offset: u64,
    /// What was expected and what was found.
    pub what: String,
}

impl Idx {
    /// Reads a file; the values stay where they are.
    pub fn parse(mut bytes: Vec<u8>) -> Result<Idx, IdxError> {
        let fail = |offset: usize, what: String| {
            Err(IdxError {
                offset: offset as u64,
                what,
            })
        };
        let Some(magic) = bytes.first_chunk::<4>() else {
            return fail(
                bytes.len(),
                "the file ends within its magic number".to_owned(),
            );
        };
        let [0, 0, 8, rank @ 1..=8] = *magic else {
            return fail(
                0,
                format!(
                    "expected the magic number 00 00 08 (unsigned bytes) and a number of axes from 1 to 8, \
                     found {:02x} {:02x} {:02x} {:02x}",
                    magic[0], magic[1], magic[2], magic[3]
                ),
            );
        };
        let header = 4 + 4 * usize::from(rank);
        if bytes.len() < header {
            return fail(
                bytes.len(),
                format!("the file ends within the sizes of its {rank} axes"),
            );
        }
        let axes: Vec<usize> = bytes[4..header]
            .chunks_exact(4)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)
            .collect();
        let count = axes.iter().try_fold(1_usize, |n, a| n.checked_mul(*a));
        let found = bytes.len() - header;
        if count != Some(found) {
            let sizes: Vec<String> = axes.iter().map(usize::to_string).collect();
            let sizes = sizes.join(" x ");
            let wanted = match count {
                Some(n) if axes.len() > 1 => format!("{sizes} = {n}"),
                _ => sizes,
            };
            return fail(
                header + count.map_or(found, |n| n.min(found)),
                format!("the header says {wanted} values, the file has {found}"),
            );
        }
        bytes.drain(..header);
        Ok(Idx {
            axes,
            values: bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 x 3 values from 1 to 6.
    const SMALL: [u8; 18] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];

    #[test]
    fn a_file_has_axes_and_values() {
        let idx = Idx::parse(SMALL.to_vec()).unwrap();
        assert_eq!(idx.axes, [2, 3]);
        assert_eq!(idx.values, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_broken_file_is_an_error_with_an_offset() {
        let offset = |bytes: &[u8]| Idx::parse(bytes.to_vec()).unwrap_err().offset;
        assert_eq!(offset(&[]), 0);
        assert_eq!(offset(&SMALL[..3]), 3);
        assert_eq!(offset(&SMALL[..9]), 9);
        assert_eq!(offset(&SMALL[..15]), 15);
        let mut wrong = SMALL;
        wrong[2] = 0x0d;
        assert_eq!(offset(&wrong), 0);
        let mut longer = SMALL.to_vec();
        longer.push(7);
        assert_eq!(offset(&longer), 18);
        let huge = [
            0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        ];
        assert_eq!(offset(&huge), 16);
    }
}
