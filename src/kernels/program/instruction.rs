//! What is done to a block: one loop over its values for each code, compiled for each instruction set.

use super::{BLOCK, Binary, Unary, lanes};
use crate::kernels::simd::{BlockLoop, Isa, Lanewise};

/// What an instruction computes from up to five operands `a`, `b`, `c`, `d`, `e`. Every product, quotient and sum is rounded, as if each were
/// an instruction of its own.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Code {
    /// A function of `a`.
    Unary(Unary),
    /// A function of `a` and `b`.
    Binary(Binary),
    /// `if a { b } else { c }`
    Select,
    /// `a` clipped to `b ..= c`.
    Clip,
    /// `a` clipped to `b ..= c`, then rounded half to even.
    RoundClipped,
    /// `a / b` clipped to `c ..= d`, then rounded half to even.
    RoundClippedQuotient,
    /// `if b <= a && a <= c { d } else { 0 }`
    Within,
    /// `a * b + c`
    MultiplyAdd,
    /// `c - a * b`
    SubtractProduct,
    /// `a * b - c * d`
    SubtractProducts,
    /// `if a <comparison> b { c } else { d }`
    Choose(Binary),
    /// `a`
    Copy,
    /// What is there `+ a`.
    Accumulate,
    /// What is there `+ a * b`.
    AccumulateProduct,
    /// What is there `+ (a * b) * c`.
    AccumulateProducts,
    /// What is there `+ if a <comparison> b { c } else { d } * e`.
    AccumulateChosen(Binary),
}

/// A code with the places of its operands and of what it gives.
#[derive(Clone, PartialEq, Debug)]
pub struct Instruction {
    pub code: Code,
    pub operands: [usize; 5],
    pub out: usize,
}

/// The loop of a function of what is there and of operands, by its own type, so that the compiler sees one function per loop.
macro_rules! looped {
    ($isa:expr, |$old:pat_param, $operands:pat_param| $value:expr) => {{
        struct Function;
        impl Lanewise for Function {
            #[inline(always)]
            fn of($old: f32, $operands: [f32; 5]) -> f32 {
                $value
            }
        }
        $isa.block_loop::<Function, BLOCK>()
    }};
}

impl Code {
    /// Whether it adds to what is there.
    pub fn accumulates(self) -> bool {
        use Code::*;
        matches!(
            self,
            Accumulate | AccumulateProduct | AccumulateProducts | AccumulateChosen(_)
        )
    }

    /// The loop over a block.
    pub fn compiled(self, isa: Isa) -> BlockLoop<BLOCK> {
        macro_rules! unary {
            ($f:expr; $($name:ident),*) => {
                match $f { $(Unary::$name => looped!(isa, |_, [a, ..]| lanes::unary(Unary::$name, a)),)* }
            };
        }
        macro_rules! binary {
            ($f:expr; $($name:ident),*) => {
                match $f { $(Binary::$name => looped!(isa, |_, [a, b, ..]| lanes::binary(Binary::$name, a, b)),)* }
            };
        }
        /// One loop for each comparison.
        macro_rules! compared {
            ($f:expr, |$old:pat_param, $holds:ident($a:ident, $b:ident), $rest:pat_param| $value:expr) => {
                compared!($f, $old, $holds, $a, $b, $rest, $value;
                    Less <, LessEqual <=, Greater >, GreaterEqual >=, Equal ==; NotEqual !=)
            };
            ($f:expr, $old:pat_param, $holds:ident, $a:ident, $b:ident, $rest:pat_param, $value:expr;
                $($name:ident $op:tt),*; $last:ident $last_op:tt) => {
                match $f {
                    $(Binary::$name => looped!(isa, |$old, [$a, $b, rest @ ..]| {
                        let ($rest, $holds) = (rest, $a $op $b);
                        $value
                    }),)*
                    _ => looped!(isa, |$old, [$a, $b, rest @ ..]| {
                        let ($rest, $holds) = (rest, $a $last_op $b);
                        $value
                    }),
                }
            };
        }
        match self {
            Code::Unary(f) => unary!(f;
                Negate, Not, Abs, Sign, Round, Floor, Ceil, Sqrt, Exp, Ln, Log2, Tanh, Sin, Cos
            ),
            Code::Binary(f) => binary!(f;
                Add, Subtract, Multiply, Divide, Power, Max, Min, Equal, NotEqual, Less, LessEqual,
                Greater, GreaterEqual, And, Or, Implies
            ),
            Code::Select => looped!(isa, |_, [a, b, c, ..]| lanes::select(a, b, c)),
            Code::Clip => looped!(isa, |_, [a, b, c, ..]| lanes::clip(a, b, c)),
            Code::RoundClipped => {
                looped!(isa, |_, [a, b, c, ..]| lanes::clip(a, b, c)
                    .round_ties_even())
            }
            Code::RoundClippedQuotient => {
                looped!(isa, |_, [a, b, c, d, _]| lanes::clip(a / b, c, d)
                    .round_ties_even())
            }
            Code::Within => {
                looped!(isa, |_, [a, b, c, d, _]| if (b <= a) & (a <= c) {
                    d
                } else {
                    0.0
                })
            }
            Code::MultiplyAdd => looped!(isa, |_, [a, b, c, ..]| a * b + c),
            Code::SubtractProduct => looped!(isa, |_, [a, b, c, ..]| c - a * b),
            Code::SubtractProducts => looped!(isa, |_, [a, b, c, d, _]| a * b - c * d),
            Code::Choose(f) => compared!(f, |_, holds(a, b), [c, d, _]| if holds { c } else { d }),
            Code::Copy => looped!(isa, |_, [a, ..]| a),
            Code::Accumulate => looped!(isa, |y, [a, ..]| y + a),
            Code::AccumulateProduct => looped!(isa, |y, [a, b, ..]| y + a * b),
            Code::AccumulateProducts => looped!(isa, |y, [a, b, c, ..]| y + (a * b) * c),
            Code::AccumulateChosen(f) => {
                compared!(f, |y, holds(a, b), [c, d, e]| y + if holds { c } else { d }
                    * e)
            }
        }
    }
}
