//! Answers by the decisions that were asked for on the way.
//!
//! In: an answer for each member of a decision, of which each may depend on further ones. Out: a [`Tree`] in which a decision stands only
//! where something depends on it, and which can be had without a decision, at its least.

/// Answers by the decisions that were asked for on the way.
#[derive(Clone, PartialEq)]
pub enum Tree<T> {
    Answer(Option<T>),
    /// By member; the last one where the decision does not exist.
    By(usize, Vec<Option<Tree<T>>>),
}

impl<T: Clone + PartialEq> Tree<T> {
    /// What is the same for all members does not depend on the decision.
    pub fn by(decision: usize, branches: Vec<Option<Tree<T>>>) -> Tree<T> {
        let mut there = branches.iter().flatten();
        match there.next() {
            Some(first) if there.all(|other| other == first) => first.clone(),
            None => Tree::Answer(None),
            Some(_) => Tree::By(decision, branches),
        }
    }

    /// What is left once a decision is known.
    pub fn given(&self, decision: usize, member: usize) -> Tree<T> {
        match self {
            Tree::Answer(_) => self.clone(),
            Tree::By(other, branches) if *other == decision => {
                branches[member].clone().unwrap_or(Tree::Answer(None))
            }
            Tree::By(other, branches) => {
                let left = branches.iter();
                let left = left.map(|b| b.as_ref().map(|b| b.given(decision, member)));
                Tree::by(*other, left.collect())
            }
        }
    }

    /// For each point the lesser answer of two trees.
    pub fn lesser(&self, other: &Tree<T>, least: fn(T, T) -> T) -> Tree<T> {
        match (self, other) {
            (Tree::Answer(None), tree) | (tree, Tree::Answer(None)) => tree.clone(),
            (Tree::Answer(Some(x)), Tree::Answer(Some(y))) => {
                Tree::Answer(Some(least(x.clone(), y.clone())))
            }
            (Tree::By(decision, branches), tree) | (tree, Tree::By(decision, branches)) => {
                let both = branches.iter().enumerate().map(|(member, branch)| {
                    let its = tree.given(*decision, member);
                    match branch {
                        Some(branch) => Some(branch.lesser(&its, least)),
                        None if its == Tree::Answer(None) => None,
                        None => Some(its),
                    }
                });
                Tree::by(*decision, both.collect())
            }
        }
    }

    /// The least answers over all members of a decision.
    pub fn without(&self, decision: usize, least: fn(T, T) -> T) -> Tree<T> {
        match self {
            Tree::Answer(_) => self.clone(),
            Tree::By(other, branches) if *other == decision => {
                let mut branches = branches.iter().flatten();
                let first = branches.next().cloned().unwrap_or(Tree::Answer(None));
                branches.fold(first, |sum, branch| sum.lesser(branch, least))
            }
            Tree::By(other, branches) => {
                let left = branches.iter();
                let left = left.map(|b| b.as_ref().map(|b| b.without(decision, least)));
                Tree::by(*other, left.collect())
            }
        }
    }

    /// The decisions in the order in which they are asked for.
    pub fn scope(&self, into: &mut Vec<usize>) {
        if let Tree::By(decision, branches) = self {
            if !into.contains(decision) {
                into.push(*decision);
            }
            branches.iter().flatten().for_each(|b| b.scope(into));
        }
    }

    /// Every answer, one that stands twice twice.
    pub fn each(&self, visit: &mut impl FnMut(T)) {
        match self {
            Tree::Answer(answer) => answer.iter().cloned().for_each(visit),
            Tree::By(_, branches) => {
                for branch in branches.iter().flatten() {
                    branch.each(visit);
                }
            }
        }
    }

    /// The answer where the decisions of `scope`, which are in order, have these members; `None` too where another decision is asked for.
    pub fn at(&self, scope: &[usize], at: &[usize]) -> Option<T> {
        let mut here = self;
        loop {
            match here {
                Tree::Answer(answer) => return answer.clone(),
                Tree::By(decision, branches) => {
                    let place = scope.binary_search(decision).ok()?;
                    here = branches.get(at[place])?.as_ref()?;
                }
            }
        }
    }
}
