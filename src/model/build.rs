//! From nodes that may be there to a concrete network.
//!
//! In: template nodes and the values of decisions. Out: a [`Network`] with shapes, or what does not fit. [`check_shapes`]
//! asks the same question of every member of the space, node by node, before anything runs.

use std::ops::ControlFlow;

use super::decision::Decisions;
use super::evaluate::{self, Failure, Scope};
use super::extent::Extent;
use super::members::{self, Values};
use super::network::{Activation, Convolution, LayerKind, Network, Node, Op, PoolKind, Shape};
use super::operation::TemplateOp;
use super::unroll::TemplateNode;
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{Expr, Value};

/// Why a node cannot be there: text for the message and for the label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Misfit {
    pub(super) message: String,
    pub(super) label: String,
}

impl Misfit {
    fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Misfit {
            message: message.into(),
            label: label.into(),
        }
    }
}

impl From<Failure> for Misfit {
    fn from(failure: Failure) -> Self {
        Misfit::new(failure.to_string(), "here")
    }
}

/// The network whose nodes' guards hold.
pub(super) fn network(
    nodes: &[TemplateNode],
    shape: [usize; 3],
    scope: &dyn Scope,
) -> Result<Network, Misfit> {
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
    let mut marks: Vec<usize> = Vec::new();
    for node in nodes {
        let last = built.len() - 1;
        if let TemplateOp::Mark = node.op {
            marks.push(last);
            continue;
        }
        if !evaluate::truth(&node.guard, scope)? {
            continue;
        }
        let (op, shape) = operation(node, built[last].shape, scope)?;
        let inputs = match &node.op {
            TemplateOp::AddInput { slot, .. } => vec![last, marks[*slot]],
            _ => vec![last],
        };
        built.push(Node {
            layer: node.layer.clone(),
            op,
            inputs,
            shape,
            placement: None,
        });
    }
    Ok(Network { nodes: built })
}

/// Indices of the template's nodes that [`network`] builds, in the order of the network's nodes 1, 2, ….
pub(super) fn present(nodes: &[TemplateNode], scope: &dyn Scope) -> Result<Vec<usize>, Failure> {
    let mut found = Vec::new();
    for (i, node) in nodes.iter().enumerate() {
        if !matches!(node.op, TemplateOp::Mark) && evaluate::truth(&node.guard, scope)? {
            found.push(i);
        }
    }
    Ok(found)
}

/// A node's operation and what it gives for an input of this shape.
pub(super) fn operation(
    node: &TemplateNode,
    input: Shape,
    scope: &dyn Scope,
) -> Result<(Op, Shape), Misfit> {
    let count = |expr: &Expr, what: &str| whole(evaluate::number(expr, scope)?, what);
    Ok(match &node.op {
        TemplateOp::Convolution {
            kind,
            channels,
            kernel,
            stride,
            groups,
            padding,
        } => {
            let (channels, kernel, stride) = (
                count(channels, "channels")?,
                count(kernel, "kernel")?,
                count(stride, "stride")?,
            );
            let groups = count(groups, "groups")?;
            let padding = padded(&evaluate::value(padding, scope)?, kernel)?;
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
            let shape = slide(input, kernel, kernel, stride, padding, channels)?;
            (
                Op::Convolution(Convolution {
                    kernel,
                    stride,
                    padding,
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
            let activation = match name.as_str() {
                "relu" => Activation::Relu,
                "relu6" => Activation::Relu6,
                _ => Activation::Hardtanh,
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
            let shape = slide(input, kernel, kernel, stride, 0, input.channels)?;
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
        TemplateOp::AddInput { remembered, .. } => {
            let before = extent(remembered, scope)?;
            if before != input {
                return Err(Misfit::new(
                    format!("cannot add {before} to {input}: the shapes differ"),
                    format!("the block's input is {before}, its last layer gives {input}"),
                ));
            }
            (Op::Add, input)
        }
        TemplateOp::Mark => unreachable!("marks are no operations"),
    })
}

pub(super) fn extent(extent: &Extent, scope: &dyn Scope) -> Result<Shape, Misfit> {
    let side = |expr: &Expr, what: &str| whole(evaluate::number(expr, scope)?, what);
    Ok(Shape {
        height: side(&extent.height, "height")?,
        width: side(&extent.width, "width")?,
        channels: side(&extent.channels, "channels")?,
    })
}

fn whole(n: f64, what: &str) -> Result<usize, Misfit> {
    if n >= 1.0 && n.fract() == 0.0 && n <= 1e9 {
        return Ok(n as usize);
    }
    Err(Misfit::new(
        format!("{what} must be a whole number of at least 1, found {n}"),
        format!("{what} would be {n}"),
    ))
}

fn padded(padding: &Value, kernel: usize) -> Result<usize, Misfit> {
    match padding {
        Value::Name(name) if name == "same" && kernel % 2 == 1 => Ok((kernel - 1) / 2),
        Value::Name(name) if name == "same" => Err(Misfit::new(
            format!("`padding = same` needs an odd kernel, found {kernel}"),
            "an even kernel has no middle: choose an odd one, or give the padding as a number",
        )),
        Value::Number(n) if *n >= 0.0 && n.fract() == 0.0 => Ok(*n as usize),
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

/// Reports every node that does not fit for some member of the space, with the decisions that lead there.
pub(super) fn check_shapes(nodes: &[TemplateNode], decisions: &Decisions, sink: &mut Sink) {
    for node in nodes {
        if matches!(node.op, TemplateOp::Mark) {
            continue;
        }
        let found = members::visit(parts(node), decisions, |values| {
            let scope = Values(values);
            let there = evaluate::truth(&node.guard, &scope).unwrap_or(false);
            if !there {
                return ControlFlow::Continue(());
            }
            match extent(&node.input, &scope).and_then(|input| operation(node, input, &scope)) {
                Ok(_) => ControlFlow::Continue(()),
                Err(misfit) => ControlFlow::Break((misfit, values.to_vec())),
            }
        });
        if let Some(ControlFlow::Break((misfit, values))) = found {
            let mut diagnostic = Diagnostic::error("bnas::shape::misfit", misfit.message)
                .label(node.span, misfit.label);
            let path: Vec<String> = decisions
                .all
                .iter()
                .zip(&values)
                .filter_map(|(d, v)| v.as_ref().map(|v| format!("{} = {v}", d.path)))
                .collect();
            if !path.is_empty() {
                diagnostic = diagnostic.help(format!("this happens when {}", path.join(", ")));
            }
            sink.push(diagnostic);
            // What follows a misfit has no shape to speak of.
            return;
        }
    }
}

/// Every expression that a node's shape depends on.
pub(super) fn parts(node: &TemplateNode) -> Vec<&Expr> {
    let mut parts = vec![
        &node.guard,
        &node.input.height,
        &node.input.width,
        &node.input.channels,
    ];
    match &node.op {
        TemplateOp::Convolution {
            channels,
            kernel,
            stride,
            groups,
            padding,
            ..
        } => {
            parts.extend([channels, kernel, stride, groups, padding]);
        }
        TemplateOp::Linear { outputs } => parts.push(outputs),
        TemplateOp::Pool {
            kind,
            kernel,
            stride,
        } => parts.extend([kind, kernel, stride]),
        TemplateOp::AddInput { remembered, .. } => {
            parts.extend([&remembered.height, &remembered.width, &remembered.channels]);
        }
        TemplateOp::Norm
        | TemplateOp::Activation { .. }
        | TemplateOp::Flatten
        | TemplateOp::Mark => {}
    }
    parts
}
