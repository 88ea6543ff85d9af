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
mod parts;
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
use crate::model::blame::{is_of_amendment, with_amendments};
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
    let doubts = std::mem::take(&mut cx.doubts);
    let found = std::mem::take(&mut cx.sink).into_sorted();
    let errors = found.iter().chain(sink.found()).filter(|d| d.is_error());
    let errors = errors.filter_map(|d| Some(main_of(d)?.span));
    let errors: Vec<Span> = errors.collect();
    let sound = match failed && !modules.is_incomplete() {
        true => sound(&cx, &program, &errors),
        false => Vec::new(),
    };
    let defaults: Vec<Span> = (found.iter())
        .filter(|d| d.code == "bnas::domain::default")
        .filter_map(|d| Some(d.labels.last()?.span))
        .collect();
    let undefined: BTreeSet<Span> = (found.iter())
        .filter(|d| d.code == "bnas::domain::undefined")
        .filter_map(|d| Some(main_of(d)?.span))
        .collect();
    let wrong = errors.iter().filter(|span| !doubts.contains_key(span));
    let wrong: Vec<Span> = wrong.copied().collect();
    let is_of_wrong = |d: &Diagnostic| {
        let behind = main_of(d).and_then(|main| doubts.get(&main.span));
        let is_wrong = |behind: &Span| {
            modules.is_broken(*behind) || wrong.iter().any(|wrong| behind.holds(*wrong))
        };
        d.code == "bnas::name::unknown" && behind.is_some_and(|b| b.iter().any(is_wrong))
    };
    for diagnostic in found {
        let follows = is_unused(&diagnostic)
            || is_beyond_default(&diagnostic, &defaults)
            || is_doubted(&diagnostic, &undefined)
            || is_consequence(&diagnostic, sources, &modules)
            || is_of_wrong(&diagnostic)
            || is_below_meant(&diagnostic, &meant, sources, &modules);
        if !(failed && follows || is_given_otherwise(&diagnostic, &meant)) {
            sink.push(diagnostic);
        }
    }
    let diagnostics = joined(sink.into_sorted());
    Checked {
        program: (!failed).then_some(program),
        sound,
        diagnostics,
    }
}

/// The experiments that no error can be about: nothing is wrong in them, nor in anything that they name.
fn sound(cx: &Cx, program: &Program, wrong: &[Span]) -> Vec<Experiment> {
    let is_sound = |experiment: &&Experiment| {
        let Some(own) = cx.modules.around(experiment.span) else {
            return false;
        };
        let reached = cx.reached_from(std::iter::once(own.span), &|_| true);
        let is_wrong = |reached: &Span| {
            cx.modules.is_broken(*reached) || wrong.iter().any(|wrong| reached.holds(*wrong))
        };
        cx.sound.contains(&experiment.span) && !reached.iter().any(is_wrong)
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

/// What a section lacks in one diagnostic, one after the other in the order of the text.
fn joined(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_of_section =
        |d: &Diagnostic| d.code == "bnas::field::missing" && d.message.contains(" { … }`) needs `");
    let owner = |d: &Diagnostic| d.message.split(" needs `").next().map(str::to_string);
    let mut joined: Vec<Diagnostic> = Vec::with_capacity(found.len());
    for diagnostic in found {
        match joined.last_mut() {
            Some(last)
                if is_of_section(last)
                    && is_of_section(&diagnostic)
                    && owner(last) == owner(&diagnostic)
                    && main_of(last).map(|l| l.span) == main_of(&diagnostic).map(|l| l.span) =>
            {
                if let Some((_, field)) = diagnostic.message.split_once(" needs ") {
                    last.message = last.message.replace("` and `", "`, `");
                    last.message.push_str(&format!(" and {field}"));
                }
                let mut labels = last.labels.iter_mut();
                if let Some(label) = labels.find(|l| l.text.ends_with(" missing")) {
                    label.text = "these are missing".into();
                }
                if let (Some(help), Some(more)) = (&mut last.help, &diagnostic.help) {
                    help.push_str(&format!("; {more}"));
                }
            }
            _ => joined.push(diagnostic),
        }
    }
    joined
}

/// The label of what is wrong, behind those of what amends it.
fn main_of(diagnostic: &Diagnostic) -> Option<&Label> {
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

/// What was written under a wrong name is not missing.
fn is_given_otherwise(diagnostic: &Diagnostic, meant: &BTreeSet<(Span, String)>) -> bool {
    let is_it = |(owner, key): &(Span, String)| {
        let main = main_of(diagnostic);
        main.is_some_and(|l| l.span == *owner)
            && diagnostic.message.contains(&format!("needs `{key}`"))
    };
    diagnostic.code == "bnas::field::missing" && meant.iter().any(is_it)
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
        "bnas::name::unknown_key" => {
            // What it amends may have it in a part that is lost.
            let own = modules.around(main.span).map(|d| d.span);
            let is_other = |l: &&Label| modules.around(l.span).map(|d| d.span) != own;
            let mut others = diagnostic.labels.iter().filter(is_other);
            is_beside() || others.any(|l| modules.is_broken(l.span))
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
        let (found, errors) = (cx.sink.count(), cx.errors);
        program.experiments.extend(cx.experiment(id));
        if cx.errors == errors {
            cx.sound.insert(declarations[id.index].name.span);
        }
        show_amendments(cx, found, declarations[id.index].span);
    }
    program
}

/// Shows beside what was found in another declaration than the one at `own` what amends that.
fn show_amendments(cx: &mut Cx, found: usize, own: Span) {
    let amendments = std::mem::take(&mut cx.amendments);
    let is_own = |d: &Diagnostic| main_of(d).is_some_and(|l| own.holds(l.span));
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
