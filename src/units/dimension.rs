//! What a quantity measures: a product of powers of nine bases.
//!
//! In: bases and their exponents. Out: products, quotients, powers, and words for messages ("energy per op").

use std::fmt;
use std::ops::{Div, Mul};

use serde::{Deserialize, Serialize};

/// A base dimension, each with the unit that values are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Base {
    /// Energy, in joules.
    Joule,
    /// Length, in meters.
    Meter,
    /// Information, in bits.
    Bit,
    /// Operations.
    Op,
    /// Multiply-accumulate operations.
    Mac,
    /// Clock cycles.
    Cycle,
    /// Electric potential, in volts.
    Volt,
    /// Circuit size, in gate equivalents: two-input NAND gates of the same area.
    Gate,
    /// Time, in seconds.
    Second,
}

impl Base {
    /// All of them, in the order of a [`Dimension`]'s exponents.
    pub const ALL: [Base; 9] = [
        Base::Joule,
        Base::Meter,
        Base::Bit,
        Base::Op,
        Base::Mac,
        Base::Cycle,
        Base::Volt,
        Base::Gate,
        Base::Second,
    ];

    /// The symbol of its unit.
    pub fn symbol(self) -> &'static str {
        match self {
            Base::Second => "s",
            Base::Joule => "J",
            Base::Meter => "m",
            Base::Bit => "bit",
            Base::Op => "op",
            Base::Mac => "mac",
            Base::Cycle => "cycle",
            Base::Volt => "V",
            Base::Gate => "GE",
        }
    }

    /// What it is called above and below "per".
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Base::Second => ("time", "time"),
            Base::Joule => ("energy", "energy"),
            Base::Meter => ("length", "length"),
            Base::Bit => ("information", "bit"),
            Base::Op => ("ops", "op"),
            Base::Mac => ("macs", "mac"),
            Base::Cycle => ("cycles", "cycle"),
            Base::Volt => ("voltage", "volt"),
            Base::Gate => ("gate equivalents", "gate equivalent"),
        }
    }
}

/// Bases with their exponents.
pub(super) type Product = Vec<(Base, u8)>;

/// Exponents of the bases. Products saturate at the ends of their range, far beyond any unit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Dimension([i8; 9]);

impl Dimension {
    /// No dimension: a plain number.
    pub const NUMBER: Dimension = Dimension([0; 9]);
    /// s.
    pub const TIME: Dimension = Dimension::product(&[(Base::Second, 1)]);
    /// J.
    pub const ENERGY: Dimension = Dimension::product(&[(Base::Joule, 1)]);
    /// J/s.
    pub const POWER: Dimension = Dimension::product(&[(Base::Joule, 1), (Base::Second, -1)]);
    /// m^2.
    pub const AREA: Dimension = Dimension::product(&[(Base::Meter, 2)]);
    /// bit.
    pub const DATA: Dimension = Dimension::product(&[(Base::Bit, 1)]);
    /// op.
    pub const OPS: Dimension = Dimension::product(&[(Base::Op, 1)]);
    /// mac.
    pub const MACS: Dimension = Dimension::product(&[(Base::Mac, 1)]);
    /// cycle.
    pub const CYCLES: Dimension = Dimension::product(&[(Base::Cycle, 1)]);
    /// cycle/s.
    pub const FREQUENCY: Dimension = Dimension::product(&[(Base::Cycle, 1), (Base::Second, -1)]);

    /// A product of powers of different bases.
    const fn product(powers: &[(Base, i8)]) -> Self {
        let mut exponents = [0; 9];
        let mut i = 0;
        while i < powers.len() {
            exponents[powers[i].0 as usize] = powers[i].1;
            i += 1;
        }
        Dimension(exponents)
    }

    /// The dimension of one base.
    pub fn of(base: Base) -> Self {
        Dimension::product(&[(base, 1)])
    }

    /// The exponent of a base.
    pub fn exponent(self, base: Base) -> i8 {
        self.0[base as usize]
    }

    /// Whether it is a plain number.
    pub fn is_number(self) -> bool {
        self == Dimension::NUMBER
    }

    /// Its `n`-th power.
    pub fn power(self, n: i8) -> Self {
        Dimension(self.0.map(|e| e.saturating_mul(n)))
    }

    /// The unit that values of it are kept in, as the language spells it: `J*s`, `bit/cycle`, `Hz`; empty for a plain number.
    pub fn base_unit(self) -> String {
        match self {
            Dimension::FREQUENCY => return "Hz".to_string(),
            Dimension::POWER => return "W".to_string(),
            _ => {}
        }
        let (above, below) = self.fraction();
        let raised = |(base, exponent): &(Base, u8)| match exponent {
            1 => base.symbol().to_string(),
            n => format!("{}^{n}", base.symbol()),
        };
        let above: Vec<String> = above.iter().map(raised).collect();
        let below: String = below.iter().map(|b| format!("/{}", raised(b))).collect();
        match above.is_empty() && !below.is_empty() {
            true => format!("1{below}"),
            false => above.join("*") + &below,
        }
    }

    /// Whether it is far beyond any unit, where products begin to saturate.
    pub(super) fn is_absurd(self) -> bool {
        self.0.iter().any(|e| e.unsigned_abs() > 64)
    }

    /// The bases above and below the fraction bar with their positive exponents.
    pub(super) fn fraction(self) -> (Product, Product) {
        let all = Base::ALL
            .into_iter()
            .map(|base| (base, self.exponent(base)));
        let (above, below): (Vec<_>, Vec<_>) =
            all.filter(|(_, e)| *e != 0).partition(|(_, e)| *e > 0);
        let positive = |side: Vec<(Base, i8)>| {
            side.into_iter()
                .map(|(b, e)| (b, e.unsigned_abs()))
                .collect()
        };
        (positive(above), positive(below))
    }
}

impl Mul for Dimension {
    type Output = Dimension;

    fn mul(self, other: Dimension) -> Dimension {
        Dimension(std::array::from_fn(|i| {
            self.0[i].saturating_add(other.0[i])
        }))
    }
}

impl Div for Dimension {
    type Output = Dimension;

    fn div(self, other: Dimension) -> Dimension {
        Dimension(std::array::from_fn(|i| {
            self.0[i].saturating_sub(other.0[i])
        }))
    }
}

/// In words: "number", "time", "energy per op", "frequency".
impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Dimension::NUMBER => return f.write_str("number"),
            Dimension::POWER => return f.write_str("power"),
            Dimension::FREQUENCY => return f.write_str("frequency"),
            Dimension::AREA => return f.write_str("area"),
            _ => {}
        }
        let raised = |word: &str, exponent: u8| match exponent {
            1 => word.to_string(),
            n => format!("{word}^{n}"),
        };
        let (above, below) = self.fraction();
        let above: Vec<_> = above
            .iter()
            .map(|(base, e)| raised(base.words().0, *e))
            .collect();
        f.write_str(&if above.is_empty() {
            "number".to_string()
        } else {
            above.join(" times ")
        })?;
        for (base, e) in below {
            write!(f, " per {}", raised(base.words().1, e))?;
        }
        Ok(())
    }
}
