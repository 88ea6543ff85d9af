//! What a pass has computed so far, as long as somebody will read it.

use crate::interpreter::train::ops::{AnyTape, Node4, Source};
use crate::interpreter::train::plan::Plan;

/// Results of nodes and views of them, as long as somebody will read them.
pub(super) struct Values<T> {
    pub results: Vec<Option<Source<T>>>,
    /// How often each node is still to be read.
    pub reads: Vec<usize>,
    pub views: Vec<Option<Source<T>>>,
    view_reads: Vec<usize>,
}

impl<T: AnyTape> Values<T> {
    /// Nothing yet. A view reads its node once, for all of its readers; what is `kept` is never let go.
    pub(super) fn new(plan: &Plan, quantizes: bool, kept: bool) -> Values<T> {
        let mut values = Values {
            results: plan.shapes.iter().map(|_| None).collect(),
            reads: plan.reads.clone(),
            views: plan.views.iter().map(|_| None).collect(),
            view_reads: plan.views.iter().map(|view| view.scales.len()).collect(),
        };
        if quantizes {
            for view in &plan.views {
                values.reads[view.node] -= view.scales.len() - 1;
            }
        }
        if kept {
            values.reads.iter_mut().for_each(|reads| *reads += 1);
        }
        values
    }

    pub(super) fn read(&mut self, node: usize) -> Node4<T> {
        stored(self.read_source(node))
    }

    pub(super) fn read_source(&mut self, node: usize) -> Source<T> {
        read(&mut self.results[node], &mut self.reads[node])
    }

    pub(super) fn read_view(&mut self, view: usize) -> Source<T> {
        read(&mut self.views[view], &mut self.view_reads[view])
    }

    /// A result that is kept.
    pub(super) fn kept(&self, node: usize) -> &Node4<T> {
        match &self.results[node] {
            Some(Source::Stored(result)) => result,
            _ => unreachable!("a watched pass keeps everything"),
        }
    }
}

/// A fork of a result; the result itself for its last reader, with its tape.
fn read<T: AnyTape>(slot: &mut Option<Source<T>>, reads: &mut usize) -> Source<T> {
    *reads -= 1;
    match slot {
        Some(Source::Stored(result)) if *reads > 0 => Source::Stored(result.fork()),
        _ => (slot.take()).expect("invariant: a step reads what earlier steps made"),
    }
}

/// What is not for a convolution.
pub(super) fn stored<T>(source: Source<T>) -> Node4<T> {
    match source {
        Source::Stored(result) => result,
        Source::Deferred(_) => unreachable!("only what a convolution reads is deferred"),
    }
}
