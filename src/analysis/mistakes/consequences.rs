//! What follows from mistakes: one of them is one report.
//!
//! In: everything that was found in a file, and what is known of what could not be read there. Out: what is news. A name that may be defined by what is
//! not understood, or a field that was written under a wrong name, is nobody's second mistake.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    /// What does not follow from something else.
    pub(in crate::analysis) fn news(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
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
        found.retain(|diagnostic| {
            let follows = is_unused(diagnostic)
                || is_beyond_default(diagnostic, &defaults)
                || is_doubted(diagnostic, &undefined)
                || is_doubled(diagnostic, &doubled)
                || is_consequence(diagnostic, self.sources, self.modules)
                || is_of_wrong(diagnostic)
                || is_path_of_unknown(diagnostic, &unknown, self)
                || self.is_misspelt_there(diagnostic, &unknown)
                || is_below_meant(diagnostic, self.meant, self.sources, self.modules);
            !(self.failed && follows || is_given_otherwise(diagnostic, self.meant))
        });
        found
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

/// How many places of one unknown name are shown.
const MOST: usize = 8;

/// What a section lacks in one diagnostic, what belongs from it into another one, and what a declaration does not know, one after the other in
/// the order of the text.
pub(in crate::analysis) fn joined(found: Vec<Diagnostic>, modules: &Modules) -> Vec<Diagnostic> {
    by_name(by_home(by_section(found)), modules)
}

/// Fields of one section that belong into the same other one are one report: the section is the mistake.
fn by_home(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    let mut first: HashMap<(String, Span), usize> = HashMap::new();
    for diagnostic in found {
        let (Some(home), [field, declared]) = (home(&diagnostic), diagnostic.labels.as_slice())
        else {
            joined.push(diagnostic);
            continue;
        };
        let index = *first.entry((home, declared.span)).or_insert(joined.len());
        match joined.get_mut(index) {
            Some(known) => known.labels.push(Label {
                text: "belongs there, too".into(),
                ..field.clone()
            }),
            None => joined.push(diagnostic),
        }
    }
    joined
}

/// The section or call into which a field belongs that its own does not have.
fn home(diagnostic: &Diagnostic) -> Option<String> {
    let help = diagnostic.help.as_deref()?;
    let (home, _) = help
        .strip_prefix("it belongs into `")?
        .split_once(['{', '('])?;
    (diagnostic.code == "bnas::name::unknown_key").then(|| home.to_string())
}

/// Uses of one unknown name in one declaration are one report: if its definition is misspelt, they are one mistake.
fn by_name(found: Vec<Diagnostic>, modules: &Modules) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    // By what is said and where: which one says it, and in how many places.
    type Said = (String, Option<String>, Span);
    let mut first: HashMap<Said, (usize, usize)> = HashMap::new();
    for diagnostic in found {
        let around = match diagnostic.labels.as_slice() {
            [only] if diagnostic.code == "bnas::name::unknown" => modules.around(only.span),
            _ => None,
        };
        let Some(around) = around else {
            joined.push(diagnostic);
            continue;
        };
        let (message, help) = (diagnostic.message.clone(), diagnostic.help.clone());
        let said = (message, help, around.span);
        let (index, uses) = first.entry(said).or_insert((joined.len(), 0));
        *uses += 1;
        match joined.get_mut(*index) {
            Some(known) if *uses <= MOST => {
                let more = diagnostic.labels.into_iter();
                known.labels.extend(more.map(|label| Label {
                    text: "nor here".into(),
                    ..label
                }));
            }
            Some(known) => {
                let more = *uses - MOST;
                known.labels[MOST - 1].text = format!("nor here, and at {more} more places");
            }
            None => joined.push(diagnostic),
        }
    }
    joined
}

/// What a section lacks in one diagnostic.
fn by_section(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    for diagnostic in found {
        let place = |d: &Diagnostic| main_of(d).map(|label| label.span);
        let is_joined = joined
            .last_mut()
            .is_some_and(|last| place(last) == place(&diagnostic) && last.joins(&diagnostic));
        if !is_joined {
            joined.push(diagnostic);
        }
    }
    joined
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
            let suggests = diagnostic
                .help
                .iter()
                .any(|h| h.starts_with("did you mean"));
            let name = sources.slice(main.span);
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut words = name.split(|c| !is_name(c)).filter(|w| !w.is_empty());
            words.any(|word| modules.may_be_lost(word))
                || is_of_no_kind(name, main.span.source, modules)
                || is_parameter(name, main.span, modules)
                || (is_beside() && !suggests)
        }
        "bnas::name::unknown_key" | "bnas::amend::no_such_copy" => {
            // What it amends may have it in a part that is lost.
            let own = modules.around(main.span).map(|d| d.span);
            let is_other = |l: &&Label| modules.around(l.span).map(|d| d.span) != own;
            let mut others = diagnostic.labels.iter().filter(is_other);
            is_beside() || others.any(|l| modules.is_broken(l.span))
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
