//! A plan with its variables: which rows each table has, and of which rows each row is made.

use std::sync::Arc;

use super::order::{Plan, Step};
use super::relation::{BLOCK, Relation};

/// A decision that is summed out, with the number of its members. The member behind the last one: it does not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    pub decision: usize,
    pub members: u64,
    /// How many members are one of these: more than one if they are blocks, none if it is what several decisions come to (`shared`), the last of which is this one.
    pub width: u64,
    /// Whether it may not exist.
    pub optional: bool,
}

impl Variable {
    /// Members, and one more for a decision that may not exist.
    pub fn size(&self) -> u64 {
        self.members + u64::from(self.optional)
    }
}

/// The place of a row in a table: the first variable changes slowest.
pub fn row(scope: &[usize], variables: &[Variable], values: &[u64]) -> usize {
    scope.iter().fold(0, |row, v| {
        row * variables[*v].size() as usize + values[*v] as usize
    })
}

/// Puts the values of a row into their places.
pub fn unrow(scope: &[usize], variables: &[Variable], mut row: usize, values: &mut [u64]) {
    for v in scope.iter().rev() {
        let size = variables[*v].size() as usize;
        values[*v] = (row % size) as u64;
        row /= size;
    }
}

/// How many rows a table has.
pub fn rows(scope: &[usize], variables: &[Variable]) -> usize {
    scope
        .iter()
        .map(|v| variables[*v].size() as usize)
        .product()
}

/// Every row of a table over `scope`, with the rows of others, each of them over some of its variables, that have the same values.
pub fn each_aligned<const N: usize>(
    scope: &[usize],
    others: [&[usize]; N],
    variables: &[Variable],
    mut visit: impl FnMut(usize, [usize; N]),
) {
    let Some((last, outer)) = scope.split_last() else {
        return visit(0, [0; N]);
    };
    let size = |variable: &usize| variables[*variable].size() as usize;
    // How far a step of a variable goes in the rows of the others.
    let step = |variable: &usize| {
        others.map(|other| {
            let place = other.iter().position(|v| v == variable);
            place.map_or(0, |place| other[place + 1..].iter().map(size).product())
        })
    };
    // For each variable but the last, which changes fastest, its value, its size, and its steps.
    let outer = outer.iter().map(|v| (0, size(v), step(v)));
    let mut outer: Vec<(usize, usize, [usize; N])> = outer.collect();
    let (inner, by) = (size(last), step(last));
    let (mut number, mut start) = (0, [0; N]);
    let count = rows(scope, variables);
    while number < count {
        let mut at = start;
        for _ in 0..inner {
            visit(number, at);
            number += 1;
            (0..N).for_each(|n| at[n] += by[n]);
        }
        for (value, size, by) in outer.iter_mut().rev() {
            *value += 1;
            (0..N).for_each(|n| start[n] += by[n]);
            if *value < *size {
                break;
            }
            (0..N).for_each(|n| start[n] -= *size * by[n]);
            *value = 0;
        }
    }
}

/// The rows that a row is made of, each by its step and place.
pub enum Parts {
    Factor(usize),
    Product((usize, usize), (usize, usize)),
    /// One of those that are added.
    Sum((usize, usize)),
}

/// One of those that a row is the sum of: a step, where a variable has a value.
pub struct Choice {
    pub of: usize,
    pub variable: usize,
    pub value: u64,
}

/// Steps, the last of which has one row.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Those that are summed out, then blocks of them.
    pub variables: Vec<Variable>,
    pub steps: Vec<Step>,
    /// The variables of each.
    pub scopes: Vec<Vec<usize>>,
    relations: Vec<Arc<Relation>>,
}

impl Layout {
    pub fn new(mut variables: Vec<Variable>, relations: Vec<Arc<Relation>>, plan: Plan) -> Layout {
        for blocks in plan.blocks {
            variables.push(Variable {
                decision: variables[blocks.of].decision,
                members: blocks.count,
                width: variables[blocks.of].width * BLOCK,
                optional: false,
            });
        }
        Layout {
            variables,
            steps: plan.steps,
            scopes: plan.scopes,
            relations,
        }
    }

    /// For each decision, the number of its member where it is a variable and exists, from the values of all variables.
    pub fn members(&self, decisions: usize, values: &[u64]) -> Vec<Option<u64>> {
        let mut members = vec![None; decisions];
        for (variable, value) in self.variables.iter().zip(values) {
            if variable.width == 1 {
                members[variable.decision] = (*value < variable.members).then_some(*value);
            }
        }
        members
    }

    /// What a row of a sum, whose variables have these values, is the sum of. Nothing of other steps.
    pub fn choices(&self, step: usize, values: &[u64]) -> Vec<Choice> {
        let size = |variable: usize| self.variables[variable].size();
        match &self.steps[step] {
            Step::Factor(_) | Step::Times(..) => Vec::new(),
            Step::SumOut { of, variable } => {
                let choice = |value| Choice {
                    of: *of,
                    variable: *variable,
                    value,
                };
                (0..size(*variable)).map(choice).collect()
            }
            Step::Blocks { of, from, to } => {
                let choice = |value| Choice {
                    of: *of,
                    variable: *from,
                    value,
                };
                let start = values[*to] * BLOCK;
                (start..size(*from).min(start + BLOCK))
                    .map(choice)
                    .collect()
            }
            Step::Through {
                relation,
                side,
                levels,
            } => {
                let relation = &self.relations[*relation];
                let sizes: Vec<u64> = levels.iter().map(|level| size(level.1)).collect();
                let member = values[relation.variables[*side]];
                let mut choices = Vec::new();
                relation.blocks(*side, member, &sizes, |level, value| {
                    let (of, variable) = levels[level];
                    choices.push(Choice {
                        of,
                        variable,
                        value,
                    });
                });
                choices
            }
        }
    }

    /// How many rows the table of a step has.
    pub fn rows(&self, step: usize) -> usize {
        rows(&self.scopes[step], &self.variables)
    }

    /// Every row of a step with the rows that it is made of. A row of a sum is visited once for each of its parts.
    pub fn each_row(&self, step: usize, mut visit: impl FnMut(usize, Parts)) {
        let (scope, variables) = (&self.scopes[step], &self.variables);
        match self.steps[step] {
            Step::Factor(factor) => {
                (0..rows(scope, variables)).for_each(|row| visit(row, Parts::Factor(factor)));
            }
            Step::Times(x, y) => {
                let others = [&self.scopes[x][..], &self.scopes[y][..]];
                each_aligned(scope, others, variables, |row, [of_x, of_y]| {
                    visit(row, Parts::Product((x, of_x), (y, of_y)));
                });
            }
            Step::SumOut { of, .. } => {
                each_aligned(&self.scopes[of], [scope], variables, |part, [row]| {
                    visit(row, Parts::Sum((of, part)));
                });
            }
            Step::Blocks { .. } | Step::Through { .. } => {
                let mut values = vec![0; variables.len()];
                for number in 0..rows(scope, variables) {
                    unrow(scope, variables, number, &mut values);
                    for choice in self.choices(step, &values) {
                        values[choice.variable] = choice.value;
                        let at = row(&self.scopes[choice.of], variables, &values);
                        visit(number, Parts::Sum((choice.of, at)));
                    }
                }
            }
        }
    }
}
