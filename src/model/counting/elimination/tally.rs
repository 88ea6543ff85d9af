//! Numbers that count points: of 128 bits where a space has room in them, else as long as need be.

use num_bigint::BigUint;

/// A count of points.
pub trait Tally: Clone + std::fmt::Debug {
    /// No point.
    fn zero() -> Self;

    /// From a number; `None` if there is no room for it.
    fn of(n: &BigUint) -> Option<Self>;

    /// The same as a number of any length.
    fn big(&self) -> BigUint;

    /// Whether there is no point.
    fn is_zero(&self) -> bool;

    /// Adds `x`.
    fn add(&mut self, x: &Self);

    /// Adds `x` · `y`.
    fn add_product(&mut self, x: &Self, y: &Self);

    /// Takes `x`, which is not more, away.
    fn subtract(&mut self, x: &Self);

    /// The bits of it.
    fn bits(&self) -> u64;

    /// Whether it is less than `x`.
    fn is_below(&self, x: &Self) -> bool;

    /// How many bits there is room for.
    const ROOM: u64;

    /// What one step of arithmetic costs, relative to 128 bits.
    const COST: u64;
}

impl Tally for u128 {
    fn zero() -> Self {
        0
    }

    fn of(n: &BigUint) -> Option<Self> {
        u128::try_from(n).ok()
    }

    fn big(&self) -> BigUint {
        BigUint::from(*self)
    }

    fn is_zero(&self) -> bool {
        *self == 0
    }

    fn add(&mut self, x: &Self) {
        *self += x;
    }

    fn add_product(&mut self, x: &Self, y: &Self) {
        *self += x * y;
    }

    fn subtract(&mut self, x: &Self) {
        *self -= x;
    }

    fn is_below(&self, x: &Self) -> bool {
        self < x
    }

    fn bits(&self) -> u64 {
        u64::from(128 - self.leading_zeros())
    }

    const ROOM: u64 = 128;
    const COST: u64 = 1;
}

impl Tally for BigUint {
    fn zero() -> Self {
        BigUint::ZERO
    }

    fn of(n: &BigUint) -> Option<Self> {
        Some(n.clone())
    }

    fn big(&self) -> BigUint {
        self.clone()
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

    fn subtract(&mut self, x: &Self) {
        *self -= x;
    }

    fn is_below(&self, x: &Self) -> bool {
        self < x
    }

    fn bits(&self) -> u64 {
        BigUint::bits(self)
    }

    const ROOM: u64 = u64::MAX;
    const COST: u64 = 20;
}
