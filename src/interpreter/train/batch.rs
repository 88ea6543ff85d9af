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

/// The images of `samples` as they are, with values in [0, 1].
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
    let Augmentation { shift, flip } = augmentation;
    if shift == 0 && !flip {
        return images(split, samples.iter().copied());
    }
    let size = split.shape().iter().product::<usize>();
    let mut out = vec![0.0; samples.len() * size];
    let span = 2 * shift as u32 + 1;
    for (out, sample) in out.chunks_exact_mut(size).zip(samples) {
        // Every image takes the same number of draws, whatever comes out.
        let down = i64::from(below(rng, span)) - shift as i64;
        let right = i64::from(below(rng, span)) - shift as i64;
        let mirror = flip && below(rng, 2) == 1;
        change(split, *sample, down, right, mirror, out);
    }
    out
}

/// Writes an image moved by `down` and `right` pixels after mirroring it; zeros fill what is left free.
fn change(split: &Split, sample: usize, down: i64, right: i64, mirror: bool, out: &mut [f32]) {
    let [height, width, channels] = split.shape();
    let pixels = split.pixels(sample);
    for (y, row) in out.chunks_exact_mut(width * channels).enumerate() {
        let from_y = y as i64 - down;
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let from_x = x as i64 - right;
            if from_y < 0 || from_y >= height as i64 || from_x < 0 || from_x >= width as i64 {
                pixel.fill(0.0);
                continue;
            }
            let (from_y, from_x) = (from_y as usize, from_x as usize);
            let from_x = if mirror { width - 1 - from_x } else { from_x };
            let from = &pixels[(from_y * width + from_x) * channels..][..channels];
            for (value, byte) in pixel.iter_mut().zip(from) {
                *value = split.value(*byte);
            }
        }
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
}
