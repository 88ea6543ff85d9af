//! `evaluate = table("results.csv")`: measurements that somebody has made already.
//!
//! In: the text of a CSV file with a header, and the choices of the experiment. Out: a [`Table`]: the columns that are called like choices index its
//! rows, the others are metrics, which a row may lack. What is wrong with the file is shown in the file.

use std::collections::BTreeMap;

use crate::analysis::context::{Cx, list};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::{DomainKind, Expr, Let, Slot, Table, table_key};
use crate::source::{SourceId, Span};
use crate::syntax::ast::{self, Entry, EntryKind, ExprKind};

const CODE: &str = "bnas::evaluate::table";

/// The file that a field `evaluate = table("…")` names, with the place of its name.
pub(in crate::analysis) fn file_of(entry: &Entry) -> Option<(&str, Span)> {
    let EntryKind::Field(field) = &entry.kind else {
        return None;
    };
    if field.target.as_name()?.text != "evaluate" {
        return None;
    }
    file_in(&field.value)
}

/// The file that `table("…")` names, and where.
pub(in crate::analysis) fn file_in(value: &ast::Expr) -> Option<(&str, Span)> {
    let ExprKind::Call { callee, args } = &value.kind else {
        return None;
    };
    match (&callee.as_name()?.text[..], &args[..]) {
        (
            "table",
            [
                ast::Argument::Positional {
                    value,
                    filter: None,
                },
            ],
        ) => match &value.kind {
            ExprKind::Text(text) => Some((text, value.span)),
            _ => None,
        },
        _ => None,
    }
}

