//! Numbers with units, as short as a reader needs them.
//!
//! In: a value in base units and the name of the unit. Out: four significant digits with a prefix: `12.35 nJ`, `3.21 KiB`, `97.3 %`.

use crate::units::{Unit, significant};

/// A value in base units as text. `B` takes bits, as every size inside is in bits; `%` takes shares.
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "%" => percent(value),
        "bit" | "B" => size(value),
        "" => plain(value),
        // Nothing to put a prefix before.
        _ if unit.starts_with("1/") => format!("{} {unit}", plain(value)),
        _ => prefixed(value, unit),
    }
}

/// A value in base units as text, in the author's unit if there is one of its dimension. Of a name of the author's own, no base unit is known,
/// and what it is compared with has its dimension: the check has seen to that.
pub fn shown(value: f64, base: &str, author: Option<&String>) -> String {
    // A frame is 1, so that `1/s` is a unit, too.
    let dimension = |unit: &str| match unit.strip_prefix("1/") {
        Some(below) => Unit::parse(&format!("frame/{below}")),
        None => Unit::parse(unit),
    };
    let dimension = |unit: &str| dimension(unit).ok().map(|u| u.dimension);
    match author {
        Some(unit) if unit != "%" && (base.is_empty() || dimension(unit) == dimension(base)) => {
            authored(value, unit)
        }
        Some(unit) if unit == "%" && base.is_empty() => percent(value),
        _ => quantity(value, base),
    }
}

/// Four significant digits of a value in exactly this unit; empty for plain numbers.
pub fn authored(value: f64, unit: &str) -> String {
    match Unit::parse(unit) {
        Ok(known) if !unit.is_empty() => {
            let number = known.from_base(value);
            let digits = match number.abs() {
                size if size == 0.0 || (0.1..1e6).contains(&size) => digits(number),
                _ => significant(number),
            };
            format!("{digits} {unit}")
        }
        _ => plain(value),
    }
}

/// A share as a percentage with one decimal: the splits of small data sets carry no more.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A difference of shares in percentage points, with its sign.
pub fn points(difference: f64) -> String {
    let tenths = (1000.0 * difference).round_ties_even() / 10.0;
    // No "-0.0": a difference that rounds to nothing has no sign.
    let tenths = if tenths == 0.0 { 0.0 } else { tenths };
    format!("{tenths:+.1}")
}

/// A whole number with thin groups of three: `1 204 224`.
pub fn count(value: u64) -> String {
    group(&value.to_string())
}

/// Digits in groups of three from the right.
pub fn group(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

fn size(bits: f64) -> String {
    let bytes = bits / 8.0;
    for (factor, unit) in [
        (1024.0 * 1024.0 * 1024.0, "GiB"),
        (1024.0 * 1024.0, "MiB"),
        (1024.0, "KiB"),
    ] {
        if bytes >= factor {
            return format!("{} {unit}", digits(bytes / factor));
        }
    }
    format!("{} B", digits(bytes))
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e9 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(value.abs() as u64));
    }
    if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    digits(value)
}

fn prefixed(value: f64, unit: &str) -> String {
    const PREFIXES: [(f64, &str); 10] = [
        (1e12, "T"),
        (1e9, "G"),
        (1e6, "M"),
        (1e3, "k"),
        (1.0, ""),
        (1e-3, "m"),
        (1e-6, "µ"),
        (1e-9, "n"),
        (1e-12, "p"),
        (1e-15, "f"),
    ];
    if value == 0.0 || !value.is_finite() {
        return format!("{value} {unit}");
    }
    let (factor, prefix) = PREFIXES
        .into_iter()
        .find(|(factor, _)| value.abs() >= *factor)
        .unwrap_or(PREFIXES[PREFIXES.len() - 1]);
    format!("{} {prefix}{unit}", digits(value / factor))
}

/// Four significant digits; whole numbers stay whole.
fn digits(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e4 {
        return format!("{value}");
    }
    let before = if value.abs() < 1.0 {
        0
    } else {
        value.abs().log10().floor() as usize + 1
    };
    let decimals = 4usize.saturating_sub(before);
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_keep_four_digits() {
        assert_eq!(quantity(1.234567e-8, "J"), "12.35 nJ");
        assert_eq!(quantity(35e-15, "J"), "35 fJ");
        assert_eq!(quantity(2.5e-3, "s"), "2.500 ms");
        assert_eq!(quantity(4.2e6, "mac"), "4.200 Mmac");
        assert_eq!(quantity(0.0, "J"), "0 J");
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(quantity(8.0 * 1024.0 * 8.0, "bit"), "8 KiB");
        assert_eq!(quantity(12.0, "bit"), "1.500 B");
        assert_eq!(quantity(8.0 * 1500.0, "B"), "1.465 KiB");
    }

    #[test]
    fn the_author_chooses_the_unit() {
        let shown = |value, base, unit: &str| shown(value, base, Some(&unit.to_string()));
        assert_eq!(shown(1.234567e-8, "J", "uJ"), "0.01235 uJ");
        assert_eq!(shown(3.2e-7, "J", "nJ"), "320 nJ");
        assert_eq!(shown(3.2e-7, "J", "J"), "3.2e-7 J");
        assert_eq!(shown(65536.0, "bit", "kB"), "8.192 kB");
        assert_eq!(shown(65536.0, "bit", "bit"), "65536 bit");
        assert_eq!(shown(0.25, "", "%"), "25.0 %");
        // What the author named: `en = width * power  expect best.en <= 1 nJ`.
        assert_eq!(shown(3.2e-7, "", "nJ"), "320 nJ");
        assert_eq!(shown(30.0, "1/s", "fps"), "30 fps");
        // A unit of another dimension says nothing: `energy > 0 ms`.
        assert_eq!(shown(1.234567e-8, "J", "ms"), "12.35 nJ");
        assert_eq!(quantity(94221.4, "1/s"), "94221 1/s");
        assert_eq!(authored(3e8, "MHz"), "300 MHz");
        assert_eq!(authored(1e6, ""), "1 000 000");
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!(quantity(0.9731, "%"), "97.3 %");
        assert_eq!(points(0.0412), "+4.1");
        assert_eq!(points(-0.0001), "+0.0");
        assert_eq!(points(-0.02), "-2.0");
    }

    #[test]
    fn plain_numbers_are_grouped() {
        assert_eq!(quantity(1_204_224.0, ""), "1 204 224");
        assert_eq!(quantity(-1234.0, ""), "-1234");
        assert_eq!(quantity(0.39788, ""), "0.3979");
        assert_eq!(quantity(1.5e-7, ""), "1.500e-7");
        assert_eq!(group("12345678901234567890"), "12 345 678 901 234 567 890");
    }
}
