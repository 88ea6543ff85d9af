//! From trees to the intermediate representation, or every error that can be found.
//!
//! In: a text among [`Sources`], and a [`Loader`] for what it imports. Out: [`Checked`]: an [`ir::Program`](Program) whose
//! names are resolved, whose numbers are in base units and whose defaults are filled in, with diagnostics. One pass reports
//! as many errors as it can: a value that is wrong silences what follows from it. What needs the unrolled network (shapes, rules that match
//! no layer, requirements that nothing meets) is the model's business.
//!
//! `names` reads files, `amend` copies and overrides declarations on the tree, `schema` says which fields there are, `expr`,
//! `calls` and `domain` lower values, `fields` and `sections` what holds them, and one file per kind of declaration
//! lowers that kind.

mod alternatives;
mod amend;
mod arms;
mod augment;
mod author;
mod block;
mod calls;
mod checks;
mod compared;
mod context;
mod dataset;
mod decimal;
mod describe;
mod domain;
mod embedded;
mod evaluator;
mod experiment;
mod expr;
mod facts;
mod fields;
mod final_training;
mod fits;
mod formulas;
mod functions;
mod goals;
mod lists;
mod loader;
mod lookup;
mod loss;
mod measures;
mod memory;
mod merged;
mod misnamed;
mod names;
mod network;
mod of_copy;
mod operations;
mod origin;
mod paths;
mod policy;
mod provenance;
mod quantizer;
mod range;
mod recipe;
mod repair;
mod schedule;
pub mod schema;
mod scope;
mod sections;
mod shares;
mod skip;
mod space;
mod stages;
mod stores;
mod table;
mod taken;
mod takes;
mod target;
#[cfg(test)]
mod tests;
mod types;
mod unit_slips;
mod unread;

pub use describe::{Described, Setting, describe};
pub use loader::{FileLoader, FolderLoader, Loader};

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Label, Sink};
use crate::ir::{Experiment, Program, Target};
use crate::model::blame::with_amendments;
use crate::source::{SourceId, Sources, Span};
use context::{Cx, Reached};
use facts::Subject;
use memory::Inner;
use names::{Id, Modules};

/// What checking gives.
#[derive(Debug)]
pub struct Checked {
    /// The experiments of the main file; absent if there is any error.
    pub program: Option<Program>,
    /// Those that nothing is wrong with in a file that has errors elsewhere: they run no more than the others, but can be unrolled for what
    /// is wrong with their networks.
    pub sound: Vec<Experiment>,
    /// Errors and warnings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a file with everything that it imports. Imported texts are added to `sources`.
pub fn check(sources: &mut Sources, main: SourceId, loader: &dyn Loader) -> Checked {
    let mut sink = Sink::default();
    let modules = names::load(sources, main, loader, &mut sink);
    if modules.get(main).is_none_or(|m| m.file.edition.is_none()) {
        // Without its edition, nobody knows what a text means.
        return Checked {
            program: None,
            sound: Vec::new(),
            diagnostics: sink.into_sorted(),
        };
    }
    let partial = sink.has_errors();
    let mut cx = Cx::new(sources, &modules, Sink::default());
    let program = lower(&mut cx, main);
    cx.unused_imports(main);
    let failed = partial || cx.sink.has_errors();
    let meant = std::mem::take(&mut cx.meant);
    let found = cx.sink.into_sorted();
    let undefined: BTreeSet<Span> = (found.iter())
        .filter(|d| d.code == "bnas::domain::undefined")
        .filter_map(|d| Some(d.labels.first()?.span))
        .collect();
    for diagnostic in found {
        let follows = is_unused(&diagnostic)
            || is_doubted(&diagnostic, &undefined)
            || is_consequence(&diagnostic, sources, &modules);
        if !(failed && follows || is_given_otherwise(&diagnostic, &meant)) {
            sink.push(diagnostic);
        }
    }
    let diagnostics = sink.into_sorted();
    let sound = match failed && !partial {
        true => sound(&program, &diagnostics, &modules),
        false => Vec::new(),
    };
    Checked {
        program: (!failed).then_some(program),
        sound,
        diagnostics,
    }
}

/// The experiments that no error can be about: all errors are in other ones.
fn sound(program: &Program, diagnostics: &[Diagnostic], modules: &Modules) -> Vec<Experiment> {
    let around = |span: Span| modules.around(span);
    let is_of_experiment = |d: &Diagnostic| {
        let declared = d.labels.first().and_then(|label| around(label.span));
        declared.is_some_and(|d| d.kind.text == "experiment")
    };
    let mut errors = diagnostics.iter().filter(|d| d.is_error());
    if !errors.all(is_of_experiment) {
        return Vec::new();
    }
    let is_sound = |experiment: &&Experiment| {
        let own = around(experiment.span);
        let mut labels = diagnostics.iter().flat_map(|d| &d.labels);
        own.is_some_and(|own| own.base.is_none() && !labels.any(|l| own.span.holds(l.span)))
    };
    let experiments = program.experiments.iter();
    experiments.filter(is_sound).cloned().collect()
}

/// The target that a name stands for in a file that has been checked, at its defaults; nothing if it is no target there.
pub fn target(
    sources: &mut Sources,
    main: SourceId,
    loader: &dyn Loader,
    name: &str,
) -> Option<Target> {
    let modules = names::load(sources, main, loader, &mut Sink::default());
    let id = modules.get(main)?.names.get(name)?.id;
    let mut cx = Cx::new(sources, &modules, Sink::default());
    if modules.declaration(id).kind.text != "target" {
        return None;
    }
    let merged = cx.merged(id)?;
    let target = cx.target(&merged, false);
    (!cx.sink.has_errors()).then_some(target)
}

/// What is unused because its user is wrong is no news.
fn is_unused(diagnostic: &Diagnostic) -> bool {
    matches!(
        diagnostic.code,
        "bnas::name::unused" | "bnas::import::unused"
    )
}

/// What is not proved of a value that is known to go wrong: the value is to be mended first.
fn is_doubted(diagnostic: &Diagnostic, undefined: &BTreeSet<Span>) -> bool {
    let mut main = diagnostic.labels.first().into_iter();
    diagnostic.code == "bnas::domain::unproved" && main.any(|l| undefined.contains(&l.span))
}

/// What was written under a wrong name is not missing.
fn is_given_otherwise(diagnostic: &Diagnostic, meant: &BTreeSet<(Span, String)>) -> bool {
    let is_it = |(owner, key): &(Span, String)| {
        let main = diagnostic.labels.first();
        main.is_some_and(|l| l.span == *owner)
            && diagnostic.message.contains(&format!("needs `{key}`"))
    };
    diagnostic.code == "bnas::field::missing" && meant.iter().any(is_it)
}

/// Whether it may only say that something could not be read, which has been said: a name that is missing, or what a declaration
/// lacks of which a part is lost.
fn is_consequence(diagnostic: &Diagnostic, sources: &Sources, modules: &Modules) -> bool {
    let Some(main) = diagnostic.labels.first() else {
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
            modules.may_be_lost(name)
                || is_of_no_kind(name, main.span.source, modules)
                || (is_beside() && !suggests)
        }
        "bnas::name::unknown_key" => {
            // What it amends may have it in a part that is lost.
            let own = modules.around(main.span).map(|d| d.span);
            let is_other = |l: &&Label| modules.around(l.span).map(|d| d.span) != own;
            let mut others = diagnostic.labels.iter().filter(is_other);
            is_beside() || others.any(|l| modules.is_broken(l.span))
        }
        "bnas::field::missing" => is_broken(),
        code if code.ends_with("::empty") || code == "bnas::policy::says_nothing" => is_broken(),
        _ => false,
    }
}

