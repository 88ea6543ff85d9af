//! From where to where the metrics of candidates go that meet every requirement.
//!
//! In: a template. Out: for each metric that is known before training its smallest and its largest value, each with whether a candidate
//! has it. A metric that is a sum over layers is summed as its limits are, only that the least sum is kept in place of the number of points
//! ([`super::counting::cheapest`]). What that finds is built and priced: if it is a candidate and costs as much, no other one costs less.
//! Else requirements were left out or rounded, or the metric is more than the sum, and it is a bound.

use std::collections::BTreeMap;

use super::counting::{Costs, Sum, Term, Uniform, cheapest, terms};
use super::decision::{Choices, Point};
use super::evaluate;
use super::least;
use super::metrics::Metrics;
use super::template::Template;
use crate::ir::Value;
use crate::stream::{Purpose, stream, uniform};

/// Values that are sums of many prices differ by their last bits, whatever the order of the sum is.
const ROUNDING: f64 = 1e-9;

/// How often reals are drawn until requirements over them are met.
const MOST_DRAWS: usize = 50;
/// The trial that no search has, for the stream of these draws.
const NO_TRIAL: u64 = u64::MAX - 2;

/// One end of what a metric can be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// In the base unit of the metric.
    pub value: f64,
    /// Whether a candidate has this value; else it is a bound that none is beyond.
    pub is_attained: bool,
}

/// What a metric can be. An end is absent where nothing is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Range {
    /// The smallest value.
    pub low: Option<End>,
    /// The largest value.
    pub high: Option<End>,
}

/// The ranges of metrics by name, and the points that were found at ends, whether they meet all requirements or not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ranges {
    pub of: BTreeMap<&'static str, Range>,
    pub points: Vec<Point>,
}

/// All of them.
pub(super) fn ranges(template: &Template) -> Ranges {
    let mut found = Ranges::default();
    let point = template.decisions().default_point();
    let Ok(default) = template.known(&point) else {
        return found;
    };
    if default.0.is_empty() {
        return found;
    }
    let source = template.source();
    let requires = template.requires();
    let search = Search {
        template,
        constraints: (0..template.decisions().constraints.len()).collect(),
        bounds: requires
            .iter()
            .flat_map(|r| least::bounds(r, &source))
            .collect(),
    };
    for (name, expr) in template.sums().into_iter().flatten() {
        let Some((terms, constant)) = terms(expr, template.decisions()) else {
            continue;
        };
        let points = &mut found.points;
        let range = Range {
            low: search.low(name, &terms, constant, Costs::Added, points),
            high: search.high(name, terms, constant, points),
        };
        found.of.insert(name, range);
    }
    for name in least::NAMES {
        if !default.0.contains_key(name) {
            continue;
        }
        let Some((terms, costs)) = source.of(name) else {
            continue;
        };
        let low = search.low(name, &terms, 0.0, costs, &mut found.points);
        let is_whole = costs == Costs::Added && source.is_whole();
        let high = is_whole.then(|| search.high(name, terms, 0.0, &mut found.points));
        let high = high.flatten();
        found.of.insert(name, Range { low, high });
    }
    // What layers alone allow contains every member.
    for (name, (low, high)) in template.extremes() {
        let bound = |value: f64| {
            let is_attained = false;
            value.is_finite().then_some(End { value, is_attained })
        };
        let range = found.of.entry(name).or_default();
        range.low = range.low.or(bound(low));
        range.high = range.high.or(bound(high));
    }
    found
}

struct Search<'a> {
    template: &'a Template,
    /// All, by number.
    constraints: Vec<usize>,
    bounds: Vec<Sum<'a>>,
}

