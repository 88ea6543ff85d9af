//! What something is for each combination of a few decisions.
//!
//! In: a question that asks for decisions one after the other. Out: a [`Table`] over those that were asked for, whose rows are those of
//! `counting`: the first decision changes slowest, and behind its last member one that may not exist has a row more. Rows that no point has are empty.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use super::tree::Tree;
use crate::ir::{Expr, Value};
use crate::model::decision::Decisions;
use crate::model::expression::evaluate::{self, Failure, Scope};

/// A guard over more combinations is not asked for whether a row can be.
const MOST_GUARDED: usize = 1000;

/// Values by decisions.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<T> {
    /// The decisions, ascending.
    pub scope: Vec<usize>,
    sizes: Vec<usize>,
    pub rows: Vec<Option<T>>,
}

/// Why a question has no answer yet, or has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// It depends on this decision.
    Ask(usize),
    /// There is no such network.
    Never,
}

/// What is known of a decision.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Unknown,
    Absent,
    Member(Value),
}

/// Some decisions that are known, while a question is asked.
pub struct Partial<'a> {
    pub decisions: &'a Decisions,
    known: RefCell<Vec<State>>,
    /// The first decision that was looked at and is not known.
    asked: RefCell<Option<usize>>,
    /// How often something was asked.
    looks: Cell<u64>,
    /// Where each decision exists, as far as that was wanted.
    guards: RefCell<BTreeMap<usize, Option<Rc<Table<bool>>>>>,
}

impl Scope for Partial<'_> {
    fn name(&self, _: &str) -> Option<Value> {
        None
    }

    fn decision(&self, index: usize) -> Option<Value> {
        match &self.known.borrow()[index] {
            State::Member(value) => Some(value.clone()),
            State::Absent => None,
            State::Unknown => {
                self.asked.borrow_mut().get_or_insert(index);
                None
            }
        }
    }
}

/// The answers to a question.
pub struct Answers<T> {
    pub table: Table<T>,
    /// Whether they are all there; else they are less than that.
    pub is_exact: bool,
    /// What no answer is more than.
    pub most: T,
}

/// Which of two answers, or what they have in common, is less, and more.
pub struct Order<T> {
    pub least: fn(T, T) -> T,
    pub most: fn(T, T) -> T,
}

