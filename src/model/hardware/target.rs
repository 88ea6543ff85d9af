//! From a target as written to a target with every field known, and what runs as what on it.
//!
//! In: an [`ir::Target`] whose slots are fixed. Out: a [`Target`], and the truth of the facts that it states about itself.
//! Fields may use each other's names in any order; a name that stands for nothing, or for itself, is a [`Failure`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Memory, Precision, Target};
use crate::ir::{self, BinaryOp, Expr, Function, Slot, Value};
use crate::model::expression::evaluate::{self, Failure, Scope};
use crate::model::quantization::quantizer::Grid;

/// A scope that knows nothing: for targets that stand alone, without an experiment around them.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Scope for Alone {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, _: usize) -> Option<Value> {
        None
    }
}

/// The names of a target's fields before all others.
struct Fields<'a> {
    known: BTreeMap<String, f64>,
    outer: &'a dyn Scope,
}

impl Scope for Fields<'_> {
    fn name(&self, name: &str) -> Option<Value> {
        match self.known.get(name) {
            Some(number) => Some(Value::Number(*number)),
            None => self.outer.name(name),
        }
    }

    fn decision(&self, index: usize) -> Option<Value> {
        self.outer.decision(index)
    }
}

impl Target {
    /// The target with its fields evaluated in the order in which they depend on each other. `outer` gives decisions, and names
    /// that are no field. A slot that is still to be chosen, a name without a value or defined by itself, and a number that no
    /// machine can have are failures.
    pub fn from_ir(target: &ir::Target, outer: &dyn Scope) -> Result<Target, Failure> {
        let mut pending = Vec::new();
        for ir::Field { name, slot, .. } in target.fields() {
            match slot {
                Slot::Fixed(expr) => pending.push((name, without_peaks(expr, target)?)),
                Slot::Chosen(_) => return Err(Failure::Undecided(name)),
            }
        }
        let mut fields = Fields {
            known: BTreeMap::new(),
            outer,
        };
        while !pending.is_empty() {
            let mut waiting = Vec::new();
            let mut first_failure = None;
            let before = pending.len();
            for (name, expr) in &pending {
                match evaluate::number(expr, &fields) {
                    Ok(number) => {
                        fields.known.insert(name.clone(), number);
                    }
                    // Another field that has no value yet.
                    Err(Failure::Unknown(needed)) if pending.iter().any(|(n, _)| *n == needed) => {
                        first_failure.get_or_insert(Failure::Unknown(needed));
                        waiting.push((name.clone(), expr.clone()));
                    }
                    Err(failure) => return Err(failure),
                }
            }
            match first_failure {
                Some(circular) if waiting.len() == before => return Err(circular),
                _ => pending = waiting,
            }
        }
        let field = |name: &str| fields.known[name];
        let of_memory = |m: &ir::Memory, name: &str| {
            let path = format!("memory.{}.{name}", m.name);
            fields.known.get(&path).copied()
        };
        let evaluated = Target {
            name: target.name.clone(),
            op_per_mac: field("op_per_mac"),
            clock: field("clock"),
            vector_width: field("vector.width"),
            lanes: field("vector.lanes"),
            idle: field("vector.idle"),
            precisions: target
                .precisions
                .iter()
                .map(|p| Precision {
                    name: p.name.clone(),
                    bits: p.bits,
                    energy: field(&format!("{}.energy", p.name)),
                    macs: field(&format!("{}.macs", p.name)),
                })
                .collect(),
            memories: target
                .memories
                .iter()
                .map(|m| Memory {
                    name: m.name.clone(),
                    holds: m.holds,
                    size: field(&format!("memory.{}.size", m.name)),
                    read: of_memory(m, "read"),
                    write: of_memory(m, "write"),
                })
                .collect(),
        };
        evaluated.validate()?;
        Ok(evaluated)
    }

    /// The precision with this name.
    pub fn precision(&self, name: &str) -> Option<&Precision> {
        self.precisions.iter().find(|p| p.name == name)
    }

    /// Operations per second at full utilization: mac/cycle · op/mac · cycle/s.
    pub fn peak(&self, precision: &Precision) -> f64 {
        precision.macs * self.op_per_mac * self.clock
    }

    /// Bits of one lane.
    pub fn word(&self) -> f64 {
        self.vector_width / self.lanes
    }

    /// Codes of a precision in one lane's word.
    pub fn codes_per_word(&self, precision: &Precision) -> f64 {
        (self.word() / f64::from(precision.bits)).floor()
    }

    /// Whether a fact that the file states about the target is true. Names are the target's fields, and `peak(p)`.
    pub fn holds(&self, check: &ir::Check) -> Result<bool, Failure> {
        let fields = Fields {
            known: self.named().into_iter().collect(),
            outer: &Alone,
        };
        evaluate::truth(&replace_peaks(&check.holds, &|p| self.has(p))?, &fields)
    }

    /// What a multiply-accumulate of two operands runs as: of the precisions whose codes contain both operands' codes, the one
    /// with the least energy per operation; of equals, the first.
    pub fn runs_as(&self, weights: Grid, activations: Grid) -> Option<&Precision> {
        self.precisions
            .iter()
            .filter(|p| p.contains(weights) && p.contains(activations))
            .reduce(|best, p| if p.energy < best.energy { p } else { best })
    }

