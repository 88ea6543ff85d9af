//! Which values several groups of expressions take together, over all members of a space.
//!
//! In: groups of expressions (what the shape of a node depends on), the decisions and their constraints. Out: one call per group for
//! each combination of values that it takes, with choices that lead there; and which combinations are refused at some member.
//!
//! Decisions are chosen one after the other. What is left of all groups is the state: after the choices so far, it is what flows
//! in the network and what later nodes still refer to. Equal states are followed once, so a chain of sixty layers has as many states as
//! it has different shapes on the way, not as many as it has paths. Nothing is approximated: a choice that a later condition
//! speaks of is part of what is left.

mod lists;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use self::lists::{ListId, Lists, NIL};
use crate::ir::{Expr, Value};
use crate::model::counting::hull;
use crate::model::counting::residual::{Id, Residuals, Substitution};
use crate::model::decision::Decisions;
use crate::model::expression::members;
use crate::model::expression::quick::QuickMap;

/// States at a time.
const MOST_STATES: usize = 4096;

/// So many states, or entries of one, are as much work as a step on an expression.
const ENTRIES_PER_STEP: u64 = 8;

/// Too many states, too much work, or a decision over reals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct TooMany;

/// A group that is refused, and choices that lead there; those that do not matter are absent.
#[derive(Debug, Clone)]
pub(in crate::model) struct Refused {
    pub(in crate::model) group: usize,
    pub(in crate::model) choices: Vec<Option<Value>>,
}

/// A choice and those before it.
struct Path {
    decision: usize,
    value: Option<Value>,
    /// How many they are together.
    length: usize,
    before: Option<Rc<Path>>,
}

/// What is left after some choices. States share what is equal behind their first entries, so that a choice which few entries speak of is as little work.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// Groups without all of their values yet, in order.
    groups: ListId,
    /// What is left of the guards of decisions that are not chosen yet, in order.
    guards: ListId,
    constraints: Rc<Vec<Id>>,
    refused: Option<usize>,
}

/// A group and what is left of its expressions.
type Group = (usize, Rc<[Id]>);

/// The groups that `fits` refuses at some member: for each, the first choices that lead there. The first expression of a group says
/// whether the group exists. A group behind a refused one is not looked at.
pub(in crate::model) fn refused(
    groups: &[Vec<&Expr>],
    constraints: &[&Expr],
    decisions: &Decisions,
    most_steps: u64,
    fits: &mut dyn FnMut(usize, &[Option<Value>]) -> bool,
) -> Result<Vec<Refused>, TooMany> {
    let hulls = decisions.all.iter().map(|d| hull(&d.choices)).collect();
    let mut residuals = Residuals::new(most_steps, hulls);
    let keys = members::dependencies(
        groups
            .iter()
            .flatten()
            .copied()
            .chain(constraints.iter().copied()),
        decisions,
    );
    let mut search = Search {
        values: vec![None; decisions.all.len()],
        path: None,
        known: HashMap::new(),
        fits,
        groups: Lists::new(),
        guards: Lists::new(),
    };
    let mut asked = BTreeSet::new();
    for constraint in constraints {
        let id = residuals.add(constraint);
        residuals.conjuncts(id, &mut asked);
    }
    let mut first = State {
        groups: NIL,
        guards: NIL,
        constraints: Rc::new(asked.into_iter().collect()),
        refused: None,
    };
    for (group, parts) in groups.iter().enumerate().rev() {
        let parts = parts.iter().map(|e| residuals.add(e)).collect();
        let (rest, refused) = (first.groups, first.refused);
        (first.groups, first.refused) =
            search.before((group, parts), (rest, refused), None, &residuals);
    }
    if let Some(refused) = first.refused {
        first.groups = search.until(refused, first.groups, &residuals);
    }
    for key in keys.iter().rev() {
        let guard = residuals.add(&decisions.all[*key].guard);
        first.guards = search.guarded(*key, guard, first.guards, &residuals);
    }
    let mut states: Vec<(State, Option<Rc<Path>>)> = Vec::new();
    if let Some(first) = search.settled(first, &mut residuals) {
        states.push((first, None));
    }
    for key in keys {
        let choices = &decisions.all[key].choices;
        let mut substitutions = BTreeMap::new();
        let mut next: Vec<(State, Option<Rc<Path>>)> = Vec::new();
        let mut numbers: HashSet<State> = HashSet::new();
        residuals
            .spend(states.len() as u64 / ENTRIES_PER_STEP)
            .ok_or(TooMany)?;
        for (mut state, path) in states {
            let link = search.guards.get(state.guards);
            let link = link.expect("invariant: decisions are chosen in order");
            let exists = residuals.truth(link.entry.1);
            let exists = exists.expect("invariant: guards refer backwards");
            state.guards = link.rest;
            let members: Vec<Option<u64>> = if !search.mentions(&state, key, &residuals) {
                // It does not matter here.
                if numbers.insert(state.clone()) {
                    next.push((state, path));
                }
                continue;
            } else if exists {
                let length = choices.len().ok_or(TooMany)?;
                if length > MOST_STATES as u64 {
                    return Err(TooMany);
                }
                (0..length).map(Some).collect()
            } else {
                vec![None]
            };
            for member in members {
                let value = member.and_then(|m| choices.member(m));
                let becomes = match substitutions.entry(member) {
                    std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        let of = residuals.substitution(key, value.clone());
                        place.insert(Becomes {
                            of: of.ok_or(TooMany)?,
                            groups: QuickMap::default(),
                            guards: QuickMap::default(),
                        })
                    }
                };
                let path = Some(Rc::new(Path {
                    decision: key,
                    value,
                    length: path.as_ref().map_or(1, |before| before.length + 1),
                    before: path.clone(),
                }));
                let left = search
                    .chosen(&state, key, becomes, path.as_ref(), &mut residuals)
                    .ok_or(TooMany)?;
                let Some(left) = search.settled(left, &mut residuals) else {
                    continue;
                };
                if numbers.insert(left.clone()) {
                    next.push((left, path));
                }
            }
            if next.len() > MOST_STATES {
                return Err(TooMany);
            }
        }
        states = next;
    }
    // What has come so far meets all constraints.
    let mut found: BTreeMap<usize, Refused> = BTreeMap::new();
    for (state, path) in &states {
        if let Some(group) = state.refused {
            found.entry(group).or_insert_with(|| {
                search.go_to(path.as_ref());
                let choices = search.values.clone();
                Refused { group, choices }
            });
        }
    }
    Ok(found.into_values().collect())
}

