//! An image inside a border of zeros.

use super::input::Reader;

/// An image with zeros around it, reused from image to image: the border stays zero, the inside is overwritten.
pub struct Padded {
    pub buffer: Vec<f32>,
    /// Lines, columns and channels of the buffer.
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    padding: [usize; 2],
}

impl Padded {
    pub fn new([height, width]: [usize; 2], channels: usize, padding: [usize; 2]) -> Self {
        let (height, width) = (height + 2 * padding[0], width + 2 * padding[1]);
        Padded {
            buffer: vec![0.0; height * width * channels],
            height,
            width,
            channels,
            padding,
        }
    }

    /// Copies channels `first..first + self.channels` of an image with `all` channels.
    #[inline(always)]
    pub fn fill(&mut self, image: &[f32], all: usize, first: usize) {
        let channels = self.channels;
        let lines = self.height - 2 * self.padding[0];
        let columns = self.width - 2 * self.padding[1];
        for y in 0..lines {
            let to = ((y + self.padding[0]) * self.width + self.padding[1]) * channels;
            let to = &mut self.buffer[to..to + columns * channels];
            let from = &image[y * columns * all..(y + 1) * columns * all];
            if channels == all {
                to.copy_from_slice(from);
            } else {
                for (to, from) in to.chunks_exact_mut(channels).zip(from.chunks_exact(all)) {
                    to.copy_from_slice(&from[first..first + channels]);
                }
            }
        }
    }

    /// The same of the `image`-th image that `reader` reads.
    #[inline(always)]
    pub fn read(&mut self, reader: &mut Reader<'_>, image: usize, first: usize) {
        let lines = self.height - 2 * self.padding[0];
        let columns = self.width - 2 * self.padding[1];
        let start = image * lines * columns;
        if self.channels != reader.channels {
            let all = reader.channels;
            return self.fill(reader.pixels(start..start + lines * columns), all, first);
        }
        for y in 0..lines {
            let to = ((y + self.padding[0]) * self.width + self.padding[1]) * self.channels;
            let to = &mut self.buffer[to..to + columns * self.channels];
            reader.copy(start + y * columns..start + (y + 1) * columns, to);
        }
    }
}
