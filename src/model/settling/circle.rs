//! Names that decide of each other whether they exist.
//!
//! In: decisions as they were met, and for some the conditions under which they are read. Out: guards that refer to each other in no circle. `layer l =
//! conv(channels = v + w) when if g then v > 4 else w > 4` reads `w` first where `g` does not hold, and behind `v` where it does: it is two decisions
//! of one path, of which one at most exists. Where that does not help, a name exists wherever it was met.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::ir::{BinaryOp, Expr};
use crate::model::decision::{Decision, Decisions};
use crate::model::expression::evaluate;
use crate::model::expression::existence::entails;
use crate::model::expression::fold;
use crate::model::expression::members::{self, Values};

/// The most names that become two decisions.
const MOST_SPLITS: usize = 64;

/// The most members of a decision of which each is tried.
pub(super) const MOST_MEMBERS: u64 = 16;

/// A condition with more parts is left as it is.
pub(super) const SMALL: usize = 200;

/// Decisions, each where something reads it.
#[derive(Clone)]
pub(super) struct Guarded<'a> {
    /// As they were met, without constraints.
    free: &'a Decisions,
    /// With guards of their own; second decisions of names come last.
    pub(super) all: Vec<Decision>,
    /// What those give whose members are formulas.
    computed: &'a BTreeMap<usize, Expr>,
    /// For names that do not exist wherever they were met, when they are read.
    conditional: BTreeMap<usize, Vec<Expr>>,
    splits: BTreeMap<usize, Split>,
}

/// A name that is two decisions.
#[derive(Clone)]
struct Split {
    /// Where the first of them exists.
    first: Expr,
    /// Where the second one does.
    second: Expr,
    /// The number of the second one.
    index: usize,
}

impl<'a> Guarded<'a> {
    pub(super) fn new(
        free: &'a Decisions,
        computed: &'a BTreeMap<usize, Expr>,
        conditional: BTreeMap<usize, Vec<Expr>>,
    ) -> Self {
        let mut guarded = Guarded {
            free,
            all: free.all.clone(),
            computed,
            conditional,
            splits: BTreeMap::new(),
        };
        for index in 0..guarded.all.len() {
            guarded.all[index].guard = guarded.original(index);
        }
        guarded
    }

    /// The second decision of a name that is two.
    pub(super) fn second(&self, index: usize) -> Option<usize> {
        self.splits.get(&index).map(|split| split.index)
    }

    /// The number that a decision was met by: a second one is of a name.
    pub(super) fn met_as(&self, index: usize) -> usize {
        let mut splits = self.splits.iter();
        let name = splits.find_map(|(name, split)| (split.index == index).then_some(*name));
        name.unwrap_or(index)
    }

    /// The guard of a decision over decisions as they were met.
    pub(super) fn said_of(&self, index: usize) -> Expr {
        let name = self.met_as(index);
        match self.splits.get(&name) {
            Some(split) if name == index => split.first.clone(),
            Some(split) => split.second.clone(),
            None => self.original(index),
        }
    }

    /// The decisions in an order in which guards refer backwards.
    pub(super) fn ordered(&mut self) -> Vec<usize> {
        let (order, circle) = order(&self.all);
        if circle.is_empty() {
            return order;
        }
        self.leave_out_needless(&circle);
        let met = self.clone();
        match self.broken(true) {
            Ok(order) => order,
            Err(_) => {
                *self = met;
                self.broken(false).unwrap_or_else(|order| order)
            }
        }
    }

    /// The order once there is no circle, by names that are two where that `may_split` and else by names that exist wherever they were met; where
    /// neither helps, the order of what stands before circles.
    fn broken(&mut self, may_split: bool) -> Result<Vec<usize>, Vec<usize>> {
        loop {
            let (order, circle) = order(&self.all);
            if circle.is_empty() {
                return Ok(order);
            }
            let is_split = may_split && self.split(&circle);
            if !is_split && !self.give_up(&circle) {
                return Err(order);
            }
        }
    }

    /// Takes decisions out of the guards of a circle that these do not hang on: `(b implies c) or b`.
    fn leave_out_needless(&mut self, circle: &BTreeSet<usize>) {
        for index in circle {
            let Some(conditions) = self.conditional.get(index) else {
                continue;
            };
            let read = any(conditions);
            if !evaluate::is_small(&read, SMALL) {
                continue;
            }
            let less = evaluate::decisions(&read)
                .into_iter()
                .fold(read.clone(), |read, other| self.without(&read, other));
            if !fold::same(&less, &read) {
                self.conditional.insert(*index, vec![less]);
                self.all[*index].guard = self.original(*index);
            }
        }
    }

