//! Batches: which samples a step sees, and in what disguise.
//!
//! In: a [`Split`] and two random streams. Out: images (samples, height, width, channels) and labels. Every epoch is a new
//! order of all samples, cut into batches whose sizes differ by one at most: no sample is left out, and no last batch is
//! too small for batch statistics. Knows nothing of networks.

use rand_chacha::ChaCha8Rng;

use super::data::Split;
use crate::stream::{below, shuffle};

/// Random changes of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Augmentation {
    /// Pixels that an image moves by at most, up or down and left or right.
    pub shift: usize,
    /// Whether half of all images are mirrored left to right.
    pub flip: bool,
    /// Rows and columns of a square that becomes 0, centered on any pixel (arXiv:1708.04552). 0: none.
    pub cutout: usize,
}

/// Batches of an epoch: their number, for a nominal size. At least one.
pub fn count(samples: usize, batch: usize) -> usize {
    samples.div_ceil(batch.max(1)).max(1)
}

/// The part of an epoch's order that batch `index` of `count` takes.
pub fn range(samples: usize, count: usize, index: usize) -> std::ops::Range<usize> {
    samples * index / count..samples * (index + 1) / count
}

/// A new order of all samples.
pub fn order(rng: &mut ChaCha8Rng, samples: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    shuffle(rng, &mut order);
    order
}

/// The images of `samples` as they are.
pub fn images(split: &Split, samples: impl ExactSizeIterator<Item = usize>) -> Vec<f32> {
    let size = split.shape().iter().product::<usize>();
    let mut out = vec![0.0; samples.len() * size];
    for (out, sample) in out.chunks_exact_mut(size).zip(samples) {
        split.copy_to(sample, out);
    }
    out
}

/// The images of `samples`, each changed at random.
pub fn augmented(
    split: &Split,
    samples: &[usize],
    augmentation: Augmentation,
    rng: &mut ChaCha8Rng,
) -> Vec<f32> {
    let Augmentation {
        shift,
        flip,
        cutout,
    } = augmentation;
    if shift == 0 && !flip && cutout == 0 {
        return images(split, samples.iter().copied());
    }
    let [height, width, channels] = split.shape();
    let mut out = vec![0.0; samples.len() * height * width * channels];
    let span = 2 * shift as u32 + 1;
    for (out, sample) in out.chunks_exact_mut(height * width * channels).zip(samples) {
        // Every image takes the same number of draws, whatever comes out.
        let down = i64::from(below(rng, span)) - shift as i64;
        let right = i64::from(below(rng, span)) - shift as i64;
        let mirror = flip && below(rng, 2) == 1;
        change(split, *sample, down, right, mirror, out);
        if cutout > 0 {
            let center = [below(rng, height as u32), below(rng, width as u32)];
            cut(split.shape(), center.map(|c| c as usize), cutout, out);
        }
    }
    out
}

/// Writes an image moved by `down` and `right` pixels after mirroring it; black fills what is left free.
fn change(split: &Split, sample: usize, down: i64, right: i64, mirror: bool, out: &mut [f32]) {
    let [height, width, channels] = split.shape();
    let inside = |x: i64| x.clamp(0, width as i64) as usize;
    // Columns that come from the image, and where they come from.
    let columns = inside(right)..inside(width as i64 + right);
    let from = inside(-right)..inside(width as i64 - right);
    let from = match mirror {
        true => width - from.end..width - from.start,
        false => from,
    };
    for (y, row) in out.chunks_exact_mut(width * channels).enumerate() {
        let from_y = y as i64 - down;
        if from_y < 0 || from_y >= height as i64 {
            blacken(split, row);
            continue;
        }
        let start = from_y as usize * width;
        let (left, rest) = row.split_at_mut(columns.start * channels);
        let (middle, right) = rest.split_at_mut(columns.len() * channels);
        blacken(split, left);
        blacken(split, right);
        split.copy_row(sample, start + from.start..start + from.end, middle);
        if mirror {
            turn_round(middle, channels);
        }
    }
}

/// Puts the pixels of a row into the opposite order.
fn turn_round(row: &mut [f32], channels: usize) {
    // Everything turned round, then the channels of each pixel back.
    row.reverse();
    if channels > 1 {
        row.chunks_exact_mut(channels).for_each(<[f32]>::reverse);
    }
}

