//! How finely the partial sums of a constraint are told apart.
//!
//! In: the terms of a sum and its ends. Out: a [`Unit`]. Where all terms are whole multiples of a number, that number tells all sums apart, and
//! counting is exact. Elsewhere the range is cut into steps and terms are rounded such that no point that meets the constraint is lost:
//! what meets the rounded one is a little more.

use super::comparison::{Against, End};
use super::histogram::Digit;
use super::raw::RawSum;
use crate::model::expression::compare;

/// A sum in whole numbers.
#[derive(Debug, Clone)]
pub struct Unit {
    pub digit: Digit,
    /// The least value of each term, which is taken off.
    pub least: Vec<f64>,
    /// What counts as 1.
    unit: f64,
    /// Whether terms are rounded, and which way.
    rounding: Rounding,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rounding {
    None,
    Down,
    Up,
}

impl Unit {
    /// A value above the least one in units.
    pub fn of(&self, above: f64) -> u64 {
        let units = above / self.unit;
        let whole = match self.rounding {
            Rounding::None => units.round(),
            Rounding::Down => units.floor().max(0.0),
            Rounding::Up => units.ceil().max(0.0),
        };
        whole.min(MOST) as u64
    }

    /// At most so many partial sums are told apart.
    pub fn most(&self) -> f64 {
        self.digit.high as f64 + 1.0
    }

    /// Whether sums are told apart as they are.
    pub fn is_exact(&self) -> bool {
        self.rounding == Rounding::None
    }
}

/// Larger numbers of units are as good as no end.
const MOST: f64 = (1_u64 << 40) as f64;
/// Binary digits behind the point that are looked at.
const MOST_DIGITS: i32 = 20;
/// Whole numbers up to here add without rounding.
const WHOLE: f64 = (1_u64 << 53) as f64;

/// The sum in its own unit; `None` if its terms have none, or adding them rounds.
pub fn exact(sum: &RawSum) -> Option<Unit> {
    let values = || sum.terms.iter().flat_map(|(_, t)| t.iter().flatten());
    let mut scale = 1.0;
    for _ in 0..=MOST_DIGITS {
        if values().all(|v| (v * scale).fract() == 0.0) {
            break;
        }
        scale *= 2.0;
    }
    let all: f64 = sum.terms.iter().map(|(_, t)| largest(t)).sum();
    if values().any(|v| (v * scale).fract() != 0.0) || all * scale >= WHOLE {
        return None;
    }
    let least = least(sum);
    let mut unit = 0_u64;
    for ((_, table), least) in sum.terms.iter().zip(&least) {
        for value in table.iter().flatten() {
            unit = gcd(unit, ((value - least) * scale) as u64);
        }
    }
    let unit = unit.max(1) as f64;
    let offset: f64 = least.iter().sum();
    let step = Step {
        offset,
        step: unit / scale,
        is_whole: scale == 1.0,
        size: all,
        against: sum.against,
    };
    let above = |end: &Option<End>| match end {
        Some(End { at, closed }) => {
            let at = step.nearest(*at)?;
            (at - offset + offset == at).then_some(Some(((at - offset) * scale, *closed)))
        }
        None => Some(None),
    };
    // What is between two multiples is no sum.
    let low = above(&sum.low)?.map(|(at, closed)| match (floor(at, unit), closed) {
        (below, true) if below * unit == at => below,
        (below, _) => below + 1.0,
    });
    let high = above(&sum.high)?.map(|(at, closed)| match (floor(at, unit), closed) {
        (below, false) if below * unit == at => below - 1.0,
        (below, _) => below,
    });
    Some(Unit {
        digit: digit(low, high)?,
        least,
        unit: unit / scale,
        rounding: Rounding::None,
    })
}

/// What a sum may be: `offset`, and so many steps more.
struct Step {
    offset: f64,
    step: f64,
    /// Whether all terms are whole.
    is_whole: bool,
    /// The sizes of all terms together.
    size: f64,
    against: Against,
}

impl Step {
    /// An end, or the sum that is equal to it but for rounding; `None` if it is not known whether one is.
    fn nearest(&self, end: f64) -> Option<f64> {
        if self.is_whole && compare::is_whole(end) {
            return Some(end);
        }
        let doubt = compare::doubt(self.size + end.abs() + self.against.constants());
        if self.step <= 2.0 * doubt {
            return None;
        }
        let near = self.offset + ((end - self.offset) / self.step).round() * self.step;
        match self.against {
            _ if (near - end).abs() > doubt || near == end => Some(end),
            Against::End if compare::are_equal(near, end) => Some(near),
            Against::End => Some(end),
            Against::Other(_) => None,
        }
    }
}

/// What is counted where terms are rounded: no point less than meet the constraint, or none more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Outside,
    Inside,
}

