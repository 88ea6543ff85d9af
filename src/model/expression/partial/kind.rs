//! Kinds of operations that have no value for some operands, and what is said of them.
//!
//! In: the operands of one. Out: whether it has a value, and the texts of a diagnostic.

use crate::model::settling::limits::Limits;

/// What has no value everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Not by 0.
    Divide,
    /// Of numbers above 0.
    Logarithm,
    /// Of numbers from 0 up.
    Root,
    /// Of a negative base with whole exponents, of 0 with exponents from 0 up.
    Power,
    /// Of multiples of a number above 0.
    Multiple,
    /// Numbers that a field takes, and whether they are whole.
    Limits { is_whole: bool },
    /// Of what exists: 1 where it does, 0 where it does not.
    Absent,
}

impl Kind {
    /// Whether the operation has no finite value for these operands.
    pub fn fails(self, operands: &[f64]) -> bool {
        match (self, operands) {
            (Kind::Divide | Kind::Absent, [x]) => *x == 0.0,
            (Kind::Logarithm | Kind::Multiple, [x]) => *x <= 0.0,
            (Kind::Root, [x]) => *x < 0.0,
            (Kind::Limits { .. }, _) => !self.limits(operands).contains(operands[0]),
            (Kind::Power, [x, y]) => (*x < 0.0 && y.fract() != 0.0) || (*x == 0.0 && *y < 0.0),
            _ => false,
        }
    }

    pub fn code(self) -> &'static str {
        match self {
            Kind::Limits { .. } => "bnas::domain::out_of_range",
            _ => "bnas::domain::undefined",
        }
    }

    /// The limits among these operands.
    fn limits(self, operands: &[f64]) -> Limits {
        let end = |at: usize, none| operands.get(at).copied().unwrap_or(none);
        Limits {
            low: end(1, -f64::MAX),
            high: end(2, f64::MAX),
            is_whole: self == Kind::Limits { is_whole: true },
        }
    }

    /// What is wrong with these operands, for the message and for the label; `written` is the first of them.
    pub fn problem(self, operands: &[f64], written: &str) -> (String, String) {
        let x = operands.first().copied().unwrap_or(f64::NAN);
        match (self, operands) {
            (Kind::Divide, _) => ("a division by 0".into(), format!("`{written}` is 0")),
            (Kind::Absent, _) => (
                "a goal without a value".into(),
                format!("`{written}` needs what does not exist there"),
            ),
            (Kind::Logarithm, _) => (
                format!("a logarithm of {x}"),
                format!("`{written}` is {x}: only numbers above 0 have a logarithm"),
            ),
            (Kind::Root, _) => (
                format!("a square root of {x}"),
                format!("`{written}` is {x}: only numbers from 0 up have a square root"),
            ),
            (Kind::Power, [x, y]) => (
                format!("{x} to the power {y}"),
                match *x == 0.0 {
                    true => "a negative power of 0".into(),
                    false => "a negative base takes whole exponents only".into(),
                },
            ),
            (Kind::Limits { .. }, _) => {
                let limits = self.limits(operands);
                (
                    format!("the value {x} is not {limits}"),
                    format!("`{written}` is {x}: it has to be {limits}"),
                )
            }
            _ => (
                format!("a multiple of {x}"),
                format!("`{written}` is {x}: multiples are of numbers above 0"),
            ),
        }
    }

    /// What may be wrong.
    pub fn doubt(self) -> (&'static str, &'static str) {
        match self {
            Kind::Divide => ("this may divide by 0", "not proved to differ from 0"),
            Kind::Absent => (
                "this goal may have no value",
                "what it needs is not proved to exist in every candidate",
            ),
            Kind::Logarithm => (
                "this may be the logarithm of a number that has none",
                "not proved to be above 0",
            ),
            Kind::Root => (
                "this may be the square root of a negative number",
                "not proved to be 0 or more",
            ),
            Kind::Power => (
                "this power may have no value",
                "the base is not proved to be above 0",
            ),
            Kind::Multiple => ("this may be a multiple of 0", "not proved to be above 0"),
            Kind::Limits { is_whole: true } => (
                "this may be a number that the field does not take",
                "not proved to be whole and within its limits",
            ),
            Kind::Limits { is_whole: false } => (
                "this may be a number that the field does not take",
                "not proved to be within its limits",
            ),
        }
    }

    pub fn help(self) -> &'static str {
        match self {
            Kind::Divide => {
                "guard it, `if b != 0 then a / b else 0`, keep it from 0, `max(b, 1e-6)`, or leave 0 out of the domain"
            }
            Kind::Logarithm => {
                "guard it, `if x > 0 then ln(x) else 0`, or keep it above 0: `ln(max(x, 1e-6))`"
            }
            Kind::Root => {
                "guard it, `if x >= 0 then sqrt(x) else 0`, or keep it from 0 up: `sqrt(max(x, 0))`"
            }
            Kind::Absent => {
                "a goal compares all candidates: give those without it a value, `if … then … else …`, or leave them out with a requirement"
            }
            Kind::Power => "keep the base above 0: `max(x, 1e-6)^y`, or `(abs(x) + 1e-6)^y`",
            Kind::Multiple => "write a number above 0: `multiple_of(8, x)`",
            Kind::Limits { is_whole: true } => {
                "keep it whole, `round(x)`, and within, `clip(x, low, high)`, or leave such members out of the domain"
            }
            Kind::Limits { is_whole: false } => {
                "keep it within, `clip(x, low, high)`, or leave such members out of the domain"
            }
        }
    }
}
