//! What stands in one copy of a `repeat` and not in the others.
//!
//! In: the paths of one copy, and those of the others. Out: the members of a decision in the copies that a path speaks of.

use super::Paths;

/// The names of what is chosen from at a path, in copies of these numbers.
#[derive(Debug, Clone)]
pub(super) struct InCopy {
    path: String,
    /// The path of each `repeat`, and which of its copies.
    copies: Vec<(String, usize)>,
    members: Vec<String>,
}

impl Paths {
    /// The names of what is chosen from at a path, in these copies: of each `repeat` on the way its path, and which copy if that is known.
    pub(in crate::analysis) fn members_in(
        &self,
        path: &str,
        copies: &[(String, Option<usize>)],
    ) -> Option<Vec<String>> {
        let mut known = self.members.get(path)?.clone();
        for own in self.in_copies.iter().filter(|own| own.path == path) {
            let at = |repeat: &str| copies.iter().find(|(path, _)| path == repeat)?.1;
            let is_any = own.copies.iter().any(|(repeat, _)| at(repeat).is_none());
            let is_other =
                |(repeat, copy): &(String, usize)| at(repeat).is_some_and(|n| n != *copy);
            if own.copies.iter().any(is_other) {
                continue;
            }
            if !is_any {
                return Some(own.members.clone());
            }
            let new = own.members.iter().filter(|name| !known.contains(name));
            let new: Vec<String> = new.cloned().collect();
            known.extend(new);
        }
        Some(known)
    }

    /// What stands in one copy of the repeat at this path.
    pub(super) fn of_copy(&mut self, repeat: &str, copy: usize, mut own: Paths) {
        let copies = vec![(repeat.to_string(), copy)];
        let members = std::mem::take(&mut own.members);
        for (path, members) in &members {
            self.in_copies.push(InCopy {
                path: path.clone(),
                copies: copies.clone(),
                members: members.clone(),
            });
        }
        for mut inner in std::mem::take(&mut own.in_copies) {
            inner.copies.extend(copies.clone());
            self.in_copies.push(inner);
        }
        // Other copies have their own.
        let is_alone = |path: &String| !self.members.contains_key(path);
        own.members = members
            .into_iter()
            .filter(|(path, _)| is_alone(path))
            .collect();
        self.also(own);
    }
}
