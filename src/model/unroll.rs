//! From the statements of a space to the nodes that may be there.
//!
//! In: a [`Space`] with repeats, blocks and choices. Out: a flat list of [`TemplateNode`]s, each with the guard under which
//! it exists, the node that it follows, and its arguments as expressions over decisions. Repeats are copied up to their largest count;
//! of alternatives, each is there with its own guard.

mod block;
mod layer;
mod parallel;
mod repeat;
mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expression::aggregate;
use super::expression::evaluate;
use super::expression::frame::Frame;
use super::expression::partial;
use super::expression::quick::ByAddress;
use super::settling::settle::Settler;
use super::shape::extent::Extent;
use super::shape::operation::{Mark, TemplateOp};
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, LayerKind, Require, Space, Stmt};
use crate::source::Span;

/// The most nodes that a space may unroll to: beyond it, a typo in a `repeat` is likelier than a network.
const MOST_NODES: usize = 20_000;

/// The most steps of one formula: evaluation goes down them one by one.
const MOST_STEPS: usize = 1_000;

/// A node that exists where its guard holds.
#[derive(Debug, Clone)]
pub(super) struct TemplateNode {
    pub(super) layer: String,
    pub(super) guard: Expr,
    pub(super) op: TemplateOp,
    /// The node that it follows; absent: the sample.
    pub(super) from: Option<usize>,
    /// What enters it, and what it gives if it exists.
    pub(super) input: Extent,
    pub(super) output: Extent,
    pub(super) span: Span,
}

impl TemplateNode {
    /// The kind of a node with weights.
    pub(super) fn kind(&self) -> Option<LayerKind> {
        match &self.op {
            TemplateOp::Convolution { kind, .. } => Some(*kind),
            TemplateOp::Project(_) => Some(LayerKind::Conv),
            TemplateOp::Linear { .. } => Some(LayerKind::Linear),
            _ => None,
        }
    }
}

/// A space as a flat list.
#[derive(Debug, Clone)]
pub(super) struct Unrolled {
    pub(super) nodes: Vec<TemplateNode>,
    /// The names of the space's own statements, for its `require` lines.
    pub(super) names: Frame,
    /// What the last node gives.
    pub(super) output: Extent,
    /// Values by path, for requirements.
    pub(super) places: Vec<aggregate::Place>,
    /// What leaves layers, copies, blocks and branches, for requirements, too.
    pub(super) ends: Vec<End>,
    /// What copies require of each other.
    pub(super) asked: Vec<Require>,
}

/// What stands before the paths of a space's values.
const SPACE: &str = "space.";

/// Whether an expression names values by their paths.
fn speaks_of_paths(expr: &Expr) -> bool {
    evaluate::names(expr).iter().any(|n| n.starts_with(SPACE))
}

/// What leaves a part of a network, where that exists.
#[derive(Debug, Clone)]
pub(super) struct End {
    /// `space.s[1]`, `space.stem`.
    pub(super) path: String,
    pub(super) guard: Expr,
    pub(super) extent: Extent,
}

/// Unrolls a space for inputs of `shape` (height, width, channels) and `classes` classes. `around` are the experiment's names.
pub(super) fn unroll(
    space: &Space,
    shape: [usize; 3],
    classes: usize,
    around: &Frame,
    settler: &mut Settler,
) -> Unrolled {
    let number = |n: usize| Expr::number(n as f64);
    unroll_for(space, shape.map(number), number(classes), around, settler)
}

