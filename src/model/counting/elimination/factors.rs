//! Tables of whole numbers, from which points are counted.
//!
//! In: what there is to count ([`Raw`]), and the units in which its sums are told apart. Out: [`Factors`]: a row of a table says which partial
//! sum it adds and by how many it multiplies the count; none, if it cannot be. A table over some decisions takes up those over fewer of them.
//! Nothing where partial sums are too long together.

use std::sync::Arc;

use num_bigint::BigUint;

use super::histogram::Sums;
use super::layout::{Variable, each_aligned};
use super::raw::Raw;
use super::relation::Relation;
use super::units::{self, Side, Unit};

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

/// What is to be a table, or a part of one.
struct Piece<'a, W> {
    /// The variables.
    scope: &'a Vec<usize>,
    /// For each row the sum that it adds and by what it multiplies.
    rows: Vec<Option<(u64, W)>>,
    says: Says,
}

/// What the rows of a piece say.
#[derive(Clone, Copy, PartialEq)]
enum Says {
    /// That all can be.
    Nothing,
    /// Which can be.
    CanBe,
    /// What they add or multiply by.
    Amounts,
}

impl Raw {
    /// Tables of how many points there are, in which sums are told apart by these units. `None` if they are too long together.
    pub fn factors(&self, units: &[Unit]) -> Option<Factors<BigUint>> {
        let one = BigUint::from(1_u32);
        let sums = Sums::new(units.iter().map(|u| u.digit.clone()).collect())?;
        let mut all = self.pieces(units, &sums, &one);
        for (scope, weights) in &self.weights {
            let row = |weight: &BigUint| Some((0, weight.clone()));
            all.push(Piece {
                scope,
                rows: weights.iter().map(row).collect(),
                says: Says::Amounts,
            });
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
            all.push(Piece {
                scope,
                rows: prices.iter().map(row).collect(),
                says: Says::Amounts,
            });
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
            all.push(Piece {
                scope,
                rows: allowed.iter().map(row).collect(),
                says: match allowed.iter().all(|allowed| *allowed) {
                    true => Says::Nothing,
                    false => Says::CanBe,
                },
            });
        }
        for (number, (sum, unit)) in self.sums.iter().zip(units).enumerate() {
            for ((scope, values), least) in sum.terms.iter().zip(&unit.least) {
                let row = |value: &Option<f64>| {
                    let mut digits = vec![0; units.len()];
                    digits[number] = unit.of((*value)? - least);
                    Some((sums.packed(&digits)?, one.clone()))
                };
                all.push(Piece {
                    scope,
                    rows: values.iter().map(row).collect(),
                    says: Says::Amounts,
                });
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
        all.sort_by_key(|piece| std::cmp::Reverse(piece.scope.len()));
        for piece in all {
            let scope = piece.scope;
            // Whatever takes it up speaks of each of its variables: the tables of one that few speak of are looked at.
            let host = match scope.iter().min_by_key(|v| about[**v].len()) {
                Some(rare) => about[*rare].iter().copied().find(|t| {
                    let of_table = tables[*t].scope;
                    scope.iter().all(|v| of_table.binary_search(v).is_ok())
                }),
                None => without,
            };
            let Some(host) = host else {
                scope.iter().for_each(|v| about[*v].push(tables.len()));
                if scope.is_empty() {
                    without = Some(tables.len());
                }
                tables.push(piece);
                continue;
            };
            let host = &mut tables[host];
            // Rows that were to say which can be are multiplied by nothing already.
            if piece.says == Says::Nothing && host.says != Says::Amounts {
                continue;
            }
            let rows = &mut host.rows;
            each_aligned(host.scope, [&scope[..]], &self.variables, |number, [at]| {
                let mine = &mut rows[number];
                let Some((sum, count)) = mine else { return };
                *mine = match &piece.rows[at] {
                    None => None,
                    Some((more, by)) => {
                        let sum = sums.plus(*sum, *more, sums.whole());
                        sum.map(|sum| (sum, times(count, by)))
                    }
                };
            });
        }
        let owned = |piece: Piece<W>| Table {
            scope: piece.scope.clone(),
            rows: piece.rows,
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
