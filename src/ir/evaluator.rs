//! What measures candidates in place of training.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Table;

/// Where the metrics of a candidate come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluator {
    /// They have been measured already.
    Table(Arc<Table>),
    /// A program measures them.
    Command(Command),
}

/// A program that reads one candidate and prints its metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// What the shell is given.
    pub line: String,
    /// Where it is run: the folder of the file that names it.
    pub folder: String,
    /// What it prints, in the order of the text.
    pub metrics: Vec<String>,
    /// Seconds after which it is stopped; without it, it takes as long as it takes.
    pub timeout: Option<f64>,
}

impl Evaluator {
    /// What it measures.
    pub fn metrics(&self) -> &[String] {
        match self {
            Evaluator::Table(table) => &table.metrics,
            Evaluator::Command(command) => &command.metrics,
        }
    }
}
