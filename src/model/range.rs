//! From where to where the metrics of candidates go that meet every requirement.
//!
//! In: a template. Out: for each metric that is known before training its smallest and its largest value, each with whether a candidate
//! has it. A metric that is a sum over layers is summed as its limits are, only that the least sum is kept in place of the number of points
//! (`counting::Priced`). What that finds is built and priced: if it is a candidate and costs as much, no other one costs less.
//! Else requirements were left out or rounded, or the metric is more than the sum, and it is a bound. Where candidates are few, each is
//! built and priced.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::counting::{Costs, Priced, Sum, Term, Uniform};
use super::decision::{Choices, Point};
use super::expression::evaluate;
use super::least;
use super::metrics::{METRICS, Metrics};
use super::template::{Limited, Template};
use crate::ir::{BinaryOp, Expr, Value};
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
    let mut found = bounded(template);
    let is_known = |end: Option<End>| end.is_some_and(|end| end.is_attained);
    let mut all = found.of.values();
    if all.all(|range| is_known(range.low) && is_known(range.high))
        || !template.counted().is_exact()
    {
        return found;
    }
    for (name, (low, high)) in template.ends().unwrap_or_default() {
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let end = |value: f64| {
            Some(End {
                value,
                is_attained: true,
            })
        };
        found.of.extend(metric.map(|metric| {
            let (low, high) = (end(low), end(high));
            (metric.name, Range { low, high })
        }));
    }
    found
}

/// The ranges without a look at each of few candidates.
#[cfg(test)]
pub(crate) fn by_layers(template: &Template) -> BTreeMap<&'static str, Range> {
    bounded(template).of
}

/// As far as sums over layers say.
fn bounded(template: &Template) -> Ranges {
    let mut found = Ranges::default();
    let of_default = template.of_default();
    let point = &of_default.point;
    let Ok(default) = &of_default.known else {
        return found;
    };
    if default.0.is_empty() {
        return found;
    }
    let source = template.source();
    let binding = template.limits().iter();
    let binding = binding.filter(|limit| limit.counted != Limited::Always);
    let constraints = template.decisions().constraints.len();
    let search = Search {
        template,
        constraints: (0..constraints).collect(),
        is_over_reals: (0..constraints).any(|c| template.is_over_reals(c)),
        bounds: binding
            .flat_map(|limit| least::bounds(&template.requires()[limit.require], &source).sums)
            .collect(),
        looked_at: RefCell::default(),
    };
    let met = search.meets(point).is_some();
    // For each metric: what it is made of, whether that is for its smallest value, and whether for its largest.
    let mut wanted: Vec<(&'static str, Vec<Term>, Costs, [bool; 2])> = Vec::new();
    let names = METRICS.iter().map(|metric| metric.name);
    for name in names.filter(|name| default.0.contains_key(*name)) {
        let is_sum = template.extremes().contains_key(name);
        if is_sum && template.sums().is_none() {
            continue;
        }
        // What is below this is of no interest for the largest.
        let known = if met { default.0[name] } else { 0.0 };
        let most = source.most(name, known);
        match source.of(name) {
            Some((terms, costs @ Costs::Added)) => {
                wanted.push((name, terms, costs, [true, most.is_some()]));
            }
            Some((terms, costs)) => {
                wanted.push((name, terms, costs, [true, false]));
                let most = most.map(|(terms, costs)| (name, terms, costs, [false, true]));
                wanted.extend(most);
            }
            None => {}
        }
    }
    let costs: Vec<(&[Term], Costs)> = wanted.iter().map(|(_, t, c, _)| (&t[..], *c)).collect();
    let (decisions, constraints) = (template.decisions(), &search.constraints);
    let priced = Priced::all(decisions, constraints, &search.bounds, &costs);
    for ((name, terms, costs, [low, high]), priced) in wanted.iter().zip(priced) {
        let range = found.of.entry(name).or_default();
        if terms.iter().all(|t| t.scope.is_empty()) {
            let values = terms.iter().map(|t| (t.value)(&[]));
            let Some(values) = values.collect::<Option<Vec<f64>>>() else {
                continue;
            };
            let whole = match costs {
                Costs::Added => values.into_iter().sum(),
                _ => values.into_iter().fold(0.0, f64::max),
            };
            let end = Some(search.of_all(name, whole));
            range.low = range.low.or(end.filter(|_| *low));
            range.high = range.high.or(end.filter(|_| *high));
            continue;
        }
        let Some(mut priced) = priced else { continue };
        if *low {
            range.low = search.end(name, 1.0, &mut priced, &mut found.points);
        }
        if *high {
            priced.negative();
            range.high = search.end(name, -1.0, &mut priced, &mut found.points);
        }
    }
    // What layers alone allow contains every member.
    for (name, (low, high)) in template.extremes() {
        let (low, high) = (*low, *high);
        let bound = |value: f64| {
            let is_attained = false;
            value.is_finite().then_some(End { value, is_attained })
        };
        let range = found.of.entry(name).or_default();
        range.low = range.low.or(bound(low));
        range.high = range.high.or(bound(high));
    }
    // No candidate is beyond what a requirement says of the metric itself.
    for require in template.requires() {
        limits(require, &mut |name, at, most| {
            let Some(range) = found.of.get_mut(name) else {
                return;
            };
            let end = match most {
                true => &mut range.high,
                false => &mut range.low,
            };
            let says_less = |value: f64| if most { value > at } else { value < at };
            if end.is_none_or(|end| !end.is_attained && says_less(end.value)) {
                *end = Some(End {
                    value: at,
                    is_attained: false,
                });
            }
        });
    }
    found
}

/// Calls `visit` with each metric that a requirement compares with a number, the number, and whether the metric is at most that.
fn limits(require: &Expr, visit: &mut dyn FnMut(&str, f64, bool)) {
    let Expr::Binary(op, x, y) = require else {
        return;
    };
    let of = |metric: &Expr, number: &Expr| match metric {
        Expr::Name(name, _) => Some((name.clone(), number.as_value()?.as_number()?)),
        _ => None,
    };
    let most = match op {
        BinaryOp::And => {
            limits(x, visit);
            return limits(y, visit);
        }
        BinaryOp::LessEqual | BinaryOp::Less => true,
        BinaryOp::GreaterEqual | BinaryOp::Greater => false,
        _ => return,
    };
    if let Some((name, number)) = of(x, y) {
        visit(&name, number, most);
    } else if let Some((name, number)) = of(y, x) {
        visit(&name, number, !most);
    }
}

/// A bound below a metric of every member of the space, whatever requirements say of metrics. `None` if it is not known.
pub(super) fn least(template: &Template, name: &str) -> Option<f64> {
    let source = template.source();
    let (terms, costs) = source.of(name)?;
    let of_metrics = |c: &usize| {
        let mut claims = template
            .claims()
            .iter()
            .filter(|claim| claim.constraint == *c);
        claims.any(|claim| claim.of_metrics)
    };
    let decisions = template.decisions();
    let constraints: Vec<usize> = (0..decisions.constraints.len())
        .filter(|c| !of_metrics(c))
        .collect();
    let costs = [(&terms[..], costs)];
    let mut priced = Priced::all(decisions, &constraints, &[], &costs).pop()??;
    priced.bound(decisions.all.len())
}

struct Search<'a> {
    template: &'a Template,
    /// All, by number.
    constraints: Vec<usize>,
    is_over_reals: bool,
    bounds: Vec<Sum<'a>>,
    /// What was found of points: the ends of many metrics are at the same ones.
    looked_at: RefCell<Vec<(Point, Option<Metrics>)>>,
}

