//! What follows from mistakes: one of them is one report.
//!
//! In: everything that was found in a file, and what is known of what could not be read there. Out: what is news. A name that may be defined by what is
//! not understood, or a field that was written under a wrong name, is nobody's second mistake.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::context::is_unread;
use crate::analysis::names::Modules;
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, Label};
use crate::model::findings::blame::is_of_amendment;
use crate::source::{SourceId, Sources, Span};

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

impl Known<'_> {
    /// What does not follow from something else, and what does.
    pub(in crate::analysis) fn news(
        &self,
        found: Vec<Diagnostic>,
    ) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let defaults: Vec<Span> = (found.iter())
            .filter(|d| d.code == "bnas::domain::default")
            .filter_map(|d| Some(d.labels.last()?.span))
            .collect();
        let undefined: BTreeSet<Span> = (found.iter())
            .filter(|d| d.code == "bnas::domain::undefined")
            .filter_map(|d| Some(main_of(d)?.span))
            .collect();
        let doubled: BTreeSet<Span> = (found.iter())
            .filter(|d| d.code == "bnas::name::duplicate")
            .filter_map(|d| Some(main_of(d)?.span))
            .collect();
        let blamed = found.iter().filter(|d| d.code != "bnas::domain::default");
        let blamed = blamed.filter(|d| d.is_error()).flat_map(|d| &d.labels);
        let blamed: BTreeSet<Span> = blamed.map(|label| label.span).collect();
        let of_kinds = found.iter().filter(|d| d.code.ends_with("::mismatch"));
        let of_kinds: BTreeSet<Span> = of_kinds.filter_map(|d| Some(main_of(d)?.span)).collect();
        let wrong = self
            .errors
            .iter()
            .filter(|span| !self.doubts.contains_key(span));
        let wrong: Vec<Span> = wrong.copied().collect();
        let is_of_wrong = |d: &Diagnostic| {
            let behind = main_of(d).and_then(|main| self.doubts.get(&main.span));
            let is_wrong = |behind: &Span| {
                self.modules.is_broken(*behind) || wrong.iter().any(|wrong| behind.holds(*wrong))
            };
            d.code == "bnas::name::unknown" && behind.is_some_and(|b| b.iter().any(is_wrong))
        };
        let unknown: BTreeSet<(Span, &str)> = (found.iter())
            .filter(|d| d.code == "bnas::name::unknown")
            .filter_map(|d| {
                let at = main_of(d)?.span;
                Some((self.modules.around(at)?.span, self.sources.slice(at)))
            })
            .collect();
        let nameless = self.nameless(&found);
        let unknown_names = found.iter().filter(|d| d.code == "bnas::name::unknown");
        let suggested: BTreeSet<String> = unknown_names.filter_map(|d| d.help.clone()).collect();
        let is_news = |diagnostic: &Diagnostic| {
            let follows = is_unused(diagnostic)
                || is_beyond_default(diagnostic, &defaults)
                || is_doubted(diagnostic, &undefined)
                || is_doubled(diagnostic, &doubled)
                || self.is_repeated_beside(diagnostic, &of_kinds)
                || is_of_wrong_domain(diagnostic, &blamed, self.sources)
                || is_consequence(diagnostic, self.sources, self.modules)
                || is_of_wrong(diagnostic)
                || is_path_of_unknown(diagnostic, &unknown, self)
                || self.is_nameless(diagnostic, &nameless)
                || self.is_misspelt_there(diagnostic, &unknown)
                || self.is_read_by_wrong(diagnostic)
                || is_read_misspelt(diagnostic, &suggested, self.sources)
                || is_below_meant(diagnostic, self.meant, self.sources, self.modules);
            !(self.failed && follows || is_given_otherwise(diagnostic, self.meant))
        };
        let is_news: Vec<bool> = found.iter().map(is_news).collect();
        let (news, rest): (Vec<_>, Vec<_>) = found.into_iter().zip(is_news).partition(|(_, n)| *n);
        let only = |all: Vec<(Diagnostic, bool)>| all.into_iter().map(|(d, _)| d).collect();
        (only(news), only(rest))
    }

    /// Whether nothing reads a name, or what does is wrong: it stands elsewhere in a declaration with other errors.
    fn is_read_by_wrong(&self, diagnostic: &Diagnostic) -> bool {
        let main = main_of(diagnostic).filter(|_| is_unread(diagnostic));
        let Some((main, around)) = main.and_then(|m| Some((m, self.modules.around(m.span)?)))
        else {
            return false;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = self.sources.slice(main.span);
        let words = self.sources.slice(around.span).split(|c| !is_name(c));
        let is_other = |wrong: &Span| around.span.holds(*wrong) && *wrong != main.span;
        words.filter(|word| *word == name).count() > 1
            && (around.broken || self.errors.iter().any(is_other))
    }

    /// Whether a set holds a member twice, and stands on one line with what is of the wrong kind.
    fn is_repeated_beside(&self, diagnostic: &Diagnostic, of_kinds: &BTreeSet<Span>) -> bool {
        let line = |span: &Span| (span.source, self.sources.line(*span));
        let is_warning = diagnostic.code == "bnas::domain::repeated" && !diagnostic.is_error();
        let main = main_of(diagnostic).filter(|_| is_warning);
        let own = main.map(|main| line(&main.span));
        own.is_some_and(|own| of_kinds.iter().any(|span| line(span) == own))
    }

    /// Whether an unknown name is one of those that are missing where something was to define them.
    fn is_nameless(&self, diagnostic: &Diagnostic, nameless: &BTreeSet<&str>) -> bool {
        let main = main_of(diagnostic).filter(|_| diagnostic.code == "bnas::name::unknown");
        let name = main.map(|main| last_of_path(self.sources.slice(main.span)));
        name.is_some_and(|name| nameless.contains(name))
    }

    /// The names that nothing defines and nothing is like, if as many stretches were to define a name that is missing: `= 3`.
    fn nameless(&self, found: &[Diagnostic]) -> BTreeSet<&str> {
        let unknown = found.iter().filter(|d| d.code == "bnas::name::unknown");
        let unknown = unknown.filter(|d| !suggests(d)).filter_map(main_of);
        let names: BTreeSet<&str> = unknown
            .map(|main| last_of_path(self.sources.slice(main.span)))
            .collect();
        match names.len() <= self.modules.nameless() {
            true => names,
            false => BTreeSet::new(),
        }
    }

    /// Whether it says that a declaration has no field of a name which this reads itself: the name is misspelt where it is defined.
    fn is_misspelt_there(&self, diagnostic: &Diagnostic, unknown: &BTreeSet<(Span, &str)>) -> bool {
        let Some(main) = main_of(diagnostic) else {
            return false;
        };
        let name = self.sources.slice(main.span);
        let is_it = |label: &Label| {
            let around = self.modules.around(label.span);
            label.span != main.span && around.is_some_and(|d| unknown.contains(&(d.span, name)))
        };
        diagnostic.code == "bnas::name::unknown_key" && diagnostic.labels.iter().any(is_it)
    }
}

