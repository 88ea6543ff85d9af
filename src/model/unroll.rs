//! From the statements of a space to the nodes that may be there.
//!
//! In: a [`Space`] with repeats, blocks and choices. Out: a flat list of [`TemplateNode`]s, each with the guard under which
//! it exists and its arguments as expressions over decisions. Repeats are copied up to their largest count.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::aggregate;
use super::evaluate::{self, Failure};
use super::extent::Extent;
use super::members;
use super::operation::{Mark, TemplateOp, template_op};
use super::settle::{Frame, Settler};
use crate::diagnostic::Diagnostic;
use crate::ir::{BinaryOp, Block, Expr, LayerKind, LayerStmt, Operation, Slot, Space, Stmt};
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
}

/// Unrolls a space for inputs of `shape` (height, width, channels) and `classes` classes.
pub(super) fn unroll(
    space: &Space,
    shape: [usize; 3],
    classes: usize,
    settler: &mut Settler,
) -> Unrolled {
    let [height, width, channels] = shape.map(|n| Expr::number(n as f64));
    let mut unroller = Unroller {
        settler,
        nodes: Vec::new(),
        flow: Extent {
            height,
            width,
            channels,
        },
        layers: BTreeMap::new(),
        places: Vec::new(),
        copies: 0,
        optional: 0,
        steps: 0,
        depths: HashMap::new(),
        is_too_long: false,
    };
    let mut names = Frame::default();
    names.define("classes", Expr::number(classes as f64));
    let place = Place {
        path: String::new(),
        guard: Expr::bool(true),
        input: unroller.mark(&mut names),
    };
    unroller.statements(&space.body, &mut names, &place);
    Unrolled {
        nodes: unroller.nodes,
        names,
        output: unroller.flow,
        places: unroller.places,
    }
}

struct Unroller<'a, 'b> {
    settler: &'a mut Settler<'b>,
    nodes: Vec<TemplateNode>,
    flow: Extent,
    /// Where each layer is written, by path.
    layers: BTreeMap<String, Span>,
    places: Vec<aggregate::Place>,
    /// Copies of blocks and of bodies of `repeat` so far.
    copies: usize,
    /// Operations with weights that may be absent.
    optional: usize,
    /// How deep the expressions of what flows are nested, and those of their parts.
    steps: usize,
    depths: HashMap<*const Expr, usize>,
    is_too_long: bool,
}

/// Where a statement stands: the path of its copy, the guard of that copy, and where the input of its block is.
#[derive(Clone)]
struct Place {
    path: String,
    guard: Expr,
    input: Mark,
}

