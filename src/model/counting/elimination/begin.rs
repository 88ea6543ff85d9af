//! Whether a point may begin with some members, so that a search in order steps over what cannot be completed.
//!
//! The tables are gone through once more with these members alone, and of each sum the least and the most are kept. That is the answer
//! where one sum has one limit; several are looked at one by one, so that a beginning may be let through that has no end.

use super::layout::{row, rows, unrow};
use super::order::Step;
use super::tally::Amount;
use super::tree::Tree;

/// Of each sum the least and the most; none where nothing is possible.
type Ends = Option<Vec<(u64, u64)>>;

impl<N: Amount> Tree<N> {
    /// Whether a point may have these members of the first decisions. Takes the rows that were looked at from `work`.
    pub fn may_begin(&self, members: &[Option<u64>], work: &mut u64) -> bool {
        let variables = &self.layout.variables;
        let last = members.len().checked_sub(1);
        if last.is_some_and(|last| variables.iter().all(|v| v.decision != last)) {
            return true;
        }
        let mut values = vec![0; variables.len()];
        for (variable, value) in variables.iter().zip(&mut values) {
            if let Some(member) = members
                .get(variable.decision)
                .filter(|_| variable.width > 0)
            {
                // Of a block, the absent one is behind the members of the decision.
                let absent = || self.absent(variable.decision);
                *value = member.unwrap_or_else(absent) / variable.width;
            }
        }
        let is_free =
            |v: &usize| variables[*v].width == 0 || variables[*v].decision >= members.len();
        let free = |step: usize| -> Vec<usize> {
            let scope = self.layout.scopes[step].iter();
            scope.copied().filter(is_free).collect()
        };
        let mut tables: Vec<Vec<Ends>> = Vec::with_capacity(self.layout.steps.len());
        let mut scopes: Vec<Vec<usize>> = Vec::with_capacity(self.layout.steps.len());
        for (step, how) in self.layout.steps.iter().enumerate() {
            let scope = free(step);
            let mut table: Vec<Ends> = vec![None; rows(&scope, variables)];
            *work = work.saturating_sub(table.len() as u64);
            match how {
                Step::Factor(_) => {
                    for (at, ends) in table.iter_mut().enumerate() {
                        unrow(&scope, variables, at, &mut values);
                        let at = row(&self.layout.scopes[step], variables, &values);
                        *ends = self.ends(&self.tables[step][at].sums);
                    }
                }
                Step::Times(x, y) => {
                    let (x, y) = (*x, *y);
                    for (at, ends) in table.iter_mut().enumerate() {
                        unrow(&scope, variables, at, &mut values);
                        let of = |step: usize| {
                            tables[step][row(&scopes[step], variables, &values)].as_ref()
                        };
                        *ends = of(x).zip(of(y)).map(|(x, y)| {
                            let both = x.iter().zip(y);
                            let sum = |((a, b), (c, d)): (&(u64, u64), &(u64, u64))| (a + c, b + d);
                            both.map(sum).collect()
                        });
                    }
                }
                Step::SumOut { of, .. } => {
                    let parts = &scopes[*of];
                    *work = work.saturating_sub(tables[*of].len() as u64);
                    for (at, part) in tables[*of].iter().enumerate() {
                        unrow(parts, variables, at, &mut values);
                        let row = row(&scope, variables, &values);
                        widen(&mut table[row], part);
                    }
                }
                Step::Blocks { .. } | Step::Through { .. } => {
                    for (at, ends) in table.iter_mut().enumerate() {
                        unrow(&scope, variables, at, &mut values);
                        let choices = self.layout.choices(step, &values);
                        *work = work.saturating_sub(choices.len() as u64);
                        for choice in choices {
                            let before = values[choice.variable];
                            if !is_free(&choice.variable) && before != choice.value {
                                continue;
                            }
                            values[choice.variable] = choice.value;
                            let row = row(&scopes[choice.of], variables, &values);
                            widen(ends, &tables[choice.of][row]);
                        }
                    }
                }
            }
            tables.push(table);
            scopes.push(scope);
        }
        match tables.last() {
            Some(last) => last[0].as_ref().is_some_and(|ends| self.sums.may_be(ends)),
            None => !self.total.is_zero(),
        }
    }

    /// The value of a decision that does not exist.
    fn absent(&self, decision: usize) -> u64 {
        let mut variables = self.layout.variables.iter();
        let found = variables.find(|v| v.decision == decision && v.width == 1);
        found.map_or(0, |v| v.members)
    }

    fn ends(&self, sums: &[u64]) -> Ends {
        let digits = |n: usize| sums.iter().map(move |sum| self.sums.digit(*sum, n));
        let ends = (0..self.sums.len()).map(|n| Some((digits(n).min()?, digits(n).max()?)));
        ends.collect()
    }
}

/// The ends of both.
fn widen(ends: &mut Ends, more: &Ends) {
    match (ends, more) {
        (_, None) => {}
        (ends @ None, more) => ends.clone_from(more),
        (Some(ends), Some(more)) => {
            for (end, (least, most)) in ends.iter_mut().zip(more) {
                *end = (end.0.min(*least), end.1.max(*most));
            }
        }
    }
}
