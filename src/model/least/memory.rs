//! What is alive while a layer is computed, where repairs change who reads what: what enters it, and what it gives, as wide as whoever reads it next wants it.
//!
//! In: template nodes. Out: a term for each layer and each node that can be the next to read it, where nothing that may stand between is there.

use super::{Source, bits};
use crate::model::counting::{Term, combinations};
use crate::model::expression::evaluate;
use crate::model::expression::members::Values;
use crate::model::hardware::FLOAT_BITS;
use crate::model::shape::build;
use crate::model::shape::operation::TemplateOp;
use crate::model::unroll::TemplateNode;

/// The most nodes that may be absent between two layers.
const MOST_BETWEEN: usize = 2;
/// The most combinations of decisions of one pair, and the most work of all, in parts of expressions.
const MOST_ROWS: u64 = 1_000;
const MOST_WORK: u64 = 5_000_000;

impl<'a> Source<'a> {
    /// The bits of a layer's input and output for each pair.
    pub(super) fn pairs(&self) -> Vec<Term<'_>> {
        let (mut terms, mut left) = (Vec::new(), MOST_WORK);
        for reader in 0..self.nodes.len() {
            let is_read = match &self.nodes[reader].op {
                TemplateOp::Convolution { .. } | TemplateOp::Linear { .. } => true,
                TemplateOp::Pool { .. } => true,
                TemplateOp::Add(..) => self.keeps_skips,
                _ => false,
            };
            if !is_read {
                continue;
            }
            let mut between = Vec::new();
            let mut at = self.nodes[reader].from;
            while let Some(index) = at
                && between.len() <= MOST_BETWEEN
            {
                let node = &self.nodes[index];
                at = node.from;
                match node.op {
                    // In place, or a copy that is not less.
                    TemplateOp::Norm | TemplateOp::Activation { .. } | TemplateOp::Flatten => {
                        continue;
                    }
                    TemplateOp::Convolution { .. } | TemplateOp::Linear { .. } => {
                        let Some((term, work)) = self.pair(index, reader, &between) else {
                            break;
                        };
                        let Some(less) = left.checked_sub(work) else {
                            return terms;
                        };
                        left = less;
                        terms.push(term);
                    }
                    _ => {}
                }
                if node.guard.as_value().is_some() {
                    break;
                }
                between.push(index);
            }
        }
        terms
    }

    /// What is alive while a layer is computed that a node reads, and the work of all of that. `None` if that is too many combinations.
    fn pair(&self, layer: usize, reader: usize, between: &[usize]) -> Option<(Term<'_>, u64)> {
        let (node, next) = (&self.nodes[layer], &self.nodes[reader]);
        // Kernels and weights have no part in it, and fewer decisions are fewer combinations.
        let mut parts = vec![&node.guard, &next.guard];
        parts.extend(node.input.sides());
        parts.extend(node.output.sides());
        parts.extend(self.placed[layer].as_ref().map(|p| &p.activations));
        parts.extend(between.iter().map(|i| &self.nodes[*i].guard));
        parts.extend(self.placed[reader].as_ref().map(|p| &p.activations));
        let scope = super::scope(&parts);
        let rows = combinations(&scope, self.decisions).filter(|rows| *rows <= MOST_ROWS)?;
        let work = super::work(&parts);
        let between: Vec<&TemplateNode> = between.iter().map(|i| &self.nodes[*i]).collect();
        let placed = |index: usize| self.placed[index].as_ref().map(|p| &p.activations);
        let (mine, its) = (placed(layer), placed(reader));
        let term = Term {
            scope: scope.into_iter().collect(),
            work,
            rows: None,
            value: Box::new(move |values| {
                let scope = Values(values);
                let is_there =
                    |node: &TemplateNode| evaluate::truth(&node.guard, &scope) == Ok(true);
                if !is_there(node) || !is_there(next) || between.iter().any(|n| is_there(n)) {
                    return Some(0.0);
                }
                let input = build::extent(&node.input, &scope).ok()?;
                let output = build::extent(&node.output, &scope).ok()?;
                let wide = |placed| bits(placed, self.quantizers, &scope);
                let read = match next.kind() {
                    Some(_) => wide(its)?,
                    None => FLOAT_BITS,
                };
                Some((input.len() as u64 * wide(mine)? + output.len() as u64 * read) as f64)
            }),
        };
        Some((term, rows * work))
    }
}