    /// The precision that elementwise operations are charged at: the one with the most bits, `int8` where there is one.
    pub fn widest(&self) -> Option<&Precision> {
        self.precisions
            .iter()
            .reduce(|best, p| if p.bits > best.bits { p } else { best })
    }

    fn has(&self, precision: &str) -> bool {
        self.precision(precision).is_some()
    }

    /// Every field with the name that the language gives it.
    fn named(&self) -> Vec<(String, f64)> {
        let mut named = vec![
            ("op_per_mac".to_string(), self.op_per_mac),
            ("clock".to_string(), self.clock),
            ("vector.width".to_string(), self.vector_width),
            ("vector.lanes".to_string(), self.lanes),
            ("vector.idle".to_string(), self.idle),
        ];
        for p in &self.precisions {
            named.push((format!("{}.energy", p.name), p.energy));
            named.push((format!("{}.macs", p.name), p.macs));
        }
        for m in &self.memories {
            let path = |name: &str| format!("memory.{}.{name}", m.name);
            named.push((path("size"), m.size));
            named.extend(m.read.map(|read| (path("read"), read)));
            named.extend(m.write.map(|write| (path("write"), write)));
        }
        named
    }

    fn validate(&self) -> Result<(), Failure> {
        for (name, number) in self.named() {
            let of_memory = name.starts_with("memory.") && !name.ends_with(".size");
            let fine = match name.as_str() {
                _ if of_memory => number.is_finite() && number >= 0.0,
                "vector.idle" => (0.0..=1.0).contains(&number),
                "vector.lanes" => number.is_finite() && number >= 1.0 && number.fract() == 0.0,
                _ => number.is_finite() && number > 0.0,
            };
            if !fine {
                let wanted = match name.as_str() {
                    _ if of_memory => "an energy from 0 up",
                    "vector.idle" => "a share from 0 to 1",
                    "vector.lanes" => "a whole number of lanes",
                    _ => "a positive number",
                };
                return Err(Failure::Kind(wanted, format!("`{name}` = {number}")));
            }
        }
        for p in &self.precisions {
            if p.bits == 0 || self.codes_per_word(p) < 1.0 {
                return Err(Failure::Kind(
                    "lanes that hold a code of every precision",
                    format!("{} bits a lane and `{}`", self.word(), p.name),
                ));
            }
        }
        Ok(())
    }
}

impl Precision {
    /// Whether every code of a grid can be an operand: {-1, +1} ⊂ {-1, 0, +1} ⊂ integers, which may be signed or unsigned.
    pub fn contains(&self, grid: Grid) -> bool {
        match self.name.as_str() {
            "binary" => grid == Grid::Binary,
            "ternary" => matches!(grid, Grid::Binary | Grid::Ternary),
            _ => grid.bits() <= self.bits,
        }
    }
}

/// An expression over fields of a target with every `peak(p)` written out.
pub fn without_peaks(expr: &Expr, target: &ir::Target) -> Result<Expr, Failure> {
    replace_peaks(expr, &|name| {
        target.precisions.iter().any(|p| p.name == name)
    })
}

/// Writes `peak(p)` as `p.macs * op_per_mac * clock`, so that it depends on fields like any other expression.
fn replace_peaks(expr: &Expr, is_precision: &dyn Fn(&str) -> bool) -> Result<Expr, Failure> {
    let replace = |e: &Expr| replace_peaks(e, is_precision);
    let boxed = |e: &Expr| replace_peaks(e, is_precision).map(Arc::new);
    Ok(match expr {
        Expr::Call(Function::Peak, args) => {
            let (precision, span) = match args.as_slice() {
                [Expr::Name(name, span)] => (name, *span),
                [Expr::Value(Value::Name(name))] => (name, Default::default()),
                _ => {
                    return Err(Failure::Kind("the name of a precision", "peak".into()));
                }
            };
            if !is_precision(precision) {
                return Err(Failure::Unknown(precision.clone()));
            }
            let name = |text: String| Arc::new(Expr::Name(text, span));
            Expr::Binary(
                BinaryOp::Multiply,
                Arc::new(Expr::Binary(
                    BinaryOp::Multiply,
                    name(format!("{precision}.macs")),
                    name("op_per_mac".into()),
                )),
                name("clock".into()),
            )
        }
        Expr::Value(_) | Expr::Name(..) | Expr::Decision(_) | Expr::Record(..) => expr.clone(),
        Expr::Unary(op, x) => Expr::Unary(*op, boxed(x)?),
        Expr::Binary(op, x, y) => Expr::Binary(*op, boxed(x)?, boxed(y)?),
        Expr::If(c, x, y) => Expr::If(boxed(c)?, boxed(x)?, boxed(y)?),
        Expr::Call(function, args) => Expr::Call(
            *function,
            args.iter().map(replace).collect::<Result<_, _>>()?,
        ),
        Expr::Set(items) => Expr::Set(items.iter().map(replace).collect::<Result<_, _>>()?),
    })
}

#[cfg(test)]
mod tests;
