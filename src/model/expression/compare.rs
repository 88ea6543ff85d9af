//! How numbers compare: `<=`, `<`, `>=`, `>`, `==` and `!=` of whatever is compared outside of tensors.
//!
//! In: two numbers, or what they are between. Out: a truth value, or which ones it can be.
//!
//! Whole numbers compare as they are. Of all others, two are equal that differ by at most 10^-12 of the larger one: a price is a sum of some thousand products,
//! each rounded to 53 bits, so that it is known to about 10^-13 and depends on the order of the sum beyond that; what is written into a spec has seldom
//! more than nine digits. A limit that is exactly what a candidate costs keeps it, then, whichever way the cost was added up. Next to 0 nothing else is equal to it: a sign means
//! what it says.
//!
//! Of two intervals only what is sure is said. Whether numbers are this close rises with neither of them being farther from the other, so that the ends tell; but not whether
//! they are whole, which matters where 10^-12 of them is 1 or more.

use super::bounds::Interval;
use crate::ir::BinaryOp;

/// Numbers that differ by so small a share of the larger one are equal, unless both are whole.
const TOLERANCE: f64 = 1e-12;

/// Whole numbers up to here are what they are: beyond, a number that is no longer exact is whole, too.
const WHOLE: f64 = (1_u64 << 53) as f64;

/// Whether a number is whole and exact.
pub fn is_whole(x: f64) -> bool {
    x.fract() == 0.0 && x.abs() <= WHOLE
}

/// Whether two numbers are equal.
pub fn are_equal(x: f64, y: f64) -> bool {
    x == y || !(is_whole(x) && is_whole(y)) && are_close(x, y)
}

/// `x op y`; `None` if it is no comparison. What is not a number differs from everything.
pub fn holds(op: BinaryOp, x: f64, y: f64) -> Option<bool> {
    use BinaryOp::*;
    Some(match op {
        Equal => are_equal(x, y),
        NotEqual => !are_equal(x, y),
        Less => x < y && !are_equal(x, y),
        LessEqual => x <= y || are_equal(x, y),
        Greater => x > y && !are_equal(x, y),
        GreaterEqual => x >= y || are_equal(x, y),
        _ => return None,
    })
}

/// Whether `x op y` can be true, and whether it can be false, where both are between these ends; `None` if it is no comparison.
pub fn can_be(op: BinaryOp, x: Interval, y: Interval) -> Option<(bool, bool)> {
    use BinaryOp::*;
    let point = |at: Interval| at.low == at.high;
    if point(x) && point(y) {
        return holds(op, x.low, y.low).map(|truth| (truth, !truth));
    }
    // Whether a number of one can be below one of the other by more than equal ones are, and whether it can be below or equal.
    let may_be_less = |x: Interval, y: Interval| x.low < y.high && !must_be_equal(x.low, y.high);
    let may_not_exceed = |x: Interval, y: Interval| x.low <= y.high || are_close(x.low, y.high);
    let may_be_equal = may_not_exceed(x, y) && may_not_exceed(y, x);
    let may_differ = may_be_less(x, y) || may_be_less(y, x);
    Some(match op {
        Equal => (may_be_equal, may_differ),
        NotEqual => (may_differ, may_be_equal),
        Less => (may_be_less(x, y), may_not_exceed(y, x)),
        LessEqual => (may_not_exceed(x, y), may_be_less(y, x)),
        Greater => (may_be_less(y, x), may_not_exceed(x, y)),
        GreaterEqual => (may_not_exceed(y, x), may_be_less(x, y)),
        _ => return None,
    })
}

/// The largest whole number that is at most `limit`, or below it. Beyond all whole numbers that are exact, as it is.
pub fn most_whole(limit: f64, closed: bool) -> f64 {
    let op = match closed {
        true => BinaryOp::LessEqual,
        false => BinaryOp::Less,
    };
    if limit.is_nan() || limit.abs() >= WHOLE {
        return limit.floor();
    }
    let mut most = (limit - 2.0 * TOLERANCE * limit.abs()).floor() - 1.0;
    while holds(op, most + 1.0, limit) == Some(true) {
        most += 1.0;
    }
    most
}

/// So much two numbers may differ and be equal, or nearly so, where the larger is at most this.
pub fn doubt(size: f64) -> f64 {
    2.0 * TOLERANCE * size
}

/// Whether two numbers differ by at most the tolerance.
fn are_close(x: f64, y: f64) -> bool {
    let size = x.abs().max(y.abs());
    x == y || size.is_finite() && (x - y).abs() <= TOLERANCE * size
}

