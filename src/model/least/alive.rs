//! What is alive while a node is computed, exactly: `peak_memory` is the largest of these sums, so that a limit of it is a limit of each.
//!
//! In: template nodes. Out: for each step a sum of tables, one for each buffer that may be alive there, and from these what a limit asks of
//! the decisions that the step depends on, or how small and how large the sum can be. A buffer depends on what is computed into it and on who reads it:
//! on a skip connection that keeps it, on all quantizers that read it, on whether the layers between are there.

use super::Source;
use super::flow::Values;
use super::table::{Open, Order, Partial, Table};
use crate::ir::Edit;
use crate::model::decision::Decisions;
use crate::model::hardware::buffer;
use crate::model::shape::operation::{How, TemplateOp};

/// The most nodes.
const MOST_NODES: usize = 1000;
/// The most answers to what one buffer is.
const MOST_ANSWERS: usize = 20_000;
/// The most rows of one buffer, and of all that are alive at one step; and on the way there.
const MOST_ROWS_OF_ONE: usize = 5_000;
const MOST_ROWS: usize = 20_000;
const MOST_ON_THE_WAY: usize = 100_000;

/// The most conditions that are looked at while all buffers are asked for.
const MOST_LOOKS: u64 = 1_000_000;

/// A sum that is beyond every limit.
const BEYOND: u64 = 1 << 60;

/// What may be alive at each step.
#[derive(Debug, Clone)]
pub(super) struct Alive {
    steps: Vec<Step>,
    /// Whether no two quantizers were taken for the same that may not be.
    is_sure: bool,
}

/// A node that gives a buffer of its own.
#[derive(Debug, Clone)]
struct Step {
    /// Whether it is there.
    exists: Table<bool>,
    /// The bits of the buffers that may be alive while it is computed, where it is there. Its own is the first.
    buffers: Vec<Alternatives>,
}

/// The bits of a buffer: at least by decisions, and at most.
#[derive(Debug, Clone)]
struct Alternatives {
    least: Table<u64>,
    most: u64,
    /// Whether there are not more bits than that.
    is_exact: bool,
}

/// Which side of the truth is wanted where not all can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Least,
    Most,
}

/// Bits by decisions, and whether they are what is alive.
pub(super) struct Bits {
    pub table: Table<u64>,
    pub is_all: bool,
}

impl Bits {
    /// The bits as what amounts are compared by.
    pub(super) fn numbers(&self) -> Table<f64> {
        self.table.map(|bits| Some(bits as f64))
    }
}

impl Alive {
    /// `None` where repairs change who reads what.
    pub(super) fn new(source: &Source) -> Option<Alive> {
        let moves =
            |edit: &Edit| matches!(edit, Edit::RemoveSkips | Edit::ShortcutAroundBinaryConvs);
        let mut edits = source.repairs.iter().flat_map(|r| &r.edits);
        let is_concat = |op: &TemplateOp| matches!(op, TemplateOp::Join(How::Concat, _));
        let ends_in_parts = source.nodes.last().is_none_or(|node| is_concat(&node.op));
        if edits.any(moves) || ends_in_parts || source.nodes.len() > MOST_NODES {
            return None;
        }
        let values = Values::new(source);
        let order = Order {
            least: |x: (usize, u64), y| (x.0.min(y.0), x.1.min(y.1)),
            most: |x: (usize, u64), y| (x.0.max(y.0), x.1.max(y.1)),
        };
        let is_too_much = || values.partial.looks() > MOST_LOOKS;
        // For each node its buffer: the step at which it dies, and its bits; none where the node gives no buffer.
        let mut buffers = Vec::with_capacity(values.len());
        for birth in 0..values.len() {
            let answers = values
                .partial
                .answers(MOST_ANSWERS, MOST_ROWS_OF_ONE, &order, &|| {
                    if is_too_much() {
                        return Err(Open::Never);
                    }
                    if !values.exists(birth)? {
                        return Ok((0, 0));
                    }
                    let len = values.len_of(birth)?;
                    Ok(match buffer(&values, birth)? {
                        Some(buffer) => (buffer.death, len * buffer.bits),
                        None => (0, 0),
                    })
                });
            if is_too_much() {
                return None;
            }
            buffers.push(answers?);
        }
        let mut steps = Vec::new();
        for (at, own) in buffers.iter().enumerate() {
            if own.most.1 == 0 {
                continue;
            }
            // Where it is not known to be there, it is not.
            let exists = own.table.map(|(_, bits)| Some(bits > 0)).reduced();
            let mut of_step = vec![Alternatives {
                least: own.table.map(|(_, b)| (b > 0).then_some(b)).reduced(),
                most: own.most.1,
                is_exact: own.is_exact,
            }];
            for earlier in buffers[..at].iter().filter(|earlier| earlier.most.0 >= at) {
                let alive = |(death, bits)| if death >= at { bits } else { 0 };
                let here = exists.with(
                    &earlier.table,
                    &values.partial,
                    MOST_ON_THE_WAY,
                    |exists, buffer| buffer.filter(|_| exists == Some(true)).map(alive),
                );
                let is_exact = here.is_some() && earlier.is_exact;
                let least = here.unwrap_or(Table::constant(0));
                if !is_exact || least.values().any(|bits| bits > 0) {
                    of_step.push(Alternatives {
                        least,
                        most: earlier.most.1,
                        is_exact,
                    });
                }
            }
            // What is over few decisions first.
            of_step[1..].sort_by_key(|buffer| buffer.least.rows.len());
            steps.push(Step {
                exists,
                buffers: of_step,
            });
        }
        Some(Alive {
            steps,
            is_sure: !values.is_unsure(),
        })
    }

