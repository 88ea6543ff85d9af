//! A plan carried out: a table of histograms for each step.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::factors::Factors;
use super::histogram::{Histogram, Sums};
use super::layout::{Layout, Parts};
use super::order::Step;
use super::tally::Amount;

/// Why a plan was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is too much work.
    TooMuch,
    /// Counts may have more bits than there is room for.
    NoRoom,
}

/// All tables.
#[derive(Debug, Clone)]
pub struct Tree<N> {
    pub(super) layout: Layout,
    pub(super) sums: Sums,
    /// For each step, the histogram of each row.
    pub(super) tables: Vec<Vec<Histogram<N>>>,
    pub(super) total: N,
    /// For rows by step and number, how many there are from each sum on, as far as that was wanted.
    pub(super) tails: Tails<N>,
}

/// How many there are from each sum of a row on, by step and number.
type Known<N> = HashMap<(usize, usize), Arc<[N]>>;

/// What is found out while points are drawn.
#[derive(Debug)]
pub struct Tails<N>(Mutex<Known<N>>);

impl<N> Tails<N> {
    /// Those of a row.
    pub fn of(&self, row: (usize, usize), make: impl FnOnce() -> Arc<[N]>) -> Arc<[N]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(row).or_insert_with(make).clone()
    }
}

impl<N> Default for Tails<N> {
    fn default() -> Self {
        Tails(Mutex::default())
    }
}

impl<N> Clone for Tails<N> {
    fn clone(&self) -> Self {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Tails(Mutex::new(known.clone()))
    }
}

impl<N: Amount> Tree<N> {
    /// Carries out a plan and takes the products of counts from `work`. `of` says which amount a row multiplies by, if there is room for it.
    pub fn new<W>(
        factors: &Factors<W>,
        layout: Layout,
        of: impl Fn(&W) -> Option<N>,
        work: &mut u64,
    ) -> Result<Tree<N>, Failed> {
        let mut tree = Tree {
            layout,
            sums: factors.sums.clone(),
            tables: Vec::new(),
            total: N::zero(),
            tails: Tails::default(),
        };
        let rooms = tree.rooms(factors);
        let mut scratch = Vec::new();
        for (step, rooms) in rooms.iter().enumerate() {
            let table = tree.table(step, factors, &of, rooms, &mut scratch, work)?;
            tree.tables.push(table);
        }
        if let Some(last) = tree.tables.last() {
            let most = last[0].counts.iter().map(N::bits).max().unwrap_or(0);
            if most + u64::from(64 - last[0].len().leading_zeros()) > N::ROOM {
                return Err(Failed::NoRoom);
            }
            for (sum, count) in last[0].iter() {
                if tree.sums.accepts(sum) {
                    tree.total.add(count);
                }
            }
        }
        Ok(tree)
    }

    /// For each row of each step, what the sums may be there if whatever else must be added is as little as it can be: `None` if no point
    /// passes there.
    fn rooms<W>(&self, factors: &Factors<W>) -> Vec<Vec<Option<u64>>> {
        let n = self.sums.len();
        let mut least: Vec<Vec<u64>> = Vec::with_capacity(self.layout.steps.len());
        for step in 0..self.layout.steps.len() {
            let mut of_step = vec![u64::MAX; self.layout.rows(step) * n];
            self.layout.each_row(step, |row, parts| {
                let mut offer = |values: &mut dyn Iterator<Item = u64>| {
                    let of_row = &mut of_step[row * n..(row + 1) * n];
                    of_row
                        .iter_mut()
                        .zip(values)
                        .for_each(|(l, v)| *l = v.min(*l));
                };
                match parts {
                    Parts::Factor(factor) => {
                        if let Some((sum, _)) = &factors.tables[factor].rows[row] {
                            offer(&mut (0..n).map(|d| self.sums.digit(*sum, d)));
                        }
                    }
                    Parts::Product((x, at_x), (y, at_y)) => {
                        let (x, y) = (&least[x][at_x * n..], &least[y][at_y * n..]);
                        offer(&mut (0..n).map(|d| x[d].saturating_add(y[d])));
                    }
                    Parts::Sum((of, at)) => {
                        offer(&mut least[of][at * n..(at + 1) * n].iter().copied());
                    }
                }
            });
            least.push(of_step);
        }
        let mut outside: Vec<Vec<u64>> = least.iter().map(|l| vec![u64::MAX; l.len()]).collect();
        if let Some(last) = outside.last_mut() {
            last.fill(0);
        }
        for step in (0..self.layout.steps.len()).rev() {
            let here = std::mem::take(&mut outside[step]);
            self.layout.each_row(step, |row, parts| {
                let here = &here[row * n..(row + 1) * n];
                let mut offer = |(of, at): (usize, usize), besides: Option<&[u64]>| {
                    for d in 0..n {
                        let with = besides.map_or(0, |b| b[d]);
                        let slot = &mut outside[of][at * n + d];
                        *slot = here[d].saturating_add(with).min(*slot);
                    }
                };
                match parts {
                    Parts::Factor(_) => {}
                    Parts::Product(x, y) => {
                        offer(x, Some(&least[y.0][y.1 * n..]));
                        offer(y, Some(&least[x.0][x.1 * n..]));
                    }
                    Parts::Sum(of) => offer(of, None),
                }
            });
            outside[step] = here;
        }
        let room = |(least, outside): (&[u64], &[u64])| match least[0] {
            u64::MAX => None,
            _ => self.sums.room(outside),
        };
        let of_step = |(least, outside): (&Vec<u64>, &Vec<u64>)| {
            least.chunks(n).zip(outside.chunks(n)).map(room).collect()
        };
        least.iter().zip(&outside).map(of_step).collect()
    }

