//! From nodes that may be there to a concrete network.
//!
//! In: template nodes and the values of decisions. Out: a [`Network`] with shapes, or what does not fit.

use super::extent::Extent;
use super::misfit::Misfit;
use super::operation::{Arm, How, TemplateOp};
use crate::ir::{Expr, Value};
use crate::model::expression::evaluate::{self, Failure, Scope};
use crate::model::network::{
    Activation, Convolution, LayerKind, Network, Node, Op, PoolKind, Shape,
};
use crate::model::unroll::TemplateNode;

/// The most multiply-accumulates of an operation: sums over all operations stay far below what 64 bits count.
const MOST_WORK: f64 = 1e14;

/// The network whose nodes' guards hold, and the template's nodes that became the network's nodes 1, 2, ….
pub(in crate::model) fn network(
    nodes: &[TemplateNode],
    shape: [usize; 3],
    scope: &dyn Scope,
) -> Result<(Network, Vec<usize>), Misfit> {
    let [height, width, channels] = shape;
    let input = Node {
        layer: "input".into(),
        op: Op::Input,
        inputs: Vec::new(),
        shape: Shape {
            height,
            width,
            channels,
        },
        placement: None,
    };
    let mut built = vec![input];
    let mut from = Vec::new();
    // For each template node, the network's node whose result flows behind it.
    let mut flows: Vec<usize> = Vec::with_capacity(nodes.len());
    for (index, node) in nodes.iter().enumerate() {
        let at = |place: Option<usize>| place.map_or(0, |i| flows[i]);
        let before = at(node.from);
        if !exists(node, scope)? {
            flows.push(before);
            continue;
        }
        let (op, shape) = operation(node, built[before].shape, scope)?;
        let inputs = match &node.op {
            TemplateOp::Add(mark, _) => vec![before, at(mark.at)],
            TemplateOp::Join(_, arms) => {
                let ends = there(arms, scope)?;
                ends.iter().map(|arm| at(arm.end.at)).collect()
            }
            _ => vec![before],
        };
        let mut push = |inputs: Vec<usize>| {
            from.push(index);
            built.push(Node {
                layer: node.layer.clone(),
                op: op.clone(),
                inputs,
                shape,
                placement: None,
            });
            built.len() - 1
        };
        flows.push(match (&node.op, inputs.as_slice()) {
            // Of one way there is nothing to join.
            (TemplateOp::Join(..), [only]) => *only,
            (TemplateOp::Join(How::Sum, _), [first, others @ ..]) => {
                (others.iter()).fold(*first, |sum, other| push(vec![sum, *other]))
            }
            _ => push(inputs),
        });
    }
    Ok((Network { nodes: built }, from))
}

/// The ways that are there.
fn there<'a>(arms: &'a [Arm], scope: &dyn Scope) -> Result<Vec<&'a Arm>, Failure> {
    let mut found = Vec::with_capacity(arms.len());
    for arm in arms {
        if evaluate::truth(&arm.guard, scope)? {
            found.push(arm);
        }
    }
    Ok(found)
}

/// Whether a node is there. One whose guard needs a decision that does not exist is not.
pub(in crate::model) fn exists(node: &TemplateNode, scope: &dyn Scope) -> Result<bool, Failure> {
    match evaluate::truth(&node.guard, scope) {
        Err(Failure::Inactive(_)) => Ok(false),
        other => other,
    }
}

/// A node's operation and what it gives for an input of this shape.
pub(in crate::model) fn operation(
    node: &TemplateNode,
    input: Shape,
    scope: &dyn Scope,
) -> Result<(Op, Shape), Misfit> {
    let (op, shape) = unbounded(node, input, scope)?;
    let per_value = match op {
        Op::Convolution(c) => (c.kernel * c.kernel) as f64 * (input.channels / c.groups) as f64,
        Op::Linear => input.len() as f64,
        _ => 1.0,
    };
    check_work(shape, per_value)?;
    Ok((op, shape))
}

/// Whether so much work for each value of a result can be counted.
fn check_work(result: Shape, per_value: f64) -> Result<(), Misfit> {
    let sides = [result.height, result.width, result.channels];
    let work = sides.map(|n| n as f64).iter().product::<f64>() * per_value;
    if work > MOST_WORK {
        return Err(Misfit::of_value(
            "work",
            format!("a layer of {work:e} operations is more than a network can have"),
            format!("this would give {result}"),
        ));
    }
    Ok(())
}