/// The label of what is wrong, behind those of what amends it.
pub(in crate::analysis) fn main_of(diagnostic: &Diagnostic) -> Option<&Label> {
    let mut labels = diagnostic.labels.iter();
    labels.find(|label| !is_of_amendment(label))
}

/// What is unused because its user is wrong is no news.
fn is_unused(diagnostic: &Diagnostic) -> bool {
    matches!(
        diagnostic.code,
        "bnas::name::unused" | "bnas::import::unused"
    )
}

/// Where a default is no member of its range, that says of the end what there is to say.
fn is_beyond_default(diagnostic: &Diagnostic, domains: &[Span]) -> bool {
    let main = main_of(diagnostic).map(|l| l.span);
    diagnostic.code == "bnas::domain::step_beyond"
        && main.is_some_and(|main| domains.iter().any(|domain| domain.holds(main)))
}

/// What is not proved of a value that is known to go wrong: the value is to be mended first.
fn is_doubted(diagnostic: &Diagnostic, undefined: &BTreeSet<Span>) -> bool {
    let mut main = main_of(diagnostic).into_iter();
    diagnostic.code == "bnas::domain::unproved" && main.any(|l| undefined.contains(&l.span))
}

/// A default that is no member, where something is wrong with another member of its domain: that was to be the default, perhaps.
fn is_of_wrong_domain(diagnostic: &Diagnostic, names: &BTreeSet<Span>, sources: &Sources) -> bool {
    let Some(domain) = diagnostic.labels.last().map(|label| label.span) else {
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
            && sources.slice(between).trim() == "in"
    };
    diagnostic.code == "bnas::domain::default"
        && names.range(..domain).next_back().is_some_and(is_its_name)
}

/// A member that a set holds twice, where two that do the same are an error.
fn is_doubled(diagnostic: &Diagnostic, doubled: &BTreeSet<Span>) -> bool {
    let mut main = main_of(diagnostic).into_iter();
    diagnostic.code == "bnas::domain::repeated" && main.any(|l| doubled.contains(&l.span))
}

/// A path to a name that is unknown where it is read, `space.width` or `best.edp`: its definition is misspelt.
fn is_path_of_unknown(
    diagnostic: &Diagnostic,
    unknown: &BTreeSet<(Span, &str)>,
    known: &Known,
) -> bool {
    let Some(main) = main_of(diagnostic).filter(|_| diagnostic.code == "bnas::name::unknown")
    else {
        return false;
    };
    let path = known.sources.slice(main.span);
    let around = known.modules.around(main.span).map(|d| d.span);
    // What an experiment defines is its own.
    let is_own = path.starts_with("best.");
    let mut read = unknown
        .iter()
        .filter(|(of, _)| !is_own || Some(*of) == around);
    path.rsplit_once('.')
        .is_some_and(|(_, name)| read.any(|(_, other)| *other == name))
}

