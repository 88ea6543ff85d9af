//! Which instructions a walk over all values takes.
//!
//! In: steps, of which some are known once per tensor or filter. Out: instructions over places, the places of what is known, and what is to
//! be reduced. Slots are shared by steps whose results are not needed at the same time; frequent combinations of steps are one
//! instruction.

use super::instruction::{Code, Instruction};
use super::{Binary, Level, Op, Outcome, Reduction, Unary};

/// The place of the values `x`.
pub const X: usize = 0;
/// The place of the gradients `dy`.
pub const DY: usize = 1;
/// The place of the result.
pub const Y: usize = 2;
/// The first slot.
pub const FREE: usize = 3;

/// A walk over all values.
#[derive(Clone, PartialEq, Debug)]
pub struct Pass {
    /// What is done to each block, in order.
    pub instructions: Vec<Instruction>,
    /// Slots, from [`FREE`] on.
    pub slots: usize,
    /// Places that hold what is known once per tensor or filter, with its step.
    pub fixed: Vec<(usize, usize)>,
    /// What is reduced.
    pub sinks: Vec<Sink>,
}

/// A reduction, and the place of its operand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sink {
    /// The step that reduces.
    pub step: usize,
    /// What is taken of the values.
    pub reduction: Reduction,
    /// Of a filter's, or of all.
    pub level: Level,
    /// Where the values are.
    pub place: usize,
}

impl Pass {
    /// Plans a walk that feeds `reductions` and gives `outcome`.
    pub fn new(
        steps: &[Op],
        levels: &[Level],
        reductions: &[usize],
        outcome: Option<Outcome>,
    ) -> Pass {
        let result = outcome.map(Outcome::step);
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
            codes: vec![None; steps.len()],
            place: vec![None; steps.len()],
            free: Vec::new(),
            pass: Pass {
                instructions: Vec::new(),
                slots: 0,
                fixed: Vec::new(),
                sinks: Vec::new(),
            },
        };
        plan.choose_codes();
        if let Some(Outcome::Add(step)) = outcome {
            plan.accumulate(step);
        }
        for step in 0..steps.len() {
            let last = result == Some(step) && plan.alone(step);
            if plan.uses[step] > 0 && !last {
                plan.compute(step);
            }
        }
        for step in reductions {
            let Op::Reduce(reduction, level, operand) = steps[*step] else {
                unreachable!("reductions reduce")
            };
            let place = plan.read(operand);
            plan.pass.sinks.push(Sink {
                step: *step,
                reduction,
                level,
                place,
            });
        }
        if let Some(outcome) = outcome {
            plan.write(outcome);
        }
        plan.pass
    }
}

struct Plan<'a> {
    steps: &'a [Op],
    levels: &'a [Level],
    /// Reads that are still to come.
    uses: Vec<usize>,
    /// What computes a step; nothing if its only reader does so by the way.
    codes: Vec<Option<(Code, Vec<usize>)>>,
    place: Vec<Option<usize>>,
    free: Vec<usize>,
    pass: Pass,
}