impl Place {
    fn of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.into()
        } else {
            format!("{}.{name}", self.path)
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
                    let value = self.settler.slot(&binding.slot, &path, &place.guard, names);
                    self.places.push(aggregate::Place {
                        path,
                        guard: place.guard.clone(),
                        value: value.clone(),
                    });
                    names.define(&binding.name, value);
                }
                Stmt::Layer(layer) => self.layer(layer, names, place),
                Stmt::Repeat {
                    count,
                    index,
                    body,
                    span,
                } => self.repeat(count, index, body, *span, names, place),
                Stmt::Block { block, args, span } => self.block(block, args, *span, names, place),
                Stmt::AddInput { when, span } => {
                    let guard = self.condition(when.as_ref(), names, place);
                    let op = TemplateOp::AddInput(place.input.clone());
                    self.push(&place.path, guard, op, self.flow.clone(), *span);
                }
            }
            if self.is_too_long {
                return;
            }
        }
    }

    /// Makes what flows here the `input` of the statements that follow.
    fn mark(&mut self, names: &mut Frame) -> Mark {
        names.define("input.height", self.flow.height.clone());
        names.define("input.width", self.flow.width.clone());
        names.define("input.channels", self.flow.channels.clone());
        Mark {
            at: self.nodes.len(),
            extent: self.flow.clone(),
        }
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

    fn repeat(
        &mut self,
        count: &Expr,
        index: &str,
        body: &[Stmt],
        span: Span,
        names: &Frame,
        place: &Place,
    ) {
        let count = self
            .settler
            .expr(count, &place.decision(index), &place.guard, names);
        let (decisions, always) = (&self.settler.decisions, Expr::bool(true));
        let counts = members::numbers(&count, &place.guard, decisions)
            .or_else(|| members::numbers(&count, &always, decisions));
        let Some(counts) = counts else {
            let text =
                "the copies of this `repeat` cannot be listed: its count has too many values";
            self.settler.sink.push(
                Diagnostic::error("bnas::space::count", text)
                    .label(span, "how often cannot be bounded"),
            );
            return;
        };
        let fits = |n: &f64| n.fract() == 0.0 && (0.0..=MOST_NODES as f64).contains(n);
        if let Some(wrong) = counts.iter().find(|n| !fits(n)) {
            let text = format!("a `repeat` counts from 0 to {MOST_NODES}, found {wrong}");
            self.settler
                .sink
                .push(Diagnostic::error("bnas::space::count", text).label(span, "this count"));
            return;
        }
        let count = Arc::new(count);
        let most = counts.iter().copied().fold(0.0, f64::max);
        let least = counts.iter().copied().fold(most, f64::min);
        for i in 0..most as usize {
            let copy = Arc::new(Expr::number(i as f64));
            // The first copies exist whatever the count.
            let exists = match i < least as usize {
                true => Expr::bool(true),
                false => Expr::Binary(BinaryOp::Greater, count.clone(), copy),
            };
            let guard = evaluate::both(place.guard.clone(), exists);
            let mut inner = names.clone();
            inner.define(index, Expr::number(i as f64));
            let place = Place {
                path: place.of(&format!("{index}[{i}]")),
                guard,
                input: place.input.clone(),
            };
            self.copies += 1;
            self.check_length(span);
            self.statements(body, &mut inner, &place);
            if self.is_too_long {
                return;
            }
        }
    }

    fn block(
        &mut self,
        block: &Block,
        args: &[(String, Slot)],
        span: Span,
        names: &Frame,
        place: &Place,
    ) {
        let mut inner = Frame::default();
        inner.define(
            "classes",
            names.get("classes").unwrap_or_else(|| Expr::number(0.0)),
        );
        let input = self.mark(&mut inner);
        for (param, default) in &block.params {
            let given = args
                .iter()
                .find(|(name, _)| name == param)
                .map(|(_, slot)| slot);
            let value = match (given, default) {
                (Some(slot), _) => {
                    self.settler
                        .slot(slot, &place.decision(param), &place.guard, names)
                }
                (None, Some(slot)) => {
                    self.settler
                        .slot(slot, &place.decision(param), &place.guard, &inner)
                }
                (None, None) => {
                    let text = format!("`{}` needs `{param}`", block.name);
                    self.settler.sink.push(
                        Diagnostic::error("bnas::field::missing", text).label(span, "in this call"),
                    );
                    Expr::number(1.0)
                }
            };
            inner.define(param, value);
        }
        let place = Place {
            input,
            ..place.clone()
        };
        self.copies += 1;
        self.check_length(span);
        self.statements(&block.body, &mut inner, &place);
    }

    fn layer(&mut self, layer: &LayerStmt, names: &Frame, place: &Place) {
        let guard = self.condition(layer.when.as_ref(), names, place);
        if guard == Expr::bool(false) {
            return;
        }
        let path = place.of(&layer.name);
        if let Some(first) = self.layers.insert(path.clone(), layer.span) {
            let text = format!("two layers have the path `{path}`");
            self.settler.sink.push(
                Diagnostic::error("bnas::name::duplicate", text)
                    .label(layer.span, "this one")
                    .label(first, "the other stands here")
                    .help("give each layer of a block a name of its own"),
            );
        }
        for (at, operation) in layer.chain.iter().enumerate() {
            let settler = &mut *self.settler;
            let places = &mut self.places;
            let mut arg = |name: &str| {
                let slot = operation.args.iter().find(|(n, _)| n == name);
                let (_, slot) = slot.ok_or_else(|| Failure::Unknown(name.into()))?;
                // `conv(kernel in …) -> conv(kernel in …)` has `layer[0].kernel` and `layer[1].kernel`.
                let is_alone = choosing(layer, name).count() < 2;
                let number = choosing(layer, name).position(|i| i == at);
                let path = match number.filter(|_| !is_alone) {
                    Some(number) => format!("space.{path}[{number}].{name}"),
                    None => format!("space.{path}.{name}"),
                };
                let value = settler.slot(slot, &path, &guard, names);
                let takes = |op: &&Operation| op.args.iter().any(|(n, _)| n == name);
                if layer.chain.iter().filter(takes).count() == 1 {
                    places.push(aggregate::Place {
                        path,
                        guard: guard.clone(),
                        value: value.clone(),
                    });
                }
                Ok(value)
            };
            match template_op(&operation.name, &self.flow, &mut arg) {
                Ok((op, output)) => self.push(&path, guard.clone(), op, output, operation.span),
                Err(failure) => {
                    let text = failure.to_string();
                    self.settler.sink.push(
                        Diagnostic::error("bnas::type::mismatch", text)
                            .label(operation.span, "here"),
                    );
                }
            }
        }
    }

    fn push(&mut self, layer: &str, guard: Expr, op: TemplateOp, output: Extent, span: Span) {
        let input = self.flow.clone();
        self.flow = output.clone().where_or(&guard, &input);
        let node = TemplateNode {
            layer: layer.into(),
            guard,
            op,
            input,
            output,
            span,
        };
        if node.kind().is_some() && node.guard.as_value().is_none() {
            self.optional += 1;
        }
        self.nodes.push(node);
        // Every part of an earlier flow lives on in a node, so that its address stays its own.
        let depths = self
            .flow
            .sides()
            .map(|side| evaluate::depth(side, &mut self.depths));
        self.steps = depths.into_iter().max().unwrap_or(0);
        self.check_length(span);
    }
}

/// The places in a layer's chain of operations that choose this argument.
fn choosing<'a>(layer: &'a LayerStmt, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let chooses = move |(_, op): &(usize, &Operation)| {
        op.args
            .iter()
            .any(|(n, slot)| n == name && matches!(slot, Slot::Chosen(_)))
    };
    layer
        .chain
        .iter()
        .enumerate()
        .filter(chooses)
        .map(|(i, _)| i)
}
