//! A walk over all values, block by block.
//!
//! In: a plan, what is known once per tensor or filter, and the caller's slices. Out: the result in the caller's slice, and reductions. A number
//! of filter `f` is read at value `i` from a table that repeats them in order, at `i % filters`; what a filter gathers
//! lies the same way and is folded at the end.

use super::instruction::Instruction;
use super::plan::{DY, FREE, Pass, X, Y};
use super::{BLOCK, Inputs, Level, Reduction};
use crate::kernels::simd::{BlockLoop, Isa, Kernel, Simd};

/// The values of a block, on lines of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Block([f32; BLOCK]);

/// Numbers that a reduction of the whole tensor gathers in.
const LANES: usize = 32;

const ZEROS: Block = Block([0.0; BLOCK]);

/// The number of each filter, over and over.
struct Table {
    place: usize,
    numbers: Vec<f32>,
}

/// What a reduction has gathered so far.
struct Gathered {
    place: usize,
    reduction: Reduction,
    /// Whether there is one number per filter.
    per_filter: bool,
    sums: Vec<f64>,
    extremes: Vec<f32>,
}

/// Walks over all values: fills `y` or adds to it, whatever the plan says. Gives the numbers of each reduction: one, or one per filter.
pub fn walk(
    isa: Isa,
    pass: &Pass,
    inputs: &Inputs,
    known: &[Vec<f32>],
    y: &mut [f32],
) -> Vec<(usize, Vec<f32>)> {
    let filters = inputs.filters;
    let mut slots = vec![ZEROS; pass.slots];
    let mut tables = Vec::new();
    for (place, step) in &pass.fixed {
        match known[*step].as_slice() {
            [one] => slots[place - FREE].0.fill(*one),
            many => tables.push(Table {
                place: *place,
                numbers: (many.iter().copied().cycle())
                    .take(filters + BLOCK)
                    .collect(),
            }),
        }
    }
    let sinks = pass.sinks.iter().map(|sink| {
        let per_filter = sink.level == Level::Filter && filters > 1;
        let lanes = if per_filter { filters + BLOCK } else { LANES };
        let (sums, extremes) = match sink.reduction {
            Reduction::Sum => (lanes, 0),
            _ => (0, lanes),
        };
        Gathered {
            place: sink.place,
            reduction: sink.reduction,
            per_filter,
            sums: vec![0.0; sums],
            extremes: vec![first(sink.reduction); extremes],
        }
    });
    let mut walk = Walk {
        isa,
        code: (pass.instructions.iter())
            .map(|i| (i.code.compiled(isa), i))
            .collect(),
        filters,
        at: [std::ptr::null_mut(); FREE]
            .into_iter()
            .chain(slots.iter_mut().map(|slot| std::ptr::from_mut(&mut slot.0)))
            .collect(),
        tables,
        gathered: sinks.collect(),
    };
    if !(pass.instructions.is_empty() && pass.sinks.is_empty()) {
        walk.all(inputs.x, inputs.dy, y);
    }
    let gathered = walk.gathered.into_iter().map(|g| g.numbers(filters));
    pass.sinks.iter().map(|s| s.step).zip(gathered).collect()
}

struct Walk<'a> {
    isa: Isa,
    code: Vec<(BlockLoop<BLOCK>, &'a Instruction)>,
    filters: usize,
    /// Where each place is for the current block.
    at: Vec<*mut [f32; BLOCK]>,
    tables: Vec<Table>,
    gathered: Vec<Gathered>,
}