    fn table<W>(
        &self,
        step: usize,
        factors: &Factors<W>,
        of: &impl Fn(&W) -> Option<N>,
        rooms: &[Option<u64>],
        scratch: &mut Vec<N>,
        work: &mut u64,
    ) -> Result<Vec<Histogram<N>>, Failed> {
        let mut table: Vec<Histogram<N>> = vec![Histogram::default(); self.layout.rows(step)];
        // The rows of a sum, each with one of its parts.
        let mut pooled: Vec<(usize, (usize, usize))> = Vec::new();
        let mut failed = None;
        self.layout.each_row(step, |row, parts| {
            let Some(room) = rooms[row].filter(|_| failed.is_none()) else {
                return;
            };
            let mut spend = |steps: u64| match work.checked_sub(steps) {
                Some(left) => *work = left,
                None => failed = Some(Failed::TooMuch),
            };
            let made = match parts {
                Parts::Factor(factor) => {
                    let sum = &factors.tables[factor].rows[row];
                    let sum = sum
                        .as_ref()
                        .and_then(|(sum, count)| Some((self.sums.plus(*sum, 0, room)?, of(count))));
                    match sum {
                        Some((sum, count)) => count.map(|count| Histogram::one(sum, count)),
                        None => Some(Histogram::default()),
                    }
                }
                Parts::Product((x, at_x), (y, at_y)) => {
                    let (x, y) = (&self.tables[x][at_x], &self.tables[y][at_y]);
                    let pairs = x.len() as u64 * y.len() as u64;
                    spend(pairs * N::COST * self.sums.cost() + 1);
                    match failed {
                        None => x.times(y, &self.sums, room, scratch),
                        Some(_) => return,
                    }
                }
                Parts::Sum(part) => {
                    spend(self.tables[part.0][part.1].len() as u64 * N::COST);
                    pooled.push((row, part));
                    return;
                }
            };
            match made {
                Some(made) => table[row] = made,
                None => failed = Some(Failed::NoRoom),
            }
        });
        if let Some(failed) = failed {
            return Err(failed);
        }
        let is_shared = !matches!(self.layout.steps[step], Step::SumOut { .. });
        // Parts of one row stay in their order.
        pooled.sort_by_key(|(row, _)| *row);
        for parts in pooled.chunk_by(|x, y| x.0 == y.0) {
            let row = parts[0].0;
            let parts = parts.iter().map(|(_, (of, at))| &self.tables[*of][*at]);
            let mut joined = Histogram::joined(parts, scratch).ok_or(Failed::NoRoom)?;
            // What fits into another sum may not fit into this one.
            if is_shared && let Some(room) = rooms[row] {
                joined.keep(|sum| self.sums.plus(sum, 0, room).is_some());
            }
            table[row] = joined;
        }
        if self.sums.only_limits() {
            table.iter_mut().for_each(N::thin);
        }
        Ok(table)
    }
}