fn unbounded(node: &TemplateNode, input: Shape, scope: &dyn Scope) -> Result<(Op, Shape), Misfit> {
    let count = |expr: &Expr, what: &'static str| whole(evaluate::number(expr, scope)?, what);
    Ok(match &node.op {
        TemplateOp::Convolution {
            kind,
            channels,
            kernel,
            stride,
            groups,
            padding,
            dilation,
        } => {
            let (channels, kernel, stride) = (
                count(channels, "channels")?,
                count(kernel, "kernel")?,
                count(stride, "stride")?,
            );
            let (groups, dilation) = (count(groups, "groups")?, count(dilation, "dilation")?);
            let padding = padded(&evaluate::value(padding, scope)?, kernel, dilation)?;
            if !input.channels.is_multiple_of(groups) || !channels.is_multiple_of(groups) {
                return Err(Misfit::new(
                    format!(
                        "{groups} groups do not divide {} input and {channels} output channels",
                        input.channels
                    ),
                    "channels must be a multiple of groups",
                ));
            }
            // A depthwise layer of one channel is an ordinary convolution of one group; the template remembers its kind.
            debug_assert!(*kind != LayerKind::Depthwise || groups == input.channels);
            let rows = dilation * (kernel - 1) + 1;
            let shape = slide(input, rows, rows, stride, padding, channels).map_err(|misfit| {
                let message = match dilation {
                    1 => misfit.message.into_string(),
                    _ => format!(
                        "kernel {kernel} with dilation {dilation} spans {rows} rows and does not fit a {}x{} input",
                        input.height, input.width
                    ),
                };
                let help = match kernel % 2 {
                    1 => "write `padding = same`, which fits whatever the input is, or take a smaller kernel",
                    _ => "take a smaller kernel, or pad by half of it: `padding = …`",
                };
                Misfit {
                    message: message.into(),
                    help: Some(help),
                    ..misfit
                }
            })?;
            (
                Op::Convolution(Convolution {
                    kernel,
                    stride,
                    padding,
                    dilation,
                    groups,
                }),
                shape,
            )
        }
        TemplateOp::Linear { outputs } => (
            Op::Linear,
            Shape {
                height: 1,
                width: 1,
                channels: count(outputs, "outputs")?,
            },
        ),
        TemplateOp::Norm => (Op::Norm, input),
        TemplateOp::Activation { name } => {
            let name = evaluate::value(name, scope)?;
            let activation = match name.as_name() {
                Some("relu") => Activation::Relu,
                Some("relu6") => Activation::Relu6,
                Some("hardtanh") => Activation::Hardtanh,
                _ => {
                    return Err(Misfit::new(
                        format!("expected `relu`, `relu6` or `hardtanh`, found {name}"),
                        "this is no activation",
                    ));
                }
            };
            (Op::Activation(activation), input)
        }
        TemplateOp::Pool {
            kind,
            kernel,
            stride,
        } => {
            let kind = match evaluate::value(kind, scope)?.as_name() {
                Some("max") => PoolKind::Max,
                _ => PoolKind::Average,
            };
            if evaluate::value(kernel, scope)?.as_name() == Some("global") {
                let op = Op::Pool {
                    kind,
                    kernel: (input.height, input.width),
                    stride: 1,
                };
                return Ok((
                    op,
                    Shape {
                        height: 1,
                        width: 1,
                        ..input
                    },
                ));
            }
            let (kernel, stride) = (count(kernel, "kernel")?, count(stride, "stride")?);
            let shape = slide(input, kernel, kernel, stride, 0, input.channels);
            let shape = shape.map_err(|misfit| Misfit {
                help: Some("take a smaller kernel, or all rows and columns: `kernel = global`"),
                ..misfit
            })?;
            (
                Op::Pool {
                    kind,
                    kernel: (kernel, kernel),
                    stride,
                },
                shape,
            )
        }
        TemplateOp::Flatten => (
            Op::Flatten,
            Shape {
                height: 1,
                width: 1,
                channels: input.len(),
            },
        ),
        TemplateOp::Project(to) => {
            let to = extent(to, scope)?;
            let stride = stride(input, to)?;
            let convolution = Convolution {
                kernel: 1,
                stride,
                padding: 0,
                dilation: 1,
                groups: 1,
            };
            (Op::Convolution(convolution), to)
        }
        TemplateOp::Pad(to) => {
            let to = extent(to, scope)?;
            let stride = stride(input, to)?;
            if input.channels > to.channels {
                return Err(Misfit::new(
                    format!("a padded shortcut cannot take {input} to {to}: it only adds channels"),
                    format!("{} channels would be lost", input.channels - to.channels),
                ));
            }
            (Op::PadShortcut { stride }, to)
        }
        TemplateOp::Add(mark, origin) => {
            let other = extent(&mark.extent, scope)?;
            if other != input {
                let message = format!("cannot add {other} to {input}: the shapes differ");
                let help = stride(other, input)
                    .is_ok()
                    .then_some(match origin.has_when {
                        true => "write `via conv_shortcut` before its `when`",
                        false => "write `via conv_shortcut` behind it",
                    });
                let misfit = match &origin.layer {
                    None => Misfit::new(
                        message,
                        format!("the block's input is {other}, its last layer gives {input}"),
                    ),
                    Some((path, span)) => Misfit {
                        also: Some((*span, format!("`{path}` gives {other}"))),
                        ..Misfit::new(message, format!("what flows here is {input}"))
                    },
                };
                return Err(Misfit { help, ..misfit });
            }
            (Op::Add, input)
        }
        TemplateOp::Join(how, arms) => joined(*how, &there(arms, scope)?, scope)?,
    })
}

