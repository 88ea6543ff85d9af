//! How units are written: `fJ/op`, `KiB`, `TOPS/W`, `mm^2` or `mm²`, `%`.
//!
//! In: a spelling. Out: a [`Unit`], or a [`UnitError`] with the spelling that was probably meant. The table is closed.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use crate::diagnostic::did_you_mean;
use crate::units::dimension::{Base, Dimension};

/// A unit: `ratio` · 10^`exponent` base units. The power of ten is kept apart, so that `35 fJ` is
/// the same double as 35e-15.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unit {
    ratio: f64,
    exponent: i32,
    /// What it measures.
    pub dimension: Dimension,
}

/// A spelling that is no unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitError {
    /// The whole spelling.
    pub unit: String,
    /// The factor that is unknown.
    pub factor: String,
    /// The whole spelling as it was probably meant.
    pub suggestion: Option<String>,
}

/// Prefixes that may stand before a symbol.
#[derive(Clone, Copy, PartialEq)]
enum Prefixes {
    None,
    /// Powers of ten up and down: `fJ`, `MHz`.
    Decimal,
    /// Powers of ten up: there is no thousandth of an operation.
    Counting,
    /// Those, and powers of 1024: `KiB`.
    Binary,
}

struct Symbol {
    text: &'static str,
    ratio: f64,
    exponent: i32,
    dimension: Dimension,
    prefixes: Prefixes,
}

/// The table, made once: units are read everywhere.
fn symbols() -> &'static [Symbol; 21] {
    static SYMBOLS: LazyLock<[Symbol; 21]> = LazyLock::new(table);
    &SYMBOLS
}

#[rustfmt::skip] // a table
fn table() -> [Symbol; 21] {
    let symbol = |text, ratio, dimension, prefixes| Symbol { text, ratio, exponent: 0, dimension, prefixes };
    let of = Dimension::of;
    [
        symbol("s", 1.0, Dimension::TIME, Prefixes::Decimal),
        symbol("min", 60.0, Dimension::TIME, Prefixes::None),
        symbol("h", 3600.0, Dimension::TIME, Prefixes::None),
        symbol("Hz", 1.0, Dimension::FREQUENCY, Prefixes::Decimal),
        symbol("J", 1.0, Dimension::ENERGY, Prefixes::Decimal),
        symbol("W", 1.0, Dimension::POWER, Prefixes::Decimal),
        symbol("V", 1.0, of(Base::Volt), Prefixes::Decimal),
        symbol("m", 1.0, of(Base::Meter), Prefixes::Decimal),
        symbol("bit", 1.0, Dimension::DATA, Prefixes::Binary),
        symbol("B", 8.0, Dimension::DATA, Prefixes::Binary),
        symbol("byte", 8.0, Dimension::DATA, Prefixes::Binary),
        symbol("op", 1.0, Dimension::OPS, Prefixes::Counting),
        symbol("mac", 1.0, Dimension::MACS, Prefixes::Counting),
        symbol("cycle", 1.0, Dimension::CYCLES, Prefixes::Counting),
        symbol("OPS", 1.0, Dimension::OPS / Dimension::TIME, Prefixes::Counting),
        symbol("MACS", 1.0, Dimension::MACS / Dimension::TIME, Prefixes::Counting),
        symbol("GE", 1.0, of(Base::Gate), Prefixes::Counting),
        // Images and inferences are counted by plain numbers, as energy and latency are those of one.
        symbol("frame", 1.0, Dimension::NUMBER, Prefixes::None),
        symbol("inference", 1.0, Dimension::NUMBER, Prefixes::None),
        symbol("fps", 1.0, Dimension::NUMBER / Dimension::TIME, Prefixes::None),
        Symbol { text: "%", ratio: 1.0, exponent: -2, dimension: Dimension::NUMBER, prefixes: Prefixes::None },
    ]
}

