//! Reverse-mode differentiation of steps into more steps.
//!
//! In: steps, the one whose gradient arrives as `dy`, and those whose gradient is wanted. Out: the steps of these gradients. What
//! one number per filter gets from many values is summed over the filter.

use super::compile::{Compiler, Surrogate};
use super::{FormulaError, Formulas};
use crate::kernels::program::{Binary, Level, Op, Reduction, Unary};
use crate::model::quantization::quantizer::{Quantizer, ScaleRule};

/// The gradient of each wanted step; `None`: nothing passes.
pub(super) fn backward(
    compiler: &mut Compiler,
    result: usize,
    wanted: &[usize],
    quantizer: &Quantizer,
    default: Surrogate,
) -> Result<Vec<Option<usize>>, FormulaError> {
    // What depends on a wanted step, other than through `stop`.
    let mut active: Vec<bool> = Vec::with_capacity(compiler.steps.len());
    for (i, op) in compiler.steps.iter().enumerate() {
        let reads = compiler.stops[i].is_none() && op.operands().any(|o| active[o]);
        active.push(wanted.contains(&i) && compiler.stops[i].is_none() || reads);
    }
    // What a branch of a condition is made of. Where the other branch is taken, it may have no value.
    let mut in_branch = vec![false; active.len()];
    for (i, op) in compiler.steps.iter().enumerate().rev() {
        let operands = op.operands().filter(|o| *o < i);
        match op {
            Op::Select(_, a, b) => [*a, *b].into_iter().for_each(|o| in_branch[o] = true),
            _ if in_branch[i] => operands.for_each(|o| in_branch[o] = true),
            _ => {}
        }
    }
    let dy = compiler.op(Op::Dy);
    let mut tape = Tape {
        in_branch,
        gradients: vec![None; active.len()],
        spread: vec![None; active.len()],
        compiler,
        active,
        formulas: &quantizer.formulas,
        clips: quantizer.scale == ScaleRule::LearnedClip,
        default,
    };
    if tape.active[result] {
        tape.gradients[result] = Some(dy);
    }
    for step in (0..=result).rev() {
        if tape.active[step]
            && let Some(dy) = tape.gradient(step)
        {
            tape.step(step, dy)?;
        }
    }
    Ok(wanted.iter().map(|w| tape.gradient(*w)).collect())
}

struct Tape<'a> {
    compiler: &'a mut Compiler,
    active: Vec<bool>,
    /// What a condition chooses, or not.
    in_branch: Vec<bool>,
    gradients: Vec<Option<usize>>,
    /// What comes from every value, for steps that are one number: it is added up before it is summed over the values.
    spread: Vec<Option<usize>>,
    formulas: &'a Formulas,
    /// Whether the scale learns where to clip only, and not from what rounding adds.
    clips: bool,
    default: Surrogate,
}