impl Walk<'_> {
    fn all(&mut self, x: &[f32], dy: &[f32], y: &mut [f32]) {
        let (blocks, rest) = x.as_chunks::<BLOCK>();
        let (dy_blocks, dy_rest) = dy.as_chunks::<BLOCK>();
        let (y_blocks, y_rest) = y.as_chunks_mut::<BLOCK>();
        // What a program does not read or write may be absent.
        let mut unused = ZEROS;
        for (i, x) in blocks.iter().enumerate() {
            let dy = dy_blocks.get(i).unwrap_or(&ZEROS.0);
            let y = y_blocks.get_mut(i).unwrap_or(&mut unused.0);
            self.block(i * BLOCK, BLOCK, x, dy, y);
        }
        if rest.is_empty() {
            return;
        }
        let mut last = [ZEROS; 3];
        last[0].0[..rest.len()].copy_from_slice(rest);
        last[1].0[..dy_rest.len()].copy_from_slice(dy_rest);
        last[2].0[..y_rest.len()].copy_from_slice(y_rest);
        let [x, dy, y] = &mut last;
        self.block(blocks.len() * BLOCK, rest.len(), &x.0, &dy.0, &mut y.0);
        y_rest.copy_from_slice(&y.0[..y_rest.len()]);
    }

    /// One block, of which the first `n` values count.
    fn block(
        &mut self,
        start: usize,
        n: usize,
        x: &[f32; BLOCK],
        dy: &[f32; BLOCK],
        y: &mut [f32; BLOCK],
    ) {
        let phase = start % self.filters;
        let at = &mut self.at;
        at[X] = std::ptr::from_ref(x).cast_mut();
        at[DY] = std::ptr::from_ref(dy).cast_mut();
        at[Y] = y;
        for table in &mut self.tables {
            let numbers = &mut table.numbers[phase..phase + BLOCK];
            at[table.place] = numbers.as_mut_ptr().cast();
        }
        for (compute, instruction) in &self.code {
            let [a, b, c, d, e] = instruction.operands;
            let (a, b, c, d, e) = (at[a], at[b], at[c], at[d], at[e]);
            // SAFETY: every place is a whole block that lives as long as this function, and no other instruction runs meanwhile. Plans
            // write to slots and to `y` only, and never to a place that the same instruction reads, so the one exclusive reference is
            // to memory of its own. The loop is compiled for the instruction set that `isa` says is there.
            unsafe { compute(&mut *at[instruction.out], &*a, &*b, &*c, &*d, &*e) };
        }
        for gathered in &mut self.gathered {
            // SAFETY: as above; nothing is written meanwhile.
            let values = unsafe { &(&*at[gathered.place])[..n] };
            let first = if gathered.per_filter { phase } else { 0 };
            self.isa.run(Gather {
                gathered,
                first,
                values,
            });
        }
    }
}

/// Takes the values of a block to where their filters gather.
struct Gather<'a> {
    gathered: &'a mut Gathered,
    first: usize,
    values: &'a [f32],
}

impl Kernel for Gather<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let Gather {
            gathered,
            first,
            values,
        } = self;
        match gathered.reduction {
            Reduction::Sum => gather(
                &mut gathered.sums,
                first,
                values,
                #[inline(always)]
                |sum, v| sum + f64::from(v),
            ),
            Reduction::Max => gather(
                &mut gathered.extremes,
                first,
                values,
                #[inline(always)]
                |most, v| extreme(Reduction::Max, most, v),
            ),
            Reduction::Min => gather(
                &mut gathered.extremes,
                first,
                values,
                #[inline(always)]
                |least, v| extreme(Reduction::Min, least, v),
            ),
        }
    }
}

/// Combines each value with the lane where it belongs: of a tensor, [`LANES`] take turns; filters have their own.
#[inline(always)]
fn gather<T: Copy>(all: &mut [T], first: usize, values: &[f32], f: impl Fn(T, f32) -> T) {
    if let Ok(lanes) = <&mut [T; LANES]>::try_from(&mut *all) {
        let (rows, rest) = values.as_chunks::<LANES>();
        // A copy stays in registers.
        let mut own = *lanes;
        for row in rows {
            for i in 0..LANES {
                own[i] = f(own[i], row[i]);
            }
        }
        *lanes = own;
        for (lane, v) in lanes.iter_mut().zip(rest) {
            *lane = f(*lane, *v);
        }
        return;
    }
    for (lane, v) in all[first..].iter_mut().zip(values) {
        *lane = f(*lane, *v);
    }
}

impl Gathered {
    /// One number, or one per filter.
    fn numbers(self, filters: usize) -> Vec<f32> {
        let filters = if self.per_filter { filters } else { 1 };
        match self.reduction {
            Reduction::Sum => {
                let mut folded = vec![0.0; filters];
                for (i, sum) in self.sums.iter().enumerate() {
                    folded[i % filters] += sum;
                }
                folded.into_iter().map(|sum| sum as f32).collect()
            }
            kind => {
                let mut folded = vec![first(kind); filters];
                for (i, e) in self.extremes.iter().enumerate() {
                    folded[i % filters] = extreme(kind, folded[i % filters], *e);
                }
                folded
            }
        }
    }
}

/// What every value is more extreme than.
fn first(kind: Reduction) -> f32 {
    match kind {
        Reduction::Max => f32::NEG_INFINITY,
        _ => f32::INFINITY,
    }
}

/// The larger or smaller of two; NaN wins.
#[inline(always)]
fn extreme(kind: Reduction, so_far: f32, new: f32) -> f32 {
    let wins = match kind {
        Reduction::Max => new > so_far,
        _ => new < so_far,
    };
    if wins | new.is_nan() { new } else { so_far }
}
