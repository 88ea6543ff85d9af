//! Which decisions an expression mentions.
//!
//! Decisions that are declared one after the other have numbers that follow each other: a sum of hundreds is one run of numbers, and so
//! is what is left of it.

use std::sync::Arc;

/// A set of decisions: runs of numbers, each with the number behind it, ascending and apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions(Arc<[(usize, usize)]>);

impl Mentions {
    /// One decision.
    pub fn one(decision: usize) -> Mentions {
        Mentions(Arc::new([(decision, decision + 1)]))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(|(start, end)| end - start).sum()
    }

    /// The least.
    pub fn first(&self) -> Option<usize> {
        self.0.first().map(|(start, _)| *start)
    }

    /// Whether a decision is among them.
    pub fn contains(&self, decision: usize) -> bool {
        let behind = self.0.partition_point(|(_, end)| *end <= decision);
        (self.0.get(behind)).is_some_and(|(start, _)| *start <= decision)
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(|(start, end)| *start..*end)
    }

    /// What is in one of two; one of them, where that is all.
    pub fn union(&self, other: &Mentions) -> Mentions {
        if Arc::ptr_eq(&self.0, &other.0) || other.is_empty() {
            return self.clone();
        }
        let mut all: Vec<(usize, usize)> = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut mine, mut its) = (self.0.iter().peekable(), other.0.iter().peekable());
        loop {
            let next = match (mine.peek(), its.peek()) {
                (Some(x), Some(y)) if x.0 <= y.0 => mine.next(),
                (Some(_), None) => mine.next(),
                _ => its.next(),
            };
            let Some((start, end)) = next else { break };
            match all.last_mut() {
                Some(last) if *start <= last.1 => last.1 = last.1.max(*end),
                _ => all.push((*start, *end)),
            }
        }
        match &all[..] {
            all if *all == *self.0 => self.clone(),
            all if *all == *other.0 => other.clone(),
            _ => Mentions(all.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn runs_are_the_set_that_they_stand_for() {
        let of = |some: &[usize]| {
            let each = some.iter().map(|decision| Mentions::one(*decision));
            each.reduce(|x, y| x.union(&y)).unwrap_or_default()
        };
        let lists: [&[usize]; 7] = [
            &[],
            &[3],
            &[4, 3],
            &[9, 1, 5],
            &[5, 6, 7, 8],
            &[0, 2, 4, 6],
            &[1, 3, 5, 7],
        ];
        for x in lists {
            for y in lists {
                let expected: BTreeSet<usize> = x.iter().chain(y).copied().collect();
                let found = of(x).union(&of(y));
                assert!(found.iter().eq(expected.iter().copied()), "{x:?} {y:?}");
                assert_eq!(found.len(), expected.len());
                assert_eq!(found.first(), expected.first().copied());
                assert_eq!(found.is_empty(), expected.is_empty());
                let all = (0..12).filter(|decision| found.contains(*decision));
                assert!(all.eq(expected), "{x:?} {y:?}");
            }
        }
        assert_eq!(of(&[1, 2, 3]).0.len(), 1);
    }
}
