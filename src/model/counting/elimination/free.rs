//! The cheapest point where no sum is told apart: each row of a table is one cost.
//!
//! In: tables and their order. Out: what `cheapest` finds in a [`Tree`](super::tree::Tree) of them, whose rows are histograms of one sum each: an array
//! of costs says as much, and most looks are of this kind.

use super::cheapest::Whole;
use super::factors::Factors;
use super::layout::{Layout, Parts, row};
use super::order::Step;

/// What may be spent on a row by a tree: a product and the row itself.
const WORK_OF_ROW: u64 = 2;

/// For each decision, the number of its member where it is a variable and exists, and what the point costs; `None` within if there is no point. `None` if a tree
/// may take more work than this, and give up.
pub fn cheapest<W: Whole>(
    factors: &Factors<f64>,
    layout: &Layout,
    decisions: usize,
    most: u64,
) -> Option<Option<(Vec<Option<u64>>, f64)>> {
    let mut tables: Vec<Vec<f64>> = Vec::with_capacity(layout.steps.len());
    let mut visits = 0;
    for step in 0..layout.steps.len() {
        // What cannot be costs more than anything.
        let mut table = vec![f64::INFINITY; layout.rows(step)];
        layout.each_row(step, |row, parts| {
            visits += 1;
            let cost = match parts {
                Parts::Factor(factor) => match factors.tables[factor].rows[row] {
                    Some((_, cost)) => cost,
                    None => return,
                },
                Parts::Product((x, at_x), (y, at_y)) => W::of(tables[x][at_x], tables[y][at_y]),
                Parts::Sum((of, at)) => tables[of][at],
            };
            if cost < table[row] {
                table[row] = cost;
            }
        });
        tables.push(table);
    }
    (visits * WORK_OF_ROW <= most).then(|| back::<W>(&tables, layout, decisions))
}

/// The point that costs what the last table says. Of equals, the first.
fn back<W: Whole>(
    tables: &[Vec<f64>],
    layout: &Layout,
    decisions: usize,
) -> Option<(Vec<Option<u64>>, f64)> {
    let last = tables.len().checked_sub(1)?;
    let least = tables[last][0];
    if least == f64::INFINITY {
        return None;
    }
    let mut values = vec![0; layout.variables.len()];
    let mut open = vec![last];
    while let Some(step) = open.pop() {
        let at = |step: usize, values: &[u64]| {
            tables[step][row(&layout.scopes[step], &layout.variables, values)]
        };
        let cost = at(step, &values);
        match layout.steps[step] {
            Step::Factor(_) => {}
            Step::SumOut { .. } | Step::Blocks { .. } | Step::Through { .. } => {
                let choices = layout.choices(step, &values);
                let found = choices.iter().find(|choice| {
                    values[choice.variable] = choice.value;
                    at(choice.of, &values) == cost
                });
                open.push(found?.of);
            }
            Step::Times(x, y) => {
                if W::of(at(x, &values), at(y, &values)) != cost {
                    return None;
                }
                open.push(x);
                open.push(y);
            }
        }
    }
    Some((layout.members(decisions, &values), least))
}