impl<'a> Partial<'a> {
    pub fn new(decisions: &'a Decisions) -> Partial<'a> {
        Partial {
            decisions,
            known: RefCell::new(vec![State::Unknown; decisions.all.len()]),
            asked: RefCell::new(None),
            looks: Cell::new(0),
            guards: RefCell::default(),
        }
    }

    /// How often something was asked so far: a measure of work.
    pub fn looks(&self) -> u64 {
        self.looks.get()
    }

    /// Work that asks for nothing.
    pub fn look(&self) {
        self.looks.set(self.looks.get() + 1);
    }

    /// What `of` finds, if it needs no decision that is not known.
    pub fn ask<R, F>(&self, of: impl FnOnce(&dyn Scope) -> Result<R, F>) -> Result<R, Open> {
        self.look();
        let found = of(self);
        match (self.asked.take(), found) {
            (Some(decision), _) => Err(Open::Ask(decision)),
            (None, Ok(found)) => Ok(found),
            (None, Err(_)) => Err(Open::Never),
        }
    }

    /// A truth value; false where it needs a decision that does not exist.
    pub fn holds(&self, expr: &Expr) -> Result<bool, Open> {
        self.ask(|scope| match evaluate::truth(expr, scope) {
            Err(Failure::Inactive(_)) => Ok(false),
            other => other,
        })
    }

    /// The answers to a question; where they are more than a table has room for, without what was asked for last. `None` if there are more than
    /// `most`, one depends on a real, or there is none.
    pub fn answers<T: Copy + PartialEq>(
        &self,
        most: usize,
        rows: usize,
        order: &Order<T>,
        of: &dyn Fn() -> Result<T, Open>,
    ) -> Option<Answers<T>> {
        let mut tree = self.grown(&mut { most }, of)?;
        let mut largest: Option<T> = None;
        tree.each(&mut |answer| {
            largest = Some(largest.map_or(answer, |l| (order.most)(l, answer)));
        });
        let mut is_exact = true;
        let table = loop {
            let mut scope = Vec::new();
            tree.scope(&mut scope);
            if let Some(table) = self.dense(&tree, &scope, rows) {
                break table;
            }
            is_exact = false;
            tree = tree.without(*scope.last()?, order.least);
        };
        Some(Answers {
            table: self.masked(table).reduced(),
            is_exact,
            most: largest?,
        })
    }

    fn dense<T: Copy + PartialEq>(
        &self,
        tree: &Tree<T>,
        scope: &[usize],
        most: usize,
    ) -> Option<Table<T>> {
        let mut scope = scope.to_vec();
        scope.sort_unstable();
        let mut table = Table::filled(scope, self.decisions, most, |_| None)?;
        let mut at = vec![0; table.scope.len()];
        for number in 0..table.rows.len() {
            table.unrow(number, &mut at);
            table.rows[number] = tree.at(&table.scope, &at);
        }
        Some(table)
    }

    fn grown<T: Clone + PartialEq>(
        &self,
        left: &mut usize,
        of: &dyn Fn() -> Result<T, Open>,
    ) -> Option<Tree<T>> {
        let mut decision = match of() {
            Ok(answer) => {
                *left = left.checked_sub(1)?;
                return Some(Tree::Answer(Some(answer)));
            }
            Err(Open::Never) => return Some(Tree::Answer(None)),
            Err(Open::Ask(decision)) => decision,
        };
        // Whether it exists comes first.
        let exists = loop {
            match self.holds(&self.decisions.all[decision].guard) {
                Ok(exists) => break exists,
                Err(Open::Ask(before)) => decision = before,
                Err(Open::Never) => break false,
            }
        };
        let choices = &self.decisions.all[decision].choices;
        let members = usize::try_from(choices.len()?).ok()?;
        if members > *left {
            return None;
        }
        let mut branches = Vec::with_capacity(members + 1);
        for member in 0..members {
            let value = choices.member(member as u64)?;
            branches.push(match exists {
                true => Some(self.branch(decision, State::Member(value), left, of)?),
                false => None,
            });
        }
        branches.push(match exists {
            true => None,
            false => Some(self.branch(decision, State::Absent, left, of)?),
        });
        Some(Tree::by(decision, branches))
    }

    fn branch<T: Clone + PartialEq>(
        &self,
        decision: usize,
        state: State,
        left: &mut usize,
        of: &dyn Fn() -> Result<T, Open>,
    ) -> Option<Tree<T>> {
        self.known.borrow_mut()[decision] = state;
        let tree = self.grown(left, of);
        self.known.borrow_mut()[decision] = State::Unknown;
        tree
    }

    /// Empties rows in which a decision exists where its guard does not hold, or the other way round.
    pub fn masked<T: Copy + PartialEq>(&self, mut table: Table<T>) -> Table<T> {
        let mut at = vec![0; table.scope.len()];
        for place in 0..table.scope.len() {
            let decision = table.scope[place];
            let Some(exists) = self.guard(decision) else {
                continue;
            };
            let places = exists.scope.iter().map(|d| table.scope.binary_search(d));
            let Ok(places) = places.collect::<Result<Vec<usize>, _>>() else {
                continue;
            };
            let members = table.sizes[place] - 1;
            for number in 0..table.rows.len() {
                if table.rows[number].is_none() {
                    continue;
                }
                table.unrow(number, &mut at);
                let of_guard = exists.row(places.iter().map(|p| at[*p]));
                if exists.rows[of_guard] != Some(at[place] < members) {
                    table.rows[number] = None;
                }
            }
        }
        table
    }

    /// Whether a decision exists nowhere, as far as its condition is over few combinations.
    pub fn is_nowhere(&self, decision: usize) -> bool {
        let exists = self.guard(decision);
        exists.is_some_and(|exists| !exists.rows.contains(&Some(true)))
    }

    /// Where a decision exists; `None` if always, or if that is too much.
    fn guard(&self, decision: usize) -> Option<Rc<Table<bool>>> {
        if let Some(known) = self.guards.borrow().get(&decision) {
            return known.clone();
        }
        let guard = &self.decisions.all[decision].guard;
        let found = (*guard != Expr::bool(true)).then(|| {
            let tree = self.grown(&mut { MOST_GUARDED }, &|| self.holds(guard))?;
            let mut scope = Vec::new();
            tree.scope(&mut scope);
            let table = self.dense(&tree, &scope, MOST_GUARDED)?;
            Some(Rc::new(table))
        });
        let found = found.flatten();
        self.guards.borrow_mut().insert(decision, found.clone());
        found
    }
}

impl<T: Copy + PartialEq> Table<T> {
    /// A table over some decisions; `None` if it has more than `most` rows, or one is over reals.
    fn filled(
        scope: Vec<usize>,
        decisions: &Decisions,
        most: usize,
        of: impl Fn(usize) -> Option<T>,
    ) -> Option<Table<T>> {
        let mut sizes = Vec::with_capacity(scope.len());
        let mut count = 1_usize;
        for decision in &scope {
            let decision = &decisions.all[*decision];
            let optional = usize::from(decision.guard != Expr::bool(true));
            let size = usize::try_from(decision.choices.len()?).ok()? + optional;
            count = count.checked_mul(size).filter(|c| *c <= most)?;
            sizes.push(size);
        }
        let rows = (0..count).map(of).collect();
        Some(Table { scope, sizes, rows })
    }

