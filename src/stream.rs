//! Streams of random numbers: one per (seed, trial, repeat, purpose), never shared.
//!
//! In: the seed of the experiment, the number of a trial and of its repeat, and what the numbers are for. Out: a ChaCha8 generator
//! whose key is made of these four, and draws from it that need no other crate, so that their bits never change. A generator is used by
//! one thread for one purpose; whoever needs more numbers makes another stream.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What the numbers of a stream are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Initial weights.
    Init,
    /// The order of training samples in a stage, which counts from 0.
    Shuffle(u16),
    /// Shifts and flips of training images in a stage.
    Augment(u16),
    /// Which candidate comes next.
    Search,
}

impl Purpose {
    /// A number of its own for every purpose.
    fn code(self) -> u32 {
        match self {
            Purpose::Init => 1,
            Purpose::Shuffle(stage @ 0..=1) => 2 + 2 * u32::from(stage),
            Purpose::Augment(stage @ 0..=1) => 3 + 2 * u32::from(stage),
            Purpose::Search => 6,
            Purpose::Shuffle(stage) => 16 + 2 * u32::from(stage),
            Purpose::Augment(stage) => 17 + 2 * u32::from(stage),
        }
    }
}

/// Trials with this bit are the final trainings of the trials without it.
const FINAL: u64 = 1 << 63;

/// Whose numbers they are: one training of one trial of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key {
    /// The seed of the experiment.
    pub seed: u64,
    /// The number of the trial.
    pub trial: u64,
    /// Which of the trial's trainings, from 0.
    pub repeat: u32,
}

impl Key {
    /// The same for the final training of the trial.
    pub fn of_final(self) -> Key {
        Key {
            trial: self.trial | FINAL,
            ..self
        }
    }

    /// The generator of one purpose.
    pub fn stream(self, purpose: Purpose) -> ChaCha8Rng {
        // The key of the block cipher holds the numbers as they are: different ones can't give the same stream.
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.trial.to_le_bytes());
        key[16..20].copy_from_slice(&purpose.code().to_le_bytes());
        key[20..24].copy_from_slice(&self.repeat.to_le_bytes());
        key[24..].copy_from_slice(b"bnas v1\0");
        ChaCha8Rng::from_seed(key)
    }
}

/// The generator of one purpose of a trial's first training, or of a trial that trains once.
pub fn stream(seed: u64, trial: u64, purpose: Purpose) -> ChaCha8Rng {
    let key = Key {
        seed,
        trial,
        repeat: 0,
    };
    key.stream(purpose)
}

/// A whole number from 0 to `n - 1`, each equally likely. `n` must not be 0.
pub fn below(rng: &mut ChaCha8Rng, n: u32) -> u32 {
    // Lemire's multiplication (arXiv:1805.10941): the high half is the number, the low half says whether it is fair.
    let threshold = n.wrapping_neg() % n;
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(n);
        if product as u32 >= threshold {
            return (product >> 32) as u32;
        }
    }
}

/// A real number in [0, 1) with 53 random bits.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
}

/// A draw from the standard normal distribution (Box and Muller; one of the pair is dropped).
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * libm::log(1.0 - uniform(rng))).sqrt();
    radius * libm::cos(2.0 * std::f64::consts::PI * uniform(rng))
}

/// A random order (Fisher and Yates), in place. At most 2^32 - 1 items.
pub fn shuffle<T>(rng: &mut ChaCha8Rng, items: &mut [T]) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i as u32 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_key() {
        let first = |seed, trial, purpose| stream(seed, trial, purpose).next_u64();
        let base = first(7, 3, Purpose::Init);
        assert_eq!(base, first(7, 3, Purpose::Init));
        assert_ne!(base, first(8, 3, Purpose::Init));
        assert_ne!(base, first(7, 4, Purpose::Init));
        assert_ne!(base, first(7, 3, Purpose::Shuffle(0)));
        let again = Key {
            seed: 7,
            trial: 3,
            repeat: 1,
        };
        assert_ne!(base, again.stream(Purpose::Init).next_u64());
        assert_ne!(
            again.stream(Purpose::Init).next_u64(),
            again.of_final().stream(Purpose::Init).next_u64()
        );
        // Seed and trial don't stand for each other.
        assert_ne!(first(1, 2, Purpose::Init), first(2, 1, Purpose::Init));
    }

    #[test]
    fn every_purpose_has_a_number_of_its_own() {
        let stages = (0..200).flat_map(|s| [Purpose::Shuffle(s), Purpose::Augment(s)]);
        let all = stages.chain([Purpose::Init, Purpose::Search]);
        let mut codes: Vec<u32> = all.map(Purpose::code).collect();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn below_is_fair() {
        let mut rng = stream(1, 0, Purpose::Search);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[below(&mut rng, 6) as usize] += 1;
        }
        // Chi square with five degrees of freedom stays below 20.5 in 99.9 % of cases.
        let chi: f64 = counts
            .iter()
            .map(|c| (f64::from(*c) - 10_000.0).powi(2) / 10_000.0)
            .sum();
        assert!(chi < 20.5, "{counts:?}");
    }

    #[test]
    fn normal_has_its_moments() {
        let mut rng = stream(2, 0, Purpose::Init);
        let draws: Vec<f64> = (0..100_000).map(|_| normal(&mut rng)).collect();
        let moment = |k| draws.iter().map(|x| x.powi(k)).sum::<f64>() / draws.len() as f64;
        // Standard errors: 0.0032, 0.0045, 0.031.
        assert!(moment(1).abs() < 0.013, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.018, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.13, "{}", moment(4));
    }

    #[test]
    fn shuffle_keeps_every_item() {
        let mut rng = stream(3, 0, Purpose::Shuffle(0));
        let mut items: Vec<usize> = (0..100).collect();
        shuffle(&mut rng, &mut items);
        assert!(items.iter().enumerate().any(|(i, x)| i != *x));
        items.sort_unstable();
        assert!(items.iter().enumerate().all(|(i, x)| i == *x));
    }
}
