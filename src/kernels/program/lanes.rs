//! What each function gives for one number: the same in every lane, on every instruction set.

use super::{Binary, Unary};
use crate::kernels::elementary;

#[inline(always)]
pub fn truth(x: bool) -> f32 {
    if x { 1.0 } else { 0.0 }
}

#[inline(always)]
pub fn select(c: f32, x: f32, y: f32) -> f32 {
    if c != 0.0 { x } else { y }
}

/// Comparisons let NaN through.
#[inline(always)]
pub fn clip(x: f32, low: f32, high: f32) -> f32 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

#[inline(always)]
pub fn sign(x: f32) -> f32 {
    if x >= 0.0 {
        1.0
    } else if x < 0.0 {
        -1.0
    } else {
        x
    }
}

/// Powers that need no logarithm are multiplied out.
#[inline(always)]
pub fn power(x: f32, y: f32) -> f32 {
    elementary::pow(x, y)
}

/// A function of one number.
#[inline(always)]
pub fn unary(f: Unary, x: f32) -> f32 {
    match f {
        Unary::Negate => -x,
        Unary::Not => 1.0 - x,
        Unary::Abs => x.abs(),
        Unary::Sign => sign(x),
        Unary::Round => x.round_ties_even(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Sqrt => x.sqrt(),
        Unary::Exp => elementary::exp(x),
        Unary::Ln => elementary::ln(x),
        Unary::Log2 => elementary::log2(x),
        Unary::Tanh => elementary::tanh(x),
        Unary::Sin => libm::sinf(x),
        Unary::Cos => libm::cosf(x),
    }
}

/// A function of two numbers.
#[inline(always)]
pub fn binary(f: Binary, x: f32, y: f32) -> f32 {
    match f {
        Binary::Add => x + y,
        Binary::Subtract => x - y,
        Binary::Multiply => x * y,
        Binary::Divide => x / y,
        Binary::Power => power(x, y),
        Binary::Max => {
            if x > y {
                x
            } else {
                y
            }
        }
        Binary::Min => {
            if x < y {
                x
            } else {
                y
            }
        }
        Binary::Equal => truth(x == y),
        Binary::NotEqual => truth(x != y),
        Binary::Less => truth(x < y),
        Binary::LessEqual => truth(x <= y),
        Binary::Greater => truth(x > y),
        Binary::GreaterEqual => truth(x >= y),
        Binary::And => truth(x != 0.0 && y != 0.0),
        Binary::Or => truth(x != 0.0 || y != 0.0),
        Binary::Implies => truth(x == 0.0 || y != 0.0),
    }
}
