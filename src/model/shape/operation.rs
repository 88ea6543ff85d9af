//! Operations with arguments over decisions.

use super::extent::{Extent, spread, windowed};
use crate::ir::{BinaryOp, Expr, LayerKind, Value};
use crate::model::expression::evaluate::{self, Failure};
use crate::source::Span;

/// What a node does, with arguments over decisions.
#[derive(Debug, Clone)]
pub(in crate::model) enum TemplateOp {
    Convolution {
        kind: LayerKind,
        channels: Expr,
        kernel: Expr,
        stride: Expr,
        groups: Expr,
        padding: Expr,
        dilation: Expr,
    },
    Linear {
        outputs: Expr,
    },
    Norm,
    Activation {
        name: Expr,
    },
    Pool {
        kind: Expr,
        kernel: Expr,
        stride: Expr,
    },
    Flatten,
    /// A strided 1x1 convolution to this shape.
    Project(Extent),
    /// Every stride-th pixel, with zeros as further channels, to this shape.
    Pad(Extent),
    /// Adds what flows elsewhere: a skip connection.
    Add(Mark, Origin),
    /// One of several ends, their channels, or their sum.
    Join(How, Vec<Arm>),
}

/// A place in the network, and what flows there.
#[derive(Debug, Clone)]
pub(in crate::model) struct Mark {
    /// The template node behind which it is; absent: the sample.
    pub(in crate::model) at: Option<usize>,
    /// What flows there.
    pub(in crate::model) extent: Extent,
}

/// Where a skip connection starts, for messages.
#[derive(Debug, Clone)]
pub(in crate::model) struct Origin {
    /// The layer with this path, written here; absent: the block's input.
    pub(in crate::model) layer: Option<(String, Span)>,
    /// Whether it has a condition of its own.
    pub(in crate::model) has_when: bool,
}

/// How ends become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum How {
    /// Exactly one of them is there.
    Either,
    /// Channels one after the other.
    Concat,
    /// The sum.
    Sum,
}

/// One of several ways through the network.
#[derive(Debug, Clone)]
pub(in crate::model) struct Arm {
    /// Whether it is there, given that all of them may be.
    pub(in crate::model) guard: Expr,
    /// Its end.
    pub(in crate::model) end: Mark,
    pub(in crate::model) name: String,
    pub(in crate::model) span: Span,
}

impl TemplateOp {
    /// The expressions that it depends on.
    pub(in crate::model) fn parts(&self) -> Vec<&Expr> {
        match self {
            TemplateOp::Convolution {
                channels,
                kernel,
                stride,
                groups,
                padding,
                dilation,
                ..
            } => vec![channels, kernel, stride, groups, padding, dilation],
            TemplateOp::Linear { outputs } => vec![outputs],
            TemplateOp::Pool {
                kind,
                kernel,
                stride,
            } => vec![kind, kernel, stride],
            TemplateOp::Activation { name } => vec![name],
            TemplateOp::Project(to) | TemplateOp::Pad(to) => to.sides().to_vec(),
            TemplateOp::Add(mark, _) => mark.extent.sides().to_vec(),
            TemplateOp::Join(_, arms) => {
                let sides = arms.iter().flat_map(|arm| arm.end.extent.sides());
                sides.chain(arms.iter().map(|arm| &arm.guard)).collect()
            }
            TemplateOp::Norm | TemplateOp::Flatten => Vec::new(),
        }
    }
}

/// The operation with this name on what flows, and what it gives. `arg` settles an argument.
pub(in crate::model) fn template_op(
    name: &str,
    flow: &Extent,
    arg: &mut dyn FnMut(&str) -> Result<Expr, Failure>,
) -> Result<(TemplateOp, Extent), Failure> {
    let same = |channels: Expr| Extent {
        channels,
        ..flow.clone()
    };
    Ok(match name {
        "conv" | "depthwise" => {
            // A depthwise layer has a group for each channel of what flows.
            let kind = match name {
                "conv" => LayerKind::Conv,
                _ => LayerKind::Depthwise,
            };
            let own = |field: &str, arg: &mut dyn FnMut(&str) -> Result<Expr, Failure>| match kind {
                LayerKind::Conv => arg(field),
                _ => Ok(flow.channels.clone()),
            };
            let channels = own("channels", arg)?;
            let (kernel, stride) = (arg("kernel")?, arg("stride")?);
            let groups = own("groups", arg)?;
            let (padding, dilation) = (arg("padding")?, arg("dilation")?);
            let extent = spread(&kernel, &dilation)?;
            let output = windowed(flow, &extent, &stride, &padding, channels.clone())?;
            let op = TemplateOp::Convolution {
                kind,
                channels,
                kernel,
                stride,
                groups,
                padding,
                dilation,
            };
            (op, output)
        }
        "linear" => {
            let outputs = arg("outputs")?;
            let one = Expr::number(1.0);
            let output = Extent {
                height: one.clone(),
                width: one,
                channels: outputs.clone(),
            };
            (TemplateOp::Linear { outputs }, output)
        }
        "norm" => (TemplateOp::Norm, flow.clone()),
        "relu" | "relu6" | "hardtanh" => {
            let name = Expr::Value(Value::name(name));
            (TemplateOp::Activation { name }, flow.clone())
        }
        "activation" => {
            let name = arg("kind")?;
            (TemplateOp::Activation { name }, flow.clone())
        }
        "pool" => {
            let (kind, kernel) = (arg("kind")?, arg("kernel")?);
            let stride = match arg("stride") {
                Err(Failure::Unknown(_)) => kernel.clone(),
                stride => stride?,
            };
            let global = Extent {
                height: Expr::number(1.0),
                width: Expr::number(1.0),
                ..flow.clone()
            };
            let name = Expr::Value(Value::name("global"));
            let output = match evaluate::combine(BinaryOp::Equal, kernel.clone(), name)? {
                Expr::Value(Value::Bool(true)) => global,
                is_global => {
                    let (none, channels) = (Expr::number(0.0), flow.channels.clone());
                    let sliding = windowed(flow, &kernel, &stride, &none, channels)?;
                    global.where_or(&is_global, &sliding)
                }
            };
            (
                TemplateOp::Pool {
                    kind,
                    kernel,
                    stride,
                },
                output,
            )
        }
        "flatten" => {
            let pixels =
                evaluate::combine(BinaryOp::Multiply, flow.height.clone(), flow.width.clone())?;
            let length = evaluate::combine(BinaryOp::Multiply, pixels, flow.channels.clone())?;
            let one = Expr::number(1.0);
            (
                TemplateOp::Flatten,
                Extent {
                    height: one.clone(),
                    width: one,
                    ..same(length)
                },
            )
        }
        other => return Err(Failure::Unknown(other.into())),
    })
}
