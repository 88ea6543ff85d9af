//! Arithmetic on closed intervals of numbers.
//!
//! In: intervals without NaN. Out: an interval that contains the operation on any two members as floating point computes it, or `None`
//! where a result may be NaN. Rounding to nearest is monotone, so corners of boxes need no outward rounding; elementary functions
//! are not monotone to the last digit, so theirs are widened.

use crate::ir::Function;
use crate::model::expression::evaluate;

/// The numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Smallest member.
    pub low: f64,
    /// Largest member.
    pub high: f64,
}

impl Interval {
    /// The numbers from `low` to `high`; `None` if there is none, or one is NaN.
    pub fn new(low: f64, high: f64) -> Option<Interval> {
        (low <= high).then_some(Interval { low, high })
    }

    /// Whether `x` is a member.
    pub fn contains(self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }

    /// The smallest interval around both.
    pub fn join(self, other: Interval) -> Interval {
        Interval {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// -x.
    pub fn negate(self) -> Interval {
        Interval {
            low: -self.high,
            high: -self.low,
        }
    }

    /// x + y.
    pub fn plus(self, other: Interval) -> Option<Interval> {
        self.finite(other)?;
        Interval::new(self.low + other.low, self.high + other.high)
    }

    /// x · y.
    pub fn times(self, other: Interval) -> Option<Interval> {
        self.finite(other)?;
        self.corners(other, |x, y| x * y)
    }

    /// x / y.
    pub fn over(self, other: Interval) -> Option<Interval> {
        self.finite(other)?;
        if other.contains(0.0) {
            return None;
        }
        self.corners(other, |x, y| x / y)
    }

    /// x ^ y: for bases from 0 up, and for whole constant exponents from 0 up.
    pub fn power(self, exponent: Interval) -> Option<Interval> {
        self.finite(exponent)?;
        let n = exponent.low;
        if self.low >= 0.0 {
            // Monotone in each operand. The sign of a zero base would matter for odd negative exponents.
            if self.low == 0.0 && n < 0.0 {
                return None;
            }
            self.corners(exponent, libm::pow)?.widened()
        } else if n == exponent.high && n.fract() == 0.0 && n >= 0.0 {
            let ends = self.corners(exponent, libm::pow)?;
            let even = (n / 2.0).fract() == 0.0;
            let through_zero = even && self.contains(0.0) && n > 0.0;
            Interval::new(if through_zero { 0.0 } else { ends.low }, ends.high)?.widened()
        } else {
            None
        }
    }

    fn finite(self, other: Interval) -> Option<()> {
        let ends = [self.low, self.high, other.low, other.high];
        ends.iter().all(|x| x.is_finite()).then_some(())
    }

    /// The interval around the images of the four corners.
    fn corners(self, other: Interval, f: impl Fn(f64, f64) -> f64) -> Option<Interval> {
        let mut hull: Option<Interval> = None;
        for x in [self.low, self.high] {
            for y in [other.low, other.high] {
                let image = f(x, y);
                let point = Interval::new(image, image)?;
                hull = Some(hull.map_or(point, |h| h.join(point)));
            }
        }
        hull
    }

    /// The interval around the images of both ends of a function that never falls.
    fn rising(self, f: impl Fn(f64) -> f64) -> Option<Interval> {
        Interval::new(f(self.low), f(self.high))
    }

    /// Some units in the last place more at each end.
    fn widened(self) -> Option<Interval> {
        let slack = |x: f64| {
            if x.is_finite() {
                x.abs() * 1e-12 + f64::MIN_POSITIVE
            } else {
                0.0
            }
        };
        Interval::new(self.low - slack(self.low), self.high + slack(self.high))
    }
}

/// A built-in function of numbers.
pub fn call(function: Function, args: &[Interval]) -> Option<Interval> {
    use Function::*;
    let all_finite = args.iter().all(|a| a.low.is_finite() && a.high.is_finite());
    if !all_finite {
        return None;
    }
    let one = |x: f64| {
        evaluate::call(function, &[x])
            .ok()
            .and_then(|v| v.as_number())
            .unwrap_or(f64::NAN)
    };
    match (function, args) {
        (Abs, [x]) => {
            let low = if x.contains(0.0) {
                0.0
            } else {
                x.low.abs().min(x.high.abs())
            };
            Interval::new(low, x.low.abs().max(x.high.abs()))
        }
        (Sign | Round | Floor | Ceil, [x]) => x.rising(one),
        (Sqrt, [x]) if x.low >= 0.0 => x.rising(one),
        (Ln | Log2, [x]) if x.low > 0.0 => x.rising(one)?.widened(),
        (Exp, [x]) => {
            let widened = x.rising(one)?.widened()?;
            Interval::new(widened.low.max(0.0), widened.high)
        }
        (Tanh, [x]) => x.rising(one)?.widened(),
        (Sin | Cos, [_]) => Interval::new(-1.0, 1.0),
        (Max, [x, y]) => Interval::new(x.low.max(y.low), x.high.max(y.high)),
        (Min, [x, y]) => Interval::new(x.low.min(y.low), x.high.min(y.high)),
        (Clip, [x, low, high]) => {
            let clip = |x: f64, low: f64, high: f64| x.max(low).min(high);
            Interval::new(
                clip(x.low, low.low, high.low),
                clip(x.high, low.high, high.high),
            )
        }
        (Within | WholeWithin, [x, low, high]) => {
            Interval::new(x.low.max(low.low), x.high.min(high.high)).or(Some(*x))
        }
        // It never falls with x; of several m, the result is at least the smallest and at most max(x, 0) + 2 m.
        (MultipleOf, [m, x]) if m.low > 0.0 => {
            let high = x.high.max(0.0) + 2.0 * m.high;
            if m.low == m.high {
                let of = |x: f64| evaluate::call(function, &[m.low, x]).ok()?.as_number();
                Interval::new(of(x.low)?, of(x.high)?)
            } else {
                Interval::new(m.low, high)?.widened()
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends that make trouble, and some that do not.
    const ENDS: [f64; 11] = [
        -1e300, -7.5, -2.0, -1.0, -0.3, 0.0, 0.25, 1.0, 2.0, 3.7, 1e300,
    ];

    fn intervals() -> Vec<Interval> {
        let pairs = ENDS.iter().flat_map(|a| ENDS.iter().map(move |b| (*a, *b)));
        pairs.filter_map(|(a, b)| Interval::new(a, b)).collect()
    }

    /// Both ends and points between them.
    fn members(x: Interval) -> Vec<f64> {
        let inside = (1..8).map(|i| x.low + (x.high / 8.0 - x.low / 8.0) * f64::from(i));
        let special = ENDS.iter().copied().filter(|e| x.contains(*e));
        inside
            .chain([x.low, x.high])
            .chain(special)
            .filter(|m| x.contains(*m))
            .collect()
    }

    #[test]
    fn operators_contain_what_members_give() {
        type Case = (
            fn(Interval, Interval) -> Option<Interval>,
            fn(f64, f64) -> f64,
        );
        let cases: [Case; 4] = [
            (Interval::plus, |x, y| x + y),
            (Interval::times, |x, y| x * y),
            (Interval::over, |x, y| x / y),
            (Interval::power, libm::pow),
        ];
        let mut bounded = 0;
        for (on_intervals, on_numbers) in cases {
            for x in intervals() {
                for y in intervals() {
                    let Some(z) = on_intervals(x, y) else {
                        continue;
                    };
                    bounded += 1;
                    for a in members(x) {
                        for b in members(y) {
                            let c = on_numbers(a, b);
                            assert!(z.contains(c), "{a} and {b} give {c}, not in {z:?}");
                        }
                    }
                }
            }
        }
        assert!(bounded > 5000, "{bounded} cases with bounds");
    }

    #[test]
    fn functions_contain_what_members_give() {
        use Function::*;
        let one = [
            Abs, Sign, Round, Floor, Ceil, Sqrt, Exp, Ln, Log2, Tanh, Sin, Cos,
        ];
        for function in one {
            for x in intervals() {
                let Some(z) = call(function, &[x]) else {
                    continue;
                };
                for a in members(x) {
                    let c = evaluate::call(function, &[a]).unwrap().as_number().unwrap();
                    assert!(z.contains(c), "{function:?} of {a} is {c}, not in {z:?}");
                }
            }
        }
        for function in [Max, Min, MultipleOf] {
            for x in intervals() {
                for y in intervals() {
                    let Some(z) = call(function, &[x, y]) else {
                        continue;
                    };
                    for (a, b) in members(x).into_iter().zip(members(y)) {
                        let c = evaluate::call(function, &[a, b]).unwrap();
                        let c = c.as_number().unwrap();
                        assert!(
                            z.contains(c),
                            "{function:?} of {a}, {b} is {c}, not in {z:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn widths_are_sharp_where_they_can_be() {
        let x = Interval::new(-2.0, 3.0).unwrap();
        assert_eq!(x.plus(x), Interval::new(-4.0, 6.0));
        assert_eq!(x.times(x), Interval::new(-6.0, 9.0));
        assert_eq!(x.over(x), None);
        assert_eq!(call(Function::Abs, &[x]), Interval::new(0.0, 3.0));
        let eight = Interval::new(8.0, 8.0).unwrap();
        let channels = Interval::new(4.0, 30.0).unwrap();
        assert_eq!(
            call(Function::MultipleOf, &[eight, channels]),
            Interval::new(8.0, 32.0)
        );
    }
}