/// What expressions, and lists of them, become by the value of a decision.
struct Becomes {
    of: Substitution,
    groups: QuickMap<ListId, (ListId, Option<usize>)>,
    guards: QuickMap<ListId, ListId>,
}

struct Search<'f> {
    /// The values of the choices of a path.
    values: Vec<Option<Value>>,
    path: Option<Rc<Path>>,
    /// What was said of groups with these values.
    known: HashMap<Group, bool>,
    fits: &'f mut dyn FnMut(usize, &[Option<Value>]) -> bool,
    groups: Lists<Group>,
    guards: Lists<(usize, Id)>,
}

impl Search<'_> {
    /// Whether something in a state depends on a decision, which is the least of all that are left.
    fn mentions(&self, state: &State, key: usize, residuals: &Residuals) -> bool {
        self.groups.least(state.groups) == key
            || self.guards.least(state.guards) == key
            || (state.constraints.iter()).any(|id| residuals.mentions(*id).contains(key))
    }

    /// What is left of a state, whose guards are those of later decisions, by the value of a decision. `None` if that is too much work.
    fn chosen(
        &mut self,
        state: &State,
        key: usize,
        becomes: &mut Becomes,
        path: Option<&Rc<Path>>,
        residuals: &mut Residuals,
    ) -> Option<State> {
        let mut left = state.clone();
        let (all, rest) = self.groups.speaking_of(key, state.groups);
        let mut found = (rest, None);
        residuals.spend(all.len() as u64 / ENTRIES_PER_STEP)?;
        for list in all {
            if let Some(known) = becomes.groups.get(&list) {
                found = *known;
                continue;
            }
            let (group, parts) = self.groups.get(list)?.entry.clone();
            let parts = parts
                .iter()
                .map(|id| residuals.apply(&mut becomes.of, *id))
                .collect::<Option<_>>()?;
            found = self.before((group, parts), found, path, residuals);
            becomes.groups.insert(list, found);
        }
        left.groups = found.0;
        if let Some(refused) = found.1 {
            // Behind a group that is refused there is nothing to speak of.
            left.refused = Some(state.refused.map_or(refused, |other| other.min(refused)));
            left.groups = self.until(refused, left.groups, residuals);
        }
        let (all, rest) = self.guards.speaking_of(key, state.guards);
        left.guards = rest;
        residuals.spend(all.len() as u64 / ENTRIES_PER_STEP)?;
        for list in all {
            if let Some(known) = becomes.guards.get(&list) {
                left.guards = *known;
                continue;
            }
            let (later, guard) = self.guards.get(list)?.entry;
            let guard = residuals.apply(&mut becomes.of, guard)?;
            left.guards = self.guarded(later, guard, left.guards, residuals);
            becomes.guards.insert(list, left.guards);
        }
        let constraints = state.constraints.iter();
        let constraints = constraints.map(|id| residuals.apply(&mut becomes.of, *id));
        let mut constraints = constraints.collect::<Option<Vec<Id>>>()?;
        constraints.sort_unstable();
        constraints.dedup();
        left.constraints = Rc::new(constraints);
        Some(left)
    }

    /// The guard of a decision before those of others.
    fn guarded(&mut self, key: usize, guard: Id, rest: ListId, residuals: &Residuals) -> ListId {
        let least = residuals.mentions(guard).first().unwrap_or(usize::MAX);
        self.guards.with((key, guard), least, rest)
    }

    /// A group before others, unless it is decided; and the first that is refused.
    fn before(
        &mut self,
        (group, parts): Group,
        (rest, refused): (ListId, Option<usize>),
        path: Option<&Rc<Path>>,
        residuals: &Residuals,
    ) -> (ListId, Option<usize>) {
        if residuals.truth(parts[0]) == Some(false) {
            return (rest, refused);
        }
        let least = parts.iter().filter_map(|p| residuals.mentions(*p).first());
        if let Some(least) = least.min() {
            return (self.groups.with((group, parts), least, rest), refused);
        }
        let key = (group, parts);
        let fits = match self.known.get(&key) {
            Some(known) => *known,
            None => {
                self.go_to(path);
                let fits = (self.fits)(group, &self.values);
                self.known.insert(key, fits);
                fits
            }
        };
        (rest, if fits { refused } else { Some(group) })
    }

    /// The groups before one.
    fn until(&mut self, end: usize, list: ListId, residuals: &Residuals) -> ListId {
        let (mut kept, mut at) = (Vec::new(), list);
        while let Some(link) = self.groups.get(at).filter(|link| link.entry.0 < end) {
            kept.push(link.entry.clone());
            at = link.rest;
        }
        let mut found = NIL;
        while let Some(group) = kept.pop() {
            // None of them is decided.
            (found, _) = self.before(group, (found, None), None, residuals);
        }
        found
    }

    /// A state without constraints that are decided; `None` if one does not hold.
    fn settled(&mut self, mut state: State, residuals: &mut Residuals) -> Option<State> {
        let mut open = state.constraints.to_vec();
        residuals.split(&mut open);
        let mut is_false = false;
        open.retain(|id| {
            let verdict = residuals.verdict(*id);
            is_false |= verdict == Some(false);
            verdict.is_none()
        });
        state.constraints = Rc::new(open);
        (!is_false).then_some(state)
    }

    /// Puts the choices of a path in the place of those of another one, as far as these differ.
    fn go_to(&mut self, path: Option<&Rc<Path>>) {
        let length = |path: &Option<Rc<Path>>| path.as_ref().map_or(0, |p| p.length);
        let is_same = |old: &Option<Rc<Path>>, new: &Option<Rc<Path>>| match (old, new) {
            (Some(old), Some(new)) => Rc::ptr_eq(old, new),
            (old, new) => old.is_none() && new.is_none(),
        };
        let (mut old, mut new) = (self.path.take(), path.cloned());
        let mut chosen = Vec::new();
        while !is_same(&old, &new) {
            if length(&old) > length(&new) {
                old = old.and_then(|step| {
                    self.values[step.decision] = None;
                    step.before.clone()
                });
            } else {
                new = new.and_then(|step| {
                    let before = step.before.clone();
                    chosen.push(step);
                    before
                });
            }
        }
        for step in chosen {
            self.values[step.decision] = step.value.clone();
        }
        self.path = path.cloned();
    }
}

/// The constraints that are tied to these expressions, directly or through each other.
pub(in crate::model) fn tied<'a>(groups: &[Vec<&Expr>], decisions: &'a Decisions) -> Vec<&'a Expr> {
    let mut keys = members::dependencies(groups.iter().flatten().copied(), decisions);
    let mut found: BTreeSet<usize> = BTreeSet::new();
    loop {
        let before = found.len();
        for (c, constraint) in decisions.constraints.iter().enumerate() {
            let of = members::dependencies([constraint], decisions);
            if !of.is_disjoint(&keys) && found.insert(c) {
                keys.extend(of);
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
        .into_iter()
        .map(|c| &decisions.constraints[c])
        .collect()
}
