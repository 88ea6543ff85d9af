//! `evaluate = …`: what measures candidates in place of training.
//!
//! In: the field of an experiment. Out: an [`Evaluator`]: a table of what was measured already, or a command that measures. How a table is
//! read stands beside this, how a command is run in `interpreter`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::table::file_in;
use crate::analysis::context::Cx;
use crate::analysis::expression::fields::{Given, Written, find};
use crate::analysis::schema::{COMMAND, EVALUATE};
use crate::diagnostic::Diagnostic;
use crate::ir::{Command, Evaluator, Expr, Let, Slot, Value};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind, ExprKind};

const CODE: &str = "bnas::evaluate::command";

impl Cx<'_> {
    /// What measures candidates; nothing if the field is absent, or after a diagnostic.
    pub(in crate::analysis) fn evaluator(
        &mut self,
        fields: &Written,
        lets: &[Let],
    ) -> Option<Evaluator> {
        let (key, given) = fields.get("evaluate")?;
        // Whatever is chosen is what is evaluated.
        let chosen = lets.iter().filter(|l| matches!(l.slot, Slot::Chosen(_)));
        self.read.extend(chosen.map(|l| l.name.clone()));
        let value = match given {
            Given::Fixed(value) => value,
            Given::Searched(domain, _) => {
                self.not_searched("evaluate", &EVALUATE, domain, key.span);
                return None;
            }
        };
        if let ExprKind::Call { callee, args } = &value.kind
            && let Some(name) = callee.as_name().filter(|n| n.text == COMMAND.name)
        {
            return self.command(name, args, lets).map(Evaluator::Command);
        }
        let Some((file, span)) = file_in(value) else {
            // A name whose value is wrong has been reported where it stands.
            if let ExprKind::Path(path) = &value.kind
                && self.is_lost(path)
            {
                return None;
            }
            self.no_evaluator(value.span);
            return None;
        };
        // A file that cannot be read was reported where it was looked for.
        let source = self.modules.table(span.source, file)?;
        let table = self.read_table(source, span, lets)?;
        Some(Evaluator::Table(Arc::new(table)))
    }

    /// `n = table("a.csv")`, `n in {table("a.csv"), …}`: what measures is said in its field, which is not searched.
    pub(in crate::analysis) fn evaluator_under_a_name(
        &mut self,
        name: &ast::Path,
        entry: &ast::Entry,
        callee: &ast::Name,
    ) {
        let (why, help) = match &entry.kind {
            EntryKind::Choice(choice) => (
                format!("and is not searched: {}", EVALUATE.why),
                EVALUATE.help("evaluate", Some(self.text(choice.domain.span))),
            ),
            EntryKind::Field(field) => (
                "and under no other name".to_string(),
                format!("write `evaluate = {}`", self.text(field.value.span)),
            ),
            _ => return,
        };
        self.report(
            Diagnostic::error(
                "bnas::evaluate::table",
                format!("what measures candidates is said by `evaluate`, {why}"),
            )
            .label(callee.span, format!("a {} that measures", callee.text))
            .label(name.span, "a name of the experiment's own")
            .help(help),
        );
    }

    fn no_evaluator(&mut self, span: Span) {
        self.report(
            Diagnostic::error(
                "bnas::evaluate::table",
                "candidates are evaluated by a table or a command",
            )
            .label(span, "neither")
            .help(
                "write `evaluate = table(\"results.csv\")`, or `command(\"python3 train.py\", metrics = {…})`",
            ),
        );
    }

    fn command(
        &mut self,
        name: &ast::Name,
        args: &[ast::Argument],
        lets: &[Let],
    ) -> Option<Command> {
        let written = self.arguments(name, args, &COMMAND);
        let line = self.slot(&written, find(COMMAND.fields, "line"))?;
        let Slot::Fixed(Expr::Value(Value::Name(line))) = line else {
            return None;
        };
        if line.trim().is_empty() {
            self.report(
                Diagnostic::error(CODE, "there is no command")
                    .label(written.place("line"), "nothing to run")
                    .help("write `command(\"python3 train.py\", metrics = {…})`"),
            );
            return None;
        }
        let metrics = self.printed(name, &written, lets);
        let timeout = match self.slot(&written, find(COMMAND.fields, "timeout")) {
            Some(Slot::Fixed(Expr::Value(Value::Number(seconds)))) => Some(seconds),
            _ => None,
        };
        let file = &self.sources.get(name.span.source).name;
        let folder = Path::new(file).parent().map(|p| p.to_string_lossy());
        Some(Command {
            line,
            folder: folder.map(|f| f.into_owned()).unwrap_or_default(),
            metrics: metrics?,
            timeout,
        })
    }

    /// The names of the metrics: declared, so that a misspelled goal is found before anything runs.
    fn printed(
        &mut self,
        name: &ast::Name,
        written: &Written,
        lets: &[Let],
    ) -> Option<Vec<String>> {
        let wrong = |span: Span, what: &str| {
            Diagnostic::error(CODE, "a command says which metrics it prints")
                .label(span, what)
                .help("write `command(\"…\", metrics = {val_acc, size})`: goals and requirements may name these")
        };
        let Some((_, Given::Fixed(value))) = written.get("metrics") else {
            self.report(wrong(name.span, "`metrics` is missing"));
            return None;
        };
        let ExprKind::Set(items) = &value.kind else {
            self.report(wrong(value.span, "a set of names is wanted"));
            return None;
        };
        let mut metrics = Vec::with_capacity(items.len());
        let mut seen = BTreeSet::new();
        for item in items {
            let named = match &item.kind {
                ExprKind::Path(path) => path.as_name(),
                _ => None,
            };
            let Some(metric) = named else {
                self.report(wrong(item.span, "not a name"));
                return None;
            };
            if !seen.insert(metric.text.clone()) {
                self.report(wrong(item.span, "named twice"));
                return None;
            }
            if let Some(known) = lets.iter().find(|l| l.name == metric.text) {
                self.report(
                    Diagnostic::error(
                        CODE,
                        format!("`{}` is a value of the experiment", metric.text),
                    )
                    .label(item.span, "named as what the command prints")
                    .label(known.span, "defined here, and given to the command")
                    .help("name what it measures: `metrics = {val_acc}`"),
                );
                return None;
            }
            metrics.push(metric.text.clone());
        }
        if metrics.is_empty() {
            self.report(wrong(value.span, "no metric"));
            return None;
        }
        Some(metrics)
    }
}

/// What is called, where that is an evaluator.
pub(in crate::analysis) fn evaluator_called(value: &ast::Expr) -> Option<&ast::Name> {
    let ExprKind::Call { callee, .. } = &value.kind else {
        return None;
    };
    let is_evaluator = |name: &&ast::Name| ["table", COMMAND.name].contains(&name.text.as_str());
    callee.as_name().filter(is_evaluator)
}
