//! Variables for what several decisions come to.
//!
//! In: tables of terms. Out: the same over fewer rows. What a layer costs depends on the channels that come in, and these on how deep the stage before is and on the width of each of its
//! layers: some hundred combinations, but a handful of numbers. Combinations that make no difference to a term are one member of a further variable, which
//! is no decision: a table says which member it is. Tables behind it range over that alone, and so does the product that is carried along from stage to stage.

use std::collections::HashMap;

use super::layout::{Variable, rows};
use super::raw::{Raw, TermTable};

/// Shorter tables are as quickly gone through as they are.
const SHORT: usize = 400;
/// At least so many combinations are one on average.
const LEAST_SHARED: usize = 8;
/// The most rows of the table that says which one it is.
const MOST_ROWS: usize = 100_000;

/// Which member of a further variable a combination of the first variables of a term is; none where it cannot be.
#[derive(PartialEq)]
struct Classes {
    of: Vec<usize>,
    class: Vec<Option<usize>>,
    count: usize,
}

impl Raw {
    /// The same with further variables in the tables of sums and of prices; `None` if none is worth it.
    pub fn shared(&self) -> Option<Raw> {
        let before = self.variables.len();
        let mut known: Vec<Classes> = Vec::new();
        let mut raw = self.clone();
        let of_sums = raw.sums.iter_mut().flat_map(|sum| &mut sum.terms);
        for term in of_sums.chain(&mut raw.prices) {
            if let Some(shorter) = shortened(term, &self.variables, before, &mut known) {
                *term = shorter;
            }
        }
        if known.is_empty() {
            return None;
        }
        for (number, classes) in known.iter().enumerate() {
            let last = classes.of.last().copied().unwrap_or(0);
            let mut scope = classes.of.clone();
            scope.push(before + number);
            let is = |class: &Option<usize>| {
                let class = *class;
                (0..classes.count).map(move |member| class == Some(member))
            };
            let which = classes.class.iter().flat_map(is).collect();
            raw.variables.push(Variable {
                decision: raw.variables[last].decision,
                members: classes.count as u64,
                width: 0,
                optional: false,
            });
            // Where it stands says where the variable exists, as for those before it.
            raw.allowed.insert(before + number, (scope, which));
        }
        Some(raw)
    }
}

/// A term over a further variable in place of its first ones; `None` if that is not worth it.
fn shortened(
    (scope, table): &TermTable,
    variables: &[Variable],
    before: usize,
    known: &mut Vec<Classes>,
) -> Option<TermTable> {
    if table.len() < SHORT {
        return None;
    }
    let split = |first: usize| {
        let behind = rows(&scope[first..], variables);
        classes(&scope[..first], table, behind)
    };
    let is_worth_it = |found: &Classes| {
        let all = found.class.len();
        all >= LEAST_SHARED * found.count && all * found.count <= MOST_ROWS
    };
    let splits = (2..scope.len()).rev().map(split);
    let best = splits.filter(is_worth_it).min_by_key(|found| found.count)?;
    let first = best.of.len();
    let refines = |other: &Classes| other.of == best.of && other.refines(&best);
    let number = known.iter().position(refines).unwrap_or_else(|| {
        known.push(best);
        known.len() - 1
    });
    let behind = rows(&scope[first..], variables);
    let of = &known[number];
    // The rows of the first combination of each.
    let mut short: Vec<&[Option<f64>]> = vec![&[]; of.count];
    for (class, rows) in of.class.iter().zip(table.chunks(behind)) {
        if let Some(class) = class
            && short[*class].is_empty()
        {
            short[*class] = rows;
        }
    }
    // The further variable has the highest number, so that it changes fastest.
    let mut scope = scope[first..].to_vec();
    scope.push(before + number);
    let row = |at: usize| short.iter().map(move |rows| rows[at]);
    Some((scope, (0..behind).flat_map(row).collect()))
}

/// What combinations of the first variables of a table come to, by the rows behind each.
fn classes(of: &[usize], table: &[Option<f64>], behind: usize) -> Classes {
    let mut numbers: HashMap<Vec<Option<u64>>, usize> = HashMap::new();
    let class = |rows: &[Option<f64>]| {
        let key: Vec<Option<u64>> = rows.iter().map(|row| row.map(f64::to_bits)).collect();
        let next = numbers.len();
        (rows.iter().any(Option::is_some)).then(|| *numbers.entry(key).or_insert(next))
    };
    let class: Vec<Option<usize>> = table.chunks(behind).map(class).collect();
    Classes {
        of: of.to_vec(),
        class,
        count: numbers.len(),
    }
}

impl Classes {
    /// Whether it tells apart all that the other one does, and has nothing where that has something.
    fn refines(&self, other: &Classes) -> bool {
        let mut told = vec![None; self.count];
        self.class.iter().zip(&other.class).all(|(mine, its)| {
            let Some(mine) = *mine else {
                return its.is_none();
            };
            let known = *told[mine].get_or_insert(*its);
            known == *its
        })
    }
}
