//! What a target asks of every candidate without a word of the author.
//!
//! In: the targets of an experiment. Out: requirements: what a memory holds has room in it, and a lane holds a code of every precision. Of
//! several targets, each asks where it is the one.

use std::sync::Arc;

use crate::ir::{self, BinaryOp, Choice, Expr, Holds, Require, Slot, Value};
use crate::source::Span;

/// The requirements of a target, or of each that may be chosen.
pub fn fits(target: &ir::Target, choice: Option<&Choice<ir::Target>>) -> Vec<Require> {
    let Some(choice) = choice else {
        return of_target(target, "target", None);
    };
    let all = std::iter::once(target).chain(&choice.others);
    all.flat_map(|one| of_target(one, &format!("target.{}", one.name), Some(&one.name)))
        .collect()
}

/// All of one target, perhaps behind `target == name implies`.
fn of_target(target: &ir::Target, path: &str, chosen: Option<&str>) -> Vec<Require> {
    let memories = target.memories.iter().map(|memory| of_memory(memory, path));
    let all = memories.chain(of_lanes(target, path));
    all.map(|require| match chosen {
        None => require,
        Some(chosen) => {
            let this = Expr::Value(Value::name(chosen));
            let is_this = binary(BinaryOp::Equal, name("target", require.span), this);
            let holds = Expr::Binary(BinaryOp::Implies, Arc::new(is_this), require.holds);
            Require {
                holds: Arc::new(holds),
                text: format!("target == {chosen} implies {}", require.text),
                ..require
            }
        }
    })
    .collect()
}

/// `stored_size <= target.memory.parameters.size`.
fn of_memory(memory: &ir::Memory, path: &str) -> Require {
    let name = |text: &str| name(text, memory.size_span);
    let (held, text, what) = match memory.holds {
        Holds::Weights => (name("stored_size"), "stored_size", "weights"),
        Holds::Activations => (name("peak_memory"), "peak_memory", "activations"),
        Holds::All => (
            binary(BinaryOp::Add, name("stored_size"), name("peak_memory")),
            "stored_size + peak_memory",
            "weights and activations",
        ),
    };
    let size = format!("{path}.memory.{}.size", memory.name);
    Require {
        text: format!("{text} <= {size}"),
        holds: Arc::new(binary(BinaryOp::LessEqual, held, name(&size))),
        why: Some(format!("memory `{}` holds the {what}", memory.name)),
        span: memory.size_span,
        parts: Vec::new(),
    }
}

/// `target.vector.width >= 8 bit * target.vector.lanes`, where that is not plain from constants.
fn of_lanes(target: &ir::Target, path: &str) -> Option<Require> {
    let widest = target.precisions.iter().max_by_key(|p| p.bits)?;
    let bits = f64::from(widest.bits);
    let constant = |slot: &Slot| match slot {
        Slot::Fixed(expr) => expr.as_value().and_then(Value::as_number),
        Slot::Chosen(_) => None,
    };
    let both = (constant(&target.vector_width), constant(&target.lanes));
    if matches!(both, (Some(width), Some(lanes)) if width >= bits * lanes) {
        return None;
    }
    let place = [&target.vector_width, &target.lanes].into_iter();
    let chosen = place.filter_map(|slot| match slot {
        Slot::Chosen(domain) => Some(domain.span),
        Slot::Fixed(_) => None,
    });
    let span = { chosen }.next().unwrap_or(target.span);
    let [width, lanes] = ["width", "lanes"].map(|field| format!("{path}.vector.{field}"));
    let needed = binary(BinaryOp::Multiply, Expr::number(bits), name(&lanes, span));
    Some(Require {
        text: format!("{width} >= {bits} bit * {lanes}"),
        holds: Arc::new(binary(BinaryOp::GreaterEqual, name(&width, span), needed)),
        why: Some(format!("a lane holds a code of `{}`", widest.name)),
        span,
        parts: Vec::new(),
    })
}

fn binary(op: BinaryOp, x: Expr, y: Expr) -> Expr {
    Expr::Binary(op, Arc::new(x), Arc::new(y))
}

fn name(text: &str, span: Span) -> Expr {
    Expr::Name(text.into(), span)
}
