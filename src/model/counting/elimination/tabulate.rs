//! Guards, constraints, terms of sums and sizes of domains, tabulated over the few decisions that each speaks of.
//!
//! In: decisions, the numbers of constraints, bounds, terms of prices. Out: [`Raw`]; nothing where that is too much work, or where a guard is
//! over reals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigUint;

use super::comparison::{self, End, MOST_ROWS, Sum, Term};
use super::layout::{Variable, row, rows, unrow};
use super::raw::{Raw, RawSum, TermTable};
use super::relation::Relation;
use crate::ir::{Expr, Value};
use crate::model::counting::any_real;
use crate::model::decision::Decisions;
use crate::model::expression::evaluate::{self, Again};
use crate::model::expression::members::Values;
use crate::model::expression::quick::QuickMap;

/// Work on values of expressions, in parts of expressions, before this is given up.
const MOST_WORK: u64 = 20_000_000;

/// The same for the pairs of members that meet constraints.
const MOST_FOR_RELATIONS: u64 = 20_000_000;

/// Sums of many numbers differ by their last bits.
const ROUNDING: f64 = 1e-9;

/// Tables of everything but what is over reals. A constraint over at most `few` combinations is a table of its own, even if it limits a sum. `None` if that is too
/// much, or a condition is over reals. `priced` are the terms of what is to be small or large, each for itself; absent behind the tables where that is too much.
pub fn raw(
    decisions: &Decisions,
    constraints: &[usize],
    bounds: &[Sum],
    priced: &[&[Term]],
    few: u64,
) -> Option<(Raw, Vec<Option<Vec<TermTable>>>)> {
    let mut parts: Vec<Part> = Vec::new();
    for number in constraints {
        let mut of_constraint = Vec::new();
        comparison::conjuncts(&decisions.constraints[*number], &mut of_constraint);
        let with_scope = of_constraint.into_iter().map(|holds| Part {
            number: *number,
            holds,
            scope: evaluate::decisions(holds).into_iter().collect(),
        });
        parts.extend(with_scope.filter(|part| !any_real(&part.scope, decisions)));
    }
    let mut keys: BTreeSet<usize> = BTreeSet::new();
    for decision in &decisions.all {
        keys.extend(evaluate::decisions(&decision.guard));
    }
    parts.iter().for_each(|part| keys.extend(&part.scope));
    let terms = bounds.iter().flat_map(|b| &b.terms);
    let terms = terms.chain(priced.iter().copied().flatten());
    let scopes = terms.map(|t| &t.scope);
    keys.extend(scopes.flatten());
    let mut variables = Vec::with_capacity(keys.len());
    for decision in &keys {
        variables.push(Variable {
            decision: *decision,
            members: decisions.all[*decision].choices.len()?,
            width: 1,
            optional: decisions.all[*decision].guard != Expr::bool(true),
        });
    }
    let mut builder = Builder {
        decisions,
        at: vec![0; variables.len()],
        values: vec![None; decisions.all.len()],
        between: QuickMap::default(),
        places: BTreeMap::new(),
        numbers: keys.iter().enumerate().map(|(n, d)| (*d, n)).collect(),
        raw: Raw {
            variables,
            allowed: Vec::new(),
            relations: Vec::new(),
            weights: Vec::new(),
            reals: Vec::new(),
            sums: Vec::new(),
            prices: Vec::new(),
            beyond: Vec::new(),
            idle: Vec::new(),
        },
        few,
        work: MOST_WORK,
        work_on_relations: MOST_FOR_RELATIONS,
    };
    for number in 0..builder.raw.variables.len() {
        builder.presence(number)?;
    }
    builder.domains(&keys)?;
    for part in parts {
        builder.constraint(part)?;
    }
    for (number, bound) in bounds.iter().enumerate() {
        builder.sum(Of::Bound(number), bound)?;
    }
    let prices = priced.iter().map(|terms| {
        builder.work = MOST_WORK;
        builder.terms(terms)
    });
    let prices = prices.collect();
    Some((builder.raw, prices))
}

/// A part of a constraint, by number, and the decisions that it speaks of.
struct Part<'a> {
    number: usize,
    holds: &'a Expr,
    scope: Vec<usize>,
}

/// The variables of what a sum is, and for each row the number and the sizes of what it is had from, added up.
type WithSizes = (Vec<usize>, Vec<Option<(f64, f64)>>);

/// What limits a sum, by number.
#[derive(Debug, Clone, Copy)]
enum Of {
    Constraint(usize),
    Bound(usize),
}

