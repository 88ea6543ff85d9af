//! Values as text, with four significant digits.
//!
//! In: a value in base units and its dimension. Out: `405 fJ/op`, `8 KiB`, `1.23 ms`.

use crate::units::dimension::{Base, Dimension};

/// Prefixes of the powers of a thousand from 10^-18 on.
const PREFIXES: [&str; 13] = [
    "a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E",
];

/// Four significant digits, without trailing zeros; whole numbers below a million keep all their digits.
pub fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string(); // not "-0"
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let (mantissa, exponent) = scientific(value);
    if (1e-4..1e6).contains(&value.abs()) {
        return trimmed(format!("{value:.*}", (3 - exponent).max(0) as usize));
    }
    format!("{}e{exponent}", trimmed(format!("{mantissa:.3}")))
}

/// The value in the unit of its dimension that needs the fewest digits.
pub fn automatic(value: f64, dimension: Dimension) -> String {
    if dimension.is_number() {
        return significant(value);
    }
    if dimension == Dimension::DATA {
        return data(value);
    }
    let unit = dimension.base_unit();
    let (above, _) = dimension.fraction();
    match above.first() {
        Some((first, power)) => {
            let counts = matches!(first, Base::Bit | Base::Op | Base::Mac | Base::Gate)
                || *first == Base::Cycle && dimension != Dimension::FREQUENCY;
            prefixed(value, &unit, i32::from(*power), counts)
        }
        None => format!("{} {unit}", significant(value)),
    }
}

/// Bytes with binary prefixes; single bits below a byte.
fn data(bits: f64) -> String {
    let bytes = bits / 8.0;
    if bytes.abs() < 1.0 {
        return format!("{} bit", significant(bits));
    }
    let steps = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let step = steps
        .into_iter()
        .map(|(unit, power)| (unit, libm::exp2(f64::from(power))));
    let (unit, size) = step
        .into_iter()
        .find(|(_, size)| bytes.abs() >= *size)
        .unwrap_or(("B", 1.0));
    format!("{} {unit}", significant(bytes / size))
}

/// With the prefix that leaves one to three digits before the point; `power` is that of the unit's first symbol, whose
/// prefix is raised with it. Counts have no prefix below ten thousand, for 1024 says more than 1.024 k.
fn prefixed(value: f64, unit: &str, power: i32, counts: bool) -> String {
    if value == 0.0 || !value.is_finite() || counts && value.abs() < 1e4 {
        return format!("{} {unit}", significant(value));
    }
    let (mantissa, exponent) = scientific(value);
    let step = 3 * power;
    let thousands = exponent.div_euclid(step).clamp(-6, 6);
    let digits = exponent - thousands * step;
    let shown = mantissa * libm::pow(10.0, f64::from(digits));
    format!(
        "{} {}{unit}",
        significant(shown),
        PREFIXES[(thousands + 6) as usize]
    )
}

/// Four-digit mantissa and decimal exponent. Rounding comes first, so that 999.96 counts as 1000.
fn scientific(value: f64) -> (f64, i32) {
    let text = format!("{value:.3e}");
    let (mantissa, exponent) = text.split_once('e').expect("invariant: `{:e}` writes an e");
    let mantissa = mantissa.parse().expect("invariant: a mantissa is a number");
    (
        mantissa,
        exponent
            .parse()
            .expect("invariant: an exponent is an integer"),
    )
}

fn trimmed(digits: String) -> String {
    if !digits.contains('.') {
        return digits;
    }
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_string()
}
