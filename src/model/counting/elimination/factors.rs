//! Guards, constraints, terms of sums and sizes of domains as tables over the few decisions that each speaks of.
//!
//! In: decisions and what to count. Out: [`Factors`]: a row of a table says which partial sum it adds and by how many it multiplies the
//! count; none, if it cannot be. A table over some decisions takes up those over fewer of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use num_bigint::BigUint;

use super::comparison::{self, End, MOST_ROWS, Sum, Term};
use super::histogram::Sums;
use super::layout::{Variable, row, rows, unrow};
use super::relation::Relation;
use super::units::{self, Side, Unit};
use crate::ir::{Expr, Value};
use crate::model::counting::has_reals;
use crate::model::decision::Decisions;
use crate::model::evaluate;
use crate::model::members::Values;

/// Work on values of expressions, in parts of expressions, before this is given up.
const MOST_WORK: u64 = 20_000_000;

/// The same for the pairs of members that meet constraints.
const MOST_FOR_RELATIONS: u64 = 20_000_000;

/// Spaces of so many combinations are small.
const FEW_ENOUGH: f64 = 1e12;

/// Sums of many numbers differ by their last bits.
const ROUNDING: f64 = 1e-9;

/// All tables. A row multiplies the amounts by a `W`.
#[derive(Debug, Clone)]
pub struct Factors<W> {
    pub variables: Vec<Variable>,
    pub sums: Sums,
    pub tables: Vec<Table<W>>,
    /// Pairs of members that can be.
    pub relations: Vec<Arc<Relation>>,
    /// Where a real exists: a table and its rows.
    pub reals: Vec<(usize, Vec<bool>)>,
}

/// One table.
#[derive(Debug, Clone)]
pub struct Table<W> {
    /// The variables, by number, ascending.
    pub scope: Vec<usize>,
    /// The sum that a row adds and by what it multiplies; `None` if it cannot be.
    pub rows: Vec<Option<(u64, W)>>,
}

/// What there is to count, before it is known how finely sums are told apart.
pub struct Raw {
    pub variables: Vec<Variable>,
    /// Rows that can be.
    allowed: Vec<(Vec<usize>, Vec<bool>)>,
    /// Pairs of members that can be, where two variables have many.
    pub relations: Vec<Arc<Relation>>,
    /// By how many a row multiplies the count.
    weights: Vec<(Vec<usize>, Vec<BigUint>)>,
    reals: Vec<(Vec<usize>, Vec<bool>)>,
    /// The terms of each sum; none where they have no value.
    pub sums: Vec<RawSum>,
    /// The terms of what is to be small or large.
    prices: Vec<TermTable>,
    /// Constraints that are no tables and no sums, by their number.
    pub beyond: Vec<usize>,
    /// Bounds, by their number, within which everything is.
    pub idle: Vec<usize>,
}

/// The variables of a term, and its value for each row; none where it has no value.
pub type TermTable = (Vec<usize>, Vec<Option<f64>>);

/// A sum whose terms are known.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSum {
    /// The constraints that it is part of; none if it is a bound.
    pub constraints: Vec<usize>,
    /// The bounds that it is, by number.
    pub bounds: Vec<usize>,
    pub terms: Vec<TermTable>,
    pub low: Option<End>,
    pub high: Option<End>,
}

