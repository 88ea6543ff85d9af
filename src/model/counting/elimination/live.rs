//! Which rows and partial sums belong to some point.

use std::collections::{BTreeMap, BTreeSet};

use super::histogram::Histogram;
use super::layout::{Parts, Variable, unrow};
use super::order::Step;
use super::tally::Amount;
use super::tree::Tree;

/// Ways to split partial sums that are looked at: about a second. Beyond that, whatever occurs is taken for part of some point.
pub const MOST_SPLITS: u64 = 20_000_000;

impl<N: Amount> Tree<N> {
    /// For each decision, the members that some point has; more of them where that is more than `work`, which is taken from it.
    pub fn reached(&self, work: &mut u64) -> BTreeMap<usize, BTreeSet<u64>> {
        let mut found: BTreeMap<usize, BTreeSet<u64>> = (self
            .layout
            .variables
            .iter()
            .map(|v| (v.decision, BTreeSet::new())))
        .collect();
        let live = self.live(work);
        for step in &self.layout.steps {
            let (of, variable) = match step {
                Step::SumOut { of, variable } => (*of, *variable),
                Step::Through { levels, .. } => levels[0],
                _ => continue,
            };
            let mut values = vec![0; self.layout.variables.len()];
            let Variable {
                decision,
                members,
                width,
                ..
            } = self.layout.variables[variable];
            if width == 0 {
                continue;
            }
            for (at, row) in live[of].iter().enumerate() {
                if row.iter().any(|l| *l) {
                    unrow(
                        &self.layout.scopes[of],
                        &self.layout.variables,
                        at,
                        &mut values,
                    );
                    if values[variable] < members {
                        found.entry(decision).or_default().insert(values[variable]);
                    }
                }
            }
        }
        found
    }

    /// Whether some point passes a row of a factor for which this holds.
    pub fn passes(&self, factor: usize, holds: impl Fn(usize) -> bool) -> bool {
        let live = self.live(&mut { MOST_SPLITS });
        let step = self
            .layout
            .steps
            .iter()
            .position(|s| *s == Step::Factor(factor));
        step.is_some_and(|step| {
            let mut rows = live[step].iter().enumerate();
            rows.any(|(row, live)| holds(row) && live.iter().any(|l| *l))
        })
    }

    /// For each entry of each histogram, whether some point passes there.
    fn live(&self, work: &mut u64) -> Vec<Vec<Vec<bool>>> {
        let all = |value: bool| -> Vec<Vec<Vec<bool>>> {
            let of_table =
                |table: &Vec<Histogram<N>>| table.iter().map(|h| vec![value; h.len()]).collect();
            self.tables.iter().map(of_table).collect()
        };
        if self.sums.only_limits() {
            // What does not fit was dropped.
            return all(true);
        }
        let mut live = all(false);
        if let (Some(last), Some(table)) = (live.last_mut(), self.tables.last()) {
            for (l, (sum, _)) in last[0].iter_mut().zip(table[0].iter()) {
                *l = self.sums.accepts(sum);
            }
        }
        for step in (0..self.layout.steps.len()).rev() {
            let here = std::mem::take(&mut live[step]);
            self.layout.each_row(step, |row, parts| {
                let sums = &self.tables[step][row].sums;
                let is_live = |sum: u64| {
                    let at = sums.binary_search(&sum);
                    at.is_ok_and(|at| here[row][at])
                };
                match parts {
                    Parts::Factor(_) => {}
                    Parts::Sum((of, at)) => {
                        for (l, sum) in live[of][at].iter_mut().zip(&self.tables[of][at].sums) {
                            // Others may have made it so.
                            *l |= is_live(*sum);
                        }
                    }
                    Parts::Product((x, at_x), (y, at_y)) => {
                        let wanted = || sums.iter().zip(&here[row]).filter(|(_, live)| **live);
                        let (of_x, of_y) = (&self.tables[x][at_x].sums, &self.tables[y][at_y].sums);
                        let count = wanted().count() as u64;
                        let (short, long) =
                            (of_x.len().min(of_y.len()), of_x.len().max(of_y.len()));
                        // A sum that is not full and one of its parts say what the other part is.
                        let is_told = !wanted().any(|(sum, _)| self.sums.is_full(*sum));
                        let by_sum = is_told && count <= long as u64;
                        let ways = short as u64 * if by_sum { count } else { long as u64 };
                        let Some(left) = work.checked_sub(ways) else {
                            *work = 0;
                            return;
                        };
                        *work = left;
                        if by_sum {
                            let mut pass = |i: usize, j: usize| {
                                live[x][at_x][i] = true;
                                live[y][at_y][j] = true;
                            };
                            for (sum, _) in wanted() {
                                let is_x_short = of_x.len() == short;
                                let (few, many) = if is_x_short {
                                    (of_x, of_y)
                                } else {
                                    (of_y, of_x)
                                };
                                for (i, part) in few.iter().enumerate() {
                                    let rest = self.sums.minus(*sum, *part);
                                    match rest.and_then(|rest| many.binary_search(&rest).ok()) {
                                        Some(j) if is_x_short => pass(i, j),
                                        Some(j) => pass(j, i),
                                        None => {}
                                    }
                                }
                            }
                            return;
                        }
                        for (i, part) in of_x.iter().enumerate() {
                            for (j, rest) in of_y.iter().enumerate() {
                                if live[x][at_x][i] && live[y][at_y][j] {
                                    continue;
                                }
                                let sum = self.sums.plus(*part, *rest, self.sums.whole());
                                if sum.is_some_and(is_live) {
                                    live[x][at_x][i] = true;
                                    live[y][at_y][j] = true;
                                }
                            }
                        }
                    }
                }
            });
            live[step] = here;
            if *work == 0 {
                return all(true);
            }
        }
        live
    }
}
