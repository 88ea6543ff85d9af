//! What is said of something that may stand in what could not be read.
//!
//! In: what was found. Out: whether it may only say that something is lost, which has been said.

use super::names::suggests;
use super::{Found, main_of};
use crate::analysis::names::{Modules, SHORTEST};
use crate::analysis::schema;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::{SourceId, Span};

/// A name that is missing, or what a declaration lacks of which a part is lost.
pub(super) fn is_lost(found: &Found, diagnostic: &Diagnostic) -> bool {
    let (sources, modules) = (found.known.sources, found.known.modules);
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
                || begins_broken(name, main.span.source, modules)
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

/// Whether a name is a parameter of the declaration around, which can have none.
fn is_parameter(name: &str, at: Span, modules: &Modules) -> bool {
    let around = modules.around(at).filter(|d| d.kind.text != "block");
    around.is_some_and(|d| d.params.iter().any(|param| param.name.text == name))
}

/// Whether a declaration that could not be read in full has a longer name: `unitchannels` where the bracket of `unit(channels)` is missing.
fn begins_broken(name: &str, source: SourceId, modules: &Modules) -> bool {
    let module = modules.get(source);
    let mut declarations = module.into_iter().flat_map(|m| &m.file.declarations);
    let is_begun = |longer: &str| longer != name && longer.starts_with(name);
    name.len() >= SHORTEST && declarations.any(|d| d.broken && is_begun(&d.name.text))
}

/// Whether a file declares a name as something of an unknown kind.
fn is_of_no_kind(name: &str, source: SourceId, modules: &Modules) -> bool {
    let module = modules.get(source);
    let mut declarations = module.into_iter().flat_map(|m| &m.file.declarations);
    declarations.any(|d| d.name.text == name && schema::declaration(&d.kind.text).is_none())
}
