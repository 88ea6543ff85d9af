//! Which layers a rule of a policy speaks of.
//!
//! In: a [`Rule`] and the nodes that may be there. Out: the nodes with weights that the rule may speak of, each with the condition under
//! which it does, given that the node exists. Of most layers most rules say nothing, so that only what matches is kept.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{BinaryOp, Expr, Function, Pattern, PatternPart, Rule, Selector, Which};
use crate::model::expression::bounds;
use crate::model::expression::evaluate::{self, Failure, both, either, negate};
use crate::model::expression::frame::Frame;
use crate::model::settling::settle::Settler;
use crate::model::shape::extent::rounded;
use crate::model::shape::operation::TemplateOp;
use crate::model::unroll::TemplateNode;

/// The most layers that the help of a rule without one lists.
const MOST_SHOWN: usize = 8;

/// Nodes with weights, and what rules look for in them.
pub(in crate::model) struct Weighted<'a> {
    nodes: &'a [TemplateNode],
    /// The numbers of those with weights.
    pub(in crate::model) indices: Vec<usize>,
    /// Places in `indices` by the layer's path without its numbers.
    by_names: BTreeMap<String, Vec<usize>>,
}

/// Where a rule may speak: places in [`Weighted::indices`], ascending, with the condition, which is never `false`.
pub(in crate::model) type Matches = Vec<(usize, Expr)>;

impl<'a> Weighted<'a> {
    pub(in crate::model) fn new(nodes: &'a [TemplateNode]) -> Weighted<'a> {
        let indices = (0..nodes.len()).filter(|i| nodes[*i].kind().is_some());
        let indices: Vec<usize> = indices.collect();
        let mut by_names: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (w, index) in indices.iter().enumerate() {
            let names: Vec<&str> = parts(&nodes[*index].layer).map(|part| part.0).collect();
            by_names.entry(names.join(".")).or_default().push(w);
        }
        Weighted {
            nodes,
            indices,
            by_names,
        }
    }

    pub(in crate::model) fn node(&self, w: usize) -> &'a TemplateNode {
        &self.nodes[self.indices[w]]
    }

    /// The places of nodes whose layer's path is like a pattern: `s[0].d[*].project`.
    fn like(&self, pattern: &Pattern) -> impl Iterator<Item = usize> {
        let names: Vec<&str> = pattern.0.iter().map(|part| part.name.as_str()).collect();
        let alike = self.by_names.get(&names.join("."));
        let fits = |w: &usize| {
            let indices = parts(&self.node(*w).layer).map(|part| part.1);
            (pattern.0.iter().zip(indices)).all(|(wanted, index)| match wanted.index {
                None => index.is_none(),
                Some(None) => index.is_some(),
                Some(i) => index == i,
            })
        };
        alike.into_iter().flatten().copied().filter(fits)
    }
}

impl Weighted<'_> {
    /// The path that a pattern which no layer is like was probably meant to be: one that is spelled alike, or that it holds, as `s[1].filter` is in
    /// `s[1].block.filter`.
    fn meant(&self, pattern: &Pattern) -> Option<String> {
        let names: Vec<&str> = pattern.0.iter().map(|part| part.name.as_str()).collect();
        let known = self.by_names.keys().map(String::as_str);
        let held = |known: &&str| {
            let mut names = names.iter();
            known.split('.').all(|name| names.any(|n| *n == name))
        };
        let written = names.join(".");
        // `filter`, of `s[*].d[*].filter`.
        let inner = format!(".{written}");
        let of_copies = || known.clone().find(|known| known.ends_with(&inner));
        let alike = did_you_mean(&written, known.clone()).or_else(of_copies);
        let found = alike.or_else(|| {
            let held = known
                .clone()
                .filter(|known| known.contains('.'))
                .filter(held);
            held.max_by_key(|known| (known.len(), *known))
        })?;
        // Numbers and stars as they are written, where the path has them.
        let w = *self.by_names.get(found)?.first()?;
        let has_as_many = names.len() == found.split('.').count();
        let meant = parts(&self.node(w).layer)
            .enumerate()
            .map(|(at, (name, index))| {
                let written = pattern.0.iter().find(|part| part.name == name);
                let written = written.or(pattern.0.get(at).filter(|_| has_as_many));
                PatternPart {
                    name: name.to_string(),
                    index: index.map(|_| written.and_then(|part| part.index.flatten())),
                }
            });
        let meant = Pattern(meant.collect());
        (meant != *pattern).then(|| meant.to_string())
    }
}

/// The parts of a layer's path, each with its number if it has one.
fn parts(path: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    path.split('.').map(|part| match part.split_once('[') {
        Some((name, rest)) => (name, rest.trim_end_matches(']').parse().ok()),
        None => (part, None),
    })
}

/// The nodes that a rule may speak of, each with the condition under which it does, given that the node exists. The rule is one of a policy that
/// is chosen under `guard`.
pub(in crate::model) fn matching(
    rule: &Rule,
    weighted: &Weighted,
    guard: &Expr,
    names: &Frame,
    settler: &mut Settler,
) -> Matches {
    let mut sums: BTreeMap<usize, Expr> = BTreeMap::new();
    for selector in &rule.selectors {
        for (w, place) in placed_at(selector, weighted) {
            let one = filtered(selector, place, weighted.node(w), guard, names, settler);
            let sum = sums.remove(&w).unwrap_or_else(|| Expr::bool(false));
            sums.insert(w, either(sum, one));
        }
    }
    sums.retain(|_, sum| *sum != Expr::bool(false));
    sums.into_iter().collect()
}

