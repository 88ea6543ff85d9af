//! What is said of a domain or value that is wrong for another reason, too.
//!
//! In: what was found. Out: whether something follows from what is said of the same value.

use std::collections::BTreeSet;

use super::{Found, main_of, main_with};
use crate::analysis::expression::domain::THE_DOMAIN;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;

/// Where values are wrong.
pub(super) struct OfDomains {
    /// Domains whose default is no member.
    defaults: Vec<Span>,
    /// Values that go wrong at some member.
    undefined: BTreeSet<Span>,
    /// What is there twice.
    doubled: BTreeSet<Span>,
    /// What is of the wrong kind.
    of_kinds: BTreeSet<Span>,
    /// Whatever an error is about, but for defaults.
    blamed: BTreeSet<Span>,
}

impl OfDomains {
    pub(super) fn new(found: &[Diagnostic]) -> OfDomains {
        let of = |code: &str| -> BTreeSet<Span> {
            let all = found.iter().filter_map(|d| main_with(d, code));
            all.map(|main| main.span).collect()
        };
        let of_defaults = found.iter().filter(|d| d.code == "bnas::domain::default");
        let of_kinds = found.iter().filter(|d| d.code.ends_with("::mismatch"));
        let blamed = found.iter().filter(|d| d.code != "bnas::domain::default");
        let blamed = blamed.filter(|d| d.is_error()).flat_map(|d| &d.labels);
        OfDomains {
            defaults: of_defaults
                .filter_map(|d| Some(domain_of(d)?.span))
                .collect(),
            undefined: of("bnas::domain::undefined"),
            doubled: of("bnas::name::duplicate"),
            of_kinds: of_kinds.filter_map(|d| Some(main_of(d)?.span)).collect(),
            blamed: blamed.map(|label| label.span).collect(),
        }
    }
}

/// Where a default is no member of its range, that says of the end what there is to say.
pub(super) fn is_beyond_default(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, "bnas::domain::step_beyond");
    let mut domains = found.domains.defaults.iter();
    main.is_some_and(|main| domains.any(|domain| domain.holds(main.span)))
}

/// What is not proved of a value that is known to go wrong: the value is to be mended first.
pub(super) fn is_doubted(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, "bnas::domain::unproved");
    main.is_some_and(|main| found.domains.undefined.contains(&main.span))
}

/// A member that a set holds twice, where two that do the same are an error.
pub(super) fn is_doubled(found: &Found, diagnostic: &Diagnostic) -> bool {
    let main = main_with(diagnostic, "bnas::domain::repeated");
    main.is_some_and(|main| found.domains.doubled.contains(&main.span))
}

/// A set that holds a member twice, and stands on one line with what is of the wrong kind.
pub(super) fn is_repeated_beside(found: &Found, diagnostic: &Diagnostic) -> bool {
    let line = |span: &Span| (span.source, found.known.sources.line(*span));
    let main = main_with(diagnostic, "bnas::domain::repeated");
    let own = main
        .filter(|_| !diagnostic.is_error())
        .map(|main| line(&main.span));
    own.is_some_and(|own| found.domains.of_kinds.iter().any(|span| line(span) == own))
}

/// A default that is no member, where something is wrong with another member of its domain: that was to be the default, perhaps.
pub(super) fn is_of_wrong_domain(found: &Found, diagnostic: &Diagnostic) -> bool {
    let Some(domain) = domain_of(diagnostic).map(|label| label.span) else {
        return false;
    };
    let is_its_name = |name: &Span| {
        let between = Span {
            start: name.end,
            end: domain.start,
            ..domain
        };
        name.source == domain.source
            && name.end < domain.start
            && found.known.sources.slice(between).trim() == "in"
    };
    let mut before = found.domains.blamed.range(..domain);
    diagnostic.code == "bnas::domain::default" && before.next_back().is_some_and(is_its_name)
}

/// The domain of a default that is no member: what stands behind may be where the domain gets its members.
fn domain_of(diagnostic: &Diagnostic) -> Option<&Label> {
    let mut labels = diagnostic.labels.iter();
    labels.find(|label| label.text == THE_DOMAIN)
}