/// Whether numbers between these are equal, whole ones or not: two different whole numbers that are this small are not close.
fn must_be_equal(x: f64, y: f64) -> bool {
    x == y || are_close(x, y) && x.abs().max(y.abs()) < 1.0 / TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [BinaryOp; 6] = [
        BinaryOp::Equal,
        BinaryOp::NotEqual,
        BinaryOp::Less,
        BinaryOp::LessEqual,
        BinaryOp::Greater,
        BinaryOp::GreaterEqual,
    ];

    #[test]
    fn rounding_is_no_difference() {
        for (x, y) in [
            (0.1 + 0.2, 0.3),
            (1.563_955_2e-7, 1.563_955_200_000_000_3e-7),
            (-(0.1 + 0.2), -0.3),
            (1e300 * (1.0 + f64::EPSILON), 1e300),
            (3.0, 0.1 * 30.0 + 1e-13),
        ] {
            let found = ALL.map(|op| holds(op, x, y).unwrap());
            assert_eq!(found, [true, false, false, true, false, true], "{x} {y}");
        }
    }

    #[test]
    fn what_differs_is_told_apart() {
        let most = WHOLE;
        for (x, y) in [
            (most - 1.0, most),
            (999_998_999_999.0, 999_999_000_000.0),
            (0.3, 0.3 * (1.0 + 2e-12)),
            (0.0, f64::MIN_POSITIVE),
            (-1e-300, 0.0),
            (5.0, f64::INFINITY),
            (f64::NEG_INFINITY, f64::MAX),
        ] {
            let found = ALL.map(|op| holds(op, x, y).unwrap());
            assert_eq!(found, [false, true, true, true, false, false], "{x} {y}");
            let found = ALL.map(|op| holds(op, y, x).unwrap());
            assert_eq!(found, [false, true, false, false, true, true], "{y} {x}");
        }
        let found = ALL.map(|op| holds(op, f64::NAN, 1.0).unwrap());
        assert_eq!(found, [false, true, false, false, false, false]);
        assert_eq!(
            holds(BinaryOp::Equal, f64::INFINITY, f64::INFINITY),
            Some(true)
        );
    }

    #[test]
    fn whole_limits_are_those_of_the_rule() {
        for limit in [
            7.0,
            7.5,
            0.1 * 3.0 * 10.0,
            7.0 - 1e-15,
            3e13 + 0.5,
            -2.0,
            -2.5,
        ] {
            for closed in [false, true] {
                let op = if closed {
                    BinaryOp::LessEqual
                } else {
                    BinaryOp::Less
                };
                let most = most_whole(limit, closed);
                assert_eq!(holds(op, most, limit), Some(true), "{most} {limit}");
                assert_eq!(holds(op, most + 1.0, limit), Some(false), "{most} {limit}");
            }
        }
        assert_eq!(most_whole(f64::INFINITY, true), f64::INFINITY);
    }

    /// Numbers that are equal, nearly so, or whole and large enough to matter, and all intervals between two of them.
    #[test]
    fn intervals_contain_what_numbers_say() {
        let mut ends = vec![
            0.0,
            f64::INFINITY,
            f64::MIN_POSITIVE,
            3e13,
            3e13 + 1.0,
            3e13 + 0.5,
        ];
        for at in [0.3, 7.0, 2e12, 1e-9, -1.0] {
            let by = [0.0, 1e-16, 0.4e-12, 0.9e-12, 1.1e-12, 2.5e-12, 1e-3];
            ends.extend(by.iter().flat_map(|by| [at * (1.0 + by), at * (1.0 - by)]));
        }
        ends.extend([2e12 + 1.0, 2e12 - 1.0]);
        ends.sort_by(f64::total_cmp);
        let pairs = || {
            let pairs = ends.iter().enumerate();
            pairs.flat_map(|(i, low)| ends[i..].iter().take(9).map(move |high| (*low, *high)))
        };
        let mut decided = 0;
        for (low, high) in pairs() {
            let x = Interval::new(low, high).unwrap();
            let inside = |x: Interval| ends.iter().copied().filter(move |e| x.contains(*e));
            for (low, high) in pairs() {
                let y = Interval::new(low, high).unwrap();
                for op in ALL {
                    let (yes, no) = can_be(op, x, y).unwrap();
                    assert!(yes || no);
                    decided += usize::from(yes != no);
                    for a in inside(x) {
                        for b in inside(y) {
                            let truth = holds(op, a, b).unwrap();
                            assert!(
                                if truth { yes } else { no },
                                "{a:e} {op:?} {b:e}: {x:?} {y:?}"
                            );
                        }
                    }
                }
            }
        }
        assert!(decided > 100_000, "{decided}");
    }
}
