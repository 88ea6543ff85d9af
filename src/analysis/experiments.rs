//! The experiments of a file, in their order: many of them side by side.
//!
//! In: declarations of which nothing was found wrong. Out: the experiments, and what was found in them. What is reported depends on what was
//! reported before, so that as soon as anything is, they are lowered once more, one behind the other: the same reports come out on any
//! number of threads.

use rayon::ThreadPool;
use rayon::prelude::*;

use super::context::Cx;
use super::names::Id;
use super::show_amendments;
use crate::diagnostic::Sink;
use crate::ir::Experiment;
use crate::threads;

/// So many experiments are lowered by one thread in a row: each row lowers the targets, policies and quantizers anew that its experiments share.
const AT_ONCE: usize = 32;

impl Cx<'_> {
    /// Lowers experiments that stand in this order in the file.
    pub(super) fn experiments(&mut self, ids: &[Id]) -> Vec<Experiment> {
        if ids.len() > AT_ONCE && self.is_silent() {
            let pool = threads::readers(ids.len().div_ceil(AT_ONCE));
            if let Some(experiments) = pool.and_then(|pool| self.side_by_side(ids, pool)) {
                return experiments;
            }
        }
        ids.iter().filter_map(|id| self.one(*id)).collect()
    }

    /// Lowers experiments on several threads; nothing if there is anything to report.
    fn side_by_side(&mut self, ids: &[Id], pool: &ThreadPool) -> Option<Vec<Experiment>> {
        let (sources, modules, read) = (self.sources, self.modules, &self.read);
        let lower = |ids: &[Id]| {
            let mut cx = Cx::new(sources, modules, Sink::default());
            cx.read.clone_from(read);
            let experiments: Vec<Experiment> = ids.iter().filter_map(|id| cx.one(*id)).collect();
            cx.is_silent().then_some((experiments, cx.used))
        };
        let lowered: Option<Vec<_>> = pool.install(|| ids.par_chunks(AT_ONCE).map(lower).collect());
        let mut all = Vec::with_capacity(ids.len());
        for (experiments, used) in lowered? {
            all.extend(experiments);
            self.used.extend(used);
        }
        Some(all)
    }

    fn one(&mut self, id: Id) -> Option<Experiment> {
        self.begin();
        let (found, errors) = (self.sink.count(), self.errors);
        let experiment = self.experiment(id);
        let declaration = self.modules.declaration(id);
        if self.errors == errors {
            self.sound.insert(declaration.name.span);
        }
        show_amendments(self, found, declaration.span);
        experiment
    }

    /// Whether nothing has been reported, nor would have been had it been new.
    fn is_silent(&self) -> bool {
        !self.is_partial && self.errors == 0 && self.sink.pushed() == 0
    }
}
