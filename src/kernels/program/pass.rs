//! One walk over all values: what is computed in each block, and where it goes.
//!
//! In: steps of which some are known once per tensor or filter. Out: results in the caller's slice, and reductions. Slots are shared by
//! steps whose results are not needed at the same time; frequent pairs of steps are one instruction.

use super::lanes;
use super::{BLOCK, Binary, Inputs, Level, Op, Reduction, Unary};
use crate::kernels::simd::{Isa, Kernel, Simd};

/// What an instruction computes from up to four operands `a`, `b`, `c`, `d`.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Code {
    Unary(Unary),
    Binary(Binary),
    Select,
    Clip,
    /// `a * b + c`, rounded twice.
    MultiplyAdd,
    /// `c - a * b`, rounded twice.
    SubtractProduct,
    /// `if a <op> b { c } else { d }`
    Choose(Binary),
}

#[derive(Clone, PartialEq, Debug)]
struct Instruction {
    code: Code,
    operands: [usize; 4],
    out: usize,
}

/// Where a reduction's operand is.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Sink {
    step: usize,
    reduction: Reduction,
    level: Level,
    slot: usize,
}

/// A walk over all values. Places 0 and 1 are `x` and `dy` themselves, 2 is the result; the rest are slots.
#[derive(Clone, PartialEq, Debug)]
pub struct Pass {
    instructions: Vec<Instruction>,
    slots: usize,
    /// Slots that hold what is known once per tensor or filter, with its step.
    fixed: Vec<(usize, usize)>,
    sinks: Vec<Sink>,
    /// Where the result is, or the two factors whose product it is.
    result: Option<(usize, Option<usize>)>,
}

const X: usize = 0;
const DY: usize = 1;
const FREE: usize = 2;

impl Pass {
    /// Plans a walk that feeds `reductions` and gives `result`.
    pub fn new(
        steps: &[Op],
        levels: &[Level],
        reductions: &[usize],
        result: Option<usize>,
    ) -> Pass {
        let goals = reductions.iter().flat_map(|r| steps[*r].operands());
        let goals: Vec<usize> = goals.chain(result).collect();
        // How often each step is read in this walk; invariants are read, not computed.
        let mut uses = vec![0_usize; steps.len()];
        goals.iter().for_each(|g| uses[*g] += 1);
        for i in (0..steps.len()).rev() {
            if uses[i] > 0 && levels[i] == Level::Element {
                steps[i].operands().for_each(|o| uses[o] += 1);
            }
        }
        let mut plan = Plan {
            steps,
            levels,
            uses,
            place: vec![None; steps.len()],
            free: Vec::new(),
            pass: Pass {
                instructions: Vec::new(),
                slots: 0,
                fixed: Vec::new(),
                sinks: Vec::new(),
                result: None,
            },
        };
        // A product that is the result and nothing else is left to whoever writes it.
        let product = result
            .filter(|r| plan.alone(*r))
            .and_then(|r| match steps[r] {
                Op::Binary(Binary::Multiply, a, b) => Some((r, a, b)),
                _ => None,
            });
        let fused = plan.fused(product.map(|(r, ..)| r));
        for step in 0..steps.len() {
            if plan.uses[step] > 0 && levels[step] == Level::Element && !fused[step] {
                plan.instruction(step, &fused);
            }
        }
        for step in reductions {
            let Op::Reduce(reduction, level, operand) = steps[*step] else {
                unreachable!("reductions reduce")
            };
            let slot = plan.read(operand);
            plan.pass.sinks.push(Sink {
                step: *step,
                reduction,
                level,
                slot,
            });
        }
        plan.pass.result = match (product, result) {
            (Some((_, a, b)), _) => Some((plan.read(a), Some(plan.read(b)))),
            (None, Some(step)) => Some((plan.read(step), None)),
            (None, None) => None,
        };
        plan.pass
    }
}

struct Plan<'a> {
    steps: &'a [Op],
    levels: &'a [Level],
    /// Reads that are still to come.
    uses: Vec<usize>,
    place: Vec<Option<usize>>,
    free: Vec<usize>,
    pass: Pass,
}

