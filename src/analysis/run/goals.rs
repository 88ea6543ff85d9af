//! Goals, requirements and expectations: expressions over metrics.
//!
//! In: the entries of an experiment. Out: their expressions, and which metrics they speak of. What a metric is stands in
//! [`METRICS`]; a requirement may also name a decision by its path.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, LazyLock};

use crate::analysis::context::{Cx, Local};
use crate::analysis::expression::measures::PARETO_COUNT;
use crate::analysis::expression::types::Type;
use crate::analysis::merged::Merged;
use crate::analysis::structure::network::Network;
use crate::diagnostic::Diagnostic;
use crate::ir::{Dataset, Direction, Expect, Expr, Goal, Require, Table};
use crate::model::expression::rename::{renamed, visit_names};
use crate::model::metrics::{METRICS, Metric, metric};
use crate::source::Span;
use crate::syntax::ast::{self, EntryKind};

/// What an experiment aims at and claims.
#[derive(Default)]
pub(in crate::analysis) struct Claims {
    pub(in crate::analysis) goals: Vec<Goal>,
    pub(in crate::analysis) requires: Vec<Require>,
    pub(in crate::analysis) expects: Vec<Expect>,
    /// The author's units, by the text of what is shown in them.
    pub(in crate::analysis) units: BTreeMap<String, String>,
    /// Metrics that any of them names, each with its first place.
    pub(in crate::analysis) metrics: Vec<(&'static Metric, Span)>,
    /// Whether one of them has been reported, so that its absence is no news.
    pub(in crate::analysis) poisoned: bool,
}

impl Claims {
    /// Adds what the space asks of metrics.
    pub(in crate::analysis) fn ask(&mut self, network: &Network, data: Option<&Dataset>) {
        for (what, unit) in &network.units {
            let (what, unit) = (what.clone(), unit.clone());
            self.units.entry(what).or_insert(unit);
        }
        for require in network.asks(data) {
            see_metrics(&require.holds, &[], &mut self.metrics);
            self.requires.push(require);
        }
    }
}

impl Cx<'_> {
    /// Lowers every goal, requirement and expectation.
    pub(in crate::analysis) fn claims(
        &mut self,
        merged: &Merged,
        has_space: bool,
        own: &[String],
        measures: &[&ast::Field],
    ) -> Claims {
        let mut claims = Claims {
            units: self.author_units(merged),
            ..Claims::default()
        };
        let mark = self.locals.len();
        self.own_metrics("", own);
        self.metrics("");
        self.define_measures(measures);
        for entry in merged.entries.iter() {
            match &entry.kind {
                EntryKind::Goal(goal) => match self.goal(goal, entry.span, own) {
                    Some(goal) if self.is_repeated(&goal, &claims.goals) => claims.poisoned = true,
                    Some(goal) => claims.goals.push(goal),
                    None => claims.poisoned = true,
                },
                EntryKind::Require(claim) => match self.require(claim, entry.span) {
                    Some(mut require) => {
                        claims.poisoned |= self.shares_without_percent(&claim.condition, own);
                        require.holds = Arc::new(measured(&require.holds, own));
                        claims.requires.push(require);
                    }
                    None => claims.poisoned = true,
                },
                _ => {}
            }
        }
        let mut measures = self.leave(mark);
        measures.retain(|l| l.span.is_some());

        self.own_metrics("best.", own);
        if has_space {
            self.metrics("best.");
            self.metrics("best.validation.");
            let name = "best.test.accuracy";
            self.locals.push(Local::built_in(name, Type::PLAIN));
        }
        let is_final =
            |e: &ast::Entry| matches!(&e.kind, EntryKind::Section(s) if s.name.text == "final");
        if merged.entries.iter().any(is_final) {
            let name = "best.final.accuracy";
            self.locals.push(Local::built_in(name, Type::PLAIN));
        }
        self.locals.push(Local::built_in(PARETO_COUNT, Type::PLAIN));
        self.define_values_of_best();
        self.define_measures_of_best(&measures);
        for entry in merged.entries.iter() {
            if let EntryKind::Expect(claim) = &entry.kind {
                claims
                    .expects
                    .extend(self.expectation(claim, entry.span, has_space));
                self.shares(&claim.condition, own);
            }
        }
        let of_best = self.leave(mark);
        let used = of_best.iter().filter(|l| l.used);
        let used: HashSet<Span> = used.filter_map(|l| l.span).collect();
        for local in measures.iter_mut().chain(self.locals.iter_mut()) {
            local.used |= local.span.is_some_and(|span| used.contains(&span));
        }
        self.unused(&measures, merged.schema.keys(), &merged.owner());

        let goals = claims.goals.iter().map(|g| &g.expr);
        let requires = claims.requires.iter().map(|r| &r.holds);
        let expects = claims.expects.iter().map(|e| &e.holds);
        let mut found = Vec::new();
        for expr in goals.chain(requires).chain(expects) {
            see_metrics(expr, own, &mut found);
        }
        claims.metrics = found;
        claims
    }

    /// What is asked of a table that has no cell of it.
    pub(in crate::analysis) fn unmeasured(&mut self, claims: &Claims, table: &Table) {
        let goals = claims.goals.iter().map(|g| &*g.expr);
        let requires = claims.requires.iter().map(|r| &*r.holds);
        let expects = claims.expects.iter().map(|e| &*e.holds);
        let mut empty: Vec<(String, Span)> = Vec::new();
        for expr in goals.chain(requires).chain(expects) {
            visit_names(expr, &mut |name, span| {
                let metric = ["measured.", "best."]
                    .iter()
                    .find_map(|p| name.strip_prefix(p));
                if let Some(metric) = metric.filter(|m| table.metrics.iter().any(|t| t == m))
                    && table.column(metric).is_empty()
                    && empty.iter().all(|(m, _)| m != metric)
                {
                    empty.push((metric.to_string(), span));
                }
            });
        }
        for (metric, span) in empty {
            self.report(
                Diagnostic::error(
                    "bnas::evaluate::table",
                    format!("no row of the table has a value of `{metric}`"),
                )
                .label(span, "asks for it")
                .help("name another column, or fill this one in"),
            );
        }
    }