fn blacken(split: &Split, pixels: &mut [f32]) {
    for pixel in pixels.chunks_exact_mut(split.shape()[2]) {
        for (value, black) in pixel.iter_mut().zip(split.black()) {
            *value = black;
        }
    }
}

/// Writes 0, which is the mean of normalized images, into a square around `center`, as far as it lies in the image. A square with an even
/// side begins side / 2 before its center.
fn cut(shape: [usize; 3], center: [usize; 2], side: usize, out: &mut [f32]) {
    let [height, width, channels] = shape;
    let [rows, columns] = [(center[0], height), (center[1], width)].map(|(center, end)| {
        let start = center as i64 - (side / 2) as i64;
        start.max(0) as usize..((start + side as i64).max(0) as usize).min(end)
    });
    for y in rows {
        out[(y * width + columns.start) * channels..(y * width + columns.end) * channels].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::train::data::Data;
    use crate::interpreter::train::fixtures::digits;
    use crate::stream::{Purpose, stream};

    fn data() -> Data {
        Data::load_from(&digits(), None).unwrap()
    }

    #[test]
    fn batches_cover_an_epoch_with_equal_sizes() {
        for (samples, batch) in [(1000, 64), (1000, 1000), (7, 64), (65, 64), (1, 1)] {
            let count = count(samples, batch);
            let mut next = 0;
            for i in 0..count {
                let range = range(samples, count, i);
                assert_eq!(range.start, next);
                assert!(range.len() <= batch && range.len() + 1 >= samples / count);
                next = range.end;
            }
            assert_eq!(next, samples);
        }
    }

    #[test]
    fn a_shift_moves_pixels_and_fills_with_zeros() {
        let data = data();
        let train = data.train();
        let mut plain = vec![0.0; 64];
        train.copy_to(3, &mut plain);
        for (down, right) in [(0, 0), (1, 0), (0, -1), (-2, 2)] {
            let mut moved = vec![f32::NAN; 64];
            change(train, 3, down, right, false, &mut moved);
            for y in 0..8_i64 {
                for x in 0..8_i64 {
                    let (from_y, from_x) = (y - down, x - right);
                    let inside = (0..8).contains(&from_y) && (0..8).contains(&from_x);
                    let wanted = if inside {
                        plain[(from_y * 8 + from_x) as usize]
                    } else {
                        0.0
                    };
                    assert_eq!(moved[(y * 8 + x) as usize], wanted);
                }
            }
        }
        let mut mirrored = vec![0.0; 64];
        change(train, 3, 0, 0, true, &mut mirrored);
        for y in 0..8 {
            for x in 0..8 {
                assert_eq!(mirrored[y * 8 + x], plain[y * 8 + 7 - x]);
            }
        }
    }

    #[test]
    fn every_shift_comes_up() {
        let data = data();
        let mut rng = stream(1, 0, Purpose::Augment(0));
        let change = Augmentation {
            shift: 1,
            flip: false,
            cutout: 0,
        };
        let images = augmented(data.train(), &[0; 400], change, &mut rng);
        let mut kinds: Vec<Vec<u32>> = images
            .chunks(64)
            .map(|i| i.iter().map(|v| v.to_bits()).collect())
            .collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), 9);
    }

    #[test]
    fn a_cutout_is_a_square_of_zeros_inside_the_image() {
        for (center, side, cleared) in [([4, 4], 4, 16), ([0, 0], 4, 4), ([7, 4], 3, 6)] {
            let mut image = vec![1.0; 8 * 8 * 2];
            cut([8, 8, 2], center, side, &mut image);
            let zeros: Vec<usize> = (0..64).filter(|at| image[2 * at] == 0.0).collect();
            assert_eq!(zeros.len(), cleared);
            for at in zeros {
                assert_eq!(image[2 * at + 1], 0.0);
                let (y, x) = (at as i64 / 8, at as i64 % 8);
                let reach = (side / 2) as i64;
                assert!((y - center[0] as i64).abs() <= reach);
                assert!((x - center[1] as i64).abs() <= reach);
            }
        }
        let data = data();
        let mut rng = stream(1, 0, Purpose::Augment(0));
        let change = Augmentation {
            shift: 0,
            flip: false,
            cutout: 8,
        };
        let images = augmented(data.train(), &[0; 64], change, &mut rng);
        let plain = super::images(data.train(), std::iter::once(0));
        for image in images.chunks(64) {
            assert!(image.iter().zip(&plain).all(|(a, b)| a == b || *a == 0.0));
            assert_ne!(image, plain);
        }
    }
}