impl Tape<'_> {
    fn constant(&mut self, value: f32) -> usize {
        self.compiler.op(Op::Constant(value))
    }

    fn binary(&mut self, f: Binary, a: usize, b: usize) -> usize {
        self.compiler.binary(f, a, b)
    }

    fn times(&mut self, a: usize, b: usize) -> usize {
        self.binary(Binary::Multiply, a, b)
    }

    /// `a / b`. A factor `b` of `a` cancels: of the scale, which codes are multiplied by and values are divided by.
    fn over(&mut self, a: usize, b: usize) -> usize {
        match self.compiler.steps[a] {
            Op::Binary(Binary::Multiply, rest, factor) if factor == b => rest,
            Op::Binary(Binary::Multiply, factor, rest) if factor == b => rest,
            _ => self.binary(Binary::Divide, a, b),
        }
    }

    /// `a + b`
    fn plus(&mut self, a: usize, b: usize) -> usize {
        match (self.compiler.steps[a], self.compiler.steps[b]) {
            (_, Op::Unary(Unary::Negate, b)) => self.binary(Binary::Subtract, a, b),
            (Op::Unary(Unary::Negate, a), _) => self.binary(Binary::Subtract, b, a),
            _ => self.binary(Binary::Add, a, b),
        }
    }

    fn negated(&mut self, a: usize) -> usize {
        self.compiler.op(Op::Unary(Unary::Negate, a))
    }

    /// `a` where the comparison holds, else 0. A factor that is the same for many values stays outside, where it may cancel.
    fn where_(&mut self, f: Binary, x: usize, y: usize, a: usize) -> usize {
        if let Op::Binary(Binary::Multiply, rest, factor) = self.compiler.steps[a]
            && self.compiler.level(factor) < self.compiler.level(rest)
        {
            let rest = self.where_(f, x, y, rest);
            return self.times(rest, factor);
        }
        let (holds, zero) = (self.binary(f, x, y), self.constant(0.0));
        self.compiler.op(Op::Select(holds, a, zero))
    }

    /// What an operand of a step gets: `share`, unless the step gets nothing. In a branch that is not taken, a slope may be infinite or no
    /// number, and must not meet that 0.
    fn share(&mut self, step: usize, dy: usize, share: usize) -> usize {
        if !self.in_branch[step] {
            return share;
        }
        let zero = self.constant(0.0);
        let is_nothing = self.binary(Binary::Equal, dy, zero);
        self.compiler.op(Op::Select(is_nothing, zero, share))
    }

    /// Adds to the gradient of a step.
    fn give(&mut self, step: usize, gradient: usize) {
        if !self.active[step] {
            return;
        }
        let (from, to) = (self.compiler.level(gradient), self.compiler.level(step));
        if from == Level::Element && to < from {
            self.spread[step] = Some(match self.spread[step] {
                Some(before) => self.plus(before, gradient),
                None => gradient,
            });
            return;
        }
        let gradient = match (from, to) {
            (Level::Filter, Level::Tensor) => {
                // A sum over filters, each of which counts once.
                let sum = self.compiler.reduce(Reduction::Sum, to, gradient);
                let count = self.compiler.op(Op::Count(Level::Filter));
                self.over(sum, count)
            }
            _ => gradient,
        };
        self.gradients[step] = Some(match self.gradients[step] {
            Some(before) => self.plus(before, gradient),
            None => gradient,
        });
    }

    /// The gradient of a step, when all that it gets has arrived.
    fn gradient(&mut self, step: usize) -> Option<usize> {
        if let Some(spread) = self.spread[step].take() {
            let level = self.compiler.level(step);
            let sum = self.compiler.reduce(Reduction::Sum, level, spread);
            self.gradients[step] = Some(match self.gradients[step] {
                Some(before) => self.plus(before, sum),
                None => sum,
            });
        }
        self.gradients[step]
    }

    /// Hands the gradient of a step on to its operands.
    fn step(&mut self, step: usize, dy: usize) -> Result<(), FormulaError> {
        match self.compiler.steps[step] {
            Op::Unary(f, a) => {
                if let Some(da) = self.unary(f, step, a, dy)? {
                    let da = self.share(step, dy, da);
                    self.give(a, da);
                }
            }
            Op::Binary(f, a, b) => self.two(f, step, a, b, dy),
            Op::Select(c, a, b) => {
                let zero = self.constant(0.0);
                let da = self.compiler.op(Op::Select(c, dy, zero));
                let db = self.compiler.op(Op::Select(c, zero, dy));
                self.give(a, da);
                self.give(b, db);
            }
            Op::Clip(a, low, high) => {
                let inside = self.where_(Binary::GreaterEqual, a, low, dy);
                let inside = self.where_(Binary::LessEqual, a, high, inside);
                self.give(a, inside);
                if self.active[low] {
                    let below = self.where_(Binary::Less, a, low, dy);
                    self.give(low, below);
                }
                if self.active[high] {
                    let above = self.where_(Binary::Greater, a, high, dy);
                    self.give(high, above);
                }
            }
            Op::Reduce(kind, level, a) => {
                let mut da = dy;
                if kind != Reduction::Sum {
                    // The values that are the extreme one share its gradient.
                    let one = self.constant(1.0);
                    let is = self.where_(Binary::Equal, a, step, one);
                    let count = self.compiler.reduce(Reduction::Sum, level, is);
                    let share = self.over(dy, count);
                    da = self.times(share, is);
                }
                if self.compiler.level(a) == Level::Filter {
                    // Each number of a filter stands for as many values.
                    let count = self.compiler.op(Op::Count(Level::Filter));
                    da = self.times(da, count);
                }
                self.give(a, da);
            }
            _ => {}
        }
        Ok(())
    }

    fn unary(
        &mut self,
        f: Unary,
        step: usize,
        a: usize,
        dy: usize,
    ) -> Result<Option<usize>, FormulaError> {
        Ok(Some(match f {
            Unary::Negate => self.negated(dy),
            Unary::Abs => {
                let sign = self.compiler.op(Op::Unary(Unary::Sign, a));
                self.times(dy, sign)
            }
            Unary::Sign | Unary::Round | Unary::Floor | Unary::Ceil => {
                return self.quantizing(f, a, dy);
            }
            Unary::Sqrt => {
                let two = self.constant(2.0);
                let twice = self.times(two, step);
                self.over(dy, twice)
            }
            Unary::Exp => self.times(dy, step),
            Unary::Ln => self.over(dy, a),
            Unary::Log2 => {
                let ln2 = self.constant(std::f32::consts::LN_2);
                let slope = self.times(a, ln2);
                self.over(dy, slope)
            }
            Unary::Tanh => {
                let (one, square) = (self.constant(1.0), self.times(step, step));
                let slope = self.binary(Binary::Subtract, one, square);
                self.times(dy, slope)
            }
            Unary::Sin => {
                let cos = self.compiler.op(Op::Unary(Unary::Cos, a));
                self.times(dy, cos)
            }
            Unary::Cos => {
                let sin = self.compiler.op(Op::Unary(Unary::Sin, a));
                let down = self.negated(sin);
                self.times(dy, down)
            }
            Unary::Not => return Ok(None),
        }))
    }

    /// What stands for the derivative of a staircase. Where it is the same for a whole filter, the true one: 0.
    fn quantizing(&mut self, f: Unary, a: usize, dy: usize) -> Result<Option<usize>, FormulaError> {
        if self.compiler.level(a) != Level::Element {
            return Ok(None);
        }
        if let Some(gradient) = &self.formulas.gradient {
            let slope = self.compiler.formula(gradient, a)?;
            return Ok(Some(self.times(slope, dy)));
        }
        Ok(Some(match (f, self.default) {
            (Unary::Sign, Surrogate::Straight) => {
                let (low, high) = (self.constant(-1.0), self.constant(1.0));
                let inside = self.where_(Binary::GreaterEqual, a, low, dy);
                self.where_(Binary::LessEqual, a, high, inside)
            }
            _ => dy,
        }))
    }

    /// The factor beside `to` as its gradient sees it.
    fn seen_by(&self, to: usize, other: usize) -> usize {
        match (self.compiler.steps[to], self.compiler.steps[other]) {
            (Op::Scale(_), Op::Unary(Unary::Round, exact)) if self.clips => exact,
            _ => other,
        }
    }

    fn two(&mut self, f: Binary, step: usize, a: usize, b: usize, dy: usize) {
        match f {
            Binary::Add => {
                self.give(a, dy);
                self.give(b, dy);
            }
            Binary::Subtract => {
                self.give(a, dy);
                if self.active[b] {
                    let down = self.negated(dy);
                    self.give(b, down);
                }
            }
            Binary::Multiply => {
                // Of a square, both operands are the same step and both count.
                for (to, other) in [(a, b), (b, a)] {
                    if self.active[to] {
                        let other = self.seen_by(to, other);
                        let share = self.times(dy, other);
                        let share = self.share(step, dy, share);
                        self.give(to, share);
                    }
                }
            }
            Binary::Divide => {
                let share = self.over(dy, b);
                let of_a = self.share(step, dy, share);
                self.give(a, of_a);
                if self.active[b] {
                    let share = self.times(share, step);
                    let down = self.negated(share);
                    let down = self.share(step, dy, down);
                    self.give(b, down);
                }
            }
            Binary::Power => {
                if self.active[a] {
                    let one = self.constant(1.0);
                    let less = self.binary(Binary::Subtract, b, one);
                    let power = self.binary(Binary::Power, a, less);
                    let slope = self.times(b, power);
                    let share = self.times(dy, slope);
                    let share = self.share(step, dy, share);
                    self.give(a, share);
                }
                if self.active[b] {
                    let ln = self.compiler.op(Op::Unary(Unary::Ln, a));
                    let slope = self.times(step, ln);
                    let share = self.times(dy, slope);
                    let share = self.share(step, dy, share);
                    self.give(b, share);
                }
            }
            Binary::Max | Binary::Min => {
                let (first, second) = match f {
                    Binary::Max => (Binary::Greater, Binary::LessEqual),
                    _ => (Binary::Less, Binary::GreaterEqual),
                };
                if self.active[a] {
                    let share = self.where_(first, a, b, dy);
                    self.give(a, share);
                }
                if self.active[b] {
                    let share = self.where_(second, a, b, dy);
                    self.give(b, share);
                }
            }
            // Comparisons and logic are steps of height 1 nowhere differentiable in a useful way.
            _ => {}
        }
    }
}