impl Search<'_> {
    /// What is known of a point that meets everything.
    fn meets(&self, point: &Point) -> Option<Metrics> {
        let mut looked_at = self.looked_at.borrow_mut();
        if let Some((_, found)) = looked_at.iter().find(|(other, _)| other == point) {
            return found.clone();
        }
        let found = meets(self.template, point);
        looked_at.push((point.clone(), found.clone()));
        found
    }

    /// What no candidate is beyond, and any has if one has.
    fn of_all(&self, name: &str, value: f64) -> End {
        let decisions = self.template.decisions();
        let default = self.template.of_default().point.clone();
        let mut rng = stream(0, NO_TRIAL, Purpose::Search);
        let counted = self.template.counted();
        let drawn = (0..MOST_DRAWS).map_while(|_| counted.draw(decisions, &mut Uniform(&mut rng)));
        let drawn = std::iter::once(default).chain(drawn);
        let mut met = drawn.filter_map(|point| self.meets(&point));
        let found = met.next().map(|metrics| metrics.0[name]);
        let found = found.filter(|v| (v - value).abs() <= ROUNDING * value.abs());
        End {
            value: found.unwrap_or(value),
            is_attained: found.is_some(),
        }
    }

    /// The smallest value of a metric, or of its negative, where `sign` is that: the largest one.
    fn end(
        &self,
        name: &str,
        sign: f64,
        priced: &mut Priced,
        points: &mut Vec<Point>,
    ) -> Option<End> {
        let mut end: Option<End> = None;
        let mut look = |members: Vec<Option<u64>>, cost: f64| {
            let bound = sign * cost;
            let point = self.point(&members);
            let value = self.meets(&point).map(|metrics| metrics.0[name]);
            let attained = value.filter(|v| (v - bound).abs() <= ROUNDING * bound.abs());
            // Of two bounds, the one that says more.
            let says_less = |e: &End| sign * bound <= sign * e.value;
            if attained.is_some() || !end.as_ref().is_some_and(says_less) {
                end = Some(End {
                    value: attained.unwrap_or(bound),
                    is_attained: attained.is_some(),
                });
            }
            points.push(point);
            attained.is_none()
        };
        priced.cheapest(self.template.decisions().all.len(), &mut look);
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
        if !self.is_over_reals || decisions.is_feasible(&first) {
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
    let of_default = template.of_default();
    let metrics = match *point == of_default.point {
        true => of_default.known.clone(),
        false => template.known(point),
    };
    let metrics = metrics.ok()?;
    let known = template.requires().iter().filter(|r| template.is_known(r));
    // Those without a metric are constraints, too.
    let mut known = known.filter(|require| evaluate::has_names(require));
    let is_true = Ok(Value::Bool(true));
    let is_met = known.all(|require| template.evaluate(require, point, &metrics) == is_true);
    is_met.then_some(metrics)
}
