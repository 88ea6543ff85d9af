//! What is asked of a space that has been counted: a point of it, whether a beginning can be completed, and which members occur.
//!
//! In: [`Counted`]. Out: points with equal odds, and members that no point has.

use super::Counted;
use std::collections::BTreeMap;

use super::form::Form;
use super::graph::Draw;
use crate::model::decision::{Choices, Decisions, Point};
use crate::model::expression::evaluate::{self, Failure};
use crate::model::expression::members::Values;

/// A point that was drawn, with the numbers of the members that were chosen before it was filled.
#[derive(Debug, Clone, Default)]
pub struct Drawn {
    /// The point.
    pub point: Point,
    chosen: Vec<Option<u64>>,
}

impl Counted {
    /// A point that meets the counted constraints, each equally likely if `draw` is fair; reals are drawn in their declared scale
    /// once everything else is, from what constraints on one of them leave of it. Where guards cannot be counted, decisions are drawn one after the other. `None` if there is no point.
    pub fn draw(&self, decisions: &Decisions, draw: &mut dyn Draw) -> Option<Point> {
        let mut drawn = Drawn::default();
        let is_drawn = self.draw_again(decisions, draw, &mut drawn);
        is_drawn.then_some(drawn.point)
    }

    /// The same in place of what was drawn before, whose memory is taken. Whether there is a point.
    pub fn draw_again(
        &self,
        decisions: &Decisions,
        draw: &mut dyn Draw,
        drawn: &mut Drawn,
    ) -> bool {
        let Drawn { point, chosen } = drawn;
        chosen.clear();
        chosen.resize(decisions.all.len(), None);
        if let Some(form) = &self.form
            && !form.draw(chosen, draw)
        {
            return false;
        }
        decisions.fill_again(point, |i, decision| {
            let choices = &decision.choices;
            let narrowed = self.narrowed.as_deref().filter(|n| n.has(i));
            let left = narrowed.map_or(choices, |n| &n.decisions.all[i].choices);
            // Whole numbers that are walked by their logarithm are drawn so, too, unless another decision hangs on them.
            let in_scale = matches!(left, Choices::Integers { log: true, .. });
            if in_scale && chosen[i].is_none() {
                return left.at(draw.share(i));
            }
            let chosen = narrowed.map_or(chosen[i], |narrowed| {
                let left = || left.len().unwrap_or(0);
                let member = chosen[i].unwrap_or_else(|| draw.member(i, left()));
                Some(narrowed.whole(i, member))
            });
            let member = match (chosen, choices.len()) {
                (Some(member), _) => choices.member(member),
                (None, Some(n)) => choices.member(draw.member(i, n)),
                _ => {
                    let left = self.ties.within(i, choices);
                    Some(left.as_ref().unwrap_or(choices).at(draw.share(i)))
                }
            };
            member.expect("invariant: members are drawn below the size of their domain")
        });
        self.ties.settle(decisions, point);
        true
    }

    /// Whether a point may begin with these members, by number: of some beginnings that no point has, this is not said. Takes what it looked
    /// at from `work`.
    pub(super) fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        let Some(narrowed) = &self.narrowed else {
            return self.form_may_begin(members, work);
        };
        let mut within = Vec::with_capacity(members.len());
        for (index, member) in members.iter().enumerate() {
            within.push(match member {
                Some(member) => match narrowed.narrow(index, *member) {
                    Some(member) => Some(member),
                    None => return false,
                },
                None => None,
            });
        }
        self.form_may_begin(&within, work)
    }

    fn form_may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        let form = self.form.as_ref();
        form.is_none_or(|form| form.may_begin(members, work))
    }

    /// For each decision that the counted constraints mention, the members that no point has. A decision that never exists has none.
    pub fn pruned(&self, decisions: &Decisions) -> Vec<(usize, Vec<u64>)> {
        let Some(reached) = self.form.as_ref().map(Form::reached) else {
            return Vec::new();
        };
        let narrowed = self.narrowed.as_deref();
        let mut found = match narrowed {
            Some(narrowed) if !self.is_empty() => narrowed.lost(decisions),
            _ => BTreeMap::new(),
        };
        for (key, reached) in reached {
            let choices = narrowed.map_or(&decisions.all, |n| &n.decisions.all);
            let all = 0..choices[key].choices.len().unwrap_or(0);
            let never = all.filter(|member| !reached.contains(member));
            let never: Vec<u64> = match narrowed {
                Some(narrowed) => never.map(|m| narrowed.whole(key, m)).collect(),
                None => never.collect(),
            };
            if !never.is_empty() && !reached.is_empty() {
                let lost = found.entry(key).or_default();
                lost.extend(never);
                lost.sort_unstable();
            }
        }
        found
            .into_iter()
            .filter(|(_, lost)| !lost.is_empty())
            .collect()
    }

    /// Whether the constraints that were not counted hold at a point that was drawn.
    pub fn is_met(&self, decisions: &Decisions, point: &Point) -> Result<bool, Failure> {
        for c in &self.left_out {
            if !evaluate::truth(&decisions.constraints[*c], &Values(&point.0))? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
