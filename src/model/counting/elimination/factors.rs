//! Guards, constraints, terms of sums and sizes of domains as tables over the few decisions that each speaks of.
//!
//! In: decisions and what to count. Out: [`Factors`]: a row of a table says which partial sum it adds and by how many it multiplies the
//! count; none, if it cannot be. A table over some decisions takes up those over fewer of them.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigUint;

use super::comparison::{self, End, MOST_ROWS, Sum, Term};
use super::histogram::Sums;
use super::layout::{Variable, row, rows, unrow};
use super::units::{self, Unit};
use crate::ir::{Expr, Value};
use crate::model::decision::Decisions;
use crate::model::evaluate;
use crate::model::members::Values;

/// Work on values of expressions, in parts of expressions, before this is given up.
const MOST_WORK: u64 = 20_000_000;

/// All tables.
#[derive(Debug, Clone)]
pub struct Factors {
    pub variables: Vec<Variable>,
    pub sums: Sums,
    pub tables: Vec<Table>,
    /// Where a real exists: a table and its rows.
    pub reals: Vec<(usize, Vec<bool>)>,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The variables, by number, ascending.
    pub scope: Vec<usize>,
    /// The sum that a row adds and by how many it multiplies; `None` if it cannot be.
    pub rows: Vec<Option<(u64, BigUint)>>,
}

/// What there is to count, before it is known how finely sums are told apart.
pub struct Raw {
    pub variables: Vec<Variable>,
    /// Rows that can be.
    allowed: Vec<(Vec<usize>, Vec<bool>)>,
    /// By how many a row multiplies the count.
    weights: Vec<(Vec<usize>, Vec<BigUint>)>,
    reals: Vec<(Vec<usize>, Vec<bool>)>,
    /// The terms of each sum; none where they have no value.
    pub sums: Vec<RawSum>,
    /// Constraints that are no tables and no sums, by their number.
    pub beyond: Vec<usize>,
}

/// A sum whose terms are known.
pub struct RawSum {
    /// The constraints that it is part of; none if it is a bound.
    pub constraints: Vec<usize>,
    pub terms: Vec<(Vec<usize>, Vec<Option<f64>>)>,
    pub low: Option<End>,
    pub high: Option<End>,
}

/// Tables of everything. A constraint over at most `few` combinations is a table of its own, even if it limits a sum. `None` if that is too
/// much, or a variable is over reals.
pub fn raw(decisions: &Decisions, constraints: &[usize], bounds: &[Sum], few: u64) -> Option<Raw> {
    let mut parts: Vec<(usize, &Expr)> = Vec::new();
    for c in constraints {
        let mut of_constraint = Vec::new();
        comparison::conjuncts(&decisions.constraints[*c], &mut of_constraint);
        parts.extend(of_constraint.into_iter().map(|part| (*c, part)));
    }
    let mut keys: BTreeSet<usize> = BTreeSet::new();
    for decision in &decisions.all {
        keys.extend(evaluate::decisions(&decision.guard));
    }
    for (_, part) in &parts {
        keys.extend(evaluate::decisions(part));
    }
    let scopes = bounds.iter().flat_map(|b| &b.terms).map(|t| &t.scope);
    keys.extend(scopes.flatten());
    let mut variables = Vec::with_capacity(keys.len());
    for decision in &keys {
        variables.push(Variable {
            decision: *decision,
            members: decisions.all[*decision].choices.len()?,
            optional: decisions.all[*decision].guard != Expr::bool(true),
        });
    }
    let mut builder = Builder {
        decisions,
        numbers: keys.iter().enumerate().map(|(n, d)| (*d, n)).collect(),
        raw: Raw {
            variables,
            allowed: Vec::new(),
            weights: Vec::new(),
            reals: Vec::new(),
            sums: Vec::new(),
            beyond: Vec::new(),
        },
        few,
        work: MOST_WORK,
    };
    for number in 0..builder.raw.variables.len() {
        builder.presence(number)?;
    }
    builder.domains(&keys)?;
    for (c, part) in parts {
        builder.constraint(c, part)?;
    }
    for bound in bounds {
        builder.sum(None, bound)?;
    }
    Some(builder.raw)
}

struct Builder<'a> {
    decisions: &'a Decisions,
    /// The number of each variable, by its decision.
    numbers: BTreeMap<usize, usize>,
    raw: Raw,
    few: u64,
    work: u64,
}

