//! What was probably meant by a path that nothing has.
//!
//! In: a path as written, and the paths that there are. Out: help that can be typed, or nothing.

use crate::analysis::context::{Cx, list};
use crate::analysis::paths::Paths;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::syntax::ast;

impl Cx<'_> {
    /// Whether an index, `i` of `s[i].depth` or `s[i + 1].depth`, has a name that nothing has, as if it went over all copies; says so.
    pub(super) fn is_any_copy(&mut self, index: &ast::Expr) -> bool {
        let ast::ExprKind::Path(path) = &index.kind else {
            return index.parts().into_iter().any(|part| self.is_any_copy(part));
        };
        let Some(name) = path.as_name() else {
            return false;
        };
        if self.local_named(&name.text) || self.is_outer(&name.text, name.span) {
            return false;
        }
        self.report(
            Diagnostic::error("bnas::name::unknown", format!("unknown name `{}`", name.text))
                .label(name.span, "an index is a number")
                .help("write a number, `s[0]`, or speak of all copies, `s[*]`, in `all(…)`, `sum(…)` or `nondecreasing(…)`"),
        );
        true
    }
}

/// What was probably meant by a path: the one path that has its words in their order, and others between; else one that is spelled
/// alike; else those that end in the same word, such as `space.s.block.basic.kernel` for `space.s.kernel`. Copies are those of `written`.
pub(in crate::analysis) fn path_help(written: &str, wrong: &str, paths: &Paths) -> Option<String> {
    let known = || paths.keys().map(String::as_str);
    if let Some((decision, member)) = wrong.rsplit_once('.')
        && (paths.members.get(decision)).is_some_and(|all| all.iter().any(|m| m == member))
    {
        let decision = with_copies(decision, written, paths);
        return Some(format!("write `{decision} == {member}`"));
    }
    let last = |path: &str| path.rsplit('.').next().map(str::to_string);
    let longer: Vec<&str> = known().filter(|path| has_in_order(path, wrong)).collect();
    let ending: Vec<&str> = { longer.iter().copied() }
        .filter(|path| last(path) == last(wrong))
        .collect();
    if let ([only], _) | (_, [only]) = (&longer[..], &ending[..]) {
        return Some(format!(
            "did you mean `{}`?",
            with_copies(only, written, paths)
        ));
    }
    // One in each alternative.
    if (2..=5).contains(&ending.len()) {
        let shown = ending.iter().map(|path| with_copies(path, written, paths));
        let shown: Vec<String> = shown.collect();
        let shown = list(shown.iter().map(String::as_str));
        return Some(format!("paths with these words are {shown}"));
    }
    if let Some(alike) = did_you_mean(wrong, known()) {
        return Some(format!(
            "did you mean `{}`?",
            with_copies(alike, written, paths)
        ));
    }
    if let Some(alike) = paths.side_alike(wrong) {
        return Some(format!(
            "did you mean `{}`?",
            with_copies(&alike, written, paths)
        ));
    }
    let mut ends: Vec<&str> = known().filter(|p| last(p) == last(wrong)).collect();
    match ends.len() {
        0 => return None,
        1 => {}
        // Of many, those that begin alike.
        _ => {
            let head = wrong.split('.').next().unwrap_or_default();
            let same_head = |path: &&str| path.split('.').next() == Some(head);
            if ends.iter().any(same_head) {
                ends.retain(same_head);
            }
        }
    }
    let shown: Vec<String> = { ends.iter().take(5) }
        .map(|path| with_copies(path, written, paths))
        .collect();
    let shown = list(shown.iter().map(String::as_str));
    Some(match ends.len() {
        1 => format!("did you mean {shown}?"),
        2..=5 => format!("paths that end in this word are {shown}"),
        _ => format!("paths that end in this word are {shown} and others"),
    })
}

/// Whether all words of a path stand in a longer one, in their order.
fn has_in_order(longer: &str, path: &str) -> bool {
    let mut words = longer.split('.');
    path.split('.').all(|word| words.any(|other| other == word))
}

/// A path with the indices that its words have in another, `space.s.d.project.channels` as `space.s[1].d[0].project.channels`; where that
/// has none, with that of the first copy.
fn with_copies(path: &str, written: &str, paths: &Paths) -> String {
    let indexed = |word: &str| {
        let mut words = written.split('.').filter(|w| w.contains('['));
        words.find(|w| w.split('[').next() == Some(word))
    };
    let mut plain = String::new();
    let words = path.split('.').map(|word| {
        plain.push_str(if plain.is_empty() { "" } else { "." });
        plain.push_str(word);
        match indexed(word) {
            Some(with_index) => with_index.to_string(),
            None if paths.repeats.contains(&plain) => format!("{word}[0]"),
            None => word.to_string(),
        }
    });
    let words: Vec<String> = words.collect();
    words.join(".")
}
