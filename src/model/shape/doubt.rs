//! What can be said behind a node that does not fit.
//!
//! In: nodes, of which some are reported. Out: whether another one would not fit whatever those gave: then it is a mistake of its own, and not what
//! follows from theirs.

use std::collections::BTreeMap;

use super::build;
use super::extent::Extent;
use super::misfit::Misfit;
use super::operation::TemplateOp;
use crate::ir::{Expr, LayerKind};
use crate::model::expression::evaluate::{self, Scope};
use crate::model::network::Shape;
use crate::model::unroll::TemplateNode;
use crate::source::Span;

/// Sides of a shape into which every window of a network fits that is no mistake by itself.
const WIDE: usize = 2048;

/// The sides of a shape that may be others once what is reported is mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Doubt {
    pixels: bool,
    channels: bool,
}

impl Doubt {
    const FULL: Doubt = Doubt {
        pixels: true,
        channels: true,
    };

    fn or(self, other: Doubt) -> Doubt {
        Doubt {
            pixels: self.pixels || other.pixels,
            channels: self.channels || other.channels,
        }
    }
}

/// Nodes that were reported, and what is in doubt by that.
pub(super) struct Doubts<'a> {
    nodes: &'a [TemplateNode],
    /// What is in doubt of what they give, by where they are written: copies of a layer are one mistake.
    reported: BTreeMap<Span, Doubt>,
    /// Of what flows behind each node.
    behind: Vec<Doubt>,
}

impl<'a> Doubts<'a> {
    pub(super) fn new(nodes: &'a [TemplateNode]) -> Self {
        Doubts {
            nodes,
            reported: BTreeMap::new(),
            behind: vec![Doubt::default(); nodes.len()],
        }
    }

    /// Remembers that a node is reported, which does not fit here.
    pub(super) fn report(&mut self, node: usize, scope: &dyn Scope) {
        let node = &self.nodes[node];
        self.reported.insert(node.span, wrong(node, scope));
        let mut is_any_reported = false;
        for (index, node) in self.nodes.iter().enumerate() {
            let from = self.at(node.from);
            let reported = self.reported.get(&node.span);
            is_any_reported |= reported.is_some();
            let gives = self.given(node, from, is_any_reported);
            let gives = reported.map_or(gives, |wrong| gives.or(*wrong));
            self.behind[index] = match node.guard == Expr::bool(true) {
                true => gives,
                false => gives.or(from),
            };
        }
    }

    /// Whether what flows out of the network is in doubt.
    pub(super) fn reach_the_end(&self) -> bool {
        (self.behind.last()).is_some_and(|doubt| *doubt != Doubt::default())
    }

    /// Whether a node that does not fit here is reported, or may fit once what is reported is mended.
    pub(super) fn excuse(&self, node: usize, scope: &dyn Scope) -> bool {
        let is_reported = |node: &TemplateNode| self.reported.contains_key(&node.span);
        let (before, node) = (&self.nodes[..node], &self.nodes[node]);
        if is_reported(node) {
            return true;
        }
        // It gives what is wanted elsewhere.
        let is_shortcut = matches!(&node.op, TemplateOp::Project(_) | TemplateOp::Pad(_));
        if is_shortcut && before.iter().any(is_reported) {
            return true;
        }
        let from = self.at(node.from).or(missing(&node.input, scope));
        let doubt = self.joined(node, from);
        if doubt == Doubt::default() {
            return false;
        }
        if doubt.channels && missing(&node.output, scope).channels {
            // They may be computed from those that are in doubt.
            return true;
        }
        match &node.op {
            TemplateOp::Add(..)
            | TemplateOp::Join(..)
            | TemplateOp::Project(_)
            | TemplateOp::Pad(_) => true,
            _ => input(node, doubt, scope)
                .is_none_or(|input| build::operation(node, input, scope).is_ok()),
        }
    }

