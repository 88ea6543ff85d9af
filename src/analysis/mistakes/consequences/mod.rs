//! What follows from mistakes: one of them is one report.
//!
//! In: everything that was found in a file, and what is known of what could not be read there. Out: what is news. A name that may be defined by what is
//! not understood, or a field that was written under a wrong name, is nobody's second mistake. Each reason is a rule of its own: of [`names`], of [`domains`],
//! of what is [`lost`].

mod domains;
mod lost;
mod names;

use std::collections::{BTreeMap, BTreeSet};

use self::domains::OfDomains;
use self::names::OfNames;
use crate::analysis::names::Modules;
use crate::diagnostic::{Diagnostic, Label};
use crate::model::findings::blame::is_of_amendment;
use crate::source::{Sources, Span};

/// What is known of a file's mistakes.
pub(in crate::analysis) struct Known<'a> {
    /// Whether there is any error.
    pub(in crate::analysis) failed: bool,
    /// Owners, and the fields of theirs that were written under wrong names.
    pub(in crate::analysis) meant: &'a BTreeSet<(Span, String)>,
    /// Paths that nothing has, and the stretches of which one may have defined them.
    pub(in crate::analysis) doubts: &'a BTreeMap<Span, BTreeSet<Span>>,
    /// Where the errors are.
    pub(in crate::analysis) errors: &'a [Span],
    pub(in crate::analysis) sources: &'a Sources,
    pub(in crate::analysis) modules: &'a Modules,
}

/// What rules look at besides the diagnostic that they judge.
struct Found<'a> {
    known: &'a Known<'a>,
    names: OfNames<'a>,
    domains: OfDomains,
}

/// Whether a diagnostic follows from something else, for one reason.
type Rule = fn(&Found, &Diagnostic) -> bool;

/// Every reason.
const RULES: [Rule; 17] = [
    names::is_unused,
    names::is_of_wrong,
    names::is_path_of_unknown,
    names::is_nameless,
    names::is_misspelt_there,
    names::is_read_by_wrong,
    names::is_read_misspelt,
    names::is_below_meant,
    names::is_other_block,
    names::is_of_doubled,
    names::is_path_of_misfit,
    domains::is_beyond_default,
    domains::is_doubted,
    domains::is_doubled,
    domains::is_repeated_beside,
    domains::is_of_wrong_domain,
    lost::is_lost,
];

impl Known<'_> {
    /// What does not follow from something else, and what does.
    pub(in crate::analysis) fn news(
        &self,
        found: Vec<Diagnostic>,
    ) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let is_news: Vec<bool> = {
            let around = Found {
                known: self,
                names: OfNames::new(&found, self),
                domains: OfDomains::new(&found),
            };
            let follows = |d: &Diagnostic| self.failed && RULES.iter().any(|rule| rule(&around, d));
            let all = found.iter();
            all.map(|d| !follows(d) && !self.is_given_otherwise(d))
                .collect()
        };
        let (news, rest): (Vec<_>, Vec<_>) = found.into_iter().zip(is_news).partition(|(_, n)| *n);
        let only = |all: Vec<(Diagnostic, bool)>| all.into_iter().map(|(d, _)| d).collect();
        (only(news), only(rest))
    }

    /// What was written under a wrong name is not missing.
    fn is_given_otherwise(&self, diagnostic: &Diagnostic) -> bool {
        let is_it = |(owner, key): &(Span, String)| {
            let main = main_of(diagnostic);
            let missing = diagnostic.missing.as_ref();
            main.is_some_and(|l| l.span == *owner)
                && missing.is_some_and(|m| m.fields.contains(key))
        };
        self.meant.iter().any(is_it)
    }
}

/// The label of what is wrong, behind those of what amends it.
pub(in crate::analysis) fn main_of(diagnostic: &Diagnostic) -> Option<&Label> {
    let mut labels = diagnostic.labels.iter();
    labels.find(|label| !is_of_amendment(label))
}

/// The label of what is wrong, of a diagnostic with this code.
fn main_with<'d>(diagnostic: &'d Diagnostic, code: &str) -> Option<&'d Label> {
    main_of(diagnostic).filter(|_| diagnostic.code == code)
}
