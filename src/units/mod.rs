//! Quantities: numbers with a dimension, in the unit of whoever wrote them.
//!
//! In: a number and the spelling of its unit (`35` and `fJ/op`). Out: a [`Quantity`] in base units, or a [`UnitError`] with
//! the unit that was probably meant; and back to text. Operations, multiply-accumulates, cycles and bits are dimensions of
//! their own, so that energy per operation is not energy per multiply-accumulate. It knows nothing of the language.

mod dimension;
mod show;
mod spelling;

pub use dimension::{Base, Dimension};
pub use show::{automatic, significant};
pub use spelling::{Unit, UnitError};

use serde::{Deserialize, Serialize};

/// A value with its dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// In base units: s, J, m, bit, op, mac, cycle, V, GE and their products.
    pub value: f64,
    /// What it measures.
    pub dimension: Dimension,
    /// The author's spelling, or empty: results are shown in it.
    pub unit: String,
}

impl Quantity {
    /// `number` of `unit`: `Quantity::new(35.0, "fJ/op")`.
    pub fn new(number: f64, unit: &str) -> Result<Self, UnitError> {
        let parsed = Unit::parse(unit)?;
        Ok(Quantity {
            value: parsed.to_base(number),
            dimension: parsed.dimension,
            unit: unit.to_string(),
        })
    }

    /// A plain number.
    pub fn number(value: f64) -> Self {
        Quantity {
            value,
            dimension: Dimension::NUMBER,
            unit: String::new(),
        }
    }

    /// A computed value that no author gave a unit.
    pub fn computed(value: f64, dimension: Dimension) -> Self {
        Quantity {
            value,
            dimension,
            unit: String::new(),
        }
    }

    /// How many of `unit` it is; none if the unit is unknown or measures something else.
    pub fn in_unit(&self, unit: &str) -> Option<f64> {
        let unit = Unit::of(unit)?;
        (unit.dimension == self.dimension).then(|| unit.from_base(self.value))
    }
}

