//! What there is to count, before it is known how finely sums are told apart.
//!
//! Tables over the few decisions that each speaks of, with the values of terms as they are. Made by `tabulate`, made whole numbers of by
//! `factors`.

use std::sync::Arc;

use num_bigint::BigUint;

use super::comparison::{Against, End};
use super::layout::Variable;
use super::relation::Relation;

/// Spaces of so many combinations are small.
const FEW_ENOUGH: f64 = 1e12;

/// What there is to count, before it is known how finely sums are told apart.
#[derive(Clone)]
pub struct Raw {
    pub variables: Vec<Variable>,
    /// Rows that can be.
    pub allowed: Vec<(Vec<usize>, Vec<bool>)>,
    /// Pairs of members that can be, where two variables have many.
    pub relations: Vec<Arc<Relation>>,
    /// By how many a row multiplies the count.
    pub weights: Vec<(Vec<usize>, Vec<BigUint>)>,
    pub reals: Vec<(Vec<usize>, Vec<bool>)>,
    /// The terms of each sum; none where they have no value.
    pub sums: Vec<RawSum>,
    /// The terms of what is to be small or large.
    pub prices: Vec<TermTable>,
    /// Constraints that are no tables and no sums, by their number.
    pub beyond: Vec<usize>,
    /// Bounds, by their number, within which everything is.
    pub idle: Vec<usize>,
}

/// The variables of a term, and its value for each row; none where it has no value.
pub type TermTable = (Vec<usize>, Vec<Option<f64>>);

/// A sum whose terms are known.
#[derive(Debug, Clone, PartialEq)]
pub struct RawSum {
    /// The constraints that it is part of; none if it is a bound.
    pub constraints: Vec<usize>,
    /// The bounds that it is, by number.
    pub bounds: Vec<usize>,
    pub terms: Vec<TermTable>,
    pub low: Option<End>,
    pub high: Option<End>,
    pub against: Against,
}

impl Raw {
    /// The same with prices, over the variables that have a part in what can be, or in the sums or prices.
    pub fn with(&self, prices: Vec<TermTable>) -> Raw {
        let count = self.variables.len();
        let sums = self.sums.iter().flat_map(|sum| &sum.terms);
        let of_terms = sums.chain(&prices).map(|(scope, _)| scope);
        // The first tables say where each variable exists.
        let of_others = self.allowed[count..].iter().map(|(scope, _)| scope);
        let of_relations = self.relations.iter().flat_map(|r| &r.variables);
        let of_tables = of_terms.chain(of_others).flatten();
        let mut open: Vec<usize> = of_tables.chain(of_relations).copied().collect();
        let mut is_needed = vec![false; count];
        while let Some(variable) = open.pop() {
            if !std::mem::replace(&mut is_needed[variable], true) {
                open.extend(&self.allowed[variable].0);
            }
        }
        let mut next = 0..;
        let numbers: Vec<usize> = is_needed
            .iter()
            .map(|needed| if *needed { next.next().unwrap_or(0) } else { 0 })
            .collect();
        let scope = |old: &Vec<usize>| -> Vec<usize> { old.iter().map(|v| numbers[*v]).collect() };
        let term = |(old, rows): &TermTable| (scope(old), rows.clone());
        let is_kept = |(place, _): &(usize, _)| *place >= count || is_needed[*place];
        let allowed = self.allowed.iter().enumerate().filter(is_kept);
        let variables = self.variables.iter().zip(&is_needed);
        Raw {
            variables: (variables.filter(|(_, needed)| **needed))
                .map(|(variable, _)| variable.clone())
                .collect(),
            allowed: allowed
                .map(|(_, (old, rows))| (scope(old), rows.clone()))
                .collect(),
            relations: (self.relations.iter())
                .map(|relation| {
                    let mut relation = Relation::clone(relation);
                    relation.variables = relation.variables.map(|v| numbers[v]);
                    Arc::new(relation)
                })
                .collect(),
            weights: Vec::new(),
            reals: Vec::new(),
            sums: (self.sums.iter())
                .map(|sum| RawSum {
                    terms: sum.terms.iter().map(term).collect(),
                    ..sum.clone()
                })
                .collect(),
            prices: prices.iter().map(term).collect(),
            beyond: self.beyond.clone(),
            idle: self.idle.clone(),
        }
    }

    /// The same without relations; `None` if there is none.
    pub fn untied(mut self) -> Option<Raw> {
        if self.relations.is_empty() {
            return None;
        }
        let relations = std::mem::take(&mut self.relations);
        self.beyond
            .extend(relations.iter().flat_map(|r| &r.constraints));
        Some(self)
    }

    /// Whether there are so few combinations that all partial sums may be told apart.
    pub fn is_small(&self) -> bool {
        let decisions = self.variables.iter().filter(|v| v.width > 0);
        let sizes = decisions.map(|v| v.size() as f64);
        sizes.product::<f64>() <= FEW_ENOUGH
    }

    /// What was dear becomes cheap.
    pub fn negate_prices(&mut self) {
        let tables = self.prices.iter_mut().flat_map(|(_, table)| table);
        tables.flatten().for_each(|price| *price = -*price);
    }
}
