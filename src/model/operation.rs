//! Operations with arguments over decisions.

use super::evaluate::{self, Failure};
use super::extent::{Extent, windowed};
use crate::ir::{BinaryOp, Expr, LayerKind, Value};

/// What a node does, with arguments over decisions.
#[derive(Debug, Clone)]
pub(super) enum TemplateOp {
    Convolution {
        kind: LayerKind,
        channels: Expr,
        kernel: Expr,
        stride: Expr,
        groups: Expr,
        padding: Expr,
    },
    Linear {
        outputs: Expr,
    },
    Norm,
    Activation {
        name: String,
    },
    Pool {
        kind: Expr,
        kernel: Expr,
        stride: Expr,
    },
    Flatten,
    /// Remembers what flows here as the input of the next block: marks count from 0.
    Mark,
    /// Adds what was remembered, which has this extent.
    AddInput {
        slot: usize,
        remembered: Extent,
    },
}

/// The operation with this name on what flows, and what it gives. `arg` settles an argument.
pub(super) fn template_op(
    name: &str,
    flow: &Extent,
    arg: &mut dyn FnMut(&str) -> Result<Expr, Failure>,
) -> Result<(TemplateOp, Extent), Failure> {
    let same = |channels: Expr| Extent {
        channels,
        ..flow.clone()
    };
    Ok(match name {
        "conv" => {
            let (channels, kernel, stride) = (arg("channels")?, arg("kernel")?, arg("stride")?);
            let (groups, padding) = (arg("groups")?, arg("padding")?);
            let output = windowed(flow, &kernel, &stride, &padding, channels.clone())?;
            (
                TemplateOp::Convolution {
                    kind: LayerKind::Conv,
                    channels,
                    kernel,
                    stride,
                    groups,
                    padding,
                },
                output,
            )
        }
        "depthwise" => {
            let (kernel, stride, padding) = (arg("kernel")?, arg("stride")?, arg("padding")?);
            let (channels, groups) = (flow.channels.clone(), flow.channels.clone());
            let output = windowed(flow, &kernel, &stride, &padding, channels.clone())?;
            (
                TemplateOp::Convolution {
                    kind: LayerKind::Depthwise,
                    channels,
                    kernel,
                    stride,
                    groups,
                    padding,
                },
                output,
            )
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
            (TemplateOp::Activation { name: name.into() }, flow.clone())
        }
        "pool" => {
            let (kind, kernel, stride) = (arg("kind")?, arg("kernel")?, arg("stride")?);
            let output = if kernel == Expr::Value(Value::name("global")) {
                Extent {
                    height: Expr::number(1.0),
                    width: Expr::number(1.0),
                    ..flow.clone()
                }
            } else {
                windowed(
                    flow,
                    &kernel,
                    &stride,
                    &Expr::number(0.0),
                    flow.channels.clone(),
                )?
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
