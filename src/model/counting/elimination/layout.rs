//! A plan with its variables: which rows each table has, and of which rows each row is made.

use super::order::{Plan, Step};

/// A decision that is summed out, with the number of its members. The member behind the last one: it does not exist.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    pub decision: usize,
    pub members: u64,
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

/// The rows that a row is made of, each by its step and place.
pub enum Parts {
    Factor(usize),
    Product((usize, usize), (usize, usize)),
    /// One of those that are added.
    Sum((usize, usize)),
}

/// Steps, the last of which has one row.
#[derive(Debug, Clone)]
pub struct Layout {
    pub variables: Vec<Variable>,
    pub steps: Vec<Step>,
    /// The variables of each.
    pub scopes: Vec<Vec<usize>>,
}

impl Layout {
    pub fn new(variables: Vec<Variable>, plan: Plan) -> Layout {
        Layout {
            variables,
            steps: plan.steps,
            scopes: plan.scopes,
        }
    }

    /// How many rows the table of a step has.
    pub fn rows(&self, step: usize) -> usize {
        rows(&self.scopes[step], &self.variables)
    }

    /// Every row of a step with the rows that it is made of. A row of a sum is visited once for each of its parts.
    pub fn each_row(&self, step: usize, mut visit: impl FnMut(usize, Parts)) {
        let mut values = vec![0; self.variables.len()];
        let scope = match self.steps[step] {
            Step::SumOut { of, .. } => &self.scopes[of],
            _ => &self.scopes[step],
        };
        let at = |of: usize, values: &[u64]| (of, row(&self.scopes[of], &self.variables, values));
        for number in 0..rows(scope, &self.variables) {
            match self.steps[step] {
                Step::Factor(factor) => visit(number, Parts::Factor(factor)),
                Step::Times(x, y) => {
                    unrow(scope, &self.variables, number, &mut values);
                    visit(number, Parts::Product(at(x, &values), at(y, &values)));
                }
                Step::SumOut { of, .. } => {
                    unrow(scope, &self.variables, number, &mut values);
                    visit(at(step, &values).1, Parts::Sum((of, number)));
                }
            }
        }
    }
}
