//! Formulas over tensors: straight-line programs that run block by block.
//!
//! ```text
//! for each stage:                                 a reduction ends a stage
//!     scalars and filters:  v[s] = op(v[a], v[b], …)        once, or once per filter
//!     for each block of values:
//!         for each instruction: for i in block: slot[i] = op(a[i], b[i], …)
//!         sums, maxima and minima of the block go to the filters or to the tensor
//! the first stage that can writes y[i], or adds to it
//! ```
//!
//! A filter is a member of the last axis: value `i` belongs to filter `i % filters`. Slots stay in the first-level cache, and each
//! instruction is a loop of fixed length that the compiler turns into vectors. Sums are kept in `f64` and taken in a fixed order, whatever
//! the instruction set: the lanes of a block, or its filters, sum by themselves and are folded at the end. A program knows nothing of quantizers.

mod instruction;
mod lanes;
mod plan;
mod walk;

use super::simd::Isa;
use plan::Pass;

/// Values of a block: so few that all operands of a program stay in the first cache together, so many that choosing loops costs little. A multiple
/// of the lanes that sums gather in, and no power of two, at which blocks would push each other out of the cache.
const BLOCK: usize = 480;

/// What a step's result is one of: one number for all, one per filter, one per value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// One number.
    Tensor,
    /// One number per member of the last axis.
    Filter,
    /// One number per value.
    Element,
}

/// Functions of one number. Truth values are 1 and 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say it
pub enum Unary {
    Negate,
    Not,
    Abs,
    /// +1 for `x >= 0`, -1 for `x < 0`; NaN stays.
    Sign,
    /// Half to even.
    Round,
    Floor,
    Ceil,
    Sqrt,
    Exp,
    Ln,
    Log2,
    Tanh,
    Sin,
    Cos,
}

/// Functions of two numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say it
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    /// `if a > b { a } else { b }`
    Max,
    /// `if a < b { a } else { b }`
    Min,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Implies,
}

/// What is taken of many values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say it
pub enum Reduction {
    Sum,
    Max,
    Min,
}

/// What a step computes, over the results of earlier steps.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Op {
    /// A number.
    Constant(f32),
    /// The values `x`.
    X,
    /// The gradient that arrives at the result.
    Dy,
    /// The scale, of the level that it is given with.
    Scale(Level),
    /// 0: share of epochs that are done, 1: share of steps.
    Progress(usize),
    /// How many values a filter, or the tensor, has.
    Count(Level),
    /// A function of one number.
    Unary(Unary, usize),
    /// A function of two numbers.
    Binary(Binary, usize, usize),
    /// `if c { a } else { b }`; both are computed.
    Select(usize, usize, usize),
    /// `x` clipped to `low ..= high`; NaN stays.
    Clip(usize, usize, usize),
    /// All values of a filter, or of the tensor, in one.
    Reduce(Reduction, Level, usize),
}

impl Op {
    /// The steps that it reads.
    pub fn operands(self) -> impl Iterator<Item = usize> {
        let (all, count) = match self {
            Op::Unary(_, a) | Op::Reduce(_, _, a) => ([a, 0, 0], 1),
            Op::Binary(_, a, b) => ([a, b, 0], 2),
            Op::Select(a, b, c) | Op::Clip(a, b, c) => ([a, b, c], 3),
            _ => ([0; 3], 0),
        };
        all.into_iter().take(count)
    }
}

impl Binary {
    /// Whether it is a comparison.
    pub fn compares(self) -> bool {
        use Binary::*;
        matches!(
            self,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual
        )
    }
}

/// What becomes of a step's result, which is one number per value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Outcome {
    /// `y[i] = result[i]`
    Fill(usize),
    /// `y[i] += result[i]`
    Add(usize),
}

impl Outcome {
    /// The step.
    pub fn step(self) -> usize {
        match self {
            Outcome::Fill(step) | Outcome::Add(step) => step,
        }
    }
}

/// Steps with what they are needed for.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    steps: Vec<Op>,
    levels: Vec<Level>,
    /// Reductions that must be done before a step.
    stages: Vec<usize>,
    passes: Vec<Pass>,
    /// Steps whose numbers are handed back.
    kept: Vec<usize>,
}

/// What a program reads.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The values.
    pub x: &'a [f32],
    /// As many gradients, or none if the program needs none.
    pub dy: &'a [f32],
    /// One scale, or one per filter.
    pub scales: &'a [f32],
    /// Members of the last axis.
    pub filters: usize,
    /// Shares of epochs and of steps that are done.
    pub progress: [f32; 2],
}

/// The level of a step, from those before it.
pub fn level(op: Op, levels: &[Level]) -> Level {
    match op {
        Op::Constant(_) | Op::Progress(_) | Op::Count(_) => Level::Tensor,
        Op::X | Op::Dy => Level::Element,
        Op::Scale(level) | Op::Reduce(_, level, _) => level,
        _ => (op.operands().map(|i| levels[i]).max()).unwrap_or(Level::Tensor),
    }
}

