//! Products of long histograms.
//!
//! Where most sums between the ends of two histograms occur, their counts are the digits of two long numbers, with room in each digit for what
//! comes there (Kronecker substitution): one multiplication of these gives all counts at once, in fewer steps than there are pairs. Of marks, which only say
//! that something leads to a sum, a word holds 64.

use num_bigint::BigUint;

use super::histogram::Histogram;
use super::tally::{Amount, Tally};

/// Fewer pairs are multiplied one by one.
pub const FEW_PAIRS: u64 = 1 << 12;
/// Numbers of so many words are multiplied word by word, longer ones in parts: `num_bigint`'s own limit.
const SHORT: f64 = 32.0;
/// Steps for one word of a long number: to write it, to read it, to allocate it.
const PER_WORD: f64 = 16.0;

/// Calls `each` with the sums and counts of a product, ascending, if there is a faster way than pair by pair; else returns `false`.
pub fn of_counts<N: Tally>(
    short: &Histogram<N>,
    long: &Histogram<N>,
    each: &mut dyn FnMut(u64, N),
) -> bool {
    let pairs = short.len() as u64 * long.len() as u64;
    if N::WORDS == 0 || pairs < FEW_PAIRS {
        return false;
    }
    let width = width(short, long);
    let words = |h: &Histogram<N>| h.range().saturating_mul(width) as f64 / 64.0;
    let (x, y) = (words(short), words(long));
    // Karatsuba's way takes n^1.585 steps for n words.
    let least = x.min(y).max(SHORT);
    let steps = x * y * (SHORT / least).powf(0.415) + PER_WORD * (x + y);
    let is_faster = steps <= (pairs * N::COST) as f64;
    if is_faster {
        multiplied(short, long, width, each);
    }
    is_faster
}

/// The bits of the largest count that a product may have.
fn width<N: Tally>(short: &Histogram<N>, long: &Histogram<N>) -> u64 {
    short.bits() + long.bits() + u64::from(64 - (short.len() as u64).leading_zeros())
}

/// Calls `each` with the sums and counts of a product, ascending.
fn multiplied<N: Tally>(
    short: &Histogram<N>,
    long: &Histogram<N>,
    width: u64,
    each: &mut dyn FnMut(u64, N),
) {
    let product = packed(short, width) * packed(long, width);
    let digits = product.to_u64_digits();
    let base = short.sums[0] + long.sums[0];
    let last = short.range() + long.range() - 1;
    let mut words = vec![0; N::WORDS];
    for slot in 0..last {
        if read(&digits, slot * width, width, &mut words) {
            each(base + slot, N::of_words(&words));
        }
    }
}

/// Counts as digits of so many bits.
fn packed<N: Tally>(histogram: &Histogram<N>, width: u64) -> BigUint {
    let bits = histogram.range() * width;
    let mut words = vec![0_u64; bits.div_ceil(64) as usize + N::WORDS + 1];
    for (sum, count) in histogram.iter() {
        let at = (sum - histogram.sums[0]) * width;
        let (at, shift) = ((at / 64) as usize, at % 64);
        for number in 0..N::WORDS {
            let word = u128::from(count.word(number)) << shift;
            words[at + number] |= word as u64;
            words[at + number + 1] |= (word >> 64) as u64;
        }
    }
    let halves = words.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]);
    BigUint::new(halves.collect())
}

/// Reads so many bits at a place; whether one of them is set.
fn read(digits: &[u64], at: u64, width: u64, into: &mut [u64]) -> bool {
    let (first, shift) = ((at / 64) as usize, at % 64);
    let digit = |number: usize| u128::from(digits.get(first + number).copied().unwrap_or(0));
    let mut any = 0;
    for (number, word) in into.iter_mut().enumerate() {
        let left = width.saturating_sub(64 * number as u64);
        *word = match left {
            0 => 0,
            _ => {
                let both = digit(number) | digit(number + 1) << 64;
                let mask = if left < 64 { (1 << left) - 1 } else { u64::MAX };
                (both >> shift) as u64 & mask
            }
        };
        any |= *word;
    }
    any != 0
}

/// That something leads to a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark(pub bool);

