//! The target that prices layers one by one.
//!
//! In: the targets of a template. Out: at values of the decisions on which its price depends, the target that is there, evaluated once for all
//! layers. What a layer by itself does not tell is left out: sizes of memories, and the energy of what is written to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::ir::{self, Expr, Slot, Value};
use crate::model::expression::evaluate::{self, Scope};
use crate::model::hardware::Target;

/// Targets without what is left out.
pub(super) struct Machine {
    targets: Vec<(Expr, ir::Target)>,
    /// The decisions on which their fields depend, and which target it is.
    pub(super) decisions: BTreeSet<usize>,
    /// Whether something that is charged is left out.
    pub(super) leaves_out: bool,
    /// Targets by the values of these decisions.
    known: RefCell<BTreeMap<String, Option<Target>>>,
}

impl Machine {
    /// Without memories.
    pub(super) fn bare(targets: &[(Expr, ir::Target)]) -> Machine {
        Machine::new(targets, |target| target.memories.clear())
    }

    /// With what memories charge for reading.
    pub(super) fn charging(targets: &[(Expr, ir::Target)]) -> Machine {
        Machine::new(targets, |target| {
            target.memories.iter_mut().for_each(|m| m.write = None);
            if target.memories.iter().all(|m| m.read.is_none()) {
                target.memories.clear();
            }
        })
    }

    fn new(targets: &[(Expr, ir::Target)], leave_out: impl Fn(&mut ir::Target)) -> Machine {
        let less = |(guard, target): &(Expr, ir::Target)| {
            let mut less = target.clone();
            leave_out(&mut less);
            let kept = match names_a_missing_field(&less) {
                // Other fields are formulas of what would be left out.
                true => target.clone(),
                false => less,
            };
            (guard.clone(), kept)
        };
        let writes =
            |(_, target): &(Expr, ir::Target)| target.memories.iter().any(|m| m.write.is_some());
        let leaves_out = targets.iter().any(writes);
        let targets: Vec<_> = targets.iter().map(less).collect();
        let mut decisions = BTreeSet::new();
        for (guard, target) in &targets {
            decisions.extend(evaluate::decisions(guard));
            let fields = target.fields().into_iter();
            let exprs = fields.flat_map(|f| evaluate::expressions(f.slot));
            exprs.for_each(|e| decisions.extend(evaluate::decisions(e)));
        }
        Machine {
            targets,
            decisions,
            leaves_out,
            known: RefCell::default(),
        }
    }

    /// Whether memories have a part in what it charges.
    pub(super) fn charges(&self) -> bool {
        let mut targets = self.targets.iter();
        targets.any(|(_, target)| !target.memories.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The target that is there.
    pub(super) fn at(&self, scope: &dyn Scope) -> Option<Target> {
        let decided: Vec<Option<Value>> =
            self.decisions.iter().map(|i| scope.decision(*i)).collect();
        let key = format!("{decided:?}");
        if let Some(target) = self.known.borrow().get(&key) {
            return target.clone();
        }
        let chosen = |(chosen, _): &&(Expr, ir::Target)| evaluate::truth(chosen, scope) == Ok(true);
        let target = self.targets.iter().find(chosen);
        let mut target = target.and_then(|(_, target)| Target::from_ir(target, scope).ok());
        for memory in target.iter_mut().flat_map(|t| &mut t.memories) {
            memory.write = None;
        }
        self.known.borrow_mut().insert(key, target.clone());
        target
    }
}

/// Whether a field is a formula of a memory's field that is not there.
fn names_a_missing_field(target: &ir::Target) -> bool {
    let fields = target.fields();
    let is_missing =
        |name: &String| name.starts_with("memory.") && fields.iter().all(|f| f.name != *name);
    let mut exprs = fields.iter().filter_map(|f| match f.slot {
        Slot::Fixed(expr) => Some(expr),
        Slot::Chosen(_) => None,
    });
    exprs.any(|expr| evaluate::names(expr).iter().any(is_missing))
}
