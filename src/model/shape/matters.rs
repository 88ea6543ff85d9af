//! Which choices lead to a node that does not fit.
//!
//! In: a node that is refused, and the choices that led there. Out: those of which another one would have fitted, and other members that fail alike, as
//! an author would write them.

use std::ops::ControlFlow;

use super::fit::{DRAWS, MOST_CHOICES, MOST_EXCLUDED, Shapes};
use super::reach::Refused;
use crate::ir::{Expr, Value};
use crate::model::decision::Choices;
use crate::model::expression::members;
use crate::source::Span;
use crate::stream::{Purpose, stream, uniform};

/// The most members that are tried in the place of one, and the most members of several decisions together.
const MOST_MEMBERS: u64 = 64;
const MOST_TOGETHER: u64 = 1024;

/// Members of a decision with which a node does not fit.
pub(super) struct Alike {
    pub(super) when: String,
    pub(super) excluded: Option<String>,
}

impl Shapes<'_> {
    /// Several members of decisions that lead there alike: of one, or of several together.
    pub(super) fn alike(&self, refused: &Refused, matter: &[usize]) -> Option<Alike> {
        if let [only] = matter {
            let (wrong, right) = self.members_alike(refused, matter, *only)?;
            return self.alike_of_one(*only, &wrong, &right);
        }
        if matter.is_empty() || matter.len() > MOST_EXCLUDED {
            return None;
        }
        let sets = matter
            .iter()
            .map(|i| self.members_alike(refused, matter, *i));
        let sets: Vec<Vec<Value>> = sets.map(|sets| Some(sets?.0)).collect::<Option<_>>()?;
        let count: usize = sets.iter().map(Vec::len).product();
        let is_few = sets.iter().all(|set| set.len() <= MOST_EXCLUDED);
        if count < 2 || count as u64 > MOST_MEMBERS || !is_few {
            return None;
        }
        // Each with the others as they were chosen says nothing of several others together.
        let all_fail = (0..count).all(|number| {
            let (mut other, mut rest) = (refused.clone(), number);
            for (i, set) in matter.iter().zip(&sets) {
                other.choices[*i] = Some(set[rest % set.len()].clone());
                rest /= set.len();
            }
            self.is_enough(&other, matter)
        });
        if !all_fail {
            return None;
        }
        let (mut when, mut holds) = (Vec::new(), Vec::new());
        // Of what fails whichever member it has, nothing is asked.
        let is_any = |i: usize, set: &Vec<Value>| {
            let decision = &self.decisions.all[i];
            let is_whole = decision.choices.len() == Some(set.len() as u64);
            is_whole && decision.guard == Expr::bool(true)
        };
        let all: Vec<_> = matter.iter().zip(&sets).collect();
        let mut told: Vec<_> = { all.iter().copied() }
            .filter(|(i, set)| !is_any(**i, set))
            .collect();
        if told.is_empty() {
            told = all;
        }
        for (i, set) in told {
            let decision = &self.decisions.all[*i];
            let (path, shown) = (&decision.path, set.iter().map(|m| decision.shown(m)));
            let mut shown: Vec<String> = shown.collect();
            let each: Vec<String> = shown.iter().map(|m| format!("{path} == {m}")).collect();
            let last = shown.pop()?;
            match shown.is_empty() {
                true => {
                    when.push(format!("{path} = {last}"));
                    holds.push(each.join(""));
                }
                false => {
                    when.push(format!("{path} is {} or {last}", shown.join(", ")));
                    holds.push(format!("({})", each.join(" or ")));
                }
            }
        }
        Some(Alike {
            when: when.join(", "),
            excluded: Some(format!(
                "rule them out: `require not ({})`",
                holds.join(" and ")
            )),
        })
    }

    /// Members of a decision with which a node does not fit, as the others of these were chosen, and those with which it does; nothing if they
    /// are too many to try.
    fn members_alike(
        &self,
        refused: &Refused,
        matter: &[usize],
        one: usize,
    ) -> Option<(Vec<Value>, Vec<Value>)> {
        let choices = &self.decisions.all[one].choices;
        let count = choices.len().filter(|n| *n <= MOST_MEMBERS)?;
        Some(
            (0..count)
                .filter_map(|i| choices.member(i))
                .partition(|member| {
                    let mut other = refused.clone();
                    other.choices[one] = Some(member.clone());
                    self.is_enough(&other, matter)
                }),
        )
    }

    fn alike_of_one(&self, only: usize, wrong: &[Value], right: &[Value]) -> Option<Alike> {
        let decision = &self.decisions.all[only];
        let shown = |members: &[Value]| -> Vec<String> {
            members
                .iter()
                .map(|member| decision.shown(member))
                .collect()
        };
        let (mut wrong, right) = (shown(wrong), shown(right));
        if wrong.len() < 2 {
            return None;
        }
        let each = |members: &[String], sign: &str, joined: &str| {
            let each = members
                .iter()
                .map(|m| format!("{} {sign} {m}", decision.path));
            let each: Vec<String> = each.collect();
            format!("`require {}`", each.join(joined))
        };
        let excluded = match (wrong.len(), right.len()) {
            (..=MOST_EXCLUDED, _) => Some(each(&wrong, "!=", " and ")),
            (_, 1..=MOST_EXCLUDED) => Some(each(&right, "==", " or ")),
            _ => None,
        };
        let last = match wrong.len() {
            ..=MOST_CHOICES => wrong.pop()?,
            n => format!("one of {} more", n - MOST_CHOICES),
        };
        wrong.truncate(MOST_CHOICES);
        Some(Alike {
            when: format!("{} is {} or {last}", decision.path, wrong.join(", ")),
            excluded: excluded.map(|require| format!("rule them out: {require}")),
        })
    }

    /// That no copy of a `repeat` chooses this, if none of them fits with it: `all(space.s[*].block != wide)`.
    pub(super) fn in_no_copy(&self, refused: &Refused, only: usize) -> Option<String> {
        let decision = &self.decisions.all[only];
        let value = refused.choices[only].as_ref()?;
        let path = of_all_copies(&decision.path);
        let span = self.nodes.get(refused.group)?.span;
        let mut copies = 0;
        for group in (0..self.nodes.len()).filter(|g| self.nodes[*g].span == span) {
            let read = members::dependencies(self.parts(group), self.decisions);
            let is_own = |i: &usize| of_all_copies(&self.decisions.all[*i].path) == path;
            let own = read.into_iter().find(is_own)?;
            let mut choices = vec![None; refused.choices.len()];
            choices[own] = Some(value.clone());
            if !self.is_enough(&Refused { group, choices }, &[own]) {
                return None;
            }
            copies += 1;
        }
        (copies > 1).then(|| format!("all({path} != {})", decision.shown(value)))
    }

    /// Decisions with what was chosen.
    pub(super) fn shown(
        &self,
        refused: &Refused,
        decisions: &[usize],
        equals: &str,
    ) -> Vec<String> {
        let shown = decisions.iter().filter_map(|i| {
            let value = refused.choices[*i].as_ref()?;
            let decision = &self.decisions.all[*i];
            Some(format!(
                "{}{equals}{}",
                decision.path,
                decision.shown(value)
            ))
        });
        shown.collect()
    }

    /// Where the space chooses numbers for a layer in another file, such as a block of the library, and what they are.
    pub(super) fn chosen_elsewhere(
        &self,
        refused: &Refused,
        decisions: &[usize],
        node: Span,
    ) -> Vec<(Span, String)> {
        let of_space = self.space.span.source;
        let chosen = decisions.iter().filter_map(|i| {
            let (decision, value) = (&self.decisions.all[*i], refused.choices[*i].as_ref()?);
            let is_elsewhere = decision.span.source == of_space && node.source != of_space;
            let text = format!("can be {}", decision.shown(value));
            (is_elsewhere && value.as_number().is_some()).then_some((decision.span, text))
        });
        chosen.collect()
    }

    /// The choices of which another would have fitted, and the others that the node depends on; all and none where no single one would; none
    /// at all where nothing that could be chosen would.
    pub(super) fn what_matters(&self, refused: &Refused) -> (Vec<usize>, Vec<usize>) {
        let all = members::dependencies(self.parts(refused.group), self.decisions);
        let all: Vec<usize> = all
            .into_iter()
            .filter(|i| refused.choices[*i].is_some())
            .collect();
        let matters = |i: &usize| {
            let choices = &self.decisions.all[*i].choices;
            let count = choices.len().unwrap_or(0).min(MOST_MEMBERS);
            (0..count).any(|member| {
                let mut other = refused.choices.clone();
                other[*i] = choices.member(member);
                self.fits(refused.group, &other).is_ok()
            })
        };
        let (some, rest): (Vec<usize>, Vec<usize>) = all.iter().copied().partition(matters);
        if some.is_empty() {
            return match self.never_fits(refused, &all) {
                true => (Vec::new(), Vec::new()),
                false => (all, Vec::new()),
            };
        }
        if self.is_enough(refused, &some) {
            return (some, rest);
        }
        // Two others together would have fitted: all that is needed for a misfit is named.
        let mut needed = all.clone();
        for one in rest {
            let without: Vec<usize> = needed.iter().copied().filter(|i| *i != one).collect();
            if self.is_enough(refused, &without) {
                needed = without;
            }
        }
        let others = all.into_iter().filter(|i| !needed.contains(i));
        let others = others.collect();
        (needed, others)
    }

    /// Whether nothing fits where these choices are made, whatever else is chosen; of very many other choices some are looked at.
    fn is_enough(&self, refused: &Refused, chosen: &[usize]) -> bool {
        let mut decisions = self.decisions.clone();
        for i in chosen {
            if let Some(value) = &refused.choices[*i] {
                decisions.all[*i].choices = Choices::Categories(vec![value.clone()]);
            }
        }
        let fits = |values: &[Option<Value>]| self.fits(refused.group, values).is_ok();
        let all = members::visit(self.parts(refused.group), &decisions, |values| {
            match fits(values) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if let Some(seen) = all {
            return seen.is_continue();
        }
        let mut rng = stream(0, u64::MAX, Purpose::Search);
        !(0..DRAWS).any(|_| {
            let point = decisions.fill(|_, decision| decision.choices.at(uniform(&mut rng)));
            decisions.is_feasible(&point) && fits(&point.0)
        })
    }

    /// Whether no members of these decisions fit, if they are few enough to try all.
    fn never_fits(&self, refused: &Refused, decisions: &[usize]) -> bool {
        let all = &self.decisions.all;
        let counts: Option<Vec<u64>> = decisions.iter().map(|i| all[*i].choices.len()).collect();
        let Some(counts) = counts else {
            return false;
        };
        let count = { counts.iter() }.try_fold(1, |product: u64, n| product.checked_mul(*n));
        let Some(count) = count.filter(|count| *count <= MOST_TOGETHER) else {
            return false;
        };
        let fits = |number: u64| {
            let mut choices = refused.choices.clone();
            let mut rest = number;
            for (i, count) in decisions.iter().zip(&counts) {
                choices[*i] = all[*i].choices.member(rest % count);
                rest /= count;
            }
            self.fits(refused.group, &choices).is_ok()
        };
        !(0..count).any(fits)
    }
}

/// A path of all copies: `space.s[*].block` of `space.s[0].block`.
fn of_all_copies(path: &str) -> String {
    let mut all = String::with_capacity(path.len());
    let mut parts = path.split('[');
    all += parts.next().unwrap_or_default();
    for part in parts {
        let (_, behind) = part.split_once(']').unwrap_or((part, ""));
        all += "[*]";
        all += behind;
    }
    all
}
