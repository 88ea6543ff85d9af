//! Measurements that were made elsewhere: one row for each candidate.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::source::Span;

/// A table of candidates and their metrics.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Table {
    /// The file.
    pub name: String,
    /// The choices that index it, in the order of the spec.
    pub decisions: Vec<String>,
    /// What its other columns measure.
    pub metrics: Vec<String>,
    /// Values of the choices as [`table_key`] spells them, and the metrics that were measured there; sorted by the former.
    pub rows: Vec<(Vec<String>, Vec<Option<f64>>)>,
    /// Where the file is named.
    #[serde(skip)]
    pub span: Span,
}

impl Table {
    /// The metrics that were measured in the row with these values; `None` if there is no such row.
    pub fn row(&self, key: &[String]) -> Option<BTreeMap<String, f64>> {
        let found = self.rows.binary_search_by(|(k, _)| k.as_slice().cmp(key));
        let (_, values) = &self.rows[found.ok()?];
        let names = self.metrics.iter().cloned();
        let measured = names.zip(values).filter_map(|(n, v)| Some((n, (*v)?)));
        Some(measured.collect())
    }

    /// Every measurement of a metric.
    pub fn column(&self, metric: &str) -> Vec<f64> {
        let Some(index) = self.metrics.iter().position(|m| m == metric) else {
            return Vec::new();
        };
        let cells = self.rows.iter().filter_map(|(_, row)| *row.get(index)?);
        cells.collect()
    }
}

/// A cell or a value in the one spelling in which they are compared: `8.0` and `8` are the same number.
pub fn table_key(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) => number.to_string(),
        Err(_) => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_value() {
        let key = |a: &str, b: &str| vec![table_key(a), table_key(b)];
        let mut rows = vec![
            (key("8", "relu"), vec![Some(0.5), None]),
            (key("10", "relu"), vec![Some(0.6), Some(3.0)]),
        ];
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let table = Table {
            metrics: vec!["accuracy".into(), "latency".into()],
            rows,
            ..Table::default()
        };
        assert_eq!(table.row(&key("8.0", "relu")).unwrap()["accuracy"], 0.5);
        assert_eq!(table.row(&key("1e1", "relu")).unwrap()["accuracy"], 0.6);
        assert_eq!(table.row(&key("8", "relu6")), None);
        // An empty cell is no measurement.
        assert!(
            !table
                .row(&key("8", "relu"))
                .unwrap()
                .contains_key("latency")
        );
        assert_eq!(table.column("latency"), [3.0]);
        assert_eq!(table.column("accuracy").len(), 2);
    }
}
