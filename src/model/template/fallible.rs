//! Whether a network holds any operation that has no value for some operands. Most hold none: they need not be unrolled to look for one.
//!
//! In: a space, as it is declared. Out: whether one stands in it or in a block that it copies.

use std::sync::Arc;

use crate::ir::{Block, BlockStmt, Expr, LayerPath, Slot, Source, Space, Stmt};
use crate::model::expression::fold;
use crate::model::expression::partial;

/// Whether an operation of the space may be without a value.
pub(super) fn is_fallible(space: &Space) -> bool {
    let mut search = Search { seen: Vec::new() };
    search.body(&space.body) || space.requires.iter().any(|require| expr(&require.holds))
}

/// Blocks are looked at once, however often they are copied.
struct Search<'a> {
    seen: Vec<&'a Arc<Block>>,
}

impl<'a> Search<'a> {
    fn body(&mut self, body: &'a [Stmt]) -> bool {
        body.iter().any(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &'a Stmt) -> bool {
        match statement {
            Stmt::Let(binding) => slot(&binding.slot),
            Stmt::Layer(layer) => {
                let mut args = layer.chain.iter().flat_map(|operation| &operation.args);
                args.any(|(_, arg)| slot(arg)) || maybe(&layer.when)
            }
            Stmt::Repeat { count, body, .. } => expr(count) || self.body(body),
            Stmt::Block(block) => self.block(block),
            Stmt::Parallel(parallel) => {
                let mut branches = parallel.branches.iter();
                branches.any(|branch| maybe(&branch.when) || self.body(&branch.body))
            }
            Stmt::Require(require) => expr(&require.holds),
            Stmt::OfCopy(of_copy) => self.body(&of_copy.body) || self.body(&of_copy.otherwise),
            Stmt::Add(skip) => {
                maybe(&skip.when) || matches!(&skip.source, Source::Layer(path) if indices(path))
            }
        }
    }

    fn block(&mut self, block: &'a BlockStmt) -> bool {
        maybe(&block.when)
            || block
                .calls
                .iter()
                .any(|call| call.args.iter().any(|(_, arg)| slot(arg)) || self.copied(&call.block))
    }

    fn copied(&mut self, block: &'a Arc<Block>) -> bool {
        if self.seen.iter().any(|seen| Arc::ptr_eq(seen, block)) {
            return false;
        }
        self.seen.push(block);
        let mut defaults = block.params.iter().flat_map(|(_, default)| default);
        defaults.any(slot) || self.body(&block.body)
    }
}

fn indices(path: &LayerPath) -> bool {
    path.parts.iter().any(|(_, index)| maybe(index))
}

fn slot(slot: &Slot) -> bool {
    fold::expressions(slot).iter().any(expr)
}

fn maybe(written: &Option<Expr>) -> bool {
    written.as_ref().is_some_and(expr)
}

fn expr(written: &Expr) -> bool {
    let mut found = false;
    fold::walk(written, &mut |part| {
        found |= partial::is_fallible(part);
    });
    found
}
