//! Which values several groups of expressions take together, over all members of a space.
//!
//! In: groups of expressions (what the shape of a node depends on), the decisions and their constraints. Out: one call per group for
//! each combination of values that it takes, with choices that lead there; and which combinations are refused at some member.
//!
//! Decisions are chosen one after the other. What is left of all groups is the state: after the choices so far, it is what flows
//! in the network and what later nodes still refer to. Equal states are followed once, so a chain of sixty layers has as many states as
//! it has different shapes on the way, not as many as it has paths. Nothing is approximated: a choice that a later condition
//! speaks of is part of what is left.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::counting::hull;
use super::counting::residual::{Id, Residuals};
use super::decision::Decisions;
use super::members;
use crate::ir::{Expr, Value};

/// States at a time.
const MOST_STATES: usize = 4096;

/// Too many states, too much work, or a decision over reals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany;

/// A group that is refused, and choices that lead there; those that do not matter are absent.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    pub(super) group: usize,
    pub(super) choices: Vec<Option<Value>>,
}

/// A choice and those before it.
struct Path {
    decision: usize,
    value: Option<Value>,
    before: Option<Rc<Path>>,
}

/// What is left after some choices.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// Groups without all of their values yet.
    groups: Vec<(usize, Vec<Id>)>,
    /// What is left of the guards of later decisions.
    guards: BTreeMap<usize, Id>,
    constraints: BTreeSet<Id>,
    refused: Option<usize>,
}

/// The groups that `fits` refuses at some member: for each, the first choices that lead there. The first expression of a group says
/// whether the group exists. A group behind a refused one is not looked at.
pub(super) fn refused(
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
        decisions,
        known: HashMap::new(),
        fits,
    };
    let ids = |residuals: &mut Residuals, exprs: &[&Expr]| {
        exprs.iter().map(|e| residuals.add(e)).collect()
    };
    let mut first = State {
        groups: (groups.iter().enumerate())
            .map(|(i, parts)| (i, ids(&mut residuals, parts)))
            .collect(),
        guards: (keys.iter())
            .map(|k| (*k, residuals.add(&decisions.all[*k].guard)))
            .collect(),
        constraints: BTreeSet::new(),
        refused: None,
    };
    for constraint in constraints {
        let id = residuals.add(constraint);
        residuals.conjuncts(id, &mut first.constraints);
    }
    let mut states: Vec<(State, Option<Rc<Path>>)> = Vec::new();
    if let Some(first) = search.settled(first, None, &mut residuals) {
        states.push((first, None));
    }
    for key in keys {
        let choices = &decisions.all[key].choices;
        let mut substitutions = BTreeMap::new();
        let mut next: Vec<(State, Option<Rc<Path>>)> = Vec::new();
        let mut numbers: HashMap<State, usize> = HashMap::new();
        for (state, path) in states {
            let guard = residuals.truth(state.guards[&key]);
            let exists = guard.expect("invariant: guards refer backwards");
            let members: Vec<Option<u64>> = if !mentions(&state, key, &residuals) {
                // It does not matter here.
                let mut same = state;
                same.guards.remove(&key);
                if !numbers.contains_key(&same) {
                    numbers.insert(same.clone(), next.len());
                    next.push((same, path));
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
                let substitution = match substitutions.entry(member) {
                    std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
                    std::collections::btree_map::Entry::Vacant(place) => {
                        place.insert(residuals.substitution(key, value.clone()).ok_or(TooMany)?)
                    }
                };
                let mut apply = |id: Id| residuals.apply(substitution, id).ok_or(TooMany);
                let mut left = State {
                    groups: Vec::with_capacity(state.groups.len()),
                    guards: BTreeMap::new(),
                    constraints: BTreeSet::new(),
                    refused: state.refused,
                };
                for (group, parts) in &state.groups {
                    let parts = parts.iter().map(|p| apply(*p)).collect::<Result<_, _>>()?;
                    left.groups.push((*group, parts));
                }
                for (later, guard) in state.guards.iter().filter(|(k, _)| **k != key) {
                    left.guards.insert(*later, apply(*guard)?);
                }
                for constraint in &state.constraints {
                    left.constraints.insert(apply(*constraint)?);
                }
                let path = Some(Rc::new(Path {
                    decision: key,
                    value,
                    before: path.clone(),
                }));
                let Some(left) = search.settled(left, path.as_ref(), &mut residuals) else {
                    continue;
                };
                if !numbers.contains_key(&left) {
                    numbers.insert(left.clone(), next.len());
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
            let choices = search.choices(path.as_ref());
            found.entry(group).or_insert(Refused { group, choices });
        }
    }
    Ok(found.into_values().collect())
}

/// Whether something in a state depends on a decision.
fn mentions(state: &State, key: usize, residuals: &Residuals) -> bool {
    let groups = state.groups.iter().flat_map(|(_, parts)| parts);
    let guards = state
        .guards
        .iter()
        .filter(|(k, _)| **k != key)
        .map(|(_, g)| g);
    (groups.chain(guards).chain(&state.constraints))
        .any(|id| residuals.mentions(*id).binary_search(&key).is_ok())
}

struct Search<'a, 'f> {
    decisions: &'a Decisions,
    /// What was said of groups with these values.
    known: HashMap<(usize, Vec<Id>), bool>,
    fits: &'f mut dyn FnMut(usize, &[Option<Value>]) -> bool,
}

impl Search<'_, '_> {
    /// A state without what is decided; `None` if a constraint does not hold.
    fn settled(
        &mut self,
        mut state: State,
        path: Option<&Rc<Path>>,
        residuals: &mut Residuals,
    ) -> Option<State> {
        let mut constraints = BTreeSet::new();
        for id in std::mem::take(&mut state.constraints) {
            residuals.conjuncts(id, &mut constraints);
        }
        for id in constraints {
            match residuals.verdict(id) {
                Some(true) => {}
                Some(false) => return None,
                None => {
                    state.constraints.insert(id);
                }
            }
        }
        let mut open = Vec::with_capacity(state.groups.len());
        for (group, parts) in std::mem::take(&mut state.groups) {
            if residuals.truth(parts[0]) == Some(false) {
                continue;
            }
            if parts.iter().any(|p| !residuals.mentions(*p).is_empty()) {
                open.push((group, parts));
                continue;
            }
            let choices = || self.choices(path);
            let fits = match self.known.get(&(group, parts.clone())) {
                Some(known) => *known,
                None => {
                    let choices = choices();
                    let fits = (self.fits)(group, &choices);
                    self.known.insert((group, parts), fits);
                    fits
                }
            };
            if !fits && state.refused.is_none_or(|r| group < r) {
                state.refused = Some(group);
            }
        }
        // Behind a group that is refused there is nothing to speak of.
        if let Some(refused) = state.refused {
            open.retain(|(group, _)| *group < refused);
        }
        state.groups = open;
        Some(state)
    }

    fn choices(&self, path: Option<&Rc<Path>>) -> Vec<Option<Value>> {
        let mut values = vec![None; self.decisions.all.len()];
        let mut at = path;
        while let Some(step) = at {
            values[step.decision] = step.value.clone();
            at = step.before.as_ref();
        }
        values
    }
}

/// The constraints that are tied to these expressions, directly or through each other.
pub(super) fn tied<'a>(groups: &[Vec<&Expr>], decisions: &'a Decisions) -> Vec<&'a Expr> {
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