impl Search<'_> {
    /// The smallest value.
    fn low(
        &self,
        name: &str,
        terms: &[Term],
        constant: f64,
        costs: Costs,
        points: &mut Vec<Point>,
    ) -> Option<End> {
        let price = |metrics: &Metrics| metrics.0[name];
        self.end(&price, (terms, constant), costs, points)
    }

    /// The largest value: of the negative, the smallest one.
    fn high(
        &self,
        name: &str,
        terms: Vec<Term>,
        constant: f64,
        points: &mut Vec<Point>,
    ) -> Option<End> {
        let negative = |term| {
            let Term { scope, work, value } = term;
            Term {
                scope,
                work,
                value: Box::new(move |values| Some(-value(values)?)),
            }
        };
        let terms: Vec<Term> = terms.into_iter().map(negative).collect();
        let price = |metrics: &Metrics| -metrics.0[name];
        let end = self.end(&price, (&terms, -constant), Costs::Added, points)?;
        Some(End {
            value: -end.value,
            ..end
        })
    }

    /// The smallest value of a price, which is what its terms say and a constant, or more.
    fn end(
        &self,
        price: &dyn Fn(&Metrics) -> f64,
        (terms, constant): (&[Term], f64),
        costs: Costs,
        points: &mut Vec<Point>,
    ) -> Option<End> {
        let decisions = self.template.decisions();
        let mut end: Option<End> = None;
        let mut look = |members: Vec<Option<u64>>, cost: f64| {
            let bound = cost + constant;
            let point = self.point(&members);
            end = Some(End {
                value: bound,
                is_attained: false,
            });
            if let Some(metrics) = meets(self.template, &point) {
                let value = price(&metrics);
                if (value - bound).abs() <= ROUNDING * bound.abs() {
                    end = Some(End {
                        value,
                        is_attained: true,
                    });
                }
            }
            points.push(point);
            end.is_some_and(|e| !e.is_attained)
        };
        let limits = (&self.constraints[..], &self.bounds[..]);
        if terms.is_empty() {
            // Any candidate has this value.
            let mut rng = stream(0, NO_TRIAL, Purpose::Search);
            let counted = self.template.counted();
            let mut draws =
                (0..MOST_DRAWS).map_while(|_| counted.draw(decisions, &mut Uniform(&mut rng)));
            let is_attained = draws.any(|point| meets(self.template, &point).is_some());
            let value = constant;
            return Some(End { value, is_attained });
        }
        cheapest(decisions, limits, terms, costs, &mut look);
        end
    }

    /// A point with these members, and reals with which it meets everything, if some are found; all else as the default says.
    fn point(&self, members: &[Option<u64>]) -> Point {
        let decisions = self.template.decisions();
        let mut rng = stream(0, NO_TRIAL, Purpose::Search);
        let mut of = |draws: bool| {
            decisions.fill(|i, decision| {
                let member = members[i].and_then(|m| decision.choices.member(m));
                let is_real = matches!(decision.choices, Choices::Reals { .. });
                match member {
                    Some(member) => member,
                    None if draws && is_real => decision.choices.at(uniform(&mut rng)),
                    None => decision.default.clone(),
                }
            })
        };
        let first = of(false);
        let has_reals = |c: &usize| self.template.is_over_reals(*c);
        if decisions.is_feasible(&first) || !self.constraints.iter().any(has_reals) {
            return first;
        }
        let drawn = (0..MOST_DRAWS).map(|_| of(true));
        let mut met = drawn.filter(|point| decisions.is_feasible(point));
        met.next().unwrap_or(first)
    }
}

/// What is known of a point that meets every requirement that is known before training.
fn meets(template: &Template, point: &Point) -> Option<Metrics> {
    if !template.decisions().is_feasible(point) {
        return None;
    }
    let metrics = template.known(point).ok()?;
    let mut known = template.requires().iter().filter(|r| template.is_known(r));
    let is_met = known.all(|require| {
        let names = evaluate::names(require);
        names.is_empty() || template.evaluate(require, point, &metrics) == Ok(Value::Bool(true))
    });
    is_met.then_some(metrics)
}
