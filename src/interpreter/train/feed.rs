//! The batches of a stage in time: made when they are asked for, or on a thread beside the trainer.
//!
//! In: a split, its random changes, the streams of random numbers. Out: batch after batch, the same ones either way. On a thread of its own, one
//! batch waits and the next is being made, so that a trainer with a core to spare never waits for images. Knows nothing of networks.

use std::sync::mpsc;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::batch::{self, Augmentation};
use super::data::Split;
use crate::stream::{Key, Purpose};

/// What a step trains on.
pub struct Batch {
    /// (samples, height, width, channels).
    pub images: Vec<f32>,
    /// The class of each.
    pub labels: Vec<usize>,
    /// Where the random streams are behind it.
    pub after: Positions,
}

/// How many words the random streams of a stage have given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Positions {
    /// The order of samples.
    pub shuffle: u64,
    /// Their changes.
    pub augment: u64,
}

/// The batches of a stage from the beginning of an epoch, without an end.
pub struct Batches<'a> {
    split: &'a Split,
    augmentation: Augmentation,
    /// Batches of an epoch.
    count: usize,
    shuffle: ChaCha8Rng,
    augment: ChaCha8Rng,
    order: Vec<usize>,
    /// The index of the next batch in its epoch.
    next: usize,
}

impl<'a> Batches<'a> {
    /// Of stage `stage`, `count` of them an epoch; an epoch before this one left the streams at `from`.
    pub fn new(
        split: &'a Split,
        augmentation: Augmentation,
        count: usize,
        (key, stage): (Key, usize),
        from: Positions,
    ) -> Batches<'a> {
        let stream = |purpose, position: u64| {
            let mut stream = key.stream(purpose);
            stream.set_word_pos(u128::from(position));
            stream
        };
        Batches {
            split,
            augmentation,
            count,
            shuffle: stream(Purpose::Shuffle(stage as u16), from.shuffle),
            augment: stream(Purpose::Augment(stage as u16), from.augment),
            order: Vec::new(),
            next: 0,
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == 0 {
            self.order = batch::order(&mut self.shuffle, self.split.len());
        }
        let samples = &self.order[batch::range(self.split.len(), self.count, self.next)];
        self.next = (self.next + 1) % self.count;
        let position = |stream: &ChaCha8Rng| stream.get_word_pos() as u64;
        Some(Batch {
            images: batch::augmented(self.split, samples, self.augmentation, &mut self.augment),
            labels: samples.iter().map(|s| self.split.label(*s)).collect(),
            after: Positions {
                shuffle: position(&self.shuffle),
                augment: position(&self.augment),
            },
        })
    }
}

/// Calls `trainer` with a function that gives one batch after the other; `aside`: a thread of their own makes them meanwhile.
pub fn feed<R>(
    mut batches: impl Iterator<Item = Batch> + Send,
    aside: bool,
    trainer: impl FnOnce(&mut dyn FnMut() -> Option<Batch>) -> R,
) -> R {
    if !aside {
        return trainer(&mut || batches.next());
    }
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(1);
        scope.spawn(move || {
            for batch in batches {
                // Nobody receives any more: the stage has ended early.
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        let result = trainer(&mut || receiver.recv().ok());
        // The scope waits for the thread, and the thread for this.
        drop(receiver);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interpreter::train::data::Data;
    use crate::interpreter::train::fixtures::digits;

    const CHANGE: Augmentation = Augmentation {
        shift: 1,
        flip: true,
        cutout: 2,
    };

    fn batches(split: &Split, from: Positions) -> Batches<'_> {
        Batches::new(split, CHANGE, 7, (Key::default(), 1), from)
    }

    fn content(batch: &Batch) -> (Vec<u32>, Vec<usize>, Positions) {
        let bits = batch.images.iter().map(|x| x.to_bits()).collect();
        (bits, batch.labels.clone(), batch.after)
    }

    #[test]
    fn a_thread_beside_makes_the_same_batches() {
        let data = Data::load_from(&digits(), None).unwrap();
        let all = |aside| {
            let batches = batches(data.train(), Positions::default()).take(21);
            feed(batches, aside, |next| {
                let mut all = Vec::new();
                while let Some(batch) = next() {
                    all.push(content(&batch));
                }
                all
            })
        };
        let here = all(false);
        assert_eq!(here.len(), 21);
        assert!(here == all(true));
    }

    #[test]
    fn an_epoch_goes_on_where_the_one_before_left_the_streams() {
        let data = Data::load_from(&digits(), None).unwrap();
        let all: Vec<Batch> = batches(data.train(), Positions::default())
            .take(14)
            .collect();
        let again: Vec<Batch> = batches(data.train(), all[6].after).take(7).collect();
        for (a, b) in all[7..].iter().zip(&again) {
            assert!(content(a) == content(b));
        }
        assert!(content(&all[0]) != content(&all[7]));
    }

    #[test]
    fn a_trainer_may_leave_early() {
        let data = Data::load_from(&digits(), None).unwrap();
        let endless = batches(data.train(), Positions::default());
        let first = feed(endless, true, |next| next().map(|b| b.labels.len()));
        assert_eq!(first, Some(142));
    }
}
