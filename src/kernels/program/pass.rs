//! One walk over all values: what is computed in each block, and where it goes.
//!
//! In: steps of which some are known once per tensor or filter. Out: results in the caller's slice, and reductions. Slots are shared by
//! steps whose results are not needed at the same time; frequent pairs of steps are one instruction.

use super::lanes;
use super::{BLOCK, Binary, Inputs, Level, Op, Reduction, Unary};
use crate::kernels::simd::{Kernel, Simd};

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
    slots: Vec<f32>,
    /// Invariants with one number per filter: the slot and the numbers.
    rows: Vec<(usize, Vec<f32>)>,
    sums: Vec<Vec<f64>>,
    extremes: Vec<Vec<f32>>,
    filters: usize,
}

/// Lanes of a sum over the tensor.
const LANES: usize = 8;

impl Memory {
    /// Slots with what is known, and empty reductions.
    pub fn new(pass: &Pass, known: &[Vec<f32>], filters: usize) -> Memory {
        let mut memory = Memory {
            slots: vec![0.0; pass.slots * BLOCK],
            rows: Vec::new(),
            sums: Vec::new(),
            extremes: Vec::new(),
            filters,
        };
        for (slot, step) in &pass.fixed {
            match known[*step].as_slice() {
                [one] => memory.slots[(slot - FREE) * BLOCK..][..BLOCK].fill(*one),
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

/// The walk as a loop over blocks.
pub struct Run<'a, 'b> {
    pub pass: &'a Pass,
    pub inputs: &'a Inputs<'b>,
    pub memory: &'a mut Memory,
    pub y: &'a mut [f32],
    pub add: bool,
}

impl Kernel for Run<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(mut self) {
        let (len, filters) = (self.inputs.x.len(), self.inputs.filters);
        let by_filter = filters > 1
            && (!self.memory.rows.is_empty()
                || self.pass.sinks.iter().any(|s| s.level == Level::Filter));
        let width = if by_filter { filters } else { 1 };
        if self.pass.sinks.is_empty() && self.pass.result.is_none() {
            return;
        }
        if width <= BLOCK {
            self.fill_rows(0, BLOCK / width * width);
            for start in (0..len).step_by(BLOCK / width * width) {
                self.block(start, (len - start).min(BLOCK / width * width), 0, width);
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
}

impl Run<'_, '_> {
    /// Writes the numbers of filters from `first` on to their slots, over and over.
    #[inline(always)]
    fn fill_rows(&mut self, first: usize, n: usize) {
        let Memory { slots, rows, .. } = &mut *self.memory;
        for (slot, numbers) in rows {
            let out = &mut slots[(*slot - FREE) * BLOCK..][..n];
            let cycle = numbers.iter().cycle().skip(first);
            out.iter_mut().zip(cycle).for_each(|(o, n)| *o = *n);
        }
    }

    /// The `n` values of a place.
    #[inline(always)]
    fn values(&self, place: usize, start: usize, n: usize) -> &[f32] {
        match place {
            X => &self.inputs.x[start..start + n],
            DY => &self.inputs.dy[start..start + n],
            _ => &self.memory.slots[(place - FREE) * BLOCK..][..n],
        }
    }

    #[inline(always)]
    fn block(&mut self, start: usize, n: usize, first: usize, width: usize) {
        let slots = self.memory.slots.as_mut_ptr();
        for instruction in &self.pass.instructions {
            // SAFETY: the slot lies inside the memory, and planning never lets an instruction read the slot that it writes.
            let out = unsafe {
                std::slice::from_raw_parts_mut(slots.add((instruction.out - FREE) * BLOCK), n)
            };
            let [a, b, c, d] = instruction.operands;
            // SAFETY: as above; nothing else writes to slots while the instruction runs.
            let at = |place: usize| unsafe {
                match place {
                    X => &self.inputs.x[start..start + n],
                    DY => &self.inputs.dy[start..start + n],
                    _ => std::slice::from_raw_parts(slots.add((place - FREE) * BLOCK), n),
                }
            };
            compute(instruction.code, out, [at(a), at(b), at(c), at(d)]);
        }
        self.reduce(start, n, first, width);
        let Some((a, b)) = self.pass.result else {
            return;
        };
        let mut y = std::mem::take(&mut self.y);
        let out = &mut y[start..start + n];
        let a = self.values(a, start, n);
        match (b.map(|b| self.values(b, start, n)), self.add) {
            (None, false) => out.copy_from_slice(a),
            (None, true) => out.iter_mut().zip(a).for_each(|(y, a)| *y += a),
            (Some(b), false) => two(out, a, b, |a, b| a * b),
            (Some(b), true) => {
                for ((y, a), b) in out.iter_mut().zip(a).zip(b) {
                    *y += a * b;
                }
            }
        }
        self.y = std::mem::take(&mut y);
    }

    #[inline(always)]
    fn reduce(&mut self, start: usize, n: usize, first: usize, width: usize) {
        for (i, sink) in self.pass.sinks.iter().enumerate() {
            let Memory { sums, extremes, .. } = &mut *self.memory;
            let (mut sums, mut extremes) = (
                std::mem::take(&mut sums[i]),
                std::mem::take(&mut extremes[i]),
            );
            let values = self.values(sink.slot, start, n);
            let lanes = sums.len();
            // Rows of filters, or lanes of the tensor.
            let (row, first) = match sink.level == Level::Filter && self.memory.filters > 1 {
                true => (width.min(n), first),
                false => (lanes, 0),
            };
            for values in values.chunks(row) {
                match sink.reduction {
                    Reduction::Sum => (sums[first..].iter_mut().zip(values))
                        .for_each(|(sum, v)| *sum += f64::from(*v)),
                    kind => (extremes[first..].iter_mut().zip(values))
                        .for_each(|(most, v)| *most = extreme(kind, *most, *v)),
                }
            }
            self.memory.sums[i] = sums;
            self.memory.extremes[i] = extremes;
        }
    }
}

#[inline(always)]
fn one(out: &mut [f32], a: &[f32], f: impl Fn(f32) -> f32) {
    for (out, a) in out.iter_mut().zip(a) {
        *out = f(*a);
    }
}

#[inline(always)]
fn two(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = f(*a, *b);
    }
}

#[inline(always)]
fn three(out: &mut [f32], [a, b, c]: [&[f32]; 3], f: impl Fn(f32, f32, f32) -> f32) {
    for (((out, a), b), c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *out = f(*a, *b, *c);
    }
}

#[inline(always)]
fn choose(out: &mut [f32], [a, b, c, d]: [&[f32]; 4], f: impl Fn(f32, f32) -> bool) {
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out = if f(*a, *b) { *c } else { *d };
    }
}

/// One loop for each function, so that the compiler can vectorize it.
#[inline(always)]
fn compute(code: Code, out: &mut [f32], [a, b, c, d]: [&[f32]; 4]) {
    macro_rules! unary {
        ($($f:ident),*) => { |f| match f { $(Unary::$f => one(out, a, |a| lanes::unary(Unary::$f, a))),* } };
    }
    macro_rules! binary {
        ($($f:ident),*) => { |f| match f { $(Binary::$f => two(out, a, b, |a, b| lanes::binary(Binary::$f, a, b))),* } };
    }
    match code {
        Code::Unary(f) => unary!(
            Negate, Not, Abs, Sign, Round, Floor, Ceil, Sqrt, Exp, Ln, Log2, Tanh, Sin, Cos
        )(f),
        Code::Binary(f) => binary!(
            Add,
            Subtract,
            Multiply,
            Divide,
            Power,
            Max,
            Min,
            Equal,
            NotEqual,
            Less,
            LessEqual,
            Greater,
            GreaterEqual,
            And,
            Or,
            Implies
        )(f),
        Code::Select => three(out, [a, b, c], lanes::select),
        Code::Clip => three(out, [a, b, c], lanes::clip),
        Code::MultiplyAdd => three(out, [a, b, c], |a, b, c| a * b + c),
        Code::SubtractProduct => three(out, [a, b, c], |a, b, c| c - a * b),
        Code::Choose(f) => {
            let all = [a, b, c, d];
            match f {
                Binary::Less => choose(out, all, |a, b| a < b),
                Binary::LessEqual => choose(out, all, |a, b| a <= b),
                Binary::Greater => choose(out, all, |a, b| a > b),
                Binary::GreaterEqual => choose(out, all, |a, b| a >= b),
                Binary::Equal => choose(out, all, |a, b| a == b),
                _ => choose(out, all, |a, b| a != b),
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
