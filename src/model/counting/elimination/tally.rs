//! What a partial sum has: an amount that is added over choices and multiplied over independent parts.
//!
//! Numbers that count points are such amounts: of 128 bits where a space has room in them, of 256 or 512 where it has there, else as long
//! as need be.

use num_bigint::BigUint;

use super::histogram::Histogram;
use super::product;

/// An element of a commutative semiring.
pub trait Amount: Clone + std::fmt::Debug {
    /// Nothing leads there.
    fn zero() -> Self;

    /// Whether nothing leads there.
    fn is_zero(&self) -> bool;

    /// Adds `x`.
    fn add(&mut self, x: &Self);

    /// Adds `x` · `y`.
    fn add_product(&mut self, x: &Self, y: &Self);

    /// The bits of it.
    fn bits(&self) -> u64;

    /// Leaves out of amounts by partial sum what no total needs, where sums have an upper limit and nothing else.
    fn thin(_: &mut Histogram<Self>) {}

    /// Calls `each` with the sums and amounts of a product, ascending, if there is a faster way than pair by pair; else returns `false`.
    fn product(
        _short: &Histogram<Self>,
        _long: &Histogram<Self>,
        _each: &mut dyn FnMut(u64, Self),
    ) -> bool {
        false
    }

    /// How many bits there is room for.
    const ROOM: u64;

    /// What one step of arithmetic costs, relative to 128 bits.
    const COST: u64;
}

/// A count of points.
pub trait Tally: Amount {
    /// From a number; `None` if there is no room for it.
    fn of(n: &BigUint) -> Option<Self>;

    /// The same as a number of any length.
    fn big(&self) -> BigUint;

    /// Takes `x`, which is not more, away.
    fn subtract(&mut self, x: &Self);

    /// Whether it is less than `x`.
    fn is_below(&self, x: &Self) -> bool;

    /// How many words of 64 bits it has; 0 if that is not fixed.
    const WORDS: usize = 0;

    /// One of its words, the lowest first.
    fn word(&self, _: usize) -> u64 {
        0
    }

    /// From its words.
    fn of_words(_: &[u64]) -> Self {
        Self::zero()
    }
}

impl Amount for u128 {
    #[inline]
    fn zero() -> Self {
        0
    }

    #[inline]
    fn is_zero(&self) -> bool {
        *self == 0
    }

    #[inline]
    fn add(&mut self, x: &Self) {
        *self += x;
    }

    #[inline]
    fn add_product(&mut self, x: &Self, y: &Self) {
        *self += x * y;
    }

    #[inline]
    fn bits(&self) -> u64 {
        u64::from(128 - self.leading_zeros())
    }

    fn product(
        short: &Histogram<Self>,
        long: &Histogram<Self>,
        each: &mut dyn FnMut(u64, Self),
    ) -> bool {
        product::of_counts(short, long, each)
    }

    const ROOM: u64 = 128;
    const COST: u64 = 1;
}

impl Tally for u128 {
    fn of(n: &BigUint) -> Option<Self> {
        u128::try_from(n).ok()
    }

    fn big(&self) -> BigUint {
        BigUint::from(*self)
    }

    fn subtract(&mut self, x: &Self) {
        *self -= x;
    }

    fn is_below(&self, x: &Self) -> bool {
        self < x
    }

    const WORDS: usize = 2;

    fn word(&self, number: usize) -> u64 {
        (self >> (64 * number)) as u64
    }

    fn of_words(words: &[u64]) -> Self {
        words
            .iter()
            .rev()
            .fold(0, |all, word| all << 64 | u128::from(*word))
    }
}

/// So many words of 64 bits, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<const N: usize>([u64; N]);

impl<const N: usize> Amount for Words<N> {
    fn zero() -> Self {
        Words([0; N])
    }

