//! QONNX's quantizing operators, number by number: what fake quantization here has to agree with.
//!
//! ```text
//! IntQuant:      y = (clip(round(x / s + z), low, high) - z) * s
//! BipolarQuant:  y = s if x >= 0 else -s
//! Trunc:         q = round(x / s + z);  t = clip(mode(q / 2^shift));  y = (t - z / 2^shift) * s * 2^shift
//! ```
//!
//! `low..=high` are -2^(b-1) .. 2^(b-1) - 1 for signed codes, 0 .. 2^b - 1 for unsigned ones; a narrow range leaves out the lowest
//! signed and the highest unsigned code. Training runs the vector loops of [`quantize`](super::quantize), whose codes are narrow where signed and
//! have zero point 0; tests hold them against this file.

/// How a number becomes whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the nearest, halves to the even one. QONNX calls it ROUND, too.
    HalfEven,
    /// Up.
    Ceil,
    /// Down.
    Floor,
    /// Away from zero.
    Up,
    /// Toward zero.
    Down,
    /// To the nearest, halves away from zero.
    HalfUp,
    /// To the nearest, halves toward zero.
    HalfDown,
}

impl Rounding {
    /// The mode with QONNX's name, in letters of any case.
    pub fn named(name: &str) -> Option<Rounding> {
        Some(match name.to_ascii_uppercase().as_str() {
            "ROUND" | "HALF_EVEN" => Rounding::HalfEven,
            "CEIL" => Rounding::Ceil,
            "FLOOR" => Rounding::Floor,
            "UP" => Rounding::Up,
            "DOWN" => Rounding::Down,
            "HALF_UP" => Rounding::HalfUp,
            "HALF_DOWN" => Rounding::HalfDown,
            _ => return None,
        })
    }

    /// The whole number that stands for `x`. NaN stays.
    pub fn round(self, x: f32) -> f32 {
        // The part behind the point is exact, so that halves are recognized.
        let (whole, part) = (x.trunc(), x.fract().abs());
        let next = whole + 1_f32.copysign(x);
        let away = match self {
            Rounding::HalfEven => return x.round_ties_even(),
            Rounding::Ceil => return x.ceil(),
            Rounding::Floor => return x.floor(),
            Rounding::Up => part > 0.0,
            Rounding::Down => false,
            Rounding::HalfUp => part >= 0.5,
            Rounding::HalfDown => part > 0.5,
        };
        if away { next } else { whole }
    }
}

/// A range of codes and how numbers get there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntCodes {
    /// Bits of a code.
    pub bits: u32,
    /// Whether codes have a sign.
    pub signed: bool,
    /// Whether one code is left out: the lowest signed, the highest unsigned one.
    pub narrow: bool,
    /// How numbers become codes.
    pub rounding: Rounding,
}

impl IntCodes {
    /// The lowest and the highest code.
    pub fn range(self) -> (f32, f32) {
        let one_less = if self.narrow { 1.0 } else { 0.0 };
        if self.signed {
            let half = 2_f32.powi(self.bits as i32 - 1);
            (one_less - half, half - 1.0)
        } else {
            (0.0, 2_f32.powi(self.bits as i32) - 1.0 - one_less)
        }
    }

    /// IntQuant of `x` with this scale and zero point.
    pub fn quantize(self, x: f32, scale: f32, zero_point: f32) -> f32 {
        let (low, high) = self.range();
        let code = self.rounding.round(x / scale + zero_point).clamp(low, high);
        (code - zero_point) * scale
    }

    /// Trunc of `x`, whose codes have this scale and zero point: their `shift` lowest bits are dropped as these codes say.
    pub fn truncate(self, x: f32, scale: f32, zero_point: f32, shift: u32) -> f32 {
        let (low, high) = self.range();
        let step = 2_f32.powi(shift as i32);
        let code = Rounding::HalfEven.round(x / scale + zero_point);
        let code = self.rounding.round(code / step).clamp(low, high);
        (code - zero_point / step) * (scale * step)
    }
}

