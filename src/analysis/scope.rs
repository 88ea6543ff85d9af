//! Names in scope, found by name whatever their number.
//!
//! In: [`Local`]s, innermost last. Out: the innermost of a name. It must not know what a name stands for.

use std::collections::HashMap;
use std::ops::Deref;

use super::context::Local;
use crate::diagnostic::Spelling;

/// A stack of names. It reads as a slice, and changes by its methods only, so that the index stays true.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    all: Vec<Local>,
    /// How each of them is spelled.
    spellings: Vec<Spelling>,
    /// The place of the innermost of each name. Only looked up, never walked, so its order is of no matter.
    places: HashMap<String, usize>,
    /// The place of the name that each of them hides.
    hidden: Vec<Option<usize>>,
}

impl Scope {
    pub(super) fn push(&mut self, local: Local) {
        self.spellings.push(Spelling::of(&local.name));
        let hidden = self.places.insert(local.name.clone(), self.all.len());
        self.hidden.push(hidden);
        self.all.push(local);
    }

    pub(super) fn extend(&mut self, locals: impl IntoIterator<Item = Local>) {
        for local in locals {
            self.push(local);
        }
    }

    /// The place of the innermost of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The innermost of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Local> {
        self.place(name).map(|at| &self.all[at])
    }

    /// The innermost of this name, which counts as used from now on.
    pub(super) fn used(&mut self, name: &str) -> Option<&Local> {
        let at = self.place(name)?;
        self.all[at].used = true;
        Some(&self.all[at])
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Local> {
        self.all.iter_mut()
    }

    /// Leaves a scope: the names from `mark` on are gone, and returned.
    pub(super) fn split_off(&mut self, mark: usize) -> Vec<Local> {
        let gone = self.all.split_off(mark);
        self.spellings.truncate(mark);
        let hidden = self.hidden.drain(mark..);
        for (local, hidden) in gone.iter().zip(hidden).rev() {
            match hidden {
                Some(at) => self.places.insert(local.name.clone(), at),
                None => self.places.remove(&local.name),
            };
        }
        gone
    }

    /// Those that may be meant by a name that is spelled alike.
    pub(super) fn alike(&self, name: &str) -> impl Iterator<Item = &Local> {
        let name = Spelling::of(name);
        self.spelled(move |spelling| spelling.may_be_meant_by(name))
    }

    /// Those whose names may hold a name.
    pub(super) fn holding(&self, name: &str) -> impl Iterator<Item = &Local> {
        let name = Spelling::of(name);
        self.spelled(move |spelling| spelling.may_hold(name))
    }

    fn spelled(&self, wanted: impl Fn(Spelling) -> bool) -> impl Iterator<Item = &Local> {
        let spellings = self.spellings.iter().enumerate();
        let found = spellings.filter(move |(_, spelling)| wanted(**spelling));
        found.map(|(at, _)| &self.all[at])
    }
}

impl Deref for Scope {
    type Target = [Local];

    fn deref(&self) -> &[Local] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::expression::types::Type;

    #[test]
    fn the_innermost_name_is_found() {
        let mut scope = Scope::default();
        let local = |name: &str, ty| Local::built_in(name, ty);
        scope.extend([local("a", Type::PLAIN), local("b", Type::Truth)]);
        let mark = scope.len();
        scope.push(local("a", Type::Text));
        assert_eq!(scope.find("a").map(|l| &l.ty), Some(&Type::Text));
        assert_eq!(scope.place("b"), Some(1));
        let gone = scope.split_off(mark);
        assert_eq!(gone.len(), 1);
        assert_eq!(scope.find("a").map(|l| &l.ty), Some(&Type::PLAIN));
        assert!(scope.find("c").is_none());
        let alike: Vec<&str> = scope.alike("b").map(|l| l.name.as_str()).collect();
        assert_eq!(alike, ["a", "b"]);
        let holding: Vec<&str> = scope.holding("b").map(|l| l.name.as_str()).collect();
        assert_eq!(holding, ["b"]);
        let copy = scope.clone();
        scope.split_off(0);
        assert!(scope.find("a").is_none() && copy.find("a").is_some());
    }
}
