//! How many assignments have each partial sum.
//!
//! Several sums at once are the digits of one number, each with room for the sum of two that are within its limit and a bit above, so that
//! partial sums add by one addition, and one subtraction compares all of them.

use std::collections::HashMap;

use super::product;
use super::tally::Amount;

/// One of the sums.
#[derive(Debug, Clone, PartialEq)]
pub struct Digit {
    /// What the whole may be: from `low` to `high`.
    pub low: u64,
    /// The most that it may be, or where more is no longer told apart.
    pub high: u64,
    /// Whether more than `high` counts as `high`; else it is dropped.
    pub saturates: bool,
}

/// All sums, and where each has its bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Sums {
    digits: Vec<Digit>,
    shifts: Vec<u32>,
    masks: Vec<u64>,
    /// The bit above each digit.
    above: u64,
    /// Whether one of them saturates.
    fills: bool,
    /// The room of the whole.
    whole: u64,
}

impl Sums {
    /// These sums; `None` if they are too long for one number. Without any, one that is always 0.
    pub fn new(mut digits: Vec<Digit>) -> Option<Sums> {
        if digits.is_empty() {
            digits.push(Digit {
                low: 0,
                high: 0,
                saturates: false,
            });
        }
        let (mut shifts, mut masks, mut above, mut next) = (Vec::new(), Vec::new(), 0, 0);
        for digit in &digits {
            let width = 64 - digit.high.checked_mul(2)?.leading_zeros().min(63);
            shifts.push(next);
            masks.push(1_u64.checked_shl(width)? - 1);
            next += width + 1;
            if next > 63 {
                return None;
            }
            above |= 1 << (next - 1);
        }
        Some(Sums {
            fills: digits.iter().any(|d| d.saturates),
            whole: (digits.iter().zip(&shifts)).fold(0, |room, (d, shift)| room | d.high << shift),
            digits,
            shifts,
            masks,
            above,
        })
    }

    /// How many there are, at least 1.
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// At most so many partial sums are told apart.
    pub fn most(&self) -> f64 {
        self.digits.iter().map(|d| d.high as f64 + 1.0).product()
    }

    /// Whether whatever is not dropped on the way is what the whole may be: one upper limit.
    pub fn only_limits(&self) -> bool {
        matches!(
            &self.digits[..],
            [Digit {
                low: 0,
                saturates: false,
                ..
            }]
        )
    }

    /// One of the numbers that a packed sum holds.
    #[inline]
    pub fn digit(&self, of: u64, number: usize) -> u64 {
        (of >> self.shifts[number]) & self.masks[number]
    }

    /// One number of a value for each sum; `None` if one is above its limit.
    pub fn packed(&self, values: &[u64]) -> Option<u64> {
        let mut packed = 0;
        for (number, digit) in self.digits.iter().enumerate() {
            let value = match values[number] <= digit.high {
                true => values[number],
                false if digit.saturates => digit.high,
                false => return None,
            };
            packed |= value << self.shifts[number];
        }
        Some(packed)
    }

    /// The room of the whole.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// What one addition costs: several sums at once are looked at one by one.
    pub fn cost(&self) -> u64 {
        match (self.len(), self.fills) {
            (1, _) => 1,
            (_, false) => 2,
            (_, true) => 6,
        }
    }

    /// What is left of each limit when the rest adds at least this; `None` if nothing is.
    pub fn room(&self, outside: &[u64]) -> Option<u64> {
        let mut left = Vec::with_capacity(outside.len());
        for (digit, outside) in self.digits.iter().zip(outside) {
            left.push(match digit.saturates {
                true if *outside == u64::MAX => return None,
                true => digit.high,
                false => digit.high.checked_sub(*outside)?,
            });
        }
        self.packed(&left)
    }

    /// Whether the whole may be this.
    pub fn accepts(&self, sum: u64) -> bool {
        (0..self.len()).all(|n| self.digit(sum, n) >= self.digits[n].low)
    }

    /// Whether each sum, which is between these ends, may be what the whole may be.
    pub fn may_be(&self, ends: &[(u64, u64)]) -> bool {
        let mut digits = self.digits.iter().zip(ends);
        digits.all(|(digit, (least, most))| {
            *most >= digit.low && (digit.saturates || *least <= digit.high)
        })
    }

    /// Whether a sum has reached where it is not told apart from more.
    pub fn is_full(&self, sum: u64) -> bool {
        let mut digits = self.digits.iter().enumerate();
        digits.any(|(n, d)| d.saturates && self.digit(sum, n) == d.high)
    }