/// In the author's unit if there is one that fits, else in a good one: `405 fJ/op`, `8 KiB`, `1.23 ms`.
impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.in_unit(&self.unit) {
            Some(number) if !self.unit.is_empty() => {
                write!(f, "{} {}", significant(number), self.unit)
            }
            _ => f.write_str(&automatic(self.value, self.dimension)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(number: f64, unit: &str) -> f64 {
        Quantity::new(number, unit).unwrap().value
    }

    fn dimension(unit: &str) -> Dimension {
        Unit::parse(unit).unwrap().dimension
    }

    #[test]
    fn prefixes_are_exact_powers_of_ten() {
        assert_eq!(value(35.0, "fJ/op"), 35e-15);
        assert_eq!(value(405.0, "fJ/op"), 405e-15);
        assert_eq!(value(300.0, "MHz"), 3e8);
        assert_eq!(value(614.0, "Gop/s"), 614e9);
        assert_eq!(value(10.0, "ms"), 0.01);
        assert_eq!(value(99.9, "%"), 0.999);
        assert_eq!(value(2.0, "mm^2"), 2e-6);
        assert_eq!(value(5.0, "µJ"), value(5.0, "uJ"));
    }

    #[test]
    fn binary_prefixes_count_bytes_and_bits() {
        assert_eq!(value(8.0, "KiB"), 8.0 * 1024.0 * 8.0);
        assert_eq!(value(1.0, "Mibit"), 1024.0 * 1024.0);
        assert_eq!(value(3.0, "byte"), 24.0);
        assert_eq!(value(1.0, "kB"), 8000.0);
        assert!(Unit::parse("Kis").is_err());
    }

    #[test]
    fn other_spellings_mean_the_same() {
        let same = |a: &str, b: &str| {
            assert_eq!(value(3.0, a), value(3.0, b), "{a} {b}");
            assert_eq!(dimension(a), dimension(b), "{a} {b}");
        };
        same("TOPS/W", "Top/J");
        same("GOPS", "Gop/s");
        same("Hz", "cycle/s");
        same("mW", "mJ/s");
        same("B", "byte");
        assert_ne!(dimension("fJ/op"), dimension("fJ/mac"));
        assert_eq!(
            dimension("op/mac") * dimension("mac/cycle") * dimension("MHz"),
            dimension("Gop/s")
        );
    }

    /// Every quantity of the four papers and of the accelerators that they review, in their own spelling or the nearest that is
    /// accepted, against SI by hand.
    #[test]
    fn every_quantity_of_the_papers_can_be_written() {
        for (number, unit, base, words) in [
            // BrainTTA
            (35.0, "fJ/op", 35e-15, "energy per op"),
            (614.0, "GOPS", 614e9, "ops per time"),
            (614.0, "Gop/s", 614e9, "ops per time"),
            (28.6, "TOPS/W", 28.6e12, "ops per energy"),
            (300.0, "MHz", 3e8, "frequency"),
            (1024.0, "bit/cycle", 1024.0, "information per cycle"),
            (1024.0, "mac/cycle", 1024.0, "macs per cycle"),
            (2.0, "op/mac", 2.0, "ops per mac"),
            (71.7, "pJ/cycle", 71.7e-12, "energy per cycle"),
            (21.5, "mW", 0.0215, "power"),
            (22.0, "nm", 22e-9, "length"),
            (8.0, "KiB", 65536.0, "information"),
            (4.0, "GiB", 34359738368.0, "information"),
            // the accelerators
            (0.4, "V", 0.4, "voltage"),
            (400.0, "mV", 0.4, "voltage"),
            (0.7, "mm^2", 0.7e-6, "area"),
            (0.7, "mm²", 0.7e-6, "area"),
            (137.0, "um²", 137e-12, "area"),
            (3.1, "POPS/W", 3.1e15, "ops per energy"),
            (418.0, "TOPS/mm²", 418e18, "ops per length^2 per time"),
            (
                414.0,
                "kB/mm²",
                414e3 * 8.0 / 1e-6,
                "information per length^2",
            ),
            (1.33, "MGE", 1.33e6, "gate equivalents"),
            (1.1, "TOPS/MGE", 1.1e6, "ops per gate equivalent per time"),
            (895.0, "uW", 895e-6, "power"),
            (895.0, "µW", 895e-6, "power"),
            (2.72, "uJ/inference", 2.72e-6, "energy"),
            (2.2, "mJ/frame", 2.2e-3, "energy"),
            (1700.0, "fps", 1700.0, "number per time"),
            (3200.0, "inference/s", 3200.0, "number per time"),
            // memory traffic
            (20.3, "pJ/bit", 20.3e-12, "energy per bit"),
            (162.5, "pJ/B", 162.5e-12 / 8.0, "energy per bit"),
            (12.8, "GB/s", 102.4e9, "information per time"),
            (0.9, "MB", 7.2e6, "information"),
            (75.0, "kB", 6e5, "information"),
            // search and training
            (6.11, "ms", 6.11e-3, "time"),
            (12.0, "h", 43200.0, "time"),
            (60.0, "Mmac", 6e7, "macs"),
            (57.0, "Mop", 5.7e7, "ops"),
            (86.8, "%", 0.868, "number"),
        ] {
            let quantity = Quantity::new(number, unit).unwrap();
            let error = (quantity.value - base).abs() / base;
            assert!(error < 1e-14, "{number} {unit} is {}", quantity.value);
            assert_eq!(quantity.dimension.to_string(), words, "{unit}");
            assert_eq!(quantity.to_string(), format!("{number} {unit}"));
        }
    }

    #[test]
    fn binary_prefixes_are_for_information_only() {
        for unit in [
            "KiHz", "Miop", "KiJ", "Gis", "KiV", "Mimac", "Kicycle", "KiW",
        ] {
            assert!(Unit::parse(unit).is_err(), "{unit}");
        }
        for (unit, bits) in [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)] {
            let bits = libm::exp2(f64::from(bits));
            assert_eq!(value(1.0, &format!("{unit}bit")), bits);
            assert_eq!(value(1.0, &format!("{unit}B")), 8.0 * bits);
        }
    }

    #[test]
    fn habits_of_papers_are_understood() {
        for (written, meant) in [
            ("GMACs", "Gmac"),
            ("MACs", "mac"),
            ("MOPs", "Mop"),
            ("FLOPs", "op"),
            ("POp/s/W", "Pop/s/W"),
            ("TOPs/W", "TOPS/W"),
            ("Tops/mm^2", "TOPS/mm^2"),
            ("mm2", "mm^2"),
            ("um2", "um^2"),
            ("Gb/s", "Gbit/s"),
            // eight times less than `MB` and `kB`
            ("Mb", "Mbit"),
            ("kb", "kbit"),
            ("Kb", "kbit"),
            ("Mib", "Mibit"),
            ("Wh", "W*h"),
            ("mWh/frame", "mW*h/frame"),
            ("frame/Wh", "frame/W/h"),
            ("KiJ", "kJ"),
            ("KB/mm2", "kB/mm^2"),
            ("GMACs/mm2", "Gmac/mm^2"),
            ("cycles", "cycle"),
            ("seconds", "s"),
            ("uJ/inf", "uJ/inference"),
            ("bits", "bit"),
            ("fj/op", "fJ/op"),
            ("Mhz", "MHz"),
            ("KIB", "KiB"),
            ("frames/s", "frame/s"),
        ] {
            let error = Unit::parse(written).unwrap_err();
            assert_eq!(error.suggestion.as_deref(), Some(meant), "{written}");
        }
        assert_eq!(
            Unit::parse("KB/s").unwrap_err().help(),
            "write `KiB/s` for 1024 bytes, `kB/s` for 1000"
        );
        assert_eq!(
            Unit::parse("KB/mm2").unwrap_err().help(),
            "write `KiB/mm^2` for 1024 bytes, `kB/mm^2` for 1000"
        );
        assert_eq!(
            Unit::parse("Mb/s").unwrap_err().help(),
            "write `Mbit/s` for bits, `MB/s` for bytes"
        );
        assert_eq!(
            Unit::parse("pJ/uop").unwrap_err().help(),
            "`op` is counted: its prefixes go from k up, as in `kop`"
        );
        for unit in ["M", "uop", "mmac"] {
            assert_eq!(Unit::parse(unit).unwrap_err().suggestion, None, "{unit}");
        }
    }

    #[test]
    fn base_units_name_dimensions() {
        for unit in [
            "",
            "s",
            "Hz",
            "W",
            "J/op",
            "bit",
            "op/m^2/s",
            "mac/cycle",
            "J*s",
            "V",
            "GE",
        ] {
            assert_eq!(dimension(unit).base_unit(), unit);
        }
        assert_eq!(dimension("fps").base_unit(), "1/s");
    }

    #[test]
    fn an_unknown_unit_suggests_a_known_one() {
        let suggestion = |unit: &str| Unit::parse(unit).unwrap_err().suggestion;
        assert_eq!(suggestion("mhz").as_deref(), Some("MHz"));
        assert_eq!(suggestion("fJ/ops").as_deref(), Some("fJ/op"));
        assert_eq!(suggestion("kib").as_deref(), Some("KiB"));
        assert_eq!(suggestion("MACs/cycle").as_deref(), Some("mac/cycle"));
        assert_eq!(suggestion("width"), None);
        let error = Unit::parse("bit/width").unwrap_err();
        assert_eq!(error.to_string(), "unknown unit `width`");
        assert_eq!(
            error.help(),
            "write ` / width` with blanks to divide by a value"
        );
    }

    #[test]
    fn malformed_units_are_errors() {
        for unit in [
            "/s",
            "s/",
            "s^",
            "s^x",
            "s^99",
            "J//op",
            "%%",
            "%/s/",
            "m s",
            "s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8*s^8",
        ] {
            assert!(Unit::parse(unit).is_err(), "{unit}");
        }
        assert_eq!(dimension(""), Dimension::NUMBER);
    }

    #[test]
    fn dimensions_have_words() {
        for (unit, words) in [
            ("", "number"),
            ("%", "number"),
            ("ms", "time"),
            ("fJ", "energy"),
            ("fJ/op", "energy per op"),
            ("fJ/mac", "energy per mac"),
            ("mW", "power"),
            ("MHz", "frequency"),
            ("KiB", "information"),
            ("mm^2", "area"),
            ("Gop/s", "ops per time"),
            ("Top/J", "ops per energy"),
            ("mac/cycle", "macs per cycle"),
            ("op/mac", "ops per mac"),
            ("pJ/bit", "energy per bit"),
        ] {
            assert_eq!(dimension(unit).to_string(), words);
        }
        assert_eq!(
            (Dimension::NUMBER / dimension("s")).to_string(),
            "number per time"
        );
        assert_eq!(dimension("s^2").to_string(), "time^2");
    }

    #[test]
    fn values_are_shown_in_the_authors_unit_or_a_good_one() {
        let shown = |value: f64, unit: &str| automatic(value, dimension(unit));
        assert_eq!(
            Quantity::new(405.0, "fJ/op").unwrap().to_string(),
            "405 fJ/op"
        );
        assert_eq!(Quantity::new(8.0, "KiB").unwrap().to_string(), "8 KiB");
        assert_eq!(Quantity::new(99.9, "%").unwrap().to_string(), "99.9 %");
        assert_eq!(Quantity::number(0.25).to_string(), "0.25");
        assert_eq!(shown(405e-15, "J/op"), "405 fJ/op");
        assert_eq!(shown(1.23e-3, "s"), "1.23 ms");
        assert_eq!(shown(999.96e-6, "s"), "1 ms");
        assert_eq!(shown(0.0, "s"), "0 s");
        assert_eq!(shown(65536.0, "bit"), "8 KiB");
        assert_eq!(shown(12.0, "bit"), "1.5 B");
        assert_eq!(shown(5.0, "bit"), "5 bit");
        assert_eq!(shown(614.4e9, "op/s"), "614.4 Gop/s");
        assert_eq!(shown(28.571428e12, "op/J"), "28.57 Top/J");
        assert_eq!(shown(1024.0, "mac/cycle"), "1024 mac/cycle");
        assert_eq!(shown(3e8, "Hz"), "300 MHz");
        assert_eq!(shown(2e-6, "m^2"), "2 mm^2");
        assert_eq!(shown(0.0123, "W"), "12.3 mW");
        assert_eq!(shown(-2.5e-6, "J"), "-2.5 uJ");
        assert_eq!(shown(123456.0, "mac"), "123.5 kmac");
        assert_eq!(shown(4e-9, "J*s"), "4 nJ*s");
        assert_eq!(shown(0.5, "%"), "0.5");
        assert_eq!(automatic(4.0, Dimension::NUMBER / dimension("s")), "4 1/s");
        assert_eq!(shown(f64::INFINITY, "s"), "inf s");
    }

    #[test]
    fn significant_digits() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123456, "0.1235"),
            (12345.6, "12346"),
            (1e-7, "1e-7"),
            (1.23456e9, "1.235e9"),
            (-0.5, "-0.5"),
            (99.999, "100"),
            (1e6, "1e6"),
            (999999.0, "999999"),
            (f64::NAN, "NaN"),
            (-0.0, "0"),
        ] {
            assert_eq!(significant(value), text);
        }
    }
}
