//! What training images go through.
//!
//! In: the value of a data set's `augment` without choices left in it: `shift(…)`, `flip`, `none`, or a set of them. Out: an
//! [`Augment`]. Validation and test images go through nothing.

use crate::ir::Value;
use crate::model::expression::evaluate::Failure;

/// Random changes of training images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::model) struct Augment {
    /// Pixels that they are shifted by at most, each way.
    pub(in crate::model) shift: usize,
    /// Whether half of them are mirrored left to right.
    pub(in crate::model) flip: bool,
    /// Side of the square that is cut out (arXiv:1708.04552); 0: none.
    pub(in crate::model) cutout: usize,
}

impl Augment {
    /// What a value says. That a set says each change once has been checked by analysis.
    pub(in crate::model) fn of(value: &Value) -> Result<Augment, Failure> {
        let mut augment = Augment::default();
        let alone = std::slice::from_ref(value);
        let all = match value {
            Value::Set(items) => items,
            _ => alone,
        };
        for one in all {
            let field = |name: &str| match one {
                Value::Record(record) => pixels(record.get(name), one),
                _ => Err(wrong(one)),
            };
            match one.as_name() {
                Some("none") => {}
                Some("flip") => augment.flip = true,
                Some("shift") => augment.shift = field("pixels")?,
                Some("crop") => augment.shift = field("padding")?,
                Some("cutout") => augment.cutout = field("pixels")?,
                _ => return Err(wrong(one)),
            }
        }
        Ok(augment)
    }
}

fn pixels(found: Option<&Value>, of: &Value) -> Result<usize, Failure> {
    let number = found.and_then(Value::as_number);
    let whole = number.filter(|n| n.fract() == 0.0 && (0.0..=1024.0).contains(n));
    whole.map(|n| n as usize).ok_or_else(|| wrong(of))
}

fn wrong(found: &Value) -> Failure {
    Failure::Kind("an augmentation", found.to_string())
}