    /// The sum of two; `None` if it leaves the room.
    #[inline]
    pub fn plus(&self, x: u64, y: u64, room: u64) -> Option<u64> {
        let mut sum = x + y;
        if !self.fills {
            // Where a digit is larger than its room, the bit above is borrowed.
            let left = (room | self.above) - sum;
            return (left & self.above == self.above).then_some(sum);
        }
        for (n, digit) in self.digits.iter().enumerate() {
            let (here, most) = (self.digit(sum, n), self.digit(room, n));
            if here > most {
                if !digit.saturates {
                    return None;
                }
                sum -= (here - digit.high) << self.shifts[n];
            }
        }
        Some(sum)
    }

    /// What must be added to `part` for `sum`, if no sum is full; `None` if it is more already.
    pub fn minus(&self, sum: u64, part: u64) -> Option<u64> {
        let left = (sum | self.above) - part;
        (left & self.above == self.above).then(|| sum - part)
    }
}

/// Counts by partial sum, ascending; no count is 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram<N> {
    pub sums: Vec<u64>,
    pub counts: Vec<N>,
}

impl<N> Default for Histogram<N> {
    fn default() -> Self {
        Histogram {
            sums: Vec::new(),
            counts: Vec::new(),
        }
    }
}

/// Arrays up to this many times as long as what is added into them are cheaper than a map.
const SPARSE: u64 = 8;

impl<N: Amount> Histogram<N> {
    /// So many of one sum; empty if the count is 0.
    pub fn one(sum: u64, count: N) -> Self {
        match count.is_zero() {
            true => Histogram::default(),
            false => Histogram {
                sums: vec![sum],
                counts: vec![count],
            },
        }
    }