/// Prefix, power of ten.
const DECIMAL: [(&str, i32); 15] = [
    ("a", -18),
    ("f", -15),
    ("p", -12),
    ("n", -9),
    ("u", -6),
    ("\u{B5}", -6),
    ("\u{3BC}", -6),
    ("m", -3),
    ("c", -2),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// Prefix, factor.
const BINARY: [(&str, f64); 4] = [
    ("Ki", 1024.0),
    ("Mi", 1048576.0),
    ("Gi", 1073741824.0),
    ("Ti", 1099511627776.0),
];

/// The spellings that a slip of case is mapped to first.
const COMMON: [&str; 23] = [
    "MHz", "GHz", "kHz", "fJ", "pJ", "nJ", "uJ", "mJ", "ms", "us", "ns", "mW", "uW", "mV", "KiB",
    "MiB", "kB", "MB", "Gop", "Top", "op", "mac", "cycle",
];

/// How papers and habit write a symbol, after any prefix.
const HABITS: [(&str, &[&str]); 14] = [
    (
        "op",
        &["op", "ops", "flop", "flops", "operation", "operations"],
    ),
    ("mac", &["mac", "macs"]),
    ("cycle", &["cycle", "cycles", "cyc"]),
    ("bit", &["bit", "bits", "b"]),
    ("byte", &["byte", "bytes"]),
    ("s", &["sec", "secs", "second", "seconds"]),
    ("min", &["minute", "minutes"]),
    ("h", &["hr", "hour", "hours"]),
    ("m", &["meter", "meters", "metre", "metres"]),
    ("J", &["joule", "joules"]),
    ("W", &["watt", "watts"]),
    ("V", &["volt", "volts"]),
    ("frame", &["frames"]),
    ("inference", &["inf", "inferences"]),
];

impl Unit {
    /// Reads a spelling: factors with integer powers, joined by `/` and `*` from left to right. Empty is a plain number.
    pub fn parse(text: &str) -> Result<Unit, UnitError> {
        Unit::read(text).map_err(|factor| unknown(text, factor))
    }

    /// The unit of a spelling, if it is one. What was meant by another one, which takes its time to find out, is not asked for.
    pub fn of(text: &str) -> Option<Unit> {
        Unit::read(text).ok()
    }

    /// The unit, or the byte range of the factor that is none.
    fn read(text: &str) -> Result<Unit, Range<usize>> {
        let mut unit = Unit {
            ratio: 1.0,
            exponent: 0,
            dimension: Dimension::NUMBER,
        };
        if text.is_empty() {
            return Ok(unit);
        }
        let (mut start, mut sign) = (0, 1);
        loop {
            let end = text[start..]
                .find(['/', '*'])
                .map_or(text.len(), |n| start + n);
            let (base, power) = raised(&text[start..end]).ok_or(start..end)?;
            let power = power * sign;
            unit.ratio *= libm::pow(base.ratio, f64::from(power));
            unit.exponent += base.exponent * i32::from(power);
            unit.dimension = unit.dimension * base.dimension.power(power);
            if unit.exponent.abs() > 300 || !unit.ratio.is_normal() || unit.dimension.is_absurd() {
                return Err(0..text.len());
            }
            match text.as_bytes().get(end) {
                None => return Ok(unit),
                Some(separator) => sign = if *separator == b'/' { -1 } else { 1 },
            }
            start = end + 1;
        }
    }

    /// `number` of this unit in base units.
    pub fn to_base(self, number: f64) -> f64 {
        scaled(number * self.ratio, self.exponent)
    }

    /// How many of this unit `value` base units are.
    pub fn from_base(self, value: f64) -> f64 {
        scaled(value, -self.exponent) / self.ratio
    }
}

/// `value` · 10^`exponent` by moving the decimal point: 99.9 % is the double nearest to 0.999.
fn scaled(value: f64, exponent: i32) -> f64 {
    let text = format!("{value:e}");
    let Some((mantissa, power)) = text.split_once('e') else {
        return value; // infinite or not a number
    };
    let power: i32 = power
        .parse()
        .expect("invariant: `{:e}` writes an integer exponent");
    let moved = format!("{mantissa}e{}", power + exponent);
    moved
        .parse()
        .expect("invariant: a mantissa and an exponent make a number")
}

/// A factor such as `mm^2`: the unit of its symbol and the power.
fn raised(factor: &str) -> Option<(Unit, i8)> {
    let (symbol, power) = match factor.split_once('^') {
        Some((symbol, power)) => (symbol, power.parse::<i8>().ok().filter(|p| p.abs() <= 9)?),
        None => match (factor.strip_suffix('\u{B2}'), factor.strip_suffix('\u{B3}')) {
            (Some(symbol), _) => (symbol, 2),
            (_, Some(symbol)) => (symbol, 3),
            _ => (factor, 1),
        },
    };
    Some((prefixed(symbol)?, power))
}

/// A symbol with or without a prefix. The whole word is tried first: `min` is no milli-`in`.
fn prefixed(word: &str) -> Option<Unit> {
    let unit = |s: &Symbol, ratio: f64, exponent: i32| Unit {
        ratio: s.ratio * ratio,
        exponent: s.exponent + exponent,
        dimension: s.dimension,
    };
    let symbols = symbols();
    if let Some(symbol) = symbols.iter().find(|s| s.text == word) {
        return Some(unit(symbol, 1.0, 0));
    }
    for symbol in symbols {
        let Some(prefix) = word.strip_suffix(symbol.text) else {
            continue;
        };
        if symbol.prefixes == Prefixes::Binary
            && let Some((_, ratio)) = BINARY.iter().find(|(p, _)| *p == prefix)
        {
            return Some(unit(symbol, *ratio, 0));
        }
        let lowest = match symbol.prefixes {
            Prefixes::None => continue,
            Prefixes::Decimal => -18,
            Prefixes::Counting | Prefixes::Binary => 3,
        };
        let decimal = DECIMAL.iter().find(|(p, e)| *p == prefix && *e >= lowest);
        if let Some((_, exponent)) = decimal {
            return Some(unit(symbol, 1.0, *exponent));
        }
    }
    None
}

fn unknown(text: &str, place: Range<usize>) -> UnitError {
    UnitError {
        unit: text.to_string(),
        factor: text[place.clone()].to_string(),
        suggestion: meant(text, place),
    }
}

/// The spelling with the factor at `place`, and each wrong one behind it, as it was probably meant: `KB/mm2` has two.
fn meant(text: &str, place: Range<usize>) -> Option<String> {
    let factor = &text[place.clone()];
    let (symbol, power) = factor.split_at(factor.find('^').unwrap_or(factor.len()));
    let (before, rest) = (&text[..place.start], &text[place.end..]);
    let near = nearest(symbol)?;
    let near = if is_rate(rest) { rate(near) } else { near };
    // Below a fraction, `Wh` divides by both.
    let near = match before.ends_with('/') {
        true => near.replace('*', "/"),
        false => near,
    };
    let text = format!("{before}{near}{power}{rest}");
    match Unit::read(&text) {
        Ok(_) => Some(text),
        Err(next) if next.start > place.start => meant(&text, next),
        Err(_) => None,
    }
}

/// The symbol that was probably meant: another case, a plural, a word of habit, a power without its sign, or a typing slip.
fn nearest(word: &str) -> Option<String> {
    if let Some(bits) = bits(word) {
        return Some(bits);
    }
    if let Some(energy) = word.strip_suffix('h')
        && energy.ends_with('W')
        && prefixed(energy).is_some()
    {
        return Some(format!("{energy}*h"));
    }
    // The delay and the energy of a product stand side by side: `pJs`. Nobody writes a plural of `J`.
    if let Some(energy) = word.strip_suffix('s')
        && energy.ends_with(['J', 'V', 'W'])
        && prefixed(energy).is_some()
    {
        return Some(format!("{energy}*s"));
    }
    if let Some((decimal, symbol)) = binary_of_another(word) {
        return Some(format!("{decimal}{symbol}"));
    }
    if let Some(known) = COMMON.iter().find(|known| known.eq_ignore_ascii_case(word)) {
        return Some(known.to_string());
    }
    if too_small(word).is_some() {
        return None;
    }
    if let Some(known) = habitual(word) {
        return Some(known);
    }
    if let Some(symbol) = word.strip_suffix(['2', '3'])
        && prefixed(symbol).is_some()
    {
        return Some(format!("{symbol}^{}", &word[symbol.len()..]));
    }
    if let Some(singular) = word.strip_suffix('s')
        && prefixed(singular).is_some()
    {
        return Some(singular.to_string());
    }
    let known = spellings();
    // One letter is near to every other, and two to many: no `m` for `mA`.
    if word.chars().count() < 2 {
        return None;
    }
    if word.chars().count() == 2 {
        let is_same = |known: &&String| known.eq_ignore_ascii_case(word);
        return known.iter().find(is_same).cloned();
    }
    did_you_mean(word, known.iter().map(String::as_str)).map(str::to_string)
}

/// `Mb` as `Mbit`: with a small b it is bits, an eighth of `MB`.
fn bits(word: &str) -> Option<String> {
    let prefix = word.strip_suffix('b')?;
    let prefix = if prefix == "K" { "k" } else { prefix };
    let known = format!("{prefix}bit");
    prefixed(&known).map(|_| known)
}

/// The symbol of something counted that stands behind a prefix of less than one: `uop`.
fn too_small(word: &str) -> Option<&'static str> {
    let counted = symbols().iter();
    let counted = counted.filter(|s| matches!(s.prefixes, Prefixes::Counting | Prefixes::Binary));
    let mut split = counted.filter_map(|s| Some((word.strip_suffix(s.text)?, s.text)));
    let below = |prefix: &str| DECIMAL.iter().any(|(p, e)| *p == prefix && *e < 0);
    split.find_map(|(prefix, symbol)| below(prefix).then_some(symbol))
}

