//! Names in scope, found by name whatever their number.
//!
//! In: [`Local`]s, innermost last. Out: the innermost of a name. It must not know what a name stands for.

use std::collections::HashMap;
use std::ops::Deref;

use super::context::Local;

/// A stack of names. It reads as a slice, and changes by its methods only, so that the index stays true.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    all: Vec<Local>,
    /// The places of each name, innermost last. Only looked up, never walked, so its order is of no matter.
    places: HashMap<String, Vec<usize>>,
}

impl Scope {
    pub(super) fn push(&mut self, local: Local) {
        let places = self.places.entry(local.name.clone()).or_default();
        places.push(self.all.len());
        self.all.push(local);
    }

    pub(super) fn extend(&mut self, locals: impl IntoIterator<Item = Local>) {
        for local in locals {
            self.push(local);
        }
    }

    /// The place of the innermost of this name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name)?.last().copied()
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
        for local in &gone {
            if let Some(places) = self.places.get_mut(&local.name) {
                places.retain(|at| *at < mark);
            }
        }
        gone
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
        let copy = scope.clone();
        scope.split_off(0);
        assert!(scope.find("a").is_none() && copy.find("a").is_some());
    }
}