    pub fn len(&self) -> usize {
        self.sums.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Where a sum stands.
    pub fn find(&self, sum: u64) -> Option<usize> {
        self.sums.binary_search(&sum).ok()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, &N)> {
        self.sums.iter().copied().zip(&self.counts)
    }

    /// Leaves out other sums.
    pub fn keep(&mut self, is_kept: impl Fn(u64) -> bool) {
        if self.sums.iter().all(|sum| is_kept(*sum)) {
            return;
        }
        let mut sums = self.sums.iter();
        self.counts
            .retain(|_| sums.next().is_some_and(|sum| is_kept(*sum)));
        self.sums.retain(|sum| is_kept(*sum));
    }

    /// How many sums there are between the ends, these included.
    pub fn range(&self) -> u64 {
        match (self.sums.first(), self.sums.last()) {
            (Some(first), Some(last)) => last - first + 1,
            _ => 0,
        }
    }

    /// The bits of the largest count.
    pub fn bits(&self) -> u64 {
        self.counts.iter().map(N::bits).max().unwrap_or(0)
    }

    /// The histogram of sums of independent parts: counts multiply. `None` if there may be no room for them.
    pub fn times(
        &self,
        other: &Self,
        sums: &Sums,
        room: u64,
        scratch: &mut Vec<N>,
    ) -> Option<Self> {
        let (short, long) = match self.len() <= other.len() {
            true => (self, other),
            false => (other, self),
        };
        let ends = |h: &Self| Some((*h.sums.first()?, *h.sums.last()?));
        let (Some((least, most)), Some((first, last))) = (ends(short), ends(long)) else {
            return Some(Histogram::default());
        };
        // Any pairs may fill a sum; else each entry of the short one makes a sum with one of the long one.
        let pairs = short.len() as u64 * long.len() as u64;
        let added = if sums.fills {
            pairs
        } else {
            short.len() as u64
        };
        let bits = short.bits() + long.bits() + u64::from(64 - added.leading_zeros());
        if bits > N::ROOM {
            return None;
        }
        let (mut base, mut top) = (first + least, last + most);
        let only = match &sums.digits[..] {
            [digit] => Some(digit),
            _ => None,
        };
        if let Some(digit) = only {
            top = top.min(room);
            if base > top && !digit.saturates {
                return Some(Histogram::default());
            }
            base = base.min(top);
            if let Some(found) = self.long_product(other, digit, top, room) {
                return Some(found);
            }
        } else if sums.fills {
            // Full sums may be below the least of all.
            base = 0;
        }
        if top.saturating_sub(base) >= SPARSE * pairs {
            let mut map: HashMap<u64, N> = HashMap::new();
            for (part, count) in short.iter() {
                for (rest, of_rest) in long.iter() {
                    if let Some(sum) = sums.plus(part, rest, room) {
                        let slot = map.entry(sum).or_insert_with(N::zero);
                        slot.add_product(count, of_rest);
                    }
                }
            }
            return Some(sorted(map));
        }
        scratch.clear();
        scratch.resize((top - base) as usize + 1, N::zero());
        for (part, count) in short.iter() {
            match only {
                Some(digit) => {
                    let end = match digit.saturates {
                        true => long.len(),
                        false => long.sums.partition_point(|rest| part + rest <= room),
                    };
                    let fitting = long.sums[..end].iter().zip(&long.counts);
                    for (rest, of_rest) in fitting {
                        let sum = (part + rest).min(top);
                        scratch[(sum - base) as usize].add_product(count, of_rest);
                    }
                }
                None => {
                    for (rest, of_rest) in long.iter() {
                        if let Some(sum) = sums.plus(part, rest, room) {
                            scratch[(sum - base) as usize].add_product(count, of_rest);
                        }
                    }
                }
            }
        }
        Some(occurring(scratch, base))
    }

    /// The product for one sum, if there is a faster way than pair by pair. What is above `top` is dropped, or counts as that.
    fn long_product(&self, other: &Self, digit: &Digit, top: u64, room: u64) -> Option<Self> {
        let pairs = self.len() as u64 * other.len() as u64;
        if pairs < product::FEW_PAIRS {
            return None;
        }
        let cut = |of: &Self, with: &Self| {
            let end = of.sums.partition_point(|sum| sum + with.sums[0] <= room);
            let end = if digit.saturates { of.len() } else { end };
            Histogram {
                sums: of.sums[..end].to_vec(),
                counts: of.counts[..end].to_vec(),
            }
        };
        let (x, y) = (cut(self, other), cut(other, self));
        let (short, long) = if x.len() <= y.len() { (x, y) } else { (y, x) };
        let mut found = Histogram::default();
        let mut above = N::zero();
        let is_done = N::product(&short, &long, &mut |sum, count| {
            if sum < top {
                found.sums.push(sum);
                found.counts.push(count);
            } else if sum == top || digit.saturates {
                above.add(&count);
            }
        });
        if !above.is_zero() {
            found.sums.push(top);
            found.counts.push(above);
        }
        is_done.then_some(found)
    }

    /// The histogram of all: counts add. `None` if there may be no room for them.
    pub fn joined<'a>(parts: impl Iterator<Item = &'a Self>, scratch: &mut Vec<N>) -> Option<Self>
    where
        N: 'a,
    {
        let mut parts = parts.filter(|p| !p.is_empty());
        let first = match (parts.next(), parts.next()) {
            (None, _) => return Some(Histogram::default()),
            (Some(only), None) => return Some(only.clone()),
            (Some(first), Some(second)) => [first, second],
        };
        let filled: Vec<&Self> = first.into_iter().chain(parts).collect();
        let all: usize = filled.iter().map(|part| part.len()).sum();
        let bits = filled.iter().map(|part| part.bits()).max();
        if bits.unwrap_or(0) + u64::from(64 - all.leading_zeros()) > N::ROOM {
            return None;
        }
        let base = filled.iter().map(|part| part.sums[0]).min().unwrap_or(0);
        let ends = filled.iter().filter_map(|part| part.sums.last());
        let range = ends.max().map_or(0, |top| top - base);
        if range < SPARSE * all as u64 {
            scratch.clear();
            scratch.resize(range as usize + 1, N::zero());
            for (sum, count) in filled.iter().flat_map(|part| part.iter()) {
                scratch[(sum - base) as usize].add(count);
            }
            return Some(occurring(scratch, base));
        }
        let mut pairs: Vec<(u64, &N)> = Vec::with_capacity(all);
        filled.iter().for_each(|part| pairs.extend(part.iter()));
        // Runs that are in order already.
        pairs.sort_by_key(|(sum, _)| *sum);
        let mut found: Histogram<N> = Histogram::default();
        for (sum, count) in pairs {
            match found.sums.last() {
                Some(last) if *last == sum => {
                    let at = found.counts.len() - 1;
                    found.counts[at].add(count);
                }
                _ => {
                    found.sums.push(sum);
                    found.counts.push(count.clone());
                }
            }
        }
        Some(found)
    }
}

/// The counts of sums from `base` on, without those that do not occur. Takes them all.
fn occurring<N: Amount>(counts: &mut Vec<N>, base: u64) -> Histogram<N> {
    let len = counts.iter().filter(|count| !count.is_zero()).count();
    let mut found = Histogram {
        sums: Vec::with_capacity(len),
        counts: Vec::with_capacity(len),
    };
    for (sum, count) in (base..).zip(counts.drain(..)) {
        if !count.is_zero() {
            found.sums.push(sum);
            found.counts.push(count);
        }
    }
    found
}

/// Only the order of the sums leaves the map.
fn sorted<N: Amount>(map: HashMap<u64, N>) -> Histogram<N> {
    let mut pairs: Vec<(u64, N)> = map.into_iter().collect();
    pairs.sort_unstable_by_key(|(sum, _)| *sum);
    let (sums, counts) = pairs.into_iter().unzip();
    Histogram { sums, counts }
}