struct Builder<'a> {
    decisions: &'a Decisions,
    /// The number of each variable, by its decision.
    numbers: BTreeMap<usize, usize>,
    raw: Raw,
    few: u64,
    work: u64,
    work_on_relations: u64,
    /// A row of a table, by variable, and its values, by decision: absent but while a table is made.
    at: Vec<u64>,
    values: Vec<Option<Value>>,
    /// The tables of what can be by their first and their last variable; those over none are under what is behind all variables. Where many tables
    /// speak of one variable, few speak of it and another one.
    between: QuickMap<(usize, usize), Vec<usize>>,
    /// The tables of constraints, by their variables.
    places: BTreeMap<Vec<usize>, usize>,
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
        let variables: Vec<usize> = scope.iter().map(|d| self.numbers[d]).collect();
        let table = self.rows(&variables, work, of);
        scope
            .iter()
            .for_each(|decision| self.values[*decision] = None);
        Some((variables, table?))
    }

    /// The same over variables; values of theirs are left behind.
    fn rows<T>(
        &mut self,
        scope: &[usize],
        work: u64,
        of: impl Fn(&[Option<Value>]) -> T,
    ) -> Option<Vec<Option<T>>> {
        let variables = &self.raw.variables;
        let inside = |other: &[usize]| other.iter().all(|v| scope.contains(v));
        let ends = scope
            .iter()
            .flat_map(|x| scope.iter().map(move |y| (*x, *y)));
        let ends = ends.chain([(variables.len(), variables.len())]);
        let allowed = ends.filter_map(|ends| self.between.get(&ends)).flatten();
        let allowed = allowed.map(|table| &self.raw.allowed[*table]);
        let allowed: Vec<&(Vec<usize>, Vec<bool>)> = allowed.filter(|a| inside(&a.0)).collect();
        let count = rows(scope, variables);
        self.work = self.work.checked_sub(count as u64)?;
        let mut table = Vec::with_capacity(count);
        for number in 0..count {
            unrow(scope, variables, number, &mut self.at);
            let at = &self.at;
            if !allowed.iter().all(|(s, rows)| rows[row(s, variables, at)]) {
                table.push(None);
                continue;
            }
            self.work = self.work.checked_sub(work)?;
            for v in scope {
                let decision = variables[*v].decision;
                let choices = &self.decisions.all[decision].choices;
                self.values[decision] = choices.member(at[*v]);
            }
            table.push(Some(of(&self.values)));
        }
        Some(table)
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
        self.allow(scope, holding(table));
        Some(())
    }

    /// One more table of what can be.
    fn allow(&mut self, scope: Vec<usize>, table: Vec<bool>) {
        let none = self.raw.variables.len();
        let ends = scope.iter().min().zip(scope.iter().max());
        let ends = ends.map_or((none, none), |(first, last)| (*first, *last));
        let tables = self.between.entry(ends).or_default();
        tables.push(self.raw.allowed.len());
        self.raw.allowed.push((scope, table));
    }

    /// What a constraint allows: one table for all that speak of the same decisions.
    fn limit(&mut self, scope: Vec<usize>, table: Vec<bool>) {
        if let Some(place) = self.places.get(&scope) {
            let both = self.raw.allowed[*place].1.iter_mut().zip(table);
            both.for_each(|(rows, allows)| *rows &= allows);
            return;
        }
        self.places.insert(scope.clone(), self.raw.allowed.len());
        self.allow(scope, table);
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

    fn constraint(&mut self, part: Part) -> Option<()> {
        let Part {
            number,
            holds: expr,
            scope,
        } = part;
        let combinations = comparison::combinations(&scope, self.decisions)?;
        let sum = match combinations > self.few {
            true => comparison::sum(expr, self.decisions),
            false => None,
        };
        if let [x, y] = scope[..]
            && (sum.is_some() || combinations > MOST_ROWS)
            && self.relation(number, expr, [x, y]).is_some()
        {
            return Some(());
        }
        // A single term is a table, in which nothing is added up.
        if let Some(sum) = sum.filter(|sum| sum.terms.len() > 1) {
            return self.sum(Of::Constraint(number), &sum);
        }
        if combinations > MOST_ROWS {
            self.raw.beyond.push(number);
            return Some(());
        }
        let again = Again::default();
        let holds = |values: &[Option<Value>]| again.truth(expr, &Values(values)).unwrap_or(false);
        let (scope, table) = self.tabulate(&scope, evaluate::size(expr), holds)?;
        self.limit(scope, holding(table));
        Some(())
    }

    /// Pairs of members that meet a constraint. `None` if there is too much to look at, or relations would tie variables in a circle.
    fn relation(&mut self, number: usize, expr: &Expr, of: [usize; 2]) -> Option<()> {
        let variables = of.map(|decision| self.numbers[&decision]);
        let relations = &self.raw.relations;
        let same = relations.iter().position(|r| r.variables == variables);
        if same.is_none() {
            let mut open = vec![variables[0]];
            let mut seen = BTreeSet::new();
            while let Some(variable) = open.pop() {
                if seen.insert(variable) {
                    let sides = relations
                        .iter()
                        .filter_map(|r| Some((r, r.side(variable)?)));
                    open.extend(sides.map(|(r, side)| r.variables[1 - side]));
                }
            }
            if seen.contains(&variables[1]) {
                return None;
            }
        }
        let work = &mut self.work_on_relations;
        let found = Relation::new(number, expr, of, variables, self.decisions, work);
        match same {
            Some(same) => Arc::make_mut(&mut self.raw.relations[same]).meet(&found?),
            None => self.raw.relations.push(Arc::new(found?)),
        }
        Some(())
    }

    /// The value of each term for each row over its decisions.
    fn terms(&mut self, terms: &[Term]) -> Option<Vec<TermTable>> {
        let mut tables = Vec::with_capacity(terms.len());
        for term in terms {
            let (scope, table) = match &term.rows {
                Some(rows) => {
                    let numbers = term.scope.iter().map(|d| self.numbers[d]);
                    let rows = rows.iter().map(|value| Some(*value));
                    (numbers.collect(), rows.collect())
                }
                None => self.tabulate(&term.scope, term.work, &term.value)?,
            };
            // Not a number is neither below nor above anything.
            let table: Vec<Option<f64>> = table
                .into_iter()
                .map(|value| value.flatten().filter(|v| !v.is_nan()))
                .collect();
            if table.iter().flatten().any(|v| v.is_infinite()) {
                return None;
            }
            tables.push((scope, table));
        }
        Some(tables)
    }

    /// One term or two as one table, with what a row is and the sizes that it is had from; `None` if it would be too long, or there are more.
    fn together(&self, terms: &[TermTable]) -> Option<WithSizes> {
        let [(one, x), (other, y)] = match terms {
            [(scope, table)] => {
                let rows = table.iter().map(|value| value.map(|v| (v, v.abs())));
                return Some((scope.clone(), rows.collect()));
            }
            [one, other] => [one, other],
            _ => return None,
        };
        let variables = &self.raw.variables;
        let scope: BTreeSet<usize> = one.iter().chain(other).copied().collect();
        let scope = Vec::from_iter(scope);
        let sizes = scope.iter().map(|v| variables[*v].size());
        sizes.fold(1, u64::saturating_mul).le(&MOST_ROWS).then(|| {
            let mut at = vec![0; variables.len()];
            let rows = (0..rows(&scope, variables)).map(|number| {
                unrow(&scope, variables, number, &mut at);
                let (x, y) = (x[row(one, variables, &at)], y[row(other, variables, &at)]);
                let (x, y) = (x?, y?);
                Some((x + y, x.abs() + y.abs()))
            });
            let rows = rows.collect();
            (scope, rows)
        })
    }

    fn sum(&mut self, of: Of, sum: &Sum) -> Option<()> {
        let terms = self.terms(&sum.terms)?;
        if let (Of::Bound(number), Some(end), None) = (of, sum.high, sum.low)
            && largest(&terms).is_some_and(|largest| largest < end.at)
        {
            self.raw.idle.push(number);
            return Some(());
        }
        if let (Of::Bound(_), Some((scope, table))) = (of, self.together(&terms)) {
            let allowed =
                |row: &Option<(f64, f64)>| row.is_some_and(|(v, size)| sum.allows(v, size));
            let allows = table.iter().map(allowed).collect();
            self.limit(scope, allows);
            return Some(());
        }
        // A lower and an upper limit of the same sum.
        let same = self.raw.sums.iter_mut().find(|other| {
            let free = |mine: &Option<End>, its: &Option<End>| mine.is_none() || its.is_none();
            let is_same = other.against == sum.against && other.terms == terms;
            free(&sum.low, &other.low) && free(&sum.high, &other.high) && is_same
        });
        if let Some(same) = same {
            same.low = same.low.or(sum.low);
            same.high = same.high.or(sum.high);
            same.is_of(of);
            return Some(());
        }
        let mut new = RawSum {
            constraints: Vec::new(),
            bounds: Vec::new(),
            terms,
            low: sum.low,
            high: sum.high,
            against: sum.against,
        };
        new.is_of(of);
        self.raw.sums.push(new);
        Some(())
    }
}

/// Rows where something holds.
fn holding(table: Vec<Option<bool>>) -> Vec<bool> {
    table.into_iter().map(|holds| holds == Some(true)).collect()
}

/// What a sum may be at most, and what rounding adds; `None` if a term has no value at some point, or never any.
fn largest(terms: &[TermTable]) -> Option<f64> {
    let (mut sum, mut size) = (0.0, 0.0);
    for (_, table) in terms {
        let most = table.iter().flatten().copied().reduce(f64::max)?;
        (sum, size) = (sum + most, size + most.abs());
    }
    Some(sum + ROUNDING * size)
}

impl RawSum {
    fn is_of(&mut self, of: Of) {
        match of {
            Of::Constraint(number) => self.constraints.push(number),
            Of::Bound(number) => self.bounds.push(number),
        }
    }
}