/// The sum in so many steps. Of two ends, the upper one; one that is met by rounding only is dropped, so that there is no inside of two.
pub fn coarse(sum: &RawSum, steps: u64, side: Side) -> Option<Unit> {
    let least = least(sum);
    let offset: f64 = least.iter().sum();
    let (end, is_high) = match (sum.low, sum.high) {
        (Some(_), Some(_)) if side == Side::Inside => return None,
        (_, Some(end)) => (end.at, true),
        (Some(end), None) => (end.at, false),
        (None, None) => return None,
    };
    let is_outside = side == Side::Outside;
    let rounding = match is_high == is_outside {
        true => Rounding::Down,
        false => Rounding::Up,
    };
    // Sums of many numbers are off by their last bits, and those that are equal but for rounding count as equal.
    let sizes = sum.terms.iter().map(|(_, table)| largest(table));
    let margin = 1e-9 * (end.abs() + sizes.sum::<f64>() + sum.against.constants());
    let range = end - offset
        + if is_high == is_outside {
            margin
        } else {
            -margin
        };
    let whole = |end: f64| match is_high {
        true => digit(None, Some(end)),
        false => digit(Some(end), None),
    };
    if range <= 0.0 {
        // Not even the least is below, or nothing but that; everything is above.
        let end = if is_high && range < 0.0 { -1.0 } else { 0.0 };
        return Some(Unit {
            digit: whole(end)?,
            least,
            unit: f64::MAX,
            rounding: Rounding::Down,
        });
    }
    let unit = range / steps as f64;
    Some(Unit {
        digit: whole(steps as f64)?,
        least,
        unit,
        rounding,
    })
}

/// The largest size of a term.
fn largest(table: &[Option<f64>]) -> f64 {
    let sizes = table.iter().flatten().map(|v| v.abs());
    sizes.fold(0.0, f64::max)
}

/// The least value of each term; 0 for one that never has any.
fn least(sum: &RawSum) -> Vec<f64> {
    let least = |table: &Vec<Option<f64>>| {
        let least = table.iter().flatten().copied().reduce(f64::min);
        least.unwrap_or(0.0)
    };
    sum.terms.iter().map(|(_, table)| least(table)).collect()
}

/// A sum between two ends. One without an upper end is told apart up to the lower one.
fn digit(low: Option<f64>, high: Option<f64>) -> Option<Digit> {
    if low.is_some_and(|l| l > MOST) || high.is_some_and(|h| h > MOST) {
        return None;
    }
    let low = low.unwrap_or(0.0).max(0.0) as u64;
    Some(match high {
        // Nothing is below the least: what must be 1 and at most 0 never is.
        Some(high) if high < 0.0 => Digit {
            low: 1,
            high: 0,
            saturates: false,
        },
        Some(high) => Digit {
            low,
            high: high as u64,
            saturates: false,
        },
        None => Digit {
            low,
            high: low,
            saturates: true,
        },
    })
}

/// The largest multiple of `unit` that is not above `x`, in units.
fn floor(x: f64, unit: f64) -> f64 {
    let near = (x / unit).floor();
    match (near * unit > x, (near + 1.0) * unit <= x) {
        (true, _) => near - 1.0,
        (_, true) => near + 1.0,
        _ => near,
    }
}

fn gcd(x: u64, y: u64) -> u64 {
    match y {
        0 => x,
        _ => gcd(y, x % y),
    }
}