impl Program {
    /// A program that gives `outcome` for every value, if there is one, and keeps the numbers of the steps `kept`, which are
    /// not one per value. Steps read earlier ones.
    pub fn new(steps: Vec<Op>, outcome: Option<Outcome>, kept: Vec<usize>) -> Program {
        let (mut levels, mut stages) = (Vec::new(), Vec::new());
        for op in &steps {
            levels.push(level(*op, &levels));
            let before = op.operands().map(|i| stages[i]).max().unwrap_or(0);
            stages.push(before + usize::from(matches!(op, Op::Reduce(..))));
        }
        assert!(kept.iter().all(|k| levels[*k] != Level::Element));
        let mut needed = vec![false; steps.len()];
        for step in kept.iter().copied().chain(outcome.map(Outcome::step)) {
            needed[step] = true;
        }
        for (i, op) in steps.iter().enumerate().rev() {
            if needed[i] {
                op.operands().for_each(|o| needed[o] = true);
            }
        }
        let last = (0..steps.len()).filter(|i| needed[*i]).map(|i| stages[i]);
        let last = last.max().unwrap_or(0);
        let passes = (0..=last)
            .map(|stage| {
                let reductions: Vec<usize> = (0..steps.len())
                    .filter(|i| needed[*i] && stages[*i] == stage + 1)
                    .filter(|i| matches!(steps[*i], Op::Reduce(..)))
                    .collect();
                let outcome = outcome.filter(|o| stages[o.step()] == stage);
                Pass::new(&steps, &levels, &reductions, outcome)
            })
            .collect();
        // What nothing needs has no number; a reduction would be read as one.
        let steps = steps.into_iter().zip(needed);
        let steps = steps.map(|(op, needed)| if needed { op } else { Op::Constant(0.0) });
        Program {
            steps: steps.collect(),
            levels,
            stages,
            passes,
            kept,
        }
    }

    /// How many loops over the values it takes, reductions apart.
    pub fn instructions(&self) -> usize {
        self.passes.iter().map(|pass| pass.instructions.len()).sum()
    }

    /// Runs: fills `y` or adds to it, if there is an outcome. Gives the numbers of the kept steps, each one or one per filter.
    pub fn run(&self, isa: Isa, inputs: Inputs, y: &mut [f32]) -> Vec<Vec<f32>> {
        let Inputs {
            x,
            dy,
            scales,
            filters,
            ..
        } = inputs;
        assert!(filters > 0 && x.len().is_multiple_of(filters));
        assert!(dy.is_empty() || dy.len() == x.len());
        assert!(scales.len() == 1 || scales.len() == filters);
        assert!(y.is_empty() || y.len() == x.len());
        // One number, or one per filter, of each step that has such.
        let mut known: Vec<Vec<f32>> = vec![Vec::new(); self.steps.len()];
        for (stage, pass) in self.passes.iter().enumerate() {
            for i in 0..self.steps.len() {
                let reduced = matches!(self.steps[i], Op::Reduce(..));
                if self.levels[i] != Level::Element && self.stages[i] == stage && !reduced {
                    known[i] = self.invariant(i, &known, &inputs);
                }
            }
            for (step, numbers) in walk::walk(isa, pass, &inputs, &known, y) {
                known[step] = numbers;
            }
        }
        let kept = self.kept.iter();
        kept.map(|step| std::mem::take(&mut known[*step])).collect()
    }

    /// The numbers of a step that is not one per value.
    fn invariant(&self, step: usize, known: &[Vec<f32>], inputs: &Inputs) -> Vec<f32> {
        let filters = inputs.filters;
        let op = self.steps[step];
        match op {
            Op::Constant(value) => return vec![value],
            Op::Progress(which) => return vec![inputs.progress[which]],
            Op::Count(Level::Filter) => return vec![(inputs.x.len() / filters) as f32],
            Op::Count(_) => return vec![inputs.x.len() as f32],
            Op::Scale(_) => return inputs.scales.to_vec(),
            _ => {}
        }
        let count = op.operands().map(|o| known[o].len()).max().unwrap_or(1);
        let of = |step: usize, i: usize| {
            let numbers = &known[step];
            numbers[if numbers.len() == 1 { 0 } else { i }]
        };
        let number = |i: usize| match op {
            Op::Unary(f, a) => lanes::unary(f, of(a, i)),
            Op::Binary(f, a, b) => lanes::binary(f, of(a, i), of(b, i)),
            Op::Select(c, a, b) => lanes::select(of(c, i), of(a, i), of(b, i)),
            Op::Clip(a, low, high) => lanes::clip(of(a, i), of(low, i), of(high, i)),
            _ => unreachable!("values are no invariants, and passes reduce"),
        };
        (0..count).map(number).collect()
    }
}

#[cfg(test)]
mod tests;