/// Tables of everything but what is over reals. A constraint over at most `few` combinations is a table of its own, even if it limits a sum. `None` if that is too
/// much, or a condition is over reals. `priced` are the terms of what is to be small or large, each for itself; absent behind the tables where that is too much.
pub fn raw(
    decisions: &Decisions,
    constraints: &[usize],
    bounds: &[Sum],
    priced: &[&[Term]],
    few: u64,
) -> Option<(Raw, Vec<Option<Vec<TermTable>>>)> {
    let mut parts: Vec<(usize, &Expr)> = Vec::new();
    for c in constraints {
        let mut of_constraint = Vec::new();
        comparison::conjuncts(&decisions.constraints[*c], &mut of_constraint);
        let finite = of_constraint
            .into_iter()
            .filter(|p| !has_reals(p, decisions));
        parts.extend(finite.map(|part| (*c, part)));
    }
    let mut keys: BTreeSet<usize> = BTreeSet::new();
    for decision in &decisions.all {
        keys.extend(evaluate::decisions(&decision.guard));
    }
    for (_, part) in &parts {
        keys.extend(evaluate::decisions(part));
    }
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
    for (c, part) in parts {
        builder.constraint(c, part)?;
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
        if let Some(sum) = sum {
            return self.sum(Of::Constraint(number), &sum);
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

    /// Two terms as one table; `None` if it would be too long, or there are more.
    fn together(&self, terms: &[TermTable]) -> Option<TermTable> {
        let [(one, x), (other, y)] = terms else {
            return None;
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
                Some(x? + y?)
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
        let terms = match (of, self.together(&terms)) {
            (Of::Bound(_), Some(whole)) => vec![whole],
            _ => terms,
        };
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
            same.is_of(of);
            return Some(());
        }
        let mut new = RawSum {
            constraints: Vec::new(),
            bounds: Vec::new(),
            terms,
            low: sum.low,
            high: sum.high,
        };
        new.is_of(of);
        self.raw.sums.push(new);
        Some(())
    }
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

impl Raw {
    /// The same with prices, over the variables that have a part in what can be, or in the sums or prices.
    pub fn with(&self, prices: Vec<TermTable>) -> Raw {
        let count = self.variables.len();
        let sums = self.sums.iter().flat_map(|sum| &sum.terms);
        let of_terms = sums.chain(&prices).map(|(scope, _)| scope);
        // The first tables say where each variable exists.
        let of_others = self.allowed[count..].iter().map(|(scope, _)| scope);
        let of_relations = self.relations.iter().flat_map(|r| &r.variables);
        let of_tables = of_terms.chain(of_others).flatten();
        let mut open: Vec<usize> = of_tables.chain(of_relations).copied().collect();
        let mut is_needed = vec![false; count];
        while let Some(variable) = open.pop() {
            if !std::mem::replace(&mut is_needed[variable], true) {
                open.extend(&self.allowed[variable].0);
            }
        }
        let mut next = 0..;
        let numbers: Vec<usize> = is_needed
            .iter()
            .map(|needed| if *needed { next.next().unwrap_or(0) } else { 0 })
            .collect();
        let scope = |old: &Vec<usize>| -> Vec<usize> { old.iter().map(|v| numbers[*v]).collect() };
        let term = |(old, rows): &TermTable| (scope(old), rows.clone());
        let is_kept = |(place, _): &(usize, _)| *place >= count || is_needed[*place];
        let allowed = self.allowed.iter().enumerate().filter(is_kept);
        let variables = self.variables.iter().zip(&is_needed);
        Raw {
            variables: (variables.filter(|(_, needed)| **needed))
                .map(|(variable, _)| variable.clone())
                .collect(),
            allowed: allowed
                .map(|(_, (old, rows))| (scope(old), rows.clone()))
                .collect(),
            relations: (self.relations.iter())
                .map(|relation| {
                    let mut relation = Relation::clone(relation);
                    relation.variables = relation.variables.map(|v| numbers[v]);
                    Arc::new(relation)
                })
                .collect(),
            weights: Vec::new(),
            reals: Vec::new(),
            sums: (self.sums.iter())
                .map(|sum| RawSum {
                    terms: sum.terms.iter().map(term).collect(),
                    ..sum.clone()
                })
                .collect(),
            prices: prices.iter().map(term).collect(),
            beyond: self.beyond.clone(),
            idle: self.idle.clone(),
        }
    }

    /// The same without relations; `None` if there is none.
    pub fn untied(mut self) -> Option<Raw> {
        if self.relations.is_empty() {
            return None;
        }
        let relations = std::mem::take(&mut self.relations);
        self.beyond
            .extend(relations.iter().flat_map(|r| &r.constraints));
        Some(self)
    }

    /// Whether there are so few combinations that all partial sums may be told apart.
    pub fn is_small(&self) -> bool {
        let sizes = self.variables.iter().map(|v| v.size() as f64);
        sizes.product::<f64>() <= FEW_ENOUGH
    }

    /// What was dear becomes cheap.
    pub fn negate_prices(&mut self) {
        let tables = self.prices.iter_mut().flat_map(|(_, table)| table);
        tables.flatten().for_each(|price| *price = -*price);
    }

    /// Tables of how many points there are, in which sums are told apart by these units. `None` if they are too long together.
    pub fn factors(&self, units: &[Unit]) -> Option<Factors<BigUint>> {
        let one = BigUint::from(1_u32);
        let sums = Sums::new(units.iter().map(|u| u.digit.clone()).collect())?;
        let mut all = self.pieces(units, &sums, &one);
        for (scope, weights) in &self.weights {
            let row = |weight: &BigUint| Some((0, weight.clone()));
            all.push((scope, weights.iter().map(row).collect()));
        }
        let mut tables = self.merged(all, &sums, |x, y| x * y);
        let mut reals = Vec::new();
        for (scope, exists) in &self.reals {
            reals.push((tables.len(), exists.clone()));
            tables.push(Table {
                scope: scope.clone(),
                rows: vec![Some((0, one.clone())); exists.len()],
            });
        }
        Some(Factors {
            variables: self.variables.clone(),
            sums,
            tables,
            relations: self.relations.clone(),
            reals,
        })
    }

    /// The same of what points cost; `whole` is the cost of two parts together.
    pub fn priced(&self, units: &[Unit], whole: fn(f64, f64) -> f64) -> Option<Factors<f64>> {
        let sums = Sums::new(units.iter().map(|u| u.digit.clone()).collect())?;
        let mut all = self.pieces(units, &sums, &0.0);
        for (scope, prices) in &self.prices {
            let row = |price: &Option<f64>| Some((0, (*price)?));
            all.push((scope, prices.iter().map(row).collect()));
        }
        Some(Factors {
            tables: self.merged(all, &sums, |x, y| whole(*x, *y)),
            variables: self.variables.clone(),
            sums,
            relations: self.relations.clone(),
            reals: Vec::new(),
        })
    }

    /// What can be, and the sums; `one` multiplies by nothing.
    fn pieces<W: Clone>(&self, units: &[Unit], sums: &Sums, one: &W) -> Vec<Piece<'_, W>> {
        let mut all: Vec<Piece<W>> = Vec::new();
        for (scope, allowed) in &self.allowed {
            let row = |allowed: &bool| allowed.then(|| (0, one.clone()));
            all.push((scope, allowed.iter().map(row).collect()));
        }
        for (number, (sum, unit)) in self.sums.iter().zip(units).enumerate() {
            for ((scope, values), least) in sum.terms.iter().zip(&unit.least) {
                let row = |value: &Option<f64>| {
                    let mut digits = vec![0; units.len()];
                    digits[number] = unit.of((*value)? - least);
                    Some((sums.packed(&digits)?, one.clone()))
                };
                all.push((scope, values.iter().map(row).collect()));
            }
        }
        all
    }

    /// One table for what speaks of the same decisions, or of fewer.
    fn merged<W: Clone>(
        &self,
        mut all: Vec<Piece<W>>,
        sums: &Sums,
        times: impl Fn(&W, &W) -> W,
    ) -> Vec<Table<W>> {
        let mut tables: Vec<Piece<W>> = Vec::new();
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
                    Some((more, by)) => {
                        let sum = sums.plus(*sum, *more, sums.whole());
                        sum.map(|sum| (sum, times(count, by)))
                    }
                };
            }
        }
        let owned = |(scope, rows): Piece<W>| Table {
            scope: scope.clone(),
            rows,
        };
        tables.into_iter().map(owned).collect()
    }

    /// How finely the sums are told apart: exactly, or, where that is not to be or cannot be, in so many steps.
    pub fn units(&self, exactly: bool, steps: u64) -> Option<Vec<Unit>> {
        self.units_on(exactly, steps, Side::Outside)
    }

    /// The same on one side of what cannot be told apart exactly.
    pub fn units_on(&self, exactly: bool, steps: u64, side: Side) -> Option<Vec<Unit>> {
        let mut units = Vec::with_capacity(self.sums.len());
        for sum in &self.sums {
            let exact = exactly.then(|| units::exact(sum)).flatten();
            units.push(exact.or_else(|| units::coarse(sum, steps, side))?);
        }
        Some(units)
    }
}

/// The decisions of a table, and for each row the sum that it adds and by what it multiplies.
type Piece<'a, W> = (&'a Vec<usize>, Vec<Option<(u64, W)>>);