/// The same for inputs that need not be known.
pub(super) fn unroll_for(
    space: &Space,
    shape: [Expr; 3],
    classes: Expr,
    around: &Frame,
    settler: &mut Settler,
) -> Unrolled {
    let [height, width, channels] = shape;
    let mut unroller = Unroller {
        around,
        settler,
        nodes: Vec::new(),
        flow: Mark {
            at: None,
            extent: Extent {
                height,
                width,
                channels,
            },
        },
        layers: BTreeMap::new(),
        absent: BTreeSet::new(),
        missing: Vec::new(),
        places: Vec::new(),
        ends: Vec::new(),
        asked: Vec::new(),
        copies: 0,
        optional: 0,
        steps: 0,
        depths: ByAddress::default(),
        is_too_long: false,
    };
    let mut names = around.clone();
    names.define("classes", classes);
    let place = Place {
        path: String::new(),
        root: String::new(),
        guard: Expr::bool(true),
        input: unroller.mark(&mut names),
    };
    unroller.statements(&space.body, &mut names, &place);
    unroller.report_missing();
    let mut ends = unroller.ends;
    ends.extend(unroller.layers.into_iter().map(|(path, layer)| End {
        path: format!("space.{path}"),
        guard: layer.guard,
        extent: layer.end.extent,
    }));
    Unrolled {
        nodes: unroller.nodes,
        names,
        output: unroller.flow.extent,
        places: unroller.places,
        ends,
        asked: unroller.asked,
    }
}

struct Unroller<'a, 'b> {
    /// The experiment's names, which amendments use.
    around: &'a Frame,
    settler: &'a mut Settler<'b>,
    nodes: Vec<TemplateNode>,
    /// What flows from statement to statement.
    flow: Mark,
    /// Layers so far, by path.
    layers: BTreeMap<String, Layer>,
    /// Layers and blocks that no candidate has, by path: their `when` never holds.
    absent: BTreeSet<String>,
    /// Layers that skip connections name and that are not there yet.
    missing: Vec<skip::Missing>,
    places: Vec<aggregate::Place>,
    /// What leaves copies, blocks and branches so far.
    ends: Vec<End>,
    asked: Vec<Require>,
    /// Copies of blocks and of bodies of `repeat` so far.
    copies: usize,
    /// Operations with weights that may be absent.
    optional: usize,
    /// How deep the expressions of what flows are nested, and those of their parts.
    steps: usize,
    depths: ByAddress<usize>,
    is_too_long: bool,
}

/// A named layer: where it is written, when it exists, and its end.
#[derive(Clone)]
struct Layer {
    span: Span,
    guard: Expr,
    end: Mark,
}

/// Where a statement stands: the path of its copy, the path of the block or space around, the guard of that copy, and what enters the
/// block.
#[derive(Clone)]
struct Place {
    path: String,
    root: String,
    guard: Expr,
    input: Mark,
}

impl Place {
    fn of(&self, name: &str) -> String {
        match (self.path.as_str(), name) {
            ("", name) => name.into(),
            (path, "") => path.into(),
            (path, name) => format!("{path}.{name}"),
        }
    }

    /// The label of a node that is no layer: its block's, or its own name in a space.
    fn at(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.into(),
            path => path.into(),
        }
    }

    fn decision(&self, name: &str) -> String {
        format!("space.{}", self.of(name))
    }
}

impl Unroller<'_, '_> {
    fn statements(&mut self, body: &[Stmt], names: &mut Frame, place: &Place) {
        for statement in body {
            match statement {
                Stmt::Let(binding) => {
                    let path = place.decision(&binding.name);
                    let value = self.settler.define(binding, &path, &place.guard, names);
                    let guard = self.settler.where_it_exists(&value, &place.guard);
                    self.places.push(aggregate::Place { path, guard, value });
                }
                Stmt::Layer(layer) => self.layer(layer, names, place),
                Stmt::Repeat {
                    count,
                    index,
                    body,
                    span,
                } => self.repeat(count, index, body, *span, names, place),
                Stmt::Block(block) => self.block(block, names, place),
                Stmt::Parallel(parallel) => self.parallel(parallel, names, place),
                Stmt::Add(skip) => self.skip(skip, names, place),
                Stmt::Require(require) if speaks_of_paths(&require.holds) => {
                    self.ask_later(require, names, place);
                }
                Stmt::Require(require) => {
                    let (path, guard) = (place.decision("require"), &place.guard);
                    let mark = self.settler.uses.len();
                    let holds = (self.settler)
                        .unread(|settler| settler.expr(&require.holds, &path, guard, names));
                    partial::belong_to(
                        &mut self.settler.uses[mark..],
                        require.span,
                        &require.holds,
                    );
                    let holds = evaluate::implies(guard.clone(), holds);
                    self.settler.require(require, &holds);
                }
                Stmt::OfCopy(of_copy) => {
                    let is_meant =
                        names.get(&of_copy.index) == Some(Expr::number(of_copy.copy as f64));
                    let body = match is_meant {
                        true => &of_copy.body,
                        false => &of_copy.otherwise,
                    };
                    self.statements(body, names, place);
                }
            }
            if self.is_too_long {
                return;
            }
        }
    }