impl Plan<'_> {
    /// Whether a step is computed in this walk and read once.
    fn alone(&self, step: usize) -> bool {
        self.uses[step] == 1 && self.levels[step] == Level::Element
    }

    /// Decides what computes each step. A later step may take over what an earlier one would have done.
    fn choose_codes(&mut self) {
        for step in 0..self.steps.len() {
            if self.uses[step] > 0 && self.levels[step] == Level::Element {
                self.codes[step] = self.code(step);
            }
        }
    }

    /// The code and the operands of a step that is read in this walk alone, to be taken over by its reader.
    fn inner(&self, step: usize) -> Option<(Code, Vec<usize>)> {
        self.codes[step].clone().filter(|_| self.alone(step))
    }

    fn code(&mut self, step: usize) -> Option<(Code, Vec<usize>)> {
        let product = |plan: &Self, step: usize| match plan.inner(step) {
            Some((Code::Binary(Binary::Multiply), factors)) => Some(factors),
            _ => None,
        };
        Some(match self.steps[step] {
            Op::Unary(Unary::Round, a) => match self.inner(a) {
                Some((Code::Clip, operands)) => {
                    self.codes[a] = None;
                    self.rounded(operands)
                }
                _ => (Code::Unary(Unary::Round), vec![a]),
            },
            Op::Unary(f, a) => (Code::Unary(f), vec![a]),
            Op::Binary(Binary::Add, a, b) => match (product(self, a), product(self, b)) {
                (Some(factors), _) => {
                    self.codes[a] = None;
                    (Code::MultiplyAdd, vec![factors[0], factors[1], b])
                }
                (_, Some(factors)) => {
                    self.codes[b] = None;
                    (Code::MultiplyAdd, vec![factors[0], factors[1], a])
                }
                _ => (Code::Binary(Binary::Add), vec![a, b]),
            },
            Op::Binary(Binary::Subtract, a, b) => match (product(self, a), product(self, b)) {
                (Some(first), Some(second)) => {
                    (self.codes[a], self.codes[b]) = (None, None);
                    (Code::SubtractProducts, [first, second].concat())
                }
                (_, Some(factors)) => {
                    self.codes[b] = None;
                    (Code::SubtractProduct, vec![factors[0], factors[1], a])
                }
                _ => (Code::Binary(Binary::Subtract), vec![a, b]),
            },
            Op::Binary(f, a, b) => (Code::Binary(f), vec![a, b]),
            Op::Select(c, a, b) => match self.inner(c) {
                Some((Code::Binary(f), sides)) if f.compares() => {
                    self.codes[c] = None;
                    self.choice(f, sides[0], sides[1], a, b)
                }
                _ => (Code::Select, vec![c, a, b]),
            },
            Op::Clip(a, low, high) => (Code::Clip, vec![a, low, high]),
            _ => return None,
        })
    }

    /// The code nearest to a clipped value, which is often one in units of a scale that nobody else reads.
    fn rounded(&mut self, clipped: Vec<usize>) -> (Code, Vec<usize>) {
        match self.inner(clipped[0]) {
            Some((Code::Binary(Binary::Divide), quotient)) => {
                self.codes[clipped[0]] = None;
                (
                    Code::RoundClippedQuotient,
                    [&quotient, &clipped[1..]].concat(),
                )
            }
            _ => (Code::RoundClipped, clipped),
        }
    }

    /// `if p <f> q { a } else { b }`. The second of two limits to the same value becomes a range.
    fn choice(&mut self, f: Binary, p: usize, q: usize, a: usize, b: usize) -> (Code, Vec<usize>) {
        if f == Binary::LessEqual && self.steps[b] == Op::Constant(0.0) {
            if let Some((Code::Choose(Binary::GreaterEqual), inner)) = self.inner(a) {
                if inner[0] == p && inner[3] == b {
                    self.codes[a] = None;
                    return (Code::Within, vec![p, inner[1], q, inner[2]]);
                }
            }
        }
        (Code::Choose(f), vec![p, q, a, b])
    }

    /// A result that is a product is added to what is there by one instruction, a choice or product in it too.
    fn accumulate(&mut self, result: usize) {
        let Some((Code::Binary(Binary::Multiply), factors)) = self.inner(result) else {
            return;
        };
        let (a, b) = (factors[0], factors[1]);
        for (inner, other) in [(a, b), (b, a)] {
            let fused = match self.inner(inner) {
                Some((Code::Binary(Binary::Multiply), factors)) => {
                    (Code::AccumulateProducts, factors)
                }
                Some((Code::Choose(f), choice)) => (Code::AccumulateChosen(f), choice),
                _ => continue,
            };
            self.codes[inner] = None;
            self.codes[result] = Some((fused.0, [fused.1, vec![other]].concat()));
            return;
        }
        self.codes[result] = Some((Code::AccumulateProduct, factors));
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

    /// Computes a step into a slot, unless its reader does so.
    fn compute(&mut self, step: usize) {
        let Some((code, operands)) = self.codes[step].clone() else {
            return;
        };
        // The slot is taken before those of the operands come free: no instruction reads what it writes.
        let out = match self.free.pop() {
            Some(slot) => slot,
            None => self.new_slot(),
        };
        self.place[step] = Some(out);
        self.push(code, &operands, out);
    }

    /// Computes the result where it belongs.
    fn write(&mut self, outcome: Outcome) {
        let step = outcome.step();
        let own = match self.place[step] {
            Some(_) => None,
            None => self.codes[step].clone(),
        };
        let (code, operands) = match (own, outcome) {
            (Some(own), Outcome::Fill(_)) => own,
            (None, Outcome::Fill(_)) => (Code::Copy, vec![step]),
            (Some((code, operands)), Outcome::Add(_)) if code.accumulates() => (code, operands),
            (own, Outcome::Add(_)) => {
                if own.is_some() {
                    self.compute(step);
                }
                (Code::Accumulate, vec![step])
            }
        };
        self.push(code, &operands, Y);
    }

    fn push(&mut self, code: Code, operands: &[usize], out: usize) {
        let mut places = [X; 5];
        for (place, operand) in places.iter_mut().zip(operands) {
            *place = self.read(*operand);
        }
        self.pass.instructions.push(Instruction {
            code,
            operands: places,
            out,
        });
    }
}