/// Whether a file declares a name as something of an unknown kind.
fn is_of_no_kind(name: &str, source: SourceId, modules: &Modules) -> bool {
    let module = modules.get(source);
    let mut declarations = module.into_iter().flat_map(|m| &m.file.declarations);
    declarations.any(|d| d.name.text == name && schema::declaration(&d.kind.text).is_none())
}

/// Lowers every declaration of the main file, used or not: experiments last, so that what they find wrong elsewhere comes of what they amend.
fn lower(cx: &mut Cx, main: SourceId) -> Program {
    let mut program = Program::default();
    let modules = cx.modules;
    let declarations = modules.get(main).map_or(&[][..], |m| &m.file.declarations);
    for declaration in declarations {
        cx.reads(&declaration.entries);
    }
    let ids = (0..declarations.len()).map(|index| Id {
        source: main,
        index,
    });
    let is_experiment = |id: &Id| declarations[id.index].kind.text == "experiment";
    let (experiments, mut others): (Vec<Id>, Vec<Id>) = ids.partition(is_experiment);
    others.sort_by_key(|id| declarations[id.index].base.is_some());
    for id in others {
        cx.reached = Reached::default();
        let found = cx.sink.count();
        declaration(cx, id);
        show_amendments(cx, found, declarations[id.index].span);
    }
    for id in experiments {
        cx.reached = Reached::default();
        let found = cx.sink.count();
        program.experiments.extend(cx.experiment(id));
        show_amendments(cx, found, declarations[id.index].span);
    }
    program
}

/// Shows beside what was found in another declaration than the one at `own` what amends that.
fn show_amendments(cx: &mut Cx, found: usize, own: Span) {
    let amendments = std::mem::take(&mut cx.amendments);
    let is_own = |d: &Diagnostic| d.labels.first().is_some_and(|l| own.holds(l.span));
    cx.sink.complete(found, |d| match is_own(&d) {
        true => d,
        false => with_amendments(d, &amendments),
    });
}

/// Lowers a declaration that is no experiment, for what is wrong with it.
fn declaration(cx: &mut Cx, id: Id) {
    let Some(merged) = cx.merged(id) else {
        return;
    };
    match cx.modules.declaration(id).kind.text.as_str() {
        "dataset" => {
            let dataset = cx.inside(&merged, false, |cx| cx.dataset(&merged));
            cx.facts(&merged, Subject::Dataset(dataset));
        }
        "block" => {
            cx.memory.blocks.clear();
            cx.inner = Inner::default();
            let block = cx.block(&merged);
            cx.facts(&merged, Subject::Block(block));
        }
        "space" => {
            let space = cx.space(&merged, false);
            cx.facts(&merged, Subject::Space(space));
        }
        "quantizer" => {
            let quantizer = cx.quantizer(&merged);
            cx.facts(&merged, Subject::Quantizer(quantizer.into()));
        }
        "policy" => {
            let policy = cx.policy(&merged, false);
            cx.facts(&merged, Subject::Policy(policy));
        }
        "repair" => {
            let repair = cx.repair(&merged);
            cx.facts(&merged, Subject::Repair(repair));
        }
        _ => {
            cx.target(&merged, false);
        }
    }
}