/// The nodes whose kind and place fit a selector, and the condition. The first layer of those that may be there is the one before
/// which none exists.
fn placed_at(selector: &Selector, weighted: &Weighted) -> Matches {
    let is_kind = |w: &usize| selector.kind.is_none() || weighted.node(*w).kind() == selector.kind;
    let all = 0..weighted.indices.len();
    let always = |w: usize| (w, Expr::bool(true));
    match &selector.which {
        Which::All => all.filter(is_kind).map(always).collect(),
        Which::Named(pattern) => weighted.like(pattern).filter(is_kind).map(always).collect(),
        Which::First => first(all.filter(is_kind), weighted),
        Which::Last => {
            let mut places = first(all.rev().filter(is_kind), weighted);
            places.reverse();
            places
        }
    }
}

/// For each of these nodes that can be the first one that exists, the condition.
fn first(nodes: impl Iterator<Item = usize>, weighted: &Weighted) -> Matches {
    let mut none_so_far = Expr::bool(true);
    let mut places = Vec::new();
    for w in nodes {
        let guard = weighted.node(w).guard.clone();
        let none_yet = both(none_so_far.clone(), negate(guard));
        places.push((w, std::mem::replace(&mut none_so_far, none_yet)));
        if none_so_far == Expr::bool(false) {
            break;
        }
    }
    places
}

/// `place`, and the selector's `where`.
fn filtered(
    selector: &Selector,
    place: Expr,
    node: &TemplateNode,
    guard: &Expr,
    names: &Frame,
    settler: &mut Settler,
) -> Expr {
    let Some(filter) = &selector.filter else {
        return place;
    };
    match properties(node, names) {
        Ok(frame) => {
            let guard = both(guard.clone(), node.guard.clone());
            both(place, settler.expr(filter, "policy", &guard, &frame))
        }
        Err(failure) => {
            let text = failure.to_string();
            settler.sink.push(
                Diagnostic::error("bnas::type::mismatch", text)
                    .label(selector.span, "in this selector"),
            );
            Expr::bool(false)
        }
    }
}

/// What `where` may speak of.
fn properties(node: &TemplateNode, names: &Frame) -> Result<Frame, Failure> {
    let times = |x: Expr, y: Expr| evaluate::combine(BinaryOp::Multiply, x, y);
    let mut frame = names.clone();
    let (kernel, stride, groups) = match &node.op {
        TemplateOp::Convolution {
            kernel,
            stride,
            groups,
            ..
        } => (kernel.clone(), stride.clone(), groups.clone()),
        TemplateOp::Project(to) => {
            let one = || Expr::number(1.0);
            let stride = rounded(Function::Ceil, &node.input.height, &to.height)?;
            (one(), stride, one())
        }
        _ => (Expr::number(1.0), Expr::number(1.0), Expr::number(1.0)),
    };
    let taps = times(kernel.clone(), kernel.clone())?;
    let inputs = match &node.op {
        TemplateOp::Linear { .. } => times(
            times(node.input.height.clone(), node.input.width.clone())?,
            node.input.channels.clone(),
        )?,
        _ => evaluate::combine(
            BinaryOp::Divide,
            node.input.channels.clone(),
            groups.clone(),
        )?,
    };
    let weights = times(times(taps, inputs)?, node.output.channels.clone())?;
    let pixels = times(node.output.height.clone(), node.output.width.clone())?;
    frame.define("channels", node.output.channels.clone());
    frame.define("input.channels", node.input.channels.clone());
    frame.define("kernel", kernel);
    frame.define("stride", stride);
    frame.define("groups", groups);
    frame.define("macs", times(weights.clone(), pixels)?);
    frame.define(
        "params",
        evaluate::combine(BinaryOp::Add, weights, node.output.channels.clone())?,
    );
    Ok(frame)
}

/// Whether a rule speaks of no layer of any member, which is reported. `matches` are the nodes that it may speak of.
pub(in crate::model) fn report_idle(
    rule: &Rule,
    matches: &Matches,
    weighted: &Weighted,
    settler: &mut Settler,
) -> bool {
    let may_speak_of = |(w, condition): &(usize, Expr)| {
        let there = both(weighted.node(*w).guard.clone(), condition.clone());
        bounds::proves(&there, &settler.decisions, &|_| None) != Some(false)
    };
    if matches.iter().any(may_speak_of) {
        return false;
    }
    let meant = rule
        .selectors
        .iter()
        .find_map(|selector| match &selector.which {
            Which::Named(pattern) => weighted.meant(pattern),
            _ => None,
        });
    // One more than are shown, of however many.
    let mut layers: Vec<&str> = Vec::new();
    for w in 0..weighted.indices.len() {
        let layer = weighted.node(w).layer.as_str();
        if layers.last() != Some(&layer) {
            layers.push(layer);
        }
        if layers.len() > MOST_SHOWN {
            break;
        }
    }
    let shown: Vec<String> = (layers.iter().take(MOST_SHOWN))
        .map(|layer| format!("`{layer}`"))
        .collect();
    let shown = shown.join(", ");
    let more = if layers.len() > MOST_SHOWN {
        ", …"
    } else {
        ""
    };
    settler.sink.push(
        Diagnostic::error(
            "bnas::policy::matches_nothing",
            "this rule matches no layer of the space",
        )
        .label(rule.span, "no layer is like this")
        .help(match (meant, layers.is_empty()) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, true) => "the space has no layer with weights".to_string(),
            (None, false) => format!("the layers with weights are {shown}{more}"),
        }),
    );
    true
}