/// BipolarQuant of `x`: zero is positive.
pub fn bipolar(x: f32, scale: f32) -> f32 {
    if x >= 0.0 { scale } else { -scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::quantize::{Codes, quantize};
    use crate::kernels::testing::{noise, on_every_isa};

    /// The table of QONNX's documentation of IntQuant.
    #[test]
    fn rounding_modes_follow_the_truth_table() {
        let x = [5.5, 2.5, 1.6, 1.1, 1.0, -1.0, -1.1, -1.6, -2.5, -5.5];
        let table = [
            ("ROUND", [6, 2, 2, 1, 1, -1, -1, -2, -2, -6]),
            ("HALF_EVEN", [6, 2, 2, 1, 1, -1, -1, -2, -2, -6]),
            ("CEIL", [6, 3, 2, 2, 1, -1, -1, -1, -2, -5]),
            ("FLOOR", [5, 2, 1, 1, 1, -1, -2, -2, -3, -6]),
            ("UP", [6, 3, 2, 2, 1, -1, -2, -2, -3, -6]),
            ("DOWN", [5, 2, 1, 1, 1, -1, -1, -1, -2, -5]),
            ("HALF_UP", [6, 3, 2, 1, 1, -1, -1, -2, -3, -6]),
            ("half_down", [5, 2, 2, 1, 1, -1, -1, -2, -2, -5]),
        ];
        for (name, wanted) in table {
            let mode = Rounding::named(name).unwrap();
            for (x, wanted) in x.iter().zip(wanted) {
                assert_eq!(mode.round(*x), wanted as f32, "{name} of {x}");
            }
            assert!(mode.round(f32::NAN).is_nan());
            // The largest number below a half is no half.
            let almost = 0.5_f32.next_down();
            let up = matches!(mode, Rounding::Ceil | Rounding::Up);
            assert_eq!(mode.round(almost), if up { 1.0 } else { 0.0 }, "{name}");
        }
        assert_eq!(Rounding::named("NEAREST"), None);
    }

    #[test]
    fn ranges_are_signed_and_narrow() {
        let range = |bits, signed, narrow| {
            let rounding = Rounding::HalfEven;
            IntCodes {
                bits,
                signed,
                narrow,
                rounding,
            }
            .range()
        };
        assert_eq!(range(8, true, false), (-128.0, 127.0));
        assert_eq!(range(8, true, true), (-127.0, 127.0));
        assert_eq!(range(8, false, false), (0.0, 255.0));
        assert_eq!(range(8, false, true), (0.0, 254.0));
        assert_eq!(range(2, true, true), (-1.0, 1.0), "ternary");
    }

    #[test]
    fn zero_points_shift_codes_and_truncation_drops_bits() {
        let codes = IntCodes {
            bits: 4,
            signed: false,
            narrow: false,
            rounding: Rounding::Floor,
        };
        // 1.3 / 0.5 + 3 = 5.6: code 5, value (5 - 3) / 2; clipped at codes 0 and 15.
        assert_eq!(codes.quantize(1.3, 0.5, 3.0), 1.0);
        assert_eq!(codes.quantize(-9.0, 0.5, 3.0), -1.5);
        assert_eq!(codes.quantize(99.0, 0.5, 3.0), 6.0);
        // Codes 23 and -7 of scale 1/4 lose two bits: 5 and, by floor, -2; 4 bits hold 15 at most.
        assert_eq!(codes.truncate(5.75, 0.25, 0.0, 2), 5.0);
        assert_eq!(codes.truncate(25.0, 0.25, 0.0, 2), 15.0);
        let signed = IntCodes {
            signed: true,
            ..codes
        };
        assert_eq!(signed.truncate(-1.75, 0.25, 0.0, 2), -2.0);
        let nearest = IntCodes {
            rounding: Rounding::HalfEven,
            ..signed
        };
        assert_eq!(nearest.truncate(-1.5, 0.25, 0.0, 2), -2.0);
        assert_eq!(nearest.truncate(-0.5, 0.25, 0.0, 2), -0.0);
    }

    #[test]
    fn the_loops_of_training_agree() {
        let x: Vec<f32> = noise(5000, 1).iter().map(|x| 40.0 * x).collect();
        let halves: Vec<f32> = (-100..100).map(|i| i as f32 * 0.125).collect();
        let x = [x, halves].concat();
        for (bits, signed) in [(2, true), (4, true), (8, true), (2, false), (8, false)] {
            let codes = IntCodes {
                bits,
                signed,
                narrow: signed,
                rounding: Rounding::HalfEven,
            };
            let (low, high) = codes.range();
            for scale in [0.25, 0.3] {
                let uniform = Codes::Uniform { low, high };
                let y = on_every_isa(|isa| quantize(isa, uniform, &x, &[scale]));
                for (x, y) in x.iter().zip(y) {
                    assert_eq!(y, codes.quantize(*x, scale, 0.0), "{bits} bits of {x}");
                }
            }
        }
        let y = on_every_isa(|isa| quantize(isa, Codes::Sign, &x, &[0.7]));
        for (x, y) in x.iter().zip(y) {
            assert_eq!(y, bipolar(*x, 0.7));
        }
    }
}