impl Plan<'_> {
    /// Whether a step is computed in this walk and read once.
    fn alone(&self, step: usize) -> bool {
        self.uses[step] == 1 && self.levels[step] == Level::Element
    }

    /// Steps that are computed as a part of their only reader.
    fn fused(&self, result: Option<usize>) -> Vec<bool> {
        let mut fused = vec![false; self.steps.len()];
        if let Some(result) = result {
            fused[result] = true;
        }
        for (i, op) in self.steps.iter().enumerate() {
            if self.uses[i] == 0 || self.levels[i] != Level::Element || fused[i] {
                continue;
            }
            let product = |step: usize| {
                matches!(self.steps[step], Op::Binary(Binary::Multiply, ..)) && self.alone(step)
            };
            match *op {
                Op::Binary(Binary::Add, a, _) if product(a) => fused[a] = true,
                Op::Binary(Binary::Add | Binary::Subtract, _, b) if product(b) => fused[b] = true,
                Op::Select(c, ..) if comparison(self.steps[c]).is_some() && self.alone(c) => {
                    fused[c] = true;
                }
                _ => {}
            }
        }
        fused
    }

    /// The place of a step's result, for one of its readers.
    fn read(&mut self, step: usize) -> usize {
        let place = match self.place[step] {
            Some(place) => place,
            None => match self.steps[step] {
                Op::X => X,
                Op::Dy => DY,
                _ => {
                    let place = self.new_slot();
                    self.pass.fixed.push((place, step));
                    place
                }
            },
        };
        self.place[step] = Some(place);
        self.uses[step] -= 1;
        if self.uses[step] == 0 && self.levels[step] == Level::Element && place >= FREE {
            self.free.push(place);
        }
        place
    }

    /// A slot that never held anything: invariants are written before the first block.
    fn new_slot(&mut self) -> usize {
        self.pass.slots += 1;
        FREE + self.pass.slots - 1
    }

    fn instruction(&mut self, step: usize, fused: &[bool]) {
        let op = self.steps[step];
        let inner = |step: usize| match self.steps[step] {
            Op::Binary(f, a, b) if fused[step] => Some((f, a, b)),
            _ => None,
        };
        let (code, operands): (Code, Vec<usize>) = match op {
            Op::X | Op::Dy => return,
            Op::Unary(f, a) => (Code::Unary(f), vec![a]),
            Op::Binary(Binary::Add, a, b) => match (inner(a), inner(b)) {
                (Some((_, p, q)), _) => (Code::MultiplyAdd, vec![p, q, b]),
                (_, Some((_, p, q))) => (Code::MultiplyAdd, vec![p, q, a]),
                _ => (Code::Binary(Binary::Add), vec![a, b]),
            },
            Op::Binary(Binary::Subtract, a, b) => match inner(b) {
                Some((_, p, q)) => (Code::SubtractProduct, vec![p, q, a]),
                None => (Code::Binary(Binary::Subtract), vec![a, b]),
            },
            Op::Binary(f, a, b) => (Code::Binary(f), vec![a, b]),
            Op::Select(c, a, b) => match inner(c) {
                Some((f, p, q)) => (Code::Choose(f), vec![p, q, a, b]),
                None => (Code::Select, vec![c, a, b]),
            },
            Op::Clip(a, low, high) => (Code::Clip, vec![a, low, high]),
            _ => unreachable!("everything else is no value of an element"),
        };
        // The result's slot is taken before those of the operands come free: no loop reads what it writes.
        let out = match self.free.pop() {
            Some(slot) => slot,
            None => self.new_slot(),
        };
        self.place[step] = Some(out);
        let mut places = [X; 4];
        for (place, operand) in places.iter_mut().zip(&operands) {
            *place = self.read(*operand);
        }
        self.pass.instructions.push(Instruction {
            code,
            operands: places,
            out,
        });
    }
}

fn comparison(op: Op) -> Option<Binary> {
    use Binary::*;
    match op {
        Op::Binary(f @ (Less | LessEqual | Greater | GreaterEqual | Equal | NotEqual), ..) => {
            Some(f)
        }
        _ => None,
    }
}