impl Builder<'_> {
    /// A value for each row over some decisions, `None` for rows that cannot be. `None` if that is too much.
    fn tabulate<T>(
        &mut self,
        scope: &[usize],
        work: u64,
        of: impl Fn(&[Option<Value>]) -> T,
    ) -> Option<(Vec<usize>, Vec<Option<T>>)> {
        if comparison::combinations(scope, self.decisions)? > MOST_ROWS {
            return None;
        }
        let scope: Vec<usize> = scope.iter().map(|d| self.numbers[d]).collect();
        let variables = &self.raw.variables;
        let inside = |other: &[usize]| other.iter().all(|v| scope.contains(v));
        let allowed: Vec<&(Vec<usize>, Vec<bool>)> =
            self.raw.allowed.iter().filter(|a| inside(&a.0)).collect();
        let mut at = vec![0; variables.len()];
        let mut values = vec![None; self.decisions.all.len()];
        let count = rows(&scope, variables);
        self.work = self.work.checked_sub(count as u64)?;
        let mut table = Vec::with_capacity(count);
        for number in 0..count {
            unrow(&scope, variables, number, &mut at);
            if !allowed.iter().all(|(s, rows)| rows[row(s, variables, &at)]) {
                table.push(None);
                continue;
            }
            self.work = self.work.checked_sub(work)?;
            for v in &scope {
                let decision = variables[*v].decision;
                let choices = &self.decisions.all[decision].choices;
                values[decision] = choices.member(at[*v]);
            }
            table.push(Some(of(&values)));
        }
        Some((scope, table))
    }

    /// A variable has a member exactly where its guard holds.
    fn presence(&mut self, number: usize) -> Option<()> {
        let decision = self.raw.variables[number].decision;
        let guard = &self.decisions.all[decision].guard;
        let mut scope = evaluate::decisions(guard);
        scope.insert(decision);
        let holds = |values: &[Option<Value>]| {
            let exists = evaluate::truth(guard, &Values(values)).unwrap_or(false);
            exists == values[decision].is_some()
        };
        let scope: Vec<usize> = scope.into_iter().collect();
        let (scope, table) = self.tabulate(&scope, evaluate::size(guard), holds)?;
        self.allow(scope, table);
        Some(())
    }

    fn allow(&mut self, scope: Vec<usize>, table: Vec<Option<bool>>) {
        let table = table.into_iter().map(|h| h == Some(true)).collect();
        self.raw.allowed.push((scope, table));
    }

    /// The members of all other decisions, where they exist.
    fn domains(&mut self, keys: &BTreeSet<usize>) -> Option<()> {
        let others = (0..self.decisions.all.len()).filter(|d| !keys.contains(d));
        for decision in others {
            let decision = &self.decisions.all[decision];
            let guard = &decision.guard;
            let scope: Vec<usize> = evaluate::decisions(guard).into_iter().collect();
            let exists =
                |values: &[Option<Value>]| evaluate::truth(guard, &Values(values)).unwrap_or(false);
            let (scope, table) = self.tabulate(&scope, evaluate::size(guard), exists)?;
            match decision.choices.len() {
                Some(members) => {
                    let weight = |exists: Option<bool>| match exists {
                        Some(true) => BigUint::from(members),
                        _ => BigUint::from(1_u32),
                    };
                    let table = table.into_iter().map(weight).collect();
                    self.raw.weights.push((scope, table));
                }
                None => {
                    let table = table.into_iter().map(|e| e == Some(true)).collect();
                    self.raw.reals.push((scope, table));
                }
            }
        }
        Some(())
    }

    fn constraint(&mut self, number: usize, expr: &Expr) -> Option<()> {
        let scope: Vec<usize> = evaluate::decisions(expr).into_iter().collect();
        let combinations = comparison::combinations(&scope, self.decisions)?;
        if combinations > self.few
            && let Some(sum) = comparison::sum(expr, self.decisions)
        {
            return self.sum(Some(number), &sum);
        }
        if combinations > MOST_ROWS {
            self.raw.beyond.push(number);
            return Some(());
        }
        let holds =
            |values: &[Option<Value>]| evaluate::truth(expr, &Values(values)).unwrap_or(false);
        let (scope, table) = self.tabulate(&scope, evaluate::size(expr), holds)?;
        self.allow(scope, table);
        Some(())
    }

    fn sum(&mut self, constraint: Option<usize>, sum: &Sum) -> Option<()> {
        let mut terms = Vec::with_capacity(sum.terms.len());
        for Term { scope, work, value } in &sum.terms {
            let (scope, table) = self.tabulate(scope, *work, value)?;
            // Not a number is neither below nor above anything.
            let table: Vec<Option<f64>> = table
                .into_iter()
                .map(|value| value.flatten().filter(|v| !v.is_nan()))
                .collect();
            if table.iter().flatten().any(|v| v.is_infinite()) {
                return None;
            }
            terms.push((scope, table));
        }
        if let [(scope, table)] = &terms[..] {
            let allowed = |value: &Option<f64>| value.is_some_and(|v| sum.allows(v));
            let table = table.iter().map(allowed).collect();
            self.raw.allowed.push((scope.clone(), table));
            return Some(());
        }
        // A lower and an upper limit of the same sum.
        let same = self.raw.sums.iter_mut().find(|other| {
            let free = |mine: &Option<End>, its: &Option<End>| mine.is_none() || its.is_none();
            free(&sum.low, &other.low) && free(&sum.high, &other.high) && other.terms == terms
        });
        if let Some(same) = same {
            same.low = same.low.or(sum.low);
            same.high = same.high.or(sum.high);
            same.constraints.extend(constraint);
            return Some(());
        }
        self.raw.sums.push(RawSum {
            constraints: Vec::from_iter(constraint),
            terms,
            low: sum.low,
            high: sum.high,
        });
        Some(())
    }
}