/// What was written under a wrong name is not missing.
fn is_given_otherwise(diagnostic: &Diagnostic, meant: &BTreeSet<(Span, String)>) -> bool {
    let is_it = |(owner, key): &(Span, String)| {
        let main = main_of(diagnostic);
        let missing = diagnostic.missing.as_ref();
        main.is_some_and(|l| l.span == *owner) && missing.is_some_and(|m| m.fields.contains(key))
    };
    meant.iter().any(is_it)
}

/// A path below a field that was written under a wrong name: `space.w` where `spcae = s` stands.
fn is_below_meant(
    diagnostic: &Diagnostic,
    meant: &BTreeSet<(Span, String)>,
    sources: &Sources,
    modules: &Modules,
) -> bool {
    let Some(main) = main_of(diagnostic) else {
        return false;
    };
    let Some(around) = modules.around(main.span) else {
        return false;
    };
    let head = sources.slice(main.span).split(['.', '[']).next();
    let is_it = |(owner, key): &(Span, String)| {
        around.name.span == *owner && head.is_some_and(|head| head == key)
    };
    diagnostic.code == "bnas::name::unknown" && meant.iter().any(is_it)
}

/// Whether it may only say that something could not be read, which has been said: a name that is missing, or what a declaration
/// lacks of which a part is lost.
fn is_consequence(diagnostic: &Diagnostic, sources: &Sources, modules: &Modules) -> bool {
    let Some(main) = main_of(diagnostic) else {
        return false;
    };
    let is_broken = || diagnostic.labels.iter().any(|l| modules.is_broken(l.span));
    let is_beside = || modules.is_beside_unread(main.span, sources);
    match diagnostic.code {
        "bnas::name::unknown" => {
            let name = sources.slice(main.span);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut words = name.split(|c| !is_name(c)).filter(|w| !w.is_empty());
            words.any(|word| modules.may_be_lost(word))
                || is_of_no_kind(name, main.span.source, modules)
                || is_parameter(name, main.span, modules)
                || (is_beside() && !suggests(diagnostic))
        }
        "bnas::name::unknown_key" | "bnas::amend::no_such_copy" => {
            // What it amends may have it in a part that is lost.
            let own = modules.around(main.span).map(|d| d.span);
            let is_other = |l: &&Label| modules.around(l.span).map(|d| d.span) != own;
            let mut others = diagnostic.labels.iter().filter(is_other);
            is_beside() || others.any(|l| modules.is_broken(l.span))
        }
        // Where a name is lost, a declaration that has it, too, was found.
        "bnas::type::mismatch" => {
            let name = sources.slice(main.span);
            let module = modules.get(main.span.source);
            module.is_some_and(|m| m.names.contains_key(name)) && modules.may_be_lost(name)
        }
        "bnas::stage::teacher" | "bnas::repair::unsupported" => is_broken(),
        "bnas::block::alternatives" => {
            let head = sources.slice(main.span).split(['(', ' ', '{']).next();
            head.is_some_and(|head| is_of_no_kind(head, main.span.source, modules))
        }
        "bnas::skip::missing" => {
            let head = sources.slice(main.span).split(['.', '[']).next();
            head.is_some_and(|head| modules.may_be_lost(head))
        }
        // `clock in {100, 300} MHz`: the unit is there.
        "bnas::unit::mismatch" | "bnas::unit::unknown" => is_beside(),
        "bnas::field::missing" => is_broken(),
        code if code.ends_with("::empty") || code == "bnas::policy::says_nothing" => is_broken(),
        _ => false,
    }
}

/// Whether nothing reads a name that is what an unknown one was meant to be.
fn is_read_misspelt(
    diagnostic: &Diagnostic,
    suggested: &BTreeSet<String>,
    sources: &Sources,
) -> bool {
    let name = main_of(diagnostic).map(|main| sources.slice(main.span));
    let is_meant = |name: &str| suggested.contains(&format!("did you mean `{name}`?"));
    is_unread(diagnostic) && name.is_some_and(is_meant)
}

/// Whether it knows what an unknown name was meant to be: `did you mean input.width` only knows what else there is.
fn suggests(diagnostic: &Diagnostic) -> bool {
    let help = diagnostic.help.as_deref();
    help.is_some_and(|help| help.starts_with("did you mean") && !help.contains('.'))
}

/// The last name of a path: `width` of `space.width`, `s` of `s[0]`.
fn last_of_path(path: &str) -> &str {
    let name = path.rsplit('.').next().unwrap_or(path);
    name.split('[').next().unwrap_or(name)
}

/// Whether a name is a parameter of the declaration around, which can have none.
fn is_parameter(name: &str, at: Span, modules: &Modules) -> bool {
    let around = modules.around(at).filter(|d| d.kind.text != "block");
    around.is_some_and(|d| d.params.iter().any(|param| param.name.text == name))
}

/// Whether a file declares a name as something of an unknown kind.
fn is_of_no_kind(name: &str, source: SourceId, modules: &Modules) -> bool {
    let module = modules.get(source);
    let mut declarations = module.into_iter().flat_map(|m| &m.file.declarations);
    declarations.any(|d| d.name.text == name && schema::declaration(&d.kind.text).is_none())
}
