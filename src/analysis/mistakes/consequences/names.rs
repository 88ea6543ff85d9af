//! What is said of a name that is misspelt, missing or unread somewhere else.
//!
//! In: what was found. Out: whether something follows from what is said of a name.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Known, main_of, main_with};
use crate::analysis::context::is_unread;
use crate::analysis::mistakes::foreign::STANDS_ALONE;
use crate::analysis::mistakes::taken::COUNTS_COPIES;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::{SourceId, Span};

const UNKNOWN: &str = "bnas::name::unknown";
const MISFIT: &str = "bnas::type::mismatch";
const NO_LAYER: &str = "bnas::skip::missing";

/// Names that are wrong.
pub(super) struct OfNames<'a> {
    /// Errors that do not themselves hang on what may be lost.
    wrong: Vec<Span>,
    /// Names and paths that nothing has, each with the declaration around it.
    unknown: BTreeSet<(Span, &'a str)>,
    /// Those that are missing where something was to define them.
    nameless: BTreeSet<&'a str>,
    /// What was suggested for those that are unknown.
    suggested: BTreeSet<String>,
    /// Names that stand for what is of the wrong kind, with what is said of them.
    misfits: BTreeSet<(&'a str, String)>,
    /// Where the first block of each line is called in a value.
    blocks: BTreeMap<(SourceId, usize), u32>,
}

impl<'a> OfNames<'a> {
    pub(super) fn new(found: &[Diagnostic], known: &'a Known) -> OfNames<'a> {
        let wrong = known.errors.iter();
        let unknown = || found.iter().filter(|d| d.code == UNKNOWN);
        let named = unknown().filter_map(|d| {
            let at = main_of(d)?.span;
            Some((known.modules.around(at)?.span, known.sources.slice(at)))
        });
        let mut blocks = BTreeMap::new();
        for at in unknown().filter_map(block_in_value) {
            let line = (at.source, known.sources.line(at));
            let first = blocks.entry(line).or_insert(at.start);
            *first = at.start.min(*first);
        }
        OfNames {
            wrong: wrong
                .filter(|span| !known.doubts.contains_key(span))
                .copied()
                .collect(),
            unknown: named.collect(),
            nameless: nameless(found, known),
            suggested: unknown().filter_map(|d| d.help.clone()).collect(),
            misfits: found
                .iter()
                .filter_map(|d| {
                    let name = known.sources.slice(main_with(d, MISFIT)?.span);
                    Some((name, d.message.clone()))
                })
                .collect(),
            blocks,
        }
    }
}

/// The names that nothing defines, if as many stretches were to define a name that is missing: `= 3`, or a counter has the name of something else. Of more
/// names, those count that nothing is like.
fn nameless<'a>(found: &[Diagnostic], known: &'a Known) -> BTreeSet<&'a str> {
    let stretches = known.modules.nameless() + found.iter().filter(|d| is_taken_counter(d)).count();
    let names = |is_wanted: &dyn Fn(&Diagnostic) -> bool| -> BTreeSet<&'a str> {
        let wanted = found.iter().filter(|d| is_wanted(d));
        wanted
            .filter_map(|d| nothing_has(d, known))
            .filter(|name| !known.modules.may_be_lost(name))
            .collect()
    };
    let all = names(&|_| true);
    let unlike = || names(&|d| !suggests(d));
    match all.len() <= stretches {
        true => all,
        false => Some(unlike())
            .filter(|names| names.len() <= stretches)
            .unwrap_or_default(),
    }
}

/// Whether it says that a `repeat` counts by a name that is taken.
fn is_taken_counter(diagnostic: &Diagnostic) -> bool {
    main_with(diagnostic, "bnas::name::duplicate").is_some_and(|main| main.text == COUNTS_COPIES)
}

/// What is unused because its user is wrong is no news.
pub(super) fn is_unused(_: &Found, diagnostic: &Diagnostic) -> bool {
    matches!(
        diagnostic.code,
        "bnas::name::unused" | "bnas::import::unused"
    )
}

/// A path that nothing has, and that something may have defined which is wrong.
pub(super) fn is_of_wrong(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, UNKNOWN);
    let behind = main.and_then(|main| found.known.doubts.get(&main.span));
    let is_wrong = |behind: &Span| {
        let mut wrong = found.names.wrong.iter();
        found.known.modules.is_broken(*behind) || wrong.any(|wrong| behind.holds(*wrong))
    };
    behind.is_some_and(|behind| behind.iter().any(is_wrong))
}

/// A path to a name that is unknown where it is read, `space.width` or `best.edp`, or through copies that are counted by it, `space.s[*].width`: its
/// definition is misspelt.
pub(super) fn is_path_of_unknown(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, UNKNOWN).map(|main| (main, 1));
    // What is added is named from its first copy on.
    let main = main.or_else(|| Some((main_with(diagnostic, NO_LAYER)?, 0)));
    let Some((main, above)) = main else {
        return false;
    };
    let path = found.known.sources.slice(main.span);
    let around = found.known.modules.around(main.span).map(|d| d.span);
    // What an experiment defines is its own.
    let is_own = path.starts_with("best.");
    let read = found.names.unknown.iter();
    let mut read = read.filter(|(of, _)| !is_own || Some(*of) == around);
    let steps = path.split('.').skip(above);
    let names = steps.map(|step| step.split('[').next().unwrap_or(step));
    let names: BTreeSet<&str> = names.collect();
    read.any(|(_, other)| names.contains(other))
}