/// The decimal prefix and the symbol of a word whose prefix is for bits and bytes only: `KiJ`.
fn binary_of_another(word: &str) -> Option<(&'static str, &str)> {
    let decimal = [("Ki", "k"), ("Mi", "M"), ("Gi", "G"), ("Ti", "T")];
    let found = decimal.iter().find_map(|(binary, decimal)| {
        let symbol = word.strip_prefix(binary)?;
        Some((*decimal, symbol))
    });
    found.filter(|(decimal, symbol)| prefixed(&format!("{decimal}{symbol}")).is_some())
}

/// Whether work before this is meant per second: `TOPs/W`, `TOPs/mm^2`.
fn is_rate(rest: &str) -> bool {
    let next = rest
        .strip_prefix('/')
        .and_then(|r| r.split(['/', '*']).next());
    let unit = next.and_then(Unit::of);
    unit.is_some_and(|u| [Dimension::POWER, Dimension::AREA].contains(&u.dimension))
}

/// `Top` as `TOPS`, `Gmac` as `GMACS`.
fn rate(work: String) -> String {
    for (one, per_second) in [("op", "OPS"), ("mac", "MACS")] {
        if let Some(prefix) = work.strip_suffix(one) {
            return format!("{prefix}{per_second}");
        }
    }
    work
}