/// Several ways as one.
fn joined(how: How, arms: &[&Arm], scope: &dyn Scope) -> Result<(Op, Shape), Misfit> {
    let Some((first, others)) = arms.split_first() else {
        return Err(Misfit::new(
            "all branches are absent: nothing is left to join",
            "no branch is there",
        ));
    };
    let mut shape = extent(&first.end.extent, scope)?;
    let wanted = shape;
    for arm in others {
        let found = extent(&arm.end.extent, scope)?;
        let fits = match how {
            How::Concat => (found.height, found.width) == (wanted.height, wanted.width),
            How::Either | How::Sum => found == wanted,
        };
        if !fits {
            let verb = match how {
                How::Concat => "concatenate",
                How::Either | How::Sum => "add",
            };
            return Err(Misfit {
                also: Some((
                    first.span,
                    format!("branch `{}` gives {wanted}", first.name),
                )),
                at: Some(arm.span),
                ..Misfit::new(
                    format!("cannot {verb} {wanted} and {found}: the shapes differ"),
                    format!("branch `{}` gives {found}", arm.name),
                )
            });
        }
        if how == How::Concat {
            shape.channels += found.channels;
        }
    }
    let op = match how {
        How::Concat => Op::Concat,
        How::Either | How::Sum => Op::Sum,
    };
    Ok((op, shape))
}

/// The stride that takes one shape's rows and columns to the other's by leaving out pixels.
fn stride(from: Shape, to: Shape) -> Result<usize, Misfit> {
    let stride = from.height.div_ceil(to.height);
    match from.height.div_ceil(stride) == to.height && from.width.div_ceil(stride) == to.width {
        true => Ok(stride),
        false => Err(Misfit::new(
            format!("no stride takes {from} to the sides of {to}"),
            "this shortcut",
        )),
    }
}

pub(in crate::model) fn extent(extent: &Extent, scope: &dyn Scope) -> Result<Shape, Misfit> {
    let side = |expr: &Expr, what: &'static str| whole(evaluate::number(expr, scope)?, what);
    let shape = Shape {
        height: side(&extent.height, "height")?,
        width: side(&extent.width, "width")?,
        channels: side(&extent.channels, "channels")?,
    };
    check_work(shape, 1.0)?;
    Ok(shape)
}

/// The largest count: a kernel of this size still has a square that 64 bits hold.
const MOST_COUNT: f64 = 1e9;

fn whole(n: f64, what: &'static str) -> Result<usize, Misfit> {
    if n >= 1.0 && n.fract() == 0.0 && n <= MOST_COUNT {
        return Ok(n as usize);
    }
    // `100 * 0.28` is not 28 but for rounding.
    let is_nearly = n.round() >= 1.0 && (n - n.round()).abs() <= 1e-9 * n.abs();
    Err(Misfit::of_value(
        what,
        format!("{what} must be a whole number from 1 to {MOST_COUNT:e}, found {n}"),
        match is_nearly {
            true => format!("{what} would be {n}, which is rounded: write `round(…)` around it"),
            false => format!("{what} would be {n}"),
        },
    ))
}

fn padded(padding: &Value, kernel: usize, dilation: usize) -> Result<usize, Misfit> {
    match padding {
        Value::Name(name) if name == "same" && kernel % 2 == 1 => Ok(dilation * (kernel / 2)),
        Value::Name(name) if name == "same" => Err(Misfit::new(
            format!("`padding = same` needs an odd kernel, found {kernel}"),
            "an even kernel has no middle: choose an odd one, or give the padding as a number",
        )),
        Value::Number(n) if n.fract() == 0.0 && (0.0..=MOST_COUNT).contains(n) => Ok(*n as usize),
        other => Err(Misfit::new(
            format!("padding must be `same` or a whole number, found {other}"),
            "this padding",
        )),
    }
}

/// A window of `rows` x `columns` that moves by `stride`: floor((n + 2 p - k) / s) + 1 along each axis.
fn slide(
    input: Shape,
    rows: usize,
    columns: usize,
    stride: usize,
    padding: usize,
    channels: usize,
) -> Result<Shape, Misfit> {
    if input.height + 2 * padding < rows || input.width + 2 * padding < columns {
        return Err(Misfit::new(
            format!(
                "kernel {rows} does not fit a {}x{} input",
                input.height, input.width
            ),
            format!("the input here is {}x{}", input.height, input.width),
        ));
    }
    let height = (input.height + 2 * padding - rows) / stride + 1;
    let width = (input.width + 2 * padding - columns) / stride + 1;
    Ok(Shape {
        height,
        width,
        channels,
    })
}