    /// The same for all points.
    pub fn constant(value: T) -> Table<T> {
        Table {
            scope: Vec::new(),
            sizes: Vec::new(),
            rows: vec![Some(value)],
        }
    }

    /// The place of a row.
    fn row(&self, at: impl Iterator<Item = usize>) -> usize {
        self.sizes.iter().zip(at).fold(0, |row, (s, a)| row * s + a)
    }

    fn unrow(&self, mut row: usize, at: &mut [usize]) {
        for (at, size) in at.iter_mut().zip(&self.sizes).rev() {
            *at = row % size;
            row /= size;
        }
    }

    /// The value at a point.
    pub fn of(&self, decisions: &Decisions, values: &[Option<Value>]) -> Option<T> {
        let at = self.scope.iter().zip(&self.sizes).map(|(d, size)| {
            let member = values[*d].as_ref();
            let member = member.and_then(|v| decisions.all[*d].choices.index_of(v));
            member.map_or(size - 1, |m| m as usize)
        });
        self.rows[self.row(at)]
    }

    /// The table of what each value gives; `None` where it gives nothing, or was nothing.
    pub fn map<U>(&self, of: impl Fn(T) -> Option<U>) -> Table<U> {
        Table {
            scope: self.scope.clone(),
            sizes: self.sizes.clone(),
            rows: self.rows.iter().map(|row| row.and_then(&of)).collect(),
        }
    }

    /// The values that some point may have.
    pub fn values(&self) -> impl Iterator<Item = T> {
        self.rows.iter().flatten().copied()
    }

    /// Both together, over the decisions of both. `None` if that has more than `most` rows.
    pub fn with<U: Copy, V: Copy + PartialEq>(
        &self,
        other: &Table<U>,
        partial: &Partial,
        most: usize,
        of: impl Fn(Option<T>, Option<U>) -> Option<V>,
    ) -> Option<Table<V>> {
        let mut scope: Vec<usize> = self.scope.iter().chain(&other.scope).copied().collect();
        scope.sort_unstable();
        scope.dedup();
        let mut both = Table::filled(scope, partial.decisions, most, |_| None)?;
        // How far a step of each decision goes in the rows of both.
        let steps = |scope: &[usize], sizes: &[usize]| -> Vec<usize> {
            let mut steps = vec![0; both.scope.len()];
            let mut step = 1;
            for (decision, size) in scope.iter().zip(sizes).rev() {
                let place = both.scope.binary_search(decision);
                steps[place.expect("invariant: it is over both")] = step;
                step *= size;
            }
            steps
        };
        let (mine, its) = (
            steps(&self.scope, &self.sizes),
            steps(&other.scope, &other.sizes),
        );
        let mut at = vec![0; both.scope.len()];
        let (mut x, mut y) = (0, 0);
        for number in 0..both.rows.len() {
            both.rows[number] = of(self.rows[x], other.rows[y]);
            // The next row.
            for place in (0..at.len()).rev() {
                at[place] += 1;
                (x, y) = (x + mine[place], y + its[place]);
                if at[place] < both.sizes[place] {
                    break;
                }
                (x, y) = (x - at[place] * mine[place], y - at[place] * its[place]);
                at[place] = 0;
            }
        }
        Some(partial.masked(both).reduced())
    }

    /// Without the decisions on which no row depends that a point may have.
    pub fn reduced(mut self) -> Table<T> {
        let mut place = 0;
        while place < self.scope.len() {
            let inner: usize = self.sizes[place + 1..].iter().product();
            let size = self.sizes[place];
            let outer = self.rows.len() / (inner * size);
            let merged = (0..outer * inner).map(|n| {
                let first = (n / inner) * size * inner + n % inner;
                let mut found: Option<T> = None;
                for value in (0..size).filter_map(|m| self.rows[first + m * inner]) {
                    match found {
                        None => found = Some(value),
                        Some(other) if other == value => {}
                        Some(_) => return None,
                    }
                }
                Some(found)
            });
            match merged.collect::<Option<Vec<_>>>() {
                Some(rows) => {
                    self.rows = rows;
                    self.scope.remove(place);
                    self.sizes.remove(place);
                }
                None => place += 1,
            }
        }
        self
    }
}
