//! Whose names an amendment reads: those of the experiment that it is written in come first.
//!
//! In: a name, and where it is read. Out: the name of the experiment around, if it is one.

use super::context::{Cx, Local};
use crate::source::Span;

impl Cx<'_> {
    /// A name of the experiment around, for what is written there: it comes before the names of what is amended, and behind those of a rule that
    /// is written there, too.
    pub(super) fn outer(&mut self, name: &str, at: Span) -> Option<Local> {
        match self.is_outer(name, at) {
            true => self.outer.used(name).cloned(),
            false => None,
        }
    }

    /// Whether a name that is read here is one of the experiment around.
    pub(super) fn is_outer(&self, name: &str, at: Span) -> bool {
        let is_of_rule = |mark: usize| self.locals.place(name).is_some_and(|place| place >= mark);
        self.outer.find(name).is_some()
            && !self.in_rule.is_some_and(is_of_rule)
            && (self.modules.around(at)).is_some_and(|around| around.kind.text == "experiment")
    }
}
