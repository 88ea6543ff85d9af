//! Rows of a table that measures candidates.
//!
//! In: a table, and the decisions that index it. Out: the values that find a candidate's row; a warning that says how many candidates have none, an
//! error where none has one.

use super::Template;
use crate::diagnostic::Diagnostic;
use crate::ir::{Evaluator, Experiment, Table, table_key};
use crate::model::counting::{Count, members};
use crate::model::decision::Point;

/// The most candidates that are looked up.
const MOST_LOOKED_UP: u32 = 100_000;

/// The values that the row of a point has.
pub fn key(template: &Template, table: &Table, point: &Point) -> Vec<String> {
    let value = |name: &String| {
        let mut decisions = template.decisions.all.iter();
        let index = decisions.position(|d| d.path == *name)?;
        let value = template.chosen(index, point)?;
        Some(table_key(&value.to_string()))
    };
    let names = table.decisions.iter();
    names.map(|name| value(name).unwrap_or_default()).collect()
}

/// What is to be said of candidates without a row.
pub(super) fn check(template: &Template, experiment: &Experiment) -> Option<Diagnostic> {
    let Some(Evaluator::Table(table)) = &experiment.evaluator else {
        return None;
    };
    let decisions = &template.decisions;
    let Count::Exact(count) = template.counted.count(decisions) else {
        return None;
    };
    if count == 0_u32.into() {
        return None;
    }
    if count > MOST_LOOKED_UP.into() {
        let rows = table.rows.len();
        return (count > rows.into()).then(|| {
            warning(format!(
                "there are {count} candidates, and the table has {rows} rows"
            ))
            .label(table.span, "most candidates have no row here")
        });
    }
    let mut lacking = 0_usize;
    let mut first = None;
    for point in members(decisions).ok()? {
        if table.row(&key(template, table, &point)).is_none() {
            lacking += 1;
            first.get_or_insert(point);
        }
    }
    let example: Vec<String> = (decisions.named(&first?))
        .map(|(path, value)| format!("`{path}` is {value}"))
        .collect();
    let example = format!("as where {}", example.join(" and "));
    if count == lacking.into() {
        return Some(
            Diagnostic::error(CODE, "no candidate has a row in the table")
                .label(table.span, example)
                .help("add rows, widen the domains, or relax what is required"),
        );
    }
    let has = match lacking {
        1 => "has",
        _ => "have",
    };
    Some(
        warning(format!(
            "{lacking} of {count} candidates {has} no row in the table"
        ))
        .label(table.span, example),
    )
}

const CODE: &str = "bnas::evaluate::table";

fn warning(message: String) -> Diagnostic {
    Diagnostic::warning(CODE, message)
        .help("add their rows, or require what rows there are: what has none is passed over")
}