impl Raw {
    /// Tables in which sums are told apart by these units. `None` if they are too long together.
    pub fn factors(&self, units: &[Unit]) -> Option<Factors> {
        let sums = Sums::new(units.iter().map(|u| u.digit.clone()).collect())?;
        let mut all: Vec<Piece> = Vec::new();
        for (scope, allowed) in &self.allowed {
            let row = |allowed: &bool| allowed.then(|| (0, one()));
            all.push((scope, allowed.iter().map(row).collect()));
        }
        for (scope, weights) in &self.weights {
            let row = |weight: &BigUint| Some((0, weight.clone()));
            all.push((scope, weights.iter().map(row).collect()));
        }
        for (number, (sum, unit)) in self.sums.iter().zip(units).enumerate() {
            for ((scope, values), least) in sum.terms.iter().zip(&unit.least) {
                let row = |value: &Option<f64>| {
                    let mut digits = vec![0; units.len()];
                    digits[number] = unit.of((*value)? - least);
                    Some((sums.packed(&digits)?, one()))
                };
                all.push((scope, values.iter().map(row).collect()));
            }
        }
        let (tables, reals) = self.merged(all, &sums);
        Some(Factors {
            variables: self.variables.clone(),
            sums,
            tables,
            reals,
        })
    }

    /// One table for what speaks of the same decisions, or of fewer.
    fn merged(&self, mut all: Vec<Piece>, sums: &Sums) -> (Vec<Table>, Vec<(usize, Vec<bool>)>) {
        let mut tables: Vec<Piece> = Vec::new();
        // Tables by a variable of theirs.
        let mut about: Vec<Vec<usize>> = vec![Vec::new(); self.variables.len()];
        let mut without: Option<usize> = None;
        all.sort_by_key(|(scope, _)| std::cmp::Reverse(scope.len()));
        for (scope, piece) in all {
            let host = match scope.first() {
                Some(first) => about[*first].iter().copied().find(|t| {
                    let of_table = tables[*t].0;
                    scope.iter().all(|v| of_table.binary_search(v).is_ok())
                }),
                None => without,
            };
            let Some(host) = host else {
                scope.iter().for_each(|v| about[*v].push(tables.len()));
                if scope.is_empty() {
                    without = Some(tables.len());
                }
                tables.push((scope, piece));
                continue;
            };
            let (of_host, rows) = &mut tables[host];
            let mut values = vec![0; self.variables.len()];
            for (number, mine) in rows.iter_mut().enumerate() {
                let Some((sum, count)) = mine else { continue };
                unrow(of_host, &self.variables, number, &mut values);
                *mine = match &piece[row(scope, &self.variables, &values)] {
                    None => None,
                    Some((more, times)) => {
                        let sum = sums.plus(*sum, *more, sums.whole());
                        sum.map(|sum| (sum, &*count * times))
                    }
                };
            }
        }
        let mut reals = Vec::new();
        let owned = |(scope, rows): Piece| Table {
            scope: scope.clone(),
            rows,
        };
        let mut tables: Vec<Table> = tables.into_iter().map(owned).collect();
        for (scope, exists) in &self.reals {
            let row = Some((0, one()));
            reals.push((tables.len(), exists.clone()));
            tables.push(Table {
                scope: scope.clone(),
                rows: vec![row; exists.len()],
            });
        }
        (tables, reals)
    }

    /// How finely the sums are told apart: exactly, or, where that is not to be or cannot be, in so many steps.
    pub fn units(&self, exactly: bool, steps: u64) -> Option<Vec<Unit>> {
        let mut units = Vec::with_capacity(self.sums.len());
        for sum in &self.sums {
            let exact = exactly.then(|| units::exact(sum)).flatten();
            units.push(exact.or_else(|| units::coarse(sum, steps))?);
        }
        Some(units)
    }
}

/// The decisions of a table, and for each row the sum that it adds and by how many it multiplies.
type Piece<'a> = (&'a Vec<usize>, Vec<Option<(u64, BigUint)>>);

fn one() -> BigUint {
    BigUint::from(1_u32)
}