/// Slots and running reductions of a walk.
pub struct Memory {
    slots: Vec<Line>,
    /// Invariants with one number per filter: the slot and the numbers.
    rows: Vec<(usize, Vec<f32>)>,
    sums: Vec<Vec<f64>>,
    extremes: Vec<Vec<f32>>,
    filters: usize,
}

/// A line of the cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Lines of a slot: one more than a block has, since addresses that differ by 4 KiB hinder each other.
const SLOT: usize = BLOCK / 16 + 1;

/// Lanes of a sum over the tensor.
const LANES: usize = 8;

impl Memory {
    /// Slots with what is known, and empty reductions.
    pub fn new(pass: &Pass, known: &[Vec<f32>], filters: usize) -> Memory {
        let mut memory = Memory {
            slots: vec![Line([0.0; 16]); pass.slots * SLOT],
            rows: Vec::new(),
            sums: Vec::new(),
            extremes: Vec::new(),
            filters,
        };
        for (slot, step) in &pass.fixed {
            match known[*step].as_slice() {
                [one] => memory.slot(*slot).fill(*one),
                many => memory.rows.push((*slot, many.to_vec())),
            }
        }
        for sink in &pass.sinks {
            let per_filter = sink.level == Level::Filter && filters > 1;
            let lanes = if per_filter { filters } else { LANES };
            memory.sums.push(vec![0.0; lanes]);
            let start = match sink.reduction {
                Reduction::Max => f32::NEG_INFINITY,
                _ => f32::INFINITY,
            };
            memory.extremes.push(vec![start; lanes]);
        }
        memory
    }

    /// The block of a slot.
    fn slot(&mut self, place: usize) -> &mut [f32] {
        let lines = &mut self.slots[(place - FREE) * SLOT..][..SLOT];
        // SAFETY: lines are numbers without gaps.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), BLOCK) }
    }

    /// The numbers of each reduction: one, or one per filter.
    pub fn reduced(self, pass: &Pass) -> Vec<(usize, Vec<f32>)> {
        let all = pass.sinks.iter().zip(self.sums).zip(self.extremes);
        let filters = self.filters;
        all.map(|((sink, sums), extremes)| {
            let per_filter = sink.level == Level::Filter && filters > 1;
            let numbers = match sink.reduction {
                Reduction::Sum if per_filter => sums.iter().map(|s| *s as f32).collect(),
                Reduction::Sum => vec![sums.iter().sum::<f64>() as f32],
                _ if per_filter => extremes,
                kind => {
                    let first = extremes[0];
                    vec![extremes.into_iter().fold(first, |a, b| extreme(kind, a, b))]
                }
            };
            (sink.step, numbers)
        })
        .collect()
    }
}

/// The larger or smaller of two; NaN wins.
#[inline(always)]
fn extreme(kind: Reduction, so_far: f32, new: f32) -> f32 {
    let wins = match kind {
        Reduction::Max => new > so_far,
        _ => new < so_far,
    };
    if wins || new.is_nan() { new } else { so_far }
}

/// The walk as a loop over blocks. Each instruction is a kernel of its own: dispatch costs nothing next to a block.
pub struct Run<'a, 'b> {
    pub isa: Isa,
    pub pass: &'a Pass,
    pub inputs: &'a Inputs<'b>,
    pub memory: &'a mut Memory,
    pub y: &'a mut [f32],
    pub add: bool,
}

impl Run<'_, '_> {
    /// Walks over all values.
    pub fn run(mut self) {
        let (len, filters) = (self.inputs.x.len(), self.inputs.filters);
        let by_filter = filters > 1
            && (!self.memory.rows.is_empty()
                || self.pass.sinks.iter().any(|s| s.level == Level::Filter));
        let width = if by_filter { filters } else { 1 };
        if self.pass.sinks.is_empty() && self.pass.result.is_none() {
            return;
        }
        if width <= BLOCK {
            let size = BLOCK / width * width;
            self.fill_rows(0, size);
            for start in (0..len).step_by(size) {
                self.block(start, (len - start).min(size), 0, width);
            }
            return;
        }
        // Wide rows are walked in pieces.
        for row in (0..len).step_by(width) {
            for first in (0..width).step_by(BLOCK) {
                let n = (width - first).min(BLOCK);
                self.fill_rows(first, n);
                self.block(row + first, n, first, width);
            }
        }
    }

