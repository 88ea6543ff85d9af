//! Members of `0.1..0.9 step 0.1`: the numbers that a reader counts, and not sums of what is left of them in 64 bits.
//!
//! In: where a range begins, and its step. Out: the number behind so many steps. Both are written in few digits, so that counting goes by whole
//! numbers of the last one: the third member of `0.1..0.9 step 0.1` is the same as the literal `0.3`.

/// A number as `digits` · 10^`exponent`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

/// The number that is so many steps above `low`.
pub(in crate::analysis) fn member(low: f64, step: f64, number: usize) -> f64 {
    let exact = || {
        let ([low, step], exponent) = aligned([low, step])?;
        let digits = low.checked_add(step.checked_mul(number as i128)?)?;
        format!("{digits}e{exponent}").parse().ok()
    };
    exact().unwrap_or(low + number as f64 * step)
}

/// Numbers in units of the last digit that one of them has, and its exponent. `None` if there are too many digits between the first and the last.
fn aligned<const N: usize>(numbers: [f64; N]) -> Option<([i128; N], i32)> {
    let mut all = [Decimal {
        digits: 0,
        exponent: 0,
    }; N];
    for (decimal, number) in all.iter_mut().zip(numbers) {
        *decimal = Decimal::of(number)?;
    }
    let least = all.iter().map(|d| d.exponent).min()?;
    let mut digits = [0; N];
    for (digits, decimal) in digits.iter_mut().zip(all) {
        let scale = 10_i128.checked_pow((decimal.exponent - least).unsigned_abs())?;
        *digits = decimal.digits.checked_mul(scale)?;
    }
    Some((digits, least))
}

impl Decimal {
    /// The shortest decimal that is read as this number.
    fn of(number: f64) -> Option<Decimal> {
        let text = format!("{number:e}");
        let (mantissa, power) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let power: i32 = power.parse().ok()?;
        Some(Decimal {
            digits,
            exponent: match digits {
                0 => 0,
                _ => power - fraction.len() as i32,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every step of every short decimal, against its literal.
    #[test]
    fn members_are_the_literals_that_a_reader_counts() {
        for exponent in [-12, -6, -4, -3, -2, -1, 3, 9] {
            for step in [1, 2, 3, 5, 7, 25] {
                let literal = |n: i64| -> f64 { format!("{n}e{exponent}").parse().unwrap() };
                for low in [-40, 0, 1, 13] {
                    for i in 0..=37 {
                        let found = member(literal(low), literal(step), i);
                        assert_eq!(found, literal(low + i as i64 * step));
                    }
                }
            }
        }
        assert_eq!(member(1e-300, 1e300, 1), 1e300);
    }
}