    /// Why a node does not fit that is not excused, where nothing is known of the sides that enter it.
    pub(super) fn misfit(&self, node: usize, scope: &dyn Scope) -> Option<Misfit> {
        let node = &self.nodes[node];
        let missing = missing(&node.input, scope);
        (missing != Doubt::default()).then_some(())?;
        build::operation(node, input(node, missing, scope)?, scope).err()
    }

    fn at(&self, place: Option<usize>) -> Doubt {
        place.map_or_else(Doubt::default, |node| self.behind[node])
    }

    /// What is in doubt of all that flows into a node, if this flows behind the one before it.
    fn joined(&self, node: &TemplateNode, from: Doubt) -> Doubt {
        match &node.op {
            TemplateOp::Add(mark, _) => from.or(self.at(mark.at)),
            TemplateOp::Join(_, arms) => {
                let ends = arms.iter().map(|arm| self.at(arm.end.at));
                ends.fold(Doubt::default(), Doubt::or)
            }
            _ => from,
        }
    }

    /// What is in doubt of what a node gives by what enters it.
    fn given(&self, node: &TemplateNode, from: Doubt, is_any_reported: bool) -> Doubt {
        match &node.op {
            TemplateOp::Convolution { kind, .. } => Doubt {
                channels: *kind == LayerKind::Depthwise && from.channels,
                ..from
            },
            TemplateOp::Linear { .. } => Doubt::default(),
            TemplateOp::Flatten => Doubt {
                pixels: false,
                channels: from != Doubt::default(),
            },
            TemplateOp::Pool { .. } => {
                let one = Expr::number(1.0);
                Doubt {
                    pixels: from.pixels && node.output.height != one,
                    ..from
                }
            }
            // It gives what is wanted elsewhere.
            TemplateOp::Project(_) | TemplateOp::Pad(_) if is_any_reported => Doubt::FULL,
            _ => self.joined(node, from),
        }
    }
}

/// What is in doubt of what a node gives that does not fit here: channels that its groups do not divide, and else the pixels of its window.
fn wrong(node: &TemplateNode, scope: &dyn Scope) -> Doubt {
    let missing = missing(&node.output, scope);
    let divides = |side: &Expr, groups: usize| {
        count(side, scope).is_some_and(|channels| channels.is_multiple_of(groups))
    };
    match &node.op {
        TemplateOp::Convolution {
            groups, channels, ..
        } => {
            let groups = count(groups, scope);
            let is_divided =
                groups.is_some_and(|n| divides(channels, n) && divides(&node.input.channels, n));
            Doubt {
                pixels: missing.pixels || (is_divided && !missing.channels),
                channels: missing.channels || !is_divided,
            }
        }
        TemplateOp::Pool { .. } => Doubt {
            pixels: true,
            ..missing
        },
        _ => Doubt::FULL,
    }
}

/// The sides of a shape that are none.
fn missing(extent: &Extent, scope: &dyn Scope) -> Doubt {
    let [height, width, channels] = extent.sides().map(|side| count(side, scope).is_none());
    Doubt {
        pixels: height || width,
        channels,
    }
}

fn count(side: &Expr, scope: &dyn Scope) -> Option<usize> {
    let number = evaluate::number(side, scope).ok()?;
    (number >= 1.0 && number.fract() == 0.0).then_some(number as usize)
}

/// What may enter a node where this is in doubt, so that it fits; `None` if that has no number.
fn input(node: &TemplateNode, doubt: Doubt, scope: &dyn Scope) -> Option<Shape> {
    let side = |expr: &Expr, is_doubtful: bool| match is_doubtful {
        true => Some(WIDE),
        false => count(expr, scope),
    };
    // As many channels as there are groups are divided by them.
    let channels = match &node.op {
        _ if !doubt.channels => count(&node.input.channels, scope)?,
        TemplateOp::Convolution { groups, .. } => count(groups, scope)?,
        _ => 1,
    };
    Some(Shape {
        height: side(&node.input.height, doubt.pixels)?,
        width: side(&node.input.width, doubt.pixels)?,
        channels,
    })
}
