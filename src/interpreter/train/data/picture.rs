//! One image: PNG or JPEG.
//!
//! In: a file. Out: its pixels, or the byte at which it is broken: where the decoder stopped reading a PNG, where the markers of a JPEG do not follow each other.

use std::cell::Cell;
use std::io::{BufRead, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use image::{DynamicImage, ImageFormat, ImageReader};

use super::{DataError, Place};

/// Reads and decodes a file whose name says which of the two it is.
pub fn read(path: &Path) -> Result<DynamicImage, DataError> {
    let fail = |at: Option<u64>, what: String, help: &str| DataError {
        file: path.display().to_string(),
        place: at.map(Place::Byte),
        what,
        help: help.into(),
    };
    let unreadable = |e: std::io::Error| {
        let what = format!("the file can't be read ({e})");
        fail(None, what, "make it a readable file")
    };
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let format = ImageFormat::from_path(path);
    let format = format.map_err(|e| fail(None, e.to_string(), "name it `.png` or `.jpg`"))?;
    let furthest = Cell::new(0);
    let counted = Counted {
        inner: Cursor::new(&bytes[..]),
        furthest: &furthest,
    };
    let decoded = ImageReader::with_format(counted, format).decode();
    let broken = |at: u64, why: &str| {
        let what = format!("can't be decoded ({})", why.trim_end());
        fail(Some(at), what, "replace the image, or remove it")
    };
    let is_jpeg = format == ImageFormat::Jpeg;
    match decoded {
        Ok(_) if is_jpeg && !ends(&bytes) => {
            let why = "the file breaks off: its last scan has no end";
            Err(broken(bytes.len() as u64, why))
        }
        Ok(image) => Ok(image),
        Err(e) if is_jpeg => Err(broken(markers_end(&bytes) as u64, &e.to_string())),
        Err(e) => Err(broken(furthest.get(), &e.to_string())),
    }
}

/// Whether a JPEG file has its end-of-image marker behind its last start of scan: the decoder makes up the pixels of a scan that is
/// cut short near its end. Within a scan, a byte 0xFF is never followed by either marker's second byte.
fn ends(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|pair| pair == marker);
    last([0xff, 0xd9]) > last([0xff, 0xda])
}

/// How far the markers of a JPEG file follow each other: the first byte that is none where one has to stand, or the length of the file.
fn markers_end(jpeg: &[u8]) -> usize {
    let start = [0xff, 0xd8];
    if !jpeg.starts_with(&start) {
        return if start.starts_with(jpeg) {
            jpeg.len()
        } else {
            0
        };
    }
    let mut at = 2;
    loop {
        let Some([0xff, marker]) = jpeg.get(at..at + 2) else {
            return at.min(jpeg.len());
        };
        if *marker == 0xd9 {
            return jpeg.len();
        }
        let Some([high, low]) = jpeg.get(at + 2..at + 4) else {
            return jpeg.len();
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length < 2 {
            return at + 2;
        }
        let is_scan = *marker == 0xda;
        at += 2 + length;
        if is_scan {
            // Up to the next marker: behind 0xFF, a zero and the marks to restart at are part of the scan.
            let in_scan =
                |pair: &[u8]| pair[0] != 0xff || matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
            let rest = jpeg.get(at..).unwrap_or_default();
            at += rest
                .windows(2)
                .position(|pair| !in_scan(pair))
                .unwrap_or(rest.len());
        }
    }
}

/// A reader that knows how far it was read.
struct Counted<'a> {
    inner: Cursor<&'a [u8]>,
    furthest: &'a Cell<u64>,
}

impl Counted<'_> {
    fn note(&self) {
        let at = self.inner.position().min(self.inner.get_ref().len() as u64);
        self.furthest.set(self.furthest.get().max(at));
    }
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(into);
        self.note();
        read
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
        self.note();
    }
}

impl Seek for Counted<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
}
