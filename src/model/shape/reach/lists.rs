//! Lists of numbered expressions that share what is equal behind their first entries.
//!
//! In: entries, with the least decision that each mentions. Out: lists by number, equal ones once, and their part that speaks of a decision. Knows nothing
//! of what the entries are.

use std::hash::Hash;

use crate::model::expression::quick::QuickMap;

/// The number of a list.
pub(super) type ListId = u32;

/// The list without entries.
pub(super) const NIL: ListId = u32::MAX;

/// An entry, the list behind it, and the least decision that one of these mentions.
pub(super) struct Link<T> {
    pub(super) entry: T,
    pub(super) rest: ListId,
    pub(super) least: usize,
}

/// Lists of numbered expressions, equal ones once.
pub(super) struct Lists<T> {
    links: Vec<Link<T>>,
    numbers: QuickMap<(T, ListId), ListId>,
}

impl<T: Clone + Eq + Hash> Lists<T> {
    pub(super) fn new() -> Self {
        Lists {
            links: Vec::new(),
            numbers: QuickMap::default(),
        }
    }

    /// An entry, which mentions no decision below `least`, before others.
    pub(super) fn with(&mut self, entry: T, least: usize, rest: ListId) -> ListId {
        let key = (entry, rest);
        if let Some(known) = self.numbers.get(&key) {
            return *known;
        }
        let number = self.links.len() as ListId;
        self.links.push(Link {
            entry: key.0.clone(),
            rest,
            least: least.min(self.least(rest)),
        });
        self.numbers.insert(key, number);
        number
    }

    pub(super) fn get(&self, list: ListId) -> Option<&Link<T>> {
        self.links.get(list as usize)
    }

    /// The least decision that is mentioned.
    pub(super) fn least(&self, list: ListId) -> usize {
        self.get(list).map_or(usize::MAX, |link| link.least)
    }

    /// The lists from this one on that mention a decision which is the least of all that are left, the last first, and the one behind them.
    pub(super) fn speaking_of(&self, decision: usize, list: ListId) -> (Vec<ListId>, ListId) {
        let (mut found, mut at) = (Vec::new(), list);
        while let Some(link) = self.get(at).filter(|link| link.least <= decision) {
            found.push(at);
            at = link.rest;
        }
        found.reverse();
        (found, at)
    }
}