impl Amount for Mark {
    fn zero() -> Self {
        Mark(false)
    }

    fn is_zero(&self) -> bool {
        !self.0
    }

    fn add(&mut self, x: &Self) {
        self.0 |= x.0;
    }

    fn add_product(&mut self, x: &Self, y: &Self) {
        self.0 |= x.0 && y.0;
    }

    fn bits(&self) -> u64 {
        0
    }

    fn product(
        short: &Histogram<Self>,
        long: &Histogram<Self>,
        each: &mut dyn FnMut(u64, Self),
    ) -> bool {
        let words = (long.range() / 64 + 2) as usize;
        if words >= long.len() {
            return false;
        }
        let mut marks = vec![0_u64; words];
        for sum in &long.sums {
            let at = sum - long.sums[0];
            marks[(at / 64) as usize] |= 1 << (at % 64);
        }
        let mut found = vec![0_u64; words + (short.range() / 64) as usize + 2];
        for sum in &short.sums {
            let at = sum - short.sums[0];
            let (at, shift) = ((at / 64) as usize, at % 64);
            let mut carry = 0;
            for (slot, mark) in found[at..].iter_mut().zip(&marks) {
                let both = u128::from(*mark) << shift;
                *slot |= both as u64 | carry;
                carry = (both >> 64) as u64;
            }
            found[at + words] |= carry;
        }
        let base = short.sums[0] + long.sums[0];
        for (number, word) in found.iter().enumerate() {
            let mut left = *word;
            while left != 0 {
                let sum = base + 64 * number as u64 + u64::from(left.trailing_zeros());
                each(sum, Mark(true));
                left &= left - 1;
            }
        }
        true
    }

    const ROOM: u64 = u64::MAX;
    const COST: u64 = 1;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::counting::elimination::tally::Words;
    use crate::stream::{Purpose, below, stream};

    #[test]
    fn long_numbers_multiply_as_pairs_do() {
        fn check<N: Tally + PartialEq>(bits: u32, seed: u64) {
            let mut rng = stream(seed, 0, Purpose::Search);
            let mut histogram = |len: u32| {
                let mut all = Histogram::default();
                for sum in 0..len {
                    let high = u128::from(below(&mut rng, 1 << bits.min(30)));
                    let count = (high << bits.saturating_sub(30)) + u128::from(below(&mut rng, 3));
                    if count > 0 && below(&mut rng, 5) > 0 {
                        all.sums.push(u64::from(7 + sum));
                        all.counts.push(N::of(&count.into()).unwrap());
                    }
                }
                all
            };
            let (x, y) = (histogram(90), histogram(700));
            let mut expected: BTreeMap<u64, N> = BTreeMap::new();
            for (a, of_a) in x.iter() {
                for (b, of_b) in y.iter() {
                    let slot = expected.entry(a + b).or_insert_with(N::zero);
                    slot.add_product(of_a, of_b);
                }
            }
            let mut found = Vec::new();
            let mut each = |sum, count| found.push((sum, count));
            multiplied(&x, &y, width(&x, &y), &mut each);
            assert!(found == Vec::from_iter(expected.clone()));
            let marks = |h: &Histogram<N>| Histogram {
                sums: h.sums.clone(),
                counts: vec![Mark(true); h.len()],
            };
            let mut sums = Vec::new();
            assert!(Mark::product(&marks(&x), &marks(&y), &mut |sum, _| sums.push(sum)));
            assert_eq!(sums, Vec::from_iter(expected.into_keys()));
        }
        for (bits, seed) in [(1, 1), (13, 2), (31, 3), (50, 4)] {
            check::<u128>(bits, seed);
        }
        check::<Words<4>>(90, 5);
        check::<Words<8>>(120, 6);
    }

    #[test]
    fn far_sums_are_multiplied_pair_by_pair() {
        let of = |step: u64| Histogram {
            sums: (0..100).map(|n| n * step).collect(),
            counts: vec![1_u128; 100],
        };
        assert!(!of_counts(&of(1 << 30), &of(1 << 30), &mut |_, _| {}));
        assert!(!of_counts(&of(1 << 50), &of(1 << 50), &mut |_, _| {}));
    }
}