    /// Metrics of networks, below what has one of their names already.
    pub(in crate::analysis) fn metrics(&mut self, prefix: &str) {
        // Their types are the same for every experiment.
        static TYPES: LazyLock<Vec<Type>> =
            LazyLock::new(|| METRICS.iter().map(|m| Type::in_unit(m.unit)).collect());
        for (metric, ty) in METRICS.iter().zip(TYPES.iter()) {
            // A name of the experiment's own comes before a metric of that name.
            let name = [prefix, metric.name].concat();
            if self.locals.find(&name).is_none() {
                self.locals.push(Local::built_in(name, ty.clone()));
            }
        }
    }

    /// Metrics of the experiment's own, which come before those of networks.
    fn own_metrics(&mut self, prefix: &str, own: &[String]) {
        for metric in own {
            let name = format!("{prefix}{metric}");
            self.locals.push(Local::built_in(name, Type::PLAIN));
        }
    }

    fn goal(&mut self, goal: &ast::Goal, span: Span, own: &[String]) -> Option<Goal> {
        let value = self.expr(&goal.value, None);
        match value.ty {
            Type::Poison => return None,
            Type::Number(_) | Type::Any => {}
            _ => {
                self.expected("a number", &value);
                return None;
            }
        }
        if self.misnamed.contains(&self.text(value.span)) {
            return None;
        }
        if value.expr.as_value().is_some() {
            self.report(
                Diagnostic::error(
                    "bnas::goal::constant",
                    "this goal is the same for every candidate",
                )
                .label(value.span, "depends on nothing that varies")
                .help("name a metric such as `accuracy`, or a value that stands behind `in`"),
            );
            return None;
        }
        let unit = match (&value.expr, &value.ty) {
            (Expr::Name(name, _), _) if own.contains(name) => String::new(),
            (Expr::Name(name, _), _) if name == "accuracy" => "%".into(),
            (_, Type::Number(dimension)) => dimension.base_unit(),
            _ => String::new(),
        };
        Some(Goal {
            direction: match goal.direction {
                ast::Direction::Maximize => Direction::Maximize,
                ast::Direction::Minimize => Direction::Minimize,
            },
            text: self.one_line(goal.value.span),
            expr: Arc::new(measured(&value.expr, own)),
            unit,
            span,
        })
    }

    /// Whether another goal is about the same value; says so.
    fn is_repeated(&mut self, goal: &Goal, goals: &[Goal]) -> bool {
        let Some(first) = goals.iter().find(|g| g.text == goal.text) else {
            return false;
        };
        let message = match first.direction == goal.direction {
            true => format!("`{}` is a goal twice", goal.text),
            false => format!("`{}` is both maximized and minimized", goal.text),
        };
        self.report(
            Diagnostic::error("bnas::goal::repeated", message)
                .label(goal.span, "said again here")
                .label(first.span, "said first here")
                .help("remove one of the two"),
        );
        true
    }

    fn expectation(&mut self, claim: &ast::Claim, span: Span, has_space: bool) -> Option<Expect> {
        let holds = self.truth(&claim.condition, "an expectation");
        if holds.ty == Type::Poison {
            return None;
        }
        if let Some(message) = &claim.message {
            self.later("the reason of an `expect`", message.span);
        }
        let mut speaks = false;
        visit_names(&holds.expr, &mut |name, _| {
            speaks |= name.starts_with("best.") || name.starts_with("pareto.")
        });
        if !speaks {
            let example = if has_space {
                "expect best.test.accuracy >= 90 %"
            } else {
                "expect pareto.count >= 1"
            };
            self.report(
                Diagnostic::error(
                    "bnas::expect::constant",
                    "this expectation says nothing of the result",
                )
                .label(
                    claim.condition.span,
                    "speaks of neither `best` nor `pareto`",
                )
                .help(format!("write `{example}`")),
            );
            return None;
        }
        Some(Expect {
            holds: Arc::new(without_validation(&holds.expr)),
            measures: self.measures_of_best(),
            text: self.one_line(claim.condition.span),
            span,
        })
    }
}

/// Adds the metrics of networks that an expression names for the first time.
fn see_metrics(expr: &Expr, own: &[String], found: &mut Vec<(&'static Metric, Span)>) {
    visit_names(expr, &mut |name, span| {
        let last = name.rsplit('.').next().unwrap_or(name);
        let of_best = !name.contains('.') || name.starts_with("best.");
        let is_own = own.iter().any(|m| m == last);
        if let Some(metric) = metric(last).filter(|_| of_best && !is_own)
            && !found.iter().any(|(m, _)| m.name == metric.name)
        {
            found.push((metric, span));
        }
    });
}

/// `best.validation.accuracy` is `best.accuracy`: `best` is chosen by validation.
fn without_validation(expr: &Expr) -> Expr {
    renamed(expr, &|name| {
        let metric = name.strip_prefix("best.validation.")?;
        Some(format!("best.{metric}"))
    })
}

/// Metrics of the experiment's own as `measured.…`, so that none is taken for a metric of networks.
fn measured(expr: &Expr, own: &[String]) -> Expr {
    renamed(expr, &|name| {
        let is_own = own.iter().any(|m| m == name);
        is_own.then(|| format!("measured.{name}"))
    })
}