    fn is_zero(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    fn add(&mut self, x: &Self) {
        let mut carry = 0;
        for (word, more) in self.0.iter_mut().zip(&x.0) {
            let sum = u128::from(*word) + u128::from(*more) + carry;
            (*word, carry) = (sum as u64, sum >> 64);
        }
        debug_assert_eq!(carry, 0);
    }

    fn add_product(&mut self, x: &Self, y: &Self) {
        let used = |words: &[u64; N]| words.iter().rposition(|w| *w != 0).map_or(0, |at| at + 1);
        let (of_x, of_y) = (used(&x.0), used(&y.0));
        for i in 0..of_x {
            let mut carry = 0;
            // What is beyond the room is 0.
            for at in i..N {
                if at - i >= of_y && carry == 0 {
                    break;
                }
                let product = match y.0.get(at - i) {
                    Some(word) => u128::from(x.0[i]) * u128::from(*word),
                    None => 0,
                };
                let sum = product + u128::from(self.0[at]) + carry;
                (self.0[at], carry) = (sum as u64, sum >> 64);
            }
            debug_assert_eq!(carry, 0);
        }
    }

    fn bits(&self) -> u64 {
        let top = self.0.iter().rposition(|word| *word != 0);
        top.map_or(0, |at| {
            64 * at as u64 + u64::from(64 - self.0[at].leading_zeros())
        })
    }

    fn product(
        short: &Histogram<Self>,
        long: &Histogram<Self>,
        each: &mut dyn FnMut(u64, Self),
    ) -> bool {
        product::of_counts(short, long, each)
    }

    const ROOM: u64 = 64 * N as u64;
    const COST: u64 = N as u64 / 2 + 1;
}

impl<const N: usize> Tally for Words<N> {
    fn of(n: &BigUint) -> Option<Self> {
        let digits = n.to_u64_digits();
        let mut words = [0; N];
        words.get_mut(..digits.len())?.copy_from_slice(&digits);
        Some(Words(words))
    }

    fn big(&self) -> BigUint {
        let halves = self.0.iter().flat_map(|w| [*w as u32, (*w >> 32) as u32]);
        BigUint::new(halves.collect())
    }

    fn subtract(&mut self, x: &Self) {
        let mut borrow = false;
        for (word, less) in self.0.iter_mut().zip(&x.0) {
            let (left, under) = word.overflowing_sub(*less);
            let (left, again) = left.overflowing_sub(u64::from(borrow));
            (*word, borrow) = (left, under || again);
        }
        debug_assert!(!borrow);
    }

    fn is_below(&self, x: &Self) -> bool {
        self.0.iter().rev().lt(x.0.iter().rev())
    }

    const WORDS: usize = N;

    fn word(&self, number: usize) -> u64 {
        self.0[number]
    }

    fn of_words(words: &[u64]) -> Self {
        let mut own = [0; N];
        own.copy_from_slice(words);
        Words(own)
    }
}

impl Amount for BigUint {
    fn zero() -> Self {
        BigUint::ZERO
    }

    fn is_zero(&self) -> bool {
        *self == BigUint::ZERO
    }

    fn add(&mut self, x: &Self) {
        *self += x;
    }

    fn add_product(&mut self, x: &Self, y: &Self) {
        *self += x * y;
    }

    fn bits(&self) -> u64 {
        BigUint::bits(self)
    }

    const ROOM: u64 = u64::MAX;
    const COST: u64 = 20;
}

impl Tally for BigUint {
    fn of(n: &BigUint) -> Option<Self> {
        Some(n.clone())
    }

    fn big(&self) -> BigUint {
        self.clone()
    }

    fn subtract(&mut self, x: &Self) {
        *self -= x;
    }

    fn is_below(&self, x: &Self) -> bool {
        self < x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Purpose, below, stream};

    /// Up to so many bits, with long runs of ones and zeros, which carry.
    fn number(bits: u32, rng: &mut rand_chacha::ChaCha8Rng) -> BigUint {
        let mut n = BigUint::ZERO;
        for _ in 0..below(rng, bits + 1) {
            let same = below(rng, 8) > 0;
            let last = n.bit(0);
            n = (n << 1_u32) + u32::from(if same { last } else { !last });
        }
        n
    }

    #[test]
    fn words_compute_as_long_numbers_do() {
        let mut rng = stream(4, 0, Purpose::Search);
        let of = |n: &BigUint| Words::<4>::of(n).unwrap();
        for _ in 0..2000 {
            let (x, y) = (number(120, &mut rng), number(134, &mut rng));
            let z = number(255, &mut rng);
            let mut sum = of(&z);
            sum.add(&of(&x));
            assert_eq!(sum.big(), &z + &x);
            sum.subtract(&of(&z));
            assert_eq!(sum.big(), x);
            let mut sum = of(&z);
            sum.add_product(&of(&x), &of(&y));
            assert_eq!(sum.big(), &z + &x * &y);
            assert_eq!(sum.bits(), sum.big().bits());
            assert_eq!(of(&x).is_below(&of(&y)), x < y);
            assert_eq!(of(&x).is_zero(), x == BigUint::ZERO);
        }
        assert!(Words::<4>::of(&(BigUint::from(1_u32) << 256_u32)).is_none());
    }
}