/// `GMACs`, `MOPs`, `Gb`, `seconds` as this table writes them.
fn habitual(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    for (symbol, spellings) in HABITS {
        for spelling in spellings {
            // Cut before a whole character: `lower` has the same boundaries as `word`.
            let Some(prefix) = lower.strip_suffix(spelling) else {
                continue;
            };
            let prefix = &word[..prefix.len()];
            let known = format!("{prefix}{symbol}");
            if prefixed(&known).is_some() {
                return Some(known);
            }
        }
    }
    None
}

/// Every symbol with every prefix.
fn spellings() -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for symbol in symbols() {
        all.push(symbol.text.to_string());
        let binary = BINARY.iter().map(|(prefix, _)| *prefix);
        let prefixes = DECIMAL.iter().map(|(prefix, _)| *prefix).chain(binary);
        let words = prefixes.map(|prefix| format!("{prefix}{}", symbol.text));
        all.extend(words.filter(|word| prefixed(word).is_some()));
    }
    all
}

impl UnitError {
    /// What to type instead.
    pub fn help(&self) -> String {
        let suggestion = self.suggestion.as_deref();
        if let Some(decimal) = suggestion.filter(|_| self.factor == "KB") {
            let binary = decimal.replacen("kB", "KiB", 1);
            return format!("write `{binary}` for 1024 bytes, `{decimal}` for 1000");
        }
        if let Some(bits) = suggestion.filter(|_| bits(&self.factor).is_some()) {
            let bytes = bits.replacen("bit", "B", 1);
            return format!("write `{bits}` for bits, `{bytes}` for bytes");
        }
        if let (None, Some(symbol)) = (suggestion, too_small(&self.factor)) {
            return format!("`{symbol}` is counted: its prefixes go from k up, as in `k{symbol}`");
        }
        if let (Some(meant), Some((_, symbol))) = (suggestion, binary_of_another(&self.factor)) {
            return format!(
                "write `{meant}`: `Ki` and its like stand before bit and B, not before {symbol}"
            );
        }
        if let Some(ops) = suggestion.filter(|_| self.factor.to_ascii_lowercase().contains("flop"))
        {
            let macs = ops.replacen("op", "mac", 1);
            return format!("write `{macs}` for `macs`, `{ops}` for operations");
        }
        match &self.suggestion {
            Some(meant) => format!("write `{meant}`"),
            None if self.unit.contains(&format!("/{}", self.factor)) => {
                format!("write ` / {}` with blanks to divide by a value", self.factor)
            }
            None if self.unit.contains(&format!("*{}", self.factor)) => {
                format!("write ` * {}` with blanks to multiply by a value", self.factor)
            }
            None => "the units are s, Hz, J, W, V, m, bit, B, op, mac, cycle, GE, frame, inference and %, with prefixes: `35 fJ/op`".to_string(),
        }
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown unit `{}`", self.factor)
    }
}

impl std::error::Error for UnitError {}