    /// A condition without a decision on which its truth does not hang.
    fn without(&self, condition: &Expr, decision: usize) -> Expr {
        let first = self.free.all[decision].choices.member(0);
        let less = first.and_then(|m| fold::with_choice(condition, decision, &m).ok());
        let Some(less) = less else {
            return condition.clone();
        };
        match self.never(&[condition, &less], |held| held[0] != held[1]) {
            true => less,
            false => condition.clone(),
        }
    }

    /// Makes two decisions of a name in a circle, of which one exists before the others of the circle.
    fn split(&mut self, circle: &BTreeSet<usize>) -> bool {
        if self.splits.len() == MOST_SPLITS {
            return false;
        }
        let found = circle.iter().find_map(|index| {
            let read = any(self.conditional.get(index)?);
            let is_two = self.splits.contains_key(index);
            if is_two || self.computed.contains_key(index) || !self.is_mentioned_simply(*index) {
                return None;
            }
            let first = self.whatever_is_in(circle, &read)?;
            let is_before = evaluate::decisions(&self.rewritten(&first)).is_disjoint(circle);
            if !is_before || self.never(&[&first], |held| held[0]) {
                return None;
            }
            let exists = &self.free.all[*index].guard;
            let later = evaluate::both(read, evaluate::negate(first.clone()));
            let split = Split {
                first: within(exists, first),
                second: within(exists, later),
                index: self.all.len(),
            };
            Some((*index, split))
        });
        let Some((index, split)) = found else {
            return false;
        };
        self.all.push(self.all[index].clone());
        self.splits.insert(index, split);
        for index in 0..self.free.all.len() {
            match self.splits.get(&index).cloned() {
                Some(split) => {
                    self.all[index].guard = self.rewritten(&split.first);
                    self.all[split.index].guard = self.rewritten(&split.second);
                }
                None => self.all[index].guard = self.rewritten(&self.original(index)),
            }
        }
        true
    }

    /// Whether all guards that mention a decision are small enough to be written anew.
    fn is_mentioned_simply(&self, decision: usize) -> bool {
        (0..self.free.all.len()).all(|index| {
            let guard = self.original(index);
            evaluate::is_small(&guard, SMALL) || !evaluate::decisions(&guard).contains(&decision)
        })
    }

    /// Where a condition holds whatever the decisions of a circle are; `None` if they are too many.
    fn whatever_is_in(&self, circle: &BTreeSet<usize>, condition: &Expr) -> Option<Expr> {
        let mentioned = evaluate::decisions(condition);
        let names: BTreeSet<usize> = circle.iter().map(|index| self.met_as(*index)).collect();
        let mut inside = mentioned.intersection(&names);
        inside.try_fold(condition.clone(), |condition, decision| {
            let choices = &self.free.all[*decision].choices;
            let count = choices.len().filter(|n| *n <= MOST_MEMBERS)?;
            evaluate::is_small(&condition, SMALL).then_some(())?;
            (0..count).try_fold(Expr::bool(true), |all, member| {
                let member = choices.member(member)?;
                let holds = fold::with_choice(&condition, *decision, &member).ok()?;
                Some(evaluate::both(all, holds))
            })
        })
    }

    /// Lets the first name of a circle exist wherever it was met; none if there is no such name.
    fn give_up(&mut self, circle: &BTreeSet<usize>) -> bool {
        let is_whole = |index: &&usize| !self.splits.contains_key(index);
        let first = { circle.iter().filter(is_whole) }
            .find(|index| self.conditional.contains_key(index))
            .copied();
        if let Some(first) = first {
            self.conditional.remove(&first);
            self.all[first].guard = self.rewritten(&self.original(first));
        }
        first.is_some()
    }

    /// The same of one that is not two.
    fn original(&self, index: usize) -> Expr {
        let exists = &self.free.all[index].guard;
        match self.conditional.get(&index) {
            Some(conditions) => within(exists, any(conditions)),
            None => exists.clone(),
        }
    }

    /// A condition over decisions as they were met, with the one of two decisions where a name is two.
    fn rewritten(&self, condition: &Expr) -> Expr {
        let mentioned = evaluate::decisions(condition);
        match self.splits.keys().any(|name| mentioned.contains(name)) {
            true => self.part(condition, &Expr::bool(true)),
            false => condition.clone(),
        }
    }