impl Cx<'_> {
    /// The table of a file; nothing after a diagnostic.
    pub(in crate::analysis) fn read_table(
        &mut self,
        source: SourceId,
        named: Span,
        lets: &[Let],
    ) -> Option<Table> {
        let sources = self.sources;
        let text = &sources.get(source).text;
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                self.report(
                    Diagnostic::error(CODE, format!("the table cannot be read: {error}"))
                        .label(named, "this file"),
                );
                return None;
            }
        };
        if header.iter().all(str::is_empty) {
            self.report(
                Diagnostic::error(CODE, "the table is empty")
                    .label(named, "this file has no header")
                    .help("its first line names the choices and the metrics, each other line is a candidate"),
            );
            return None;
        }
        let first_line = line_at(source, text, 0);
        let is_second = |at: &usize| {
            let name = &header[*at];
            !name.is_empty() && header.iter().take(*at).any(|h| h == name)
        };
        if let Some(second) = (0..header.len()).find(is_second) {
            let name = &header[second];
            self.report(
                Diagnostic::error(CODE, format!("the table has two columns `{name}`"))
                    .label(first_line, "the columns")
                    .label(named, "in this table")
                    .help("rename one of them, or remove it"),
            );
            return None;
        }
        let chosen: Vec<&Let> = lets
            .iter()
            .filter(|l| matches!(l.slot, Slot::Chosen(_)))
            .collect();
        let mut columns = Vec::with_capacity(chosen.len());
        for decision in &chosen {
            match header.iter().position(|h| h == decision.name) {
                Some(column) => columns.push(column),
                None => {
                    let alike = did_you_mean(&decision.name, header.iter());
                    let help = match alike {
                        Some(alike) => format!("is it the column `{alike}`?"),
                        None => format!("its columns are {}", list(header.iter())),
                    };
                    self.report(
                        Diagnostic::error(
                            CODE,
                            format!("the table has no column `{}`", decision.name),
                        )
                        .label(decision.span, "a choice, which has to find its row")
                        .label(first_line, "the columns")
                        .help(help),
                    );
                }
            }
        }
        if columns.len() < chosen.len() {
            return None;
        }
        let measured: Vec<usize> = (0..header.len()).filter(|i| !columns.contains(i)).collect();
        let mut rows: BTreeMap<Vec<String>, Vec<Option<f64>>> = BTreeMap::new();
        let mut lines: BTreeMap<Vec<String>, Span> = BTreeMap::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let at = error.position().map_or(0, |p| p.byte() as usize);
                    self.report(
                        Diagnostic::error(CODE, "this row does not fit the header")
                            .label(
                                line_at(source, text, at),
                                format!("{} columns are wanted", header.len()),
                            )
                            .label(named, "in this table"),
                    );
                    return None;
                }
            };
            let at = record.position().map_or(0, |p| p.byte() as usize);
            let line = line_at(source, text, at);
            let key: Vec<String> = columns.iter().map(|c| table_key(&record[*c])).collect();
            if let Some(first) = lines.get(&key) {
                self.report(
                    Diagnostic::error(CODE, "two rows are of one candidate")
                        .label(line, "the same values again")
                        .label(*first, "as here")
                        .label(named, "in this table")
                        .help("keep one row, such as their mean"),
                );
                return None;
            }
            let mut values = Vec::with_capacity(measured.len());
            for column in &measured {
                match record[*column].parse::<f64>() {
                    // Data frames write what was not measured in one of these ways.
                    _ if record[*column].is_empty() => values.push(None),
                    Ok(value) if value.is_nan() => values.push(None),
                    Ok(value) => values.push(Some(value)),
                    Err(_) => {
                        self.report(
                            Diagnostic::error(
                                CODE,
                                format!("`{}` is no number", &record[*column]),
                            )
                            .label(line, format!("column `{}`", &header[*column]))
                            .label(named, "in this table")
                            .help("a column that is called like no choice is a metric: its cells are numbers, or empty where nothing was measured"),
                        );
                        return None;
                    }
                }
            }
            lines.insert(key.clone(), line);
            rows.insert(key, values);
        }
        let mut is_covered = true;
        for (index, decision) in chosen.iter().enumerate() {
            is_covered &= self.has_rows(decision, index, &rows, named);
        }
        is_covered.then(|| Table {
            name: sources.get(source).name.clone(),
            decisions: chosen.iter().map(|l| l.name.clone()).collect(),
            metrics: measured.iter().map(|c| header[*c].to_string()).collect(),
            rows: rows.into_iter().collect(),
            span: named,
        })
    }

    /// Whether every member of a choice stands in some row: one that stands in none is a misprint.
    fn has_rows(
        &mut self,
        decision: &Let,
        column: usize,
        rows: &BTreeMap<Vec<String>, Vec<Option<f64>>>,
        named: Span,
    ) -> bool {
        let Slot::Chosen(domain) = &decision.slot else {
            return true;
        };
        let members: Vec<String> = match &domain.kind {
            DomainKind::Set(items) | DomainKind::Categories(items) => items
                .iter()
                .filter_map(Expr::as_value)
                .map(|v| table_key(&v.to_string()))
                .collect(),
            DomainKind::Reals { .. } => {
                self.report(
                    Diagnostic::error(CODE, "a table has no row for every real number")
                        .label(domain.span, "a continuous choice")
                        .label(named, "evaluated by a table")
                        .help("write the values that have rows: `in {…}`"),
                );
                return false;
            }
            _ => return true,
        };
        let absent = |m: &&String| !rows.keys().any(|key| key[column] == **m);
        let Some(absent) = members.iter().find(absent) else {
            return true;
        };
        self.report(
            Diagnostic::error(
                CODE,
                format!("the table has no row where `{}` is {absent}", decision.name),
            )
            .label(domain.span, "a member without a row")
            .label(named, "in this table")
            .help("remove the member, or add its rows"),
        );
        false
    }
}

/// The line that begins at a byte, without its end.
fn line_at(source: SourceId, text: &str, at: usize) -> Span {
    let start = at.min(text.len());
    let rest = &text[start..];
    let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    let line = rest[blank..].lines().next().unwrap_or("");
    Span::new(source, start + blank, start + blank + line.len())
}