    /// What is alive at each step where that may be more than a limit between these numbers: 0 where it is not more than the lesser one, something beyond
    /// the greater one where it is more than that.
    pub(super) fn within(&self, low: u64, high: u64, decisions: &Decisions) -> Vec<Bits> {
        let partial = Partial::new(decisions);
        let mut found = Vec::new();
        for step in &self.steps {
            let bits = step.bits(low, Some(high), Side::Least, &partial);
            let is_all = bits.is_all && self.is_sure;
            let beyond = bits.table.map(|b| Some(if b > low { b } else { 0 }));
            if beyond.values().any(|b| b > 0) || !is_all {
                let table = beyond.reduced();
                found.push(Bits { table, is_all });
            }
        }
        found
    }

    /// What is alive at least, at each step: the largest of them is the least peak.
    pub(super) fn least(&self, decisions: &Decisions) -> Vec<Bits> {
        let least = |step: &Step| {
            let always = !step.exists.values().any(|exists| !exists);
            let ends = step.buffers.iter();
            let ends = ends.map(|buffer| buffer.least.values().min().unwrap_or(0));
            if always { ends.sum() } else { 0 }
        };
        let floor = self.steps.iter().map(least).max().unwrap_or(0);
        self.above(floor, Side::Least, decisions)
    }

    /// What is alive at most, where one peak is known. `None` if that is not known.
    pub(super) fn most(&self, floor: u64, decisions: &Decisions) -> Option<Vec<Bits>> {
        self.is_sure
            .then(|| self.above(floor, Side::Most, decisions))
    }

    /// What is alive at each step, where that may be more than `floor`.
    fn above(&self, floor: u64, side: Side, decisions: &Decisions) -> Vec<Bits> {
        let partial = Partial::new(decisions);
        let bits = |step: &Step| step.bits(floor, None, side, &partial);
        let mut found: Vec<Bits> = self.steps.iter().map(bits).collect();
        found.retain(|bits| bits.table.values().any(|b| b > floor));
        found.push(Bits {
            table: Table::constant(floor),
            is_all: true,
        });
        found
    }
}

impl Step {
    /// What is alive: `floor` where that is not more, anything above it where it is more than `limit`.
    fn bits(&self, floor: u64, limit: Option<u64>, side: Side, partial: &Partial) -> Bits {
        let ends = |buffer: &Alternatives| {
            let least = buffer.least.values().min().unwrap_or(0);
            let most = match buffer.is_exact {
                true => buffer.least.values().max().unwrap_or(0),
                false => buffer.most,
            };
            (least, most)
        };
        // What all others may add.
        let (mut least, mut most) = (0, 0);
        for (low, high) in self.buffers.iter().map(ends) {
            (least, most) = (least + low, most + high);
        }
        if most <= floor {
            let table = Table::constant(floor);
            return Bits {
                table,
                is_all: true,
            };
        }
        if side == Side::Most && !self.buffers[0].is_exact {
            // It may be there where it is not known to be.
            return Bits {
                table: Table::constant(most),
                is_all: false,
            };
        }
        let mut is_all = true;
        let mut sum = Table::constant(0);
        for buffer in &self.buffers {
            let (low, high) = ends(buffer);
            (least, most) = (least - low, most - high);
            let settled = |bits: u64| match () {
                () if bits + most <= floor => 0,
                () if limit.is_some_and(|limit| bits + least > limit) => BEYOND,
                () => bits,
            };
            let add = |x: Option<u64>, y: Option<u64>| Some(settled(x? + y?));
            let both = match buffer.is_exact || side == Side::Least {
                true => (sum.with(&buffer.least, partial, MOST_ON_THE_WAY, add))
                    .filter(|table| table.rows.len() <= MOST_ROWS),
                false => None,
            };
            is_all &= buffer.is_exact && both.is_some();
            sum = both.unwrap_or_else(|| {
                let by = if side == Side::Least { low } else { high };
                sum.map(|bits| Some(settled(bits + by)))
            });
        }
        let whole = self.exists.with(&sum, partial, MOST_ROWS, |exists, bits| {
            if exists? {
                Some(bits?.max(floor))
            } else {
                Some(floor)
            }
        });
        let table = whole.unwrap_or_else(|| {
            is_all = false;
            match side {
                Side::Least => Table::constant(floor),
                Side::Most => sum.map(|bits| Some(bits.max(floor))),
            }
        });
        Bits { table, is_all }
    }
}