/// An unknown name that is one of those that are missing where something was to define them.
pub(super) fn is_nameless(found: &Found, diagnostic: &Diagnostic) -> bool {
    let name = nothing_has(diagnostic, found.known);
    name.is_some_and(|name| found.names.nameless.contains(name))
}

/// It says that a declaration has no field of a name which this reads itself: the name is misspelt where it is defined.
pub(super) fn is_misspelt_there(found: &Found, diagnostic: &Diagnostic) -> bool {
    let Some(main) = main_with(diagnostic, "bnas::name::unknown_key") else {
        return false;
    };
    let name = found.known.sources.slice(main.span);
    let is_it = |label: &Label| {
        let around = found.known.modules.around(label.span);
        let is_unknown = |of: Span| found.names.unknown.contains(&(of, name));
        label.span != main.span && around.is_some_and(|d| is_unknown(d.span))
    };
    diagnostic.labels.iter().any(is_it)
}

/// Nothing reads a name, or what does is wrong: it stands elsewhere in a declaration with other errors.
pub(super) fn is_read_by_wrong(found: &Found, diagnostic: &Diagnostic) -> bool {
    let known = found.known;
    let main = main_of(diagnostic).filter(|_| is_unread(diagnostic));
    let Some((main, around)) = main.and_then(|m| Some((m, known.modules.around(m.span)?))) else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = known.sources.slice(main.span);
    let words = known.sources.slice(around.span).split(|c| !is_name(c));
    let is_other = |wrong: &Span| around.span.holds(*wrong) && *wrong != main.span;
    words.filter(|word| *word == name).count() > 1
        && (around.broken || known.errors.iter().any(is_other))
}

/// Nothing reads a name that is what an unknown one was meant to be.
pub(super) fn is_read_misspelt(found: &Found, diagnostic: &Diagnostic) -> bool {
    let name = main_of(diagnostic).map(|main| found.known.sources.slice(main.span));
    let suggested = &found.names.suggested;
    let is_meant = |name: &str| suggested.contains(&format!("did you mean `{name}`?"));
    is_unread(diagnostic) && name.is_some_and(is_meant)
}

/// A path below a field that was written under a wrong name: `space.w` where `spcae = s` stands.
pub(super) fn is_below_meant(found: &Found, diagnostic: &Diagnostic) -> bool {
    let known = found.known;
    let Some(main) = main_with(diagnostic, UNKNOWN) else {
        return false;
    };
    let Some(around) = known.modules.around(main.span) else {
        return false;
    };
    let head = known.sources.slice(main.span).split(['.', '[']).next();
    let is_it = |(owner, key): &(Span, String)| {
        around.name.span == *owner && head.is_some_and(|head| head == key)
    };
    known.meant.iter().any(is_it)
}

/// Another block that is called on the line of a first one: `if a then basic(…) else separable(…)`.
pub(super) fn is_other_block(found: &Found, diagnostic: &Diagnostic) -> bool {
    let Some(own) = block_in_value(diagnostic) else {
        return false;
    };
    let line = (own.source, found.known.sources.line(own));
    let first = found.names.blocks.get(&line);
    first.is_some_and(|first| own.start > *first)
}

/// What is of the wrong kind, and has a name that stands for two things.
pub(super) fn is_of_doubled(found: &Found, diagnostic: &Diagnostic) -> bool {
    let known = found.known;
    let is_it = |label: &Label| {
        let name = known.sources.slice(label.span);
        known.modules.is_doubled(label.span.source, name)
    };
    diagnostic.code == MISFIT && diagnostic.labels.iter().any(is_it)
}

/// A path to a value that is of the wrong kind by its name, too: `space.deep` beside `deep`.
pub(super) fn is_path_of_misfit(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, MISFIT);
    let path = main.map(|main| found.known.sources.slice(main.span));
    let name = path.and_then(|path| path.rsplit_once('.'));
    name.is_some_and(|(_, name)| {
        let said = (name, diagnostic.message.clone());
        found.names.misfits.contains(&said)
    })
}

/// Where a block is called that is no value.
fn block_in_value(diagnostic: &Diagnostic) -> Option<Span> {
    let help = diagnostic.help.as_deref()?;
    let main = main_with(diagnostic, UNKNOWN)?;
    help.starts_with(STANDS_ALONE).then_some(main.span)
}

/// Whether it knows what an unknown name was meant to be: `did you mean input.width` only knows what else there is.
pub(super) fn suggests(diagnostic: &Diagnostic) -> bool {
    let help = diagnostic.help.as_deref();
    help.is_some_and(|help| help.starts_with("did you mean") && !help.contains('.'))
}

/// The name that nothing has, if this says so: `width` of `space.width`, `s` of `s[0]`, and of `add s[1].down` where nothing is called `s`.
fn nothing_has<'a>(diagnostic: &Diagnostic, known: &'a Known) -> Option<&'a str> {
    let path = known.sources.slice(main_of(diagnostic)?.span);
    let name = match diagnostic.code {
        UNKNOWN => path.rsplit('.').next()?,
        NO_LAYER => path.split('.').next()?,
        _ => return None,
    };
    name.split('[').next()
}