    /// The same of a part that is looked at where `reached` holds.
    fn part(&self, expr: &Expr, reached: &Expr) -> Expr {
        let shared = |e: &Arc<Expr>, reached: &Expr| Arc::new(self.part(e, reached));
        let where_ = |c: &Expr| evaluate::both(reached.clone(), c.clone());
        let unless = |c: &Expr| evaluate::both(reached.clone(), evaluate::negate(c.clone()));
        let all = |items: &[Expr]| items.iter().map(|e| self.part(e, reached)).collect();
        match expr {
            Expr::Decision(index) => self.one_of(*index, reached),
            Expr::Unary(op, x) => Expr::Unary(*op, shared(x, reached)),
            Expr::Binary(op, x, y) => {
                let behind = match op {
                    BinaryOp::And | BinaryOp::Implies => where_(x),
                    BinaryOp::Or => unless(x),
                    _ => reached.clone(),
                };
                Expr::Binary(*op, shared(x, reached), shared(y, &behind))
            }
            Expr::If(c, x, y) => Expr::If(
                shared(c, reached),
                shared(x, &where_(c)),
                shared(y, &unless(c)),
            ),
            Expr::Call(function, args) => Expr::Call(*function, all(args)),
            Expr::Set(items) => Expr::Set(all(items)),
            Expr::Value(_) | Expr::Name(..) | Expr::Record(..) => expr.clone(),
        }
    }

    fn one_of(&self, index: usize, reached: &Expr) -> Expr {
        let Some(split) = self.splits.get(&index) else {
            return Expr::Decision(index);
        };
        let conditions = [reached, &split.first];
        if self.never(&conditions, |held| held[0] && !held[1]) {
            return Expr::Decision(index);
        }
        let second = Expr::Decision(split.index);
        match self.never(&conditions, |held| held[0] && held[1]) {
            true => second,
            false => evaluate::choose(
                self.part(&split.first, reached),
                Expr::Decision(index),
                second,
            ),
        }
    }

    /// Whether it is seen that conditions never hold together like this.
    fn never(&self, conditions: &[&Expr], like: impl Fn(&[bool]) -> bool) -> bool {
        let all = members::visit(conditions.iter().copied(), self.free, |values| {
            let holds = |e: &&Expr| evaluate::truth(e, &Values(values)).unwrap_or(false);
            let held: Vec<bool> = conditions.iter().map(holds).collect();
            match like(&held) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        all.is_some_and(|seen| seen.is_continue())
    }
}

/// What exists, where a condition holds.
fn within(exists: &Expr, condition: Expr) -> Expr {
    match entails(&condition, exists) {
        true => condition,
        false => evaluate::both(exists.clone(), condition),
    }
}

fn any<'e>(conditions: impl IntoIterator<Item = &'e Expr>) -> Expr {
    let never = Expr::bool(false);
    { conditions.into_iter().cloned() }.fold(never, evaluate::either)
}

/// The decisions, each behind those that its guard mentions and else as they were met; and those that mention each other in a circle.
fn order(all: &[Decision]) -> (Vec<usize>, BTreeSet<usize>) {
    let mentioned = |d: &Decision| evaluate::decisions(&d.guard);
    let needs: Vec<BTreeSet<usize>> = all.iter().map(mentioned).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (index, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|one| followers[*one].push(index));
    }
    let mut missing: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let ready = (0..all.len()).filter(|index| missing[*index] == 0);
    let mut ready: BTreeSet<usize> = ready.collect();
    let mut order = Vec::with_capacity(all.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for follower in &followers[index] {
            missing[*follower] -= 1;
            if missing[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    let stuck = (0..all.len()).filter(|index| missing[*index] > 0);
    let mut circle: BTreeSet<usize> = stuck.collect();
    // What stands behind a circle is in none.
    let within = |index: usize| followers[index].iter().filter(|i| missing[**i] > 0).count();
    let mut behind: Vec<usize> = (0..all.len()).map(within).collect();
    let mut ends: Vec<usize> = { circle.iter().copied() }
        .filter(|index| behind[*index] == 0)
        .collect();
    while let Some(end) = ends.pop() {
        circle.remove(&end);
        for needed in needs[end].iter().filter(|i| missing[**i] > 0) {
            behind[*needed] -= 1;
            if behind[*needed] == 0 {
                ends.push(*needed);
            }
        }
    }
    (order, circle)
}
