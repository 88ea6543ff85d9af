//! The author's units: results are shown in the unit that the spec speaks of them in.
//!
//! In: syntax. Out: the first unit of an expression, and for every metric or goal that is compared with a number the unit of that
//! number, by the text of what is compared. That the two have one dimension is checked elsewhere.

use std::collections::{BTreeMap, HashMap};

use crate::analysis::context::Cx;
use crate::analysis::merged::Merged;
use crate::syntax::ast::{BinaryOp, EntryKind, Expr, ExprKind};

impl Cx<'_> {
    /// `require energy <= 5 uJ`: energy is shown in uJ. The first line that says so counts.
    pub(in crate::analysis) fn author_units(&self, merged: &Merged) -> BTreeMap<String, String> {
        let mut units = BTreeMap::new();
        let given = given(merged);
        for entry in merged.entries.iter() {
            if let EntryKind::Require(claim) | EntryKind::Expect(claim) = &entry.kind {
                comparisons(&claim.condition, &mut |left, right| {
                    for (subject, limit) in [(left, right), (right, left)] {
                        if unit(subject).is_none()
                            && let Some(unit) = limit_of(limit, &given)
                        {
                            let subject = self.text(subject.span);
                            let subject = subject.strip_prefix("best.").unwrap_or(&subject);
                            let subject = subject.strip_prefix("validation.").unwrap_or(subject);
                            units.entry(subject.to_string()).or_insert(unit);
                        }
                    }
                });
            }
        }
        units
    }
}

/// The names that have a unit in an experiment, with that unit.
fn given(merged: &Merged) -> HashMap<&str, String> {
    let mut given = HashMap::new();
    for entry in merged.entries.iter() {
        let (target, unit) = match &entry.kind {
            EntryKind::Field(f) => (&f.target, number(&f.value)),
            EntryKind::Choice(c) => (&c.target, unit(&c.domain)),
            _ => continue,
        };
        if let (Some(name), Some(unit)) = (target.as_name(), unit) {
            given.entry(name.text.as_str()).or_insert(unit);
        }
    }
    given
}

/// The unit of a number, or of a name that the experiment gives a number.
fn limit_of(e: &Expr, given: &HashMap<&str, String>) -> Option<String> {
    match &e.kind {
        ExprKind::Path(path) => given.get(path.as_name()?.text.as_str()).cloned(),
        _ => number(e),
    }
}

/// The unit of a number with or without a sign.
fn number(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Number(number) => Some(number.unit.as_ref()?.text.clone()),
        ExprKind::Unary { operand, .. } => number(operand),
        _ => None,
    }
}

/// The first unit among the numbers of a set or a range.
pub(in crate::analysis) fn unit(e: &Expr) -> Option<String> {
    match &e.kind {
        ExprKind::Set(items) => items.iter().find_map(unit),
        ExprKind::Categories(of) => unit(of),
        ExprKind::Range { low, high, .. } => unit(low).or_else(|| unit(high)),
        _ => number(e),
    }
}

/// Both sides of every comparison in a condition.
fn comparisons<'e>(e: &'e Expr, see: &mut impl FnMut(&'e Expr, &'e Expr)) {
    use BinaryOp::*;
    match &e.kind {
        ExprKind::Approx { left, right, .. } => see(left, right),
        ExprKind::Unary { operand, .. } => comparisons(operand, see),
        ExprKind::Binary { op, left, right } => match op {
            And | Or | Implies => {
                comparisons(left, see);
                comparisons(right, see);
            }
            Lt | Le | Gt | Ge | Eq | Ne => see(left, right),
            _ => {}
        },
        _ => {}
    }
}
