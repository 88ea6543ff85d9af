//! Hardware targets as written: fields may still depend on each other and on decisions.

use serde::{Deserialize, Serialize};

use super::{Expr, Provenance, Slot};
use crate::source::Span;

/// A transport-triggered architecture with one vector multiply-accumulate unit. Names in its expressions are its own fields:
/// `vector.width`, `clock`, `op_per_mac`, `binary.energy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// `op_per_mac`, op/mac.
    pub op_per_mac: Slot,
    /// `clock`, cycle/s.
    pub clock: Slot,
    /// `vector.width`, bit.
    pub vector_width: Slot,
    /// `vector.lanes`: output channels that one vector operation works on.
    pub lanes: Slot,
    /// `vector.idle`: the share of a busy lane's energy that an idle lane takes, 0 to 1.
    pub idle: Slot,
    /// Precisions in the order of the text; the cheapest that contains both operands is used.
    pub precisions: Vec<Precision>,
    /// Memories in the order of the text; no two hold the same.
    #[serde(default)]
    pub memories: Vec<Memory>,
    /// Facts that the file states about itself.
    pub checks: Vec<Check>,
    /// Where its numbers come from.
    pub provenance: Vec<Provenance>,
    /// Where the name stands.
    pub span: Span,
}

/// `precision int8 { energy = 405 fJ/op  macs = … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Precision {
    /// `binary`, `ternary` or `int8`: the set of codes that it multiplies.
    pub name: String,
    /// Bits of one code as stored: 1, 2 or 8.
    pub bits: u32,
    /// Energy of one operation, joule per op.
    pub energy: Slot,
    /// Multiply-accumulates per cycle at full utilization.
    pub macs: Slot,
    /// Where it stands.
    pub span: Span,
}

/// `memory parameters { holds = weights  size = 64 KiB  read = … }`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The author's name for it.
    pub name: String,
    /// What is in it.
    pub holds: Holds,
    /// bit.
    pub size: Slot,
    /// Energy of what is read, joule per bit; absent: it is part of the energy per operation.
    pub read: Option<Slot>,
    /// The same of what is written.
    pub write: Option<Slot>,
    /// Where its size stands: the place of the requirement that it makes.
    pub size_span: Span,
    /// Where its name stands.
    pub span: Span,
}

/// What a memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Weights, biases and scales.
    Weights,
    /// What layers read and write.
    Activations,
    /// Both.
    All,
}

impl Holds {
    /// The words for it.
    pub const WORDS: [&str; 3] = ["weights", "activations", "all"];

    /// By its word.
    pub fn of(word: &str) -> Option<Holds> {
        Some(match word {
            "weights" => Holds::Weights,
            "activations" => Holds::Activations,
            "all" => Holds::All,
            _ => return None,
        })
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Holds::Weights => "weights",
            Holds::Activations => "activations",
            Holds::All => "all",
        }
    }

    /// Whether weights are in it.
    pub fn weights(self) -> bool {
        self != Holds::Activations
    }

    /// Whether activations are in it.
    pub fn activations(self) -> bool {
        self != Holds::Weights
    }
}

/// One number of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'t> {
    /// As the language writes it: `vector.width`, `int8.energy`, `memory.parameters.size`.
    pub name: String,
    /// Its base unit.
    pub unit: &'static str,
    /// What is written.
    pub slot: &'t Slot,
}

impl Target {
    /// Every number of it, in one order.
    pub fn fields(&self) -> Vec<Field<'_>> {
        let field = |name: String, unit, slot| Field { name, unit, slot };
        let mut fields = vec![
            field("op_per_mac".into(), "op/mac", &self.op_per_mac),
            field("clock".into(), "cycle/s", &self.clock),
            field("vector.width".into(), "bit", &self.vector_width),
            field("vector.lanes".into(), "", &self.lanes),
            field("vector.idle".into(), "", &self.idle),
        ];
        for p in &self.precisions {
            fields.push(field(format!("{}.energy", p.name), "J/op", &p.energy));
            fields.push(field(format!("{}.macs", p.name), "mac/cycle", &p.macs));
        }
        for m in &self.memories {
            let path = |name: &str| format!("memory.{}.{name}", m.name);
            fields.push(field(path("size"), "bit", &m.size));
            for (name, slot) in [("read", &m.read), ("write", &m.write)] {
                fields.extend(slot.iter().map(|s| field(path(name), "J/bit", s)));
            }
        }
        fields
    }

    /// The same to be changed, in the same order.
    pub fn slots_mut(&mut self) -> Vec<&mut Slot> {
        let mut slots = vec![
            &mut self.op_per_mac,
            &mut self.clock,
            &mut self.vector_width,
            &mut self.lanes,
            &mut self.idle,
        ];
        for p in &mut self.precisions {
            slots.extend([&mut p.energy, &mut p.macs]);
        }
        for m in &mut self.memories {
            slots.push(&mut m.size);
            slots.extend(m.read.iter_mut().chain(&mut m.write));
        }
        slots
    }

    /// The field of this name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        let mut fields = self.fields().into_iter();
        fields.find(|f| f.name == name).map(|f| f.slot)
    }
}

/// `check left ~= right within tolerance`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// A truth value over the target's names. `a ~= b within t` has become `abs(a - b) <= t * abs(b)`.
    pub holds: Expr,
    /// The text as written.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}
