//! What is alive while a node is computed, exactly: `peak_memory` is the largest of these sums, so that a limit of it is a limit of each.
//!
//! In: template nodes. Out: for each step a sum of tables, one for each buffer that may be alive there, and from these what a limit asks of
//! the decisions that the step depends on, or how small and how large the sum can be. A buffer depends on what is computed into it and on who reads it:
//! on a skip connection that keeps it, on all quantizers that read it, on whether the layers between are there.

use super::Source;
use super::flow::Values;
use super::table::{Partial, Table};
use crate::ir::Edit;
use crate::model::decision::Decisions;
use crate::model::hardware::buffer;
use crate::model::operation::{How, TemplateOp};

/// The most nodes.
const MOST_NODES: usize = 1000;
/// The most answers to what one buffer is.
const MOST_ANSWERS: usize = 20_000;
/// The most rows of what is alive at one step.
const MOST_ROWS: usize = 50_000;

/// A sum that is beyond every limit.
const BEYOND: u64 = 1 << 60;

/// What may be alive at each step.
#[derive(Debug, Clone)]
pub(in crate::model) struct Alive {
    steps: Vec<Step>,
    /// Whether nothing else is alive, and nothing less.
    is_exact: bool,
}

/// A node that gives a buffer of its own.
#[derive(Debug, Clone)]
struct Step {
    /// Whether it is there.
    exists: Table<bool>,
    /// The bits of the buffers that may be alive while it is computed, where it is there. Its own is the first.
    buffers: Vec<Table<u64>>,
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
        let mut is_exact = true;
        // For each node its buffer: the step at which it dies, and its bits; none where the node gives no buffer.
        let mut buffers: Vec<Option<Table<(usize, u64)>>> = Vec::with_capacity(values.len());
        for birth in 0..values.len() {
            let table = values.partial.table(MOST_ANSWERS, &|| {
                if !values.exists(birth)? {
                    return Ok((0, 0));
                }
                Ok(match buffer(&values, birth)? {
                    Some(buffer) => (buffer.death, values.len_of(birth)? * buffer.bits),
                    None => (0, 0),
                })
            });
            is_exact &= table.is_some();
            let is_there = |t: &Table<(usize, u64)>| t.values().any(|(_, bits)| bits > 0);
            buffers.push(table.filter(is_there));
        }
        let mut steps = Vec::new();
        for (at, own) in buffers.iter().enumerate() {
            let Some(own) = own else { continue };
            let exists = own.map(|(_, bits)| Some(bits > 0)).reduced();
            let mut of_step = vec![own.map(|(_, b)| (b > 0).then_some(b)).reduced()];
            for earlier in buffers[..at].iter().flatten() {
                if earlier.values().all(|(death, _)| death < at) {
                    continue;
                }
                let alive = |(death, bits)| if death >= at { bits } else { 0 };
                let here = exists.with(earlier, &values.partial, MOST_ROWS, |exists, buffer| {
                    buffer.filter(|_| exists == Some(true)).map(alive)
                });
                match here {
                    Some(here) if here.values().all(|bits| bits == 0) => {}
                    Some(here) => of_step.push(here),
                    None => is_exact = false,
                }
            }
            // What is over few decisions first.
            of_step[1..].sort_by_key(|t| t.rows.len());
            steps.push(Step {
                exists,
                buffers: of_step,
            });
        }
        Some(Alive {
            steps,
            is_exact: is_exact && !values.is_unsure(),
        })
    }

    /// What must be at most `limit`, each by itself: tables of 0 where that holds. Steps at which it always does are left out.
    pub(super) fn within(&self, limit: u64, decisions: &Decisions) -> Vec<Bits> {
        let partial = Partial::new(decisions);
        let mut found = Vec::new();
        for step in &self.steps {
            let bits = step.bits(limit, Some(limit), Side::Least, &partial);
            let is_all = bits.is_all && self.is_exact;
            let beyond = bits.table.map(|b| Some(if b > limit { b } else { 0 }));
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
            let ends = step.buffers.iter().map(|t| t.values().min().unwrap_or(0));
            if always { ends.sum() } else { 0 }
        };
        let floor = self.steps.iter().map(least).max().unwrap_or(0);
        self.above(floor, Side::Least, decisions)
    }

    /// What is alive at most, where one peak is known. `None` if something is left out.
    pub(super) fn most(&self, floor: u64, decisions: &Decisions) -> Option<Vec<Bits>> {
        let found = self.is_exact.then(|| self.above(floor, Side::Most, decisions));
        found
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
        let ends = |table: &Table<u64>| {
            let least = table.values().min().unwrap_or(0);
            (least, table.values().max().unwrap_or(0))
        };
        // What all others may add.
        let (mut least, mut most) = (0, 0);
        for (low, high) in self.buffers.iter().map(ends) {
            (least, most) = (least + low, most + high);
        }
        if most <= floor {
            let table = Table::constant(floor);
            return Bits { table, is_all: true };
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
            let both = sum.with(buffer, partial, MOST_ROWS, |x: Option<u64>, y: Option<u64>| {
                Some(settled(x? + y?))
            });
            sum = both.unwrap_or_else(|| {
                is_all = false;
                let by = if side == Side::Least { low } else { high };
                sum.map(|bits| Some(settled(bits + by)))
            });
        }
        let whole = self.exists.with(&sum, partial, MOST_ROWS, |exists, bits| {
            if exists? { Some(bits?.max(floor)) } else { Some(floor) }
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