    /// A requirement that names other copies is settled once all are there.
    fn ask_later(&mut self, require: &Require, names: &Frame, place: &Place) {
        let known = |name: &str| match name.strip_prefix(SPACE) {
            Some(path) => {
                let root = match place.root.as_str() {
                    "" => SPACE.to_string(),
                    root => format!("{SPACE}{root}."),
                };
                Some(Expr::Name(format!("{root}{path}"), require.span))
            }
            None => names.get(name),
        };
        match evaluate::reduce(&require.holds, &known) {
            Ok(holds) => {
                let holds = evaluate::implies(place.guard.clone(), holds);
                self.asked.push(Require {
                    holds: Arc::new(holds),
                    ..require.clone()
                });
            }
            Err(failure) => self.settler.fail(failure, require.span),
        }
    }

    /// Makes what flows here the `input` of the statements that follow.
    fn mark(&mut self, names: &mut Frame) -> Mark {
        let extent = &self.flow.extent;
        names.define("input.height", extent.height.clone());
        names.define("input.width", extent.width.clone());
        names.define("input.channels", extent.channels.clone());
        self.flow.clone()
    }

    /// Stops unrolling, with one diagnostic, when there is more than a network can be.
    fn check_length(&mut self, span: Span) {
        let lengths = [
            (self.nodes.len(), MOST_NODES, "operations"),
            (self.copies, MOST_NODES, "copies"),
            (self.optional, MOST_STEPS, "layers that may be absent"),
            (self.steps, MOST_STEPS, "steps to the shape of one layer"),
        ];
        let too_long = lengths.iter().find(|(length, most, _)| length > most);
        if let (Some((_, most, what)), false) = (too_long, self.is_too_long) {
            self.is_too_long = true;
            let text = format!("the space unrolls to more than {most} {what}");
            self.settler
                .sink
                .push(Diagnostic::error("bnas::space::count", text).label(span, "here"));
        }
    }

    fn condition(&mut self, when: Option<&Expr>, names: &Frame, place: &Place) -> Expr {
        match when {
            None => place.guard.clone(),
            Some(expr) => {
                let when = self.settler.expr(expr, &place.path, &place.guard, names);
                evaluate::both(place.guard.clone(), when)
            }
        }
    }

    /// What flows now is what leaves the copy, block or branch of this place.
    fn end(&mut self, place: &Place) {
        if place.path.is_empty() {
            return;
        }
        self.ends.push(End {
            path: format!("space.{}", place.path),
            guard: place.guard.clone(),
            extent: self.flow.extent.clone(),
        });
    }

    /// A node behind what flows.
    fn push(&mut self, layer: &str, guard: Expr, op: TemplateOp, output: Extent, span: Span) {
        let input = self.flow.extent.clone();
        let extent = output.clone().where_or(&guard, &input);
        let node = TemplateNode {
            layer: layer.into(),
            guard,
            op,
            from: self.flow.at,
            input,
            output,
            span,
        };
        if node.kind().is_some() && node.guard.as_value().is_none() {
            self.optional += 1;
        }
        self.nodes.push(node);
        self.flow = Mark {
            at: Some(self.nodes.len() - 1),
            extent,
        };
        // Every part of an earlier flow lives on in a node, so that its address stays its own.
        let sides = self.flow.extent.sides();
        let depths = sides.map(|side| evaluate::depth(side, &mut self.depths));
        self.steps = depths.into_iter().max().unwrap_or(0);
        self.check_length(span);
    }
}