    /// Writes the numbers of filters from `first` on to their slots, over and over.
    fn fill_rows(&mut self, first: usize, n: usize) {
        let rows = std::mem::take(&mut self.memory.rows);
        for (slot, numbers) in &rows {
            let out = &mut self.memory.slot(*slot)[..n];
            let cycle = numbers.iter().cycle().skip(first);
            out.iter_mut().zip(cycle).for_each(|(o, n)| *o = *n);
        }
        self.memory.rows = rows;
    }

    fn block(&mut self, start: usize, n: usize, first: usize, width: usize) {
        let (inputs, memory) = (self.inputs, &mut *self.memory);
        let slots = memory.slots.as_mut_ptr();
        let slot = |place: usize| slots.wrapping_add((place - FREE) * SLOT).cast::<f32>();
        // SAFETY: a slot lies inside the memory, and nothing writes to it while it is read: planning never lets an instruction read
        // the slot that it writes.
        let at = |place: usize| unsafe {
            match place {
                X => &inputs.x[start..start + n],
                DY => &inputs.dy[start..start + n],
                _ => std::slice::from_raw_parts(slot(place), n),
            }
        };
        for instruction in &self.pass.instructions {
            // SAFETY: as above.
            let out = unsafe { std::slice::from_raw_parts_mut(slot(instruction.out), n) };
            let [a, b, c, d] = instruction.operands;
            self.isa.run(Loop {
                code: instruction.code,
                out,
                operands: [at(a), at(b), at(c), at(d)],
            });
        }
        for (i, sink) in self.pass.sinks.iter().enumerate() {
            let values = at(sink.slot);
            let (sums, extremes) = (&mut memory.sums[i], &mut memory.extremes[i]);
            let per_filter = sink.level == Level::Filter && memory.filters > 1;
            // Rows of filters, or lanes of the tensor.
            let (row, first) = match per_filter {
                true => (width.min(n), first),
                false => (LANES, 0),
            };
            match sink.reduction {
                Reduction::Sum => self.isa.run(Sum {
                    sums: &mut sums[first..],
                    values,
                    row,
                }),
                kind => {
                    for values in values.chunks(row) {
                        for (most, v) in extremes[first..].iter_mut().zip(values) {
                            *most = extreme(kind, *most, *v);
                        }
                    }
                }
            }
        }
        let Some((a, b)) = self.pass.result else {
            return;
        };
        let out = &mut self.y[start..start + n];
        let a = at(a);
        match (b.map(at), self.add) {
            (None, false) => out.copy_from_slice(a),
            (None, true) => self.isa.run(Accumulate { out, a }),
            (Some(b), false) => self.isa.run(Loop {
                code: Code::Binary(Binary::Multiply),
                out,
                operands: [a, b, a, a],
            }),
            (Some(b), true) => self.isa.run(AccumulateProduct { out, a, b }),
        }
    }
}

/// `out += a`
struct Accumulate<'a> {
    out: &'a mut [f32],
    a: &'a [f32],
}

impl Kernel for Accumulate<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        for (out, a) in self.out.iter_mut().zip(self.a) {
            *out += a;
        }
    }
}

/// `out += a * b`, rounded twice.
struct AccumulateProduct<'a> {
    out: &'a mut [f32],
    a: &'a [f32],
    b: &'a [f32],
}

impl Kernel for AccumulateProduct<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        let n = self.out.len();
        let (a, b) = (&self.a[..n], &self.b[..n]);
        for i in 0..n {
            self.out[i] += a[i] * b[i];
        }
    }
}

/// Sums of rows: `sums[c] += values[r * row + c]`, rows in order.
struct Sum<'a> {
    sums: &'a mut [f64],
    values: &'a [f32],
    row: usize,
}

impl Kernel for Sum<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        if self.row == LANES {
            let mut lanes: [f64; LANES] = std::array::from_fn(|i| self.sums[i]);
            let (rows, rest) = self.values.as_chunks::<LANES>();
            for row in rows {
                for i in 0..LANES {
                    lanes[i] += f64::from(row[i]);
                }
            }
            for (lane, v) in lanes.iter_mut().zip(rest) {
                *lane += f64::from(*v);
            }
            self.sums[..LANES].copy_from_slice(&lanes);
            return;
        }
        for values in self.values.chunks(self.row) {
            for (sum, v) in self.sums.iter_mut().zip(values) {
                *sum += f64::from(*v);
            }
        }
    }
}

/// One instruction on a block.
struct Loop<'a> {
    code: Code,
    out: &'a mut [f32],
    operands: [&'a [f32]; 4],
}

impl Kernel for Loop<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self) {
        compute(self.code, self.out, self.operands);
    }
}

// Loops count, because chains of iterators keep the compiler from vectorizing them.

#[inline(always)]
fn one(out: &mut [f32], a: &[f32], f: impl Fn(f32) -> f32) {
    let a = &a[..out.len()];
    for i in 0..out.len() {
        out[i] = f(a[i]);
    }
}

#[inline(always)]
fn two(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    let (a, b) = (&a[..out.len()], &b[..out.len()]);
    for i in 0..out.len() {
        out[i] = f(a[i], b[i]);
    }
}

#[inline(always)]
fn three(out: &mut [f32], [a, b, c]: [&[f32]; 3], f: impl Fn(f32, f32, f32) -> f32) {
    let n = out.len();
    let (a, b, c) = (&a[..n], &b[..n], &c[..n]);
    for i in 0..out.len() {
        out[i] = f(a[i], b[i], c[i]);
    }
}

#[inline(always)]
fn choose(out: &mut [f32], [a, b, c, d]: [&[f32]; 4], f: impl Fn(f32, f32) -> bool) {
    let n = out.len();
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    for i in 0..out.len() {
        // Both are loaded, or the compiler would gather the one that counts.
        let (yes, no) = (c[i], d[i]);
        out[i] = if f(a[i], b[i]) { yes } else { no };
    }
}

/// One loop for each function, so that the compiler can vectorize it.
#[inline(always)]
fn compute(code: Code, out: &mut [f32], [a, b, c, d]: [&[f32]; 4]) {
    macro_rules! unary {
        ($f:expr; $($name:ident),*) => {
            match $f { $(Unary::$name => one(out, a, #[inline(always)] |a| lanes::unary(Unary::$name, a))),* }
        };
    }
    macro_rules! binary {
        ($f:expr; $($name:ident),*) => {
            match $f { $(Binary::$name => two(out, a, b, #[inline(always)] |a, b| lanes::binary(Binary::$name, a, b))),* }
        };
    }
    match code {
        Code::Unary(f) => unary!(f;
            Negate, Not, Abs, Sign, Round, Floor, Ceil, Sqrt, Exp, Ln, Log2, Tanh, Sin, Cos
        ),
        Code::Binary(f) => binary!(f;
            Add, Subtract, Multiply, Divide, Power, Max, Min, Equal, NotEqual, Less, LessEqual,
            Greater, GreaterEqual, And, Or, Implies
        ),
        Code::Select => three(out, [a, b, c], lanes::select),
        Code::Clip => three(out, [a, b, c], lanes::clip),
        Code::MultiplyAdd => three(
            out,
            [a, b, c],
            #[inline(always)]
            |a, b, c| a * b + c,
        ),
        Code::SubtractProduct => three(
            out,
            [a, b, c],
            #[inline(always)]
            |a, b, c| c - a * b,
        ),
        Code::Choose(f) => {
            let all = [a, b, c, d];
            match f {
                Binary::Less => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a < b,
                ),
                Binary::LessEqual => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a <= b,
                ),
                Binary::Greater => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a > b,
                ),
                Binary::GreaterEqual => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a >= b,
                ),
                Binary::Equal => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a == b,
                ),
                _ => choose(
                    out,
                    all,
                    #[inline(always)]
                    |a, b| a != b,
                ),
            }
        }
    }
}

#[cfg(test)]
impl Pass {
    /// How many loops a block takes.
    pub fn instructions(&self) -> usize {
        self.instructions.len()
    }
}
