//! From trees to the intermediate representation, or every error that can be found.
//!
//! In: a text among [`Sources`], and a [`Loader`] for what it imports. Out: [`Checked`]: an [`ir::Program`](Program) whose
//! names are resolved, whose numbers are in base units and whose defaults are filled in, with diagnostics. One pass reports
//! as many errors as it can: a value that is wrong silences what follows from it. What needs the unrolled network (shapes, rules that match
//! no layer, requirements that nothing meets) is the model's business.
//!
//! `names` reads files, and `amend` copies and overrides declarations on the tree. `schema` says which fields there are, `expression` lowers what stands in
//! them, `structure`, `quantization`, `hardware`, `dataset` and `run` lower the kinds of declarations. `mistakes` says what was meant.

mod alternatives;
mod amend;
mod around;
mod context;
mod dataset;
mod describe;
mod embedded;
mod experiments;
mod expression;
mod facts;
mod hardware;
mod loader;
mod memory;
mod merged;
mod mistakes;
mod names;
mod paths;
mod provenance;
mod quantization;
mod reference;
mod run;
pub mod schema;
mod scope;
mod sections;
mod structure;
#[cfg(test)]
mod tests;

pub use describe::{Described, Setting, describe};
pub use loader::{FileLoader, FolderLoader, Loader};

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::{Experiment, Program, Target};
use crate::model::findings::blame::with_amendments;
use crate::model::template::undefined;
use crate::source::{SourceId, Sources, Span};
use context::Cx;
use facts::Subject;
use memory::Inner;
use mistakes::consequences::{Known, main_of};
use names::Id;

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
    cx.is_partial = partial;
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
    let known = Known {
        failed,
        meant: &meant,
        doubts: &doubts,
        errors: &errors,
        sources,
        modules: &modules,
    };
    let (news, rest) = known.news(found);
    news.into_iter().for_each(|d| sink.push(d));
    if failed && !sink.has_errors() {
        // Whatever follows from whatever: something is wrong, and is said.
        rest.into_iter().for_each(|d| sink.push(d));
    }
    let diagnostics = mistakes::joined::joined(sink.into_sorted(), sources, &modules);
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
    // What an experiment takes is judged there, as it is amended.
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let sources = cx.sources;
    let names: HashSet<&str> = (others.iter())
        .map(|id| declarations[id.index].name.text.as_str())
        .collect();
    // Without others, no text is looked at.
    let readers = experiments.iter().filter(|_| !names.is_empty());
    let taken: HashSet<&str> = readers
        .map(|id| sources.slice(declarations[id.index].span))
        .flat_map(|text| text.split(|c| !is_name(c)))
        .filter(|word| names.contains(word))
        .collect();
    for id in others {
        cx.begin();
        let found = cx.sink.count();
        let name = declarations[id.index].name.text.as_str();
        declaration(cx, id, !taken.contains(name));
        show_amendments(cx, found, declarations[id.index].span);
    }
    program.experiments = cx.experiments(&experiments);
    program
}

/// Shows beside what was found in another declaration than the one at `own` what amends that.
fn show_amendments(cx: &mut Cx, found: usize, own: Span) {
    let amendments = std::mem::take(&mut cx.amendments);
    let is_own = |d: &Diagnostic| main_of(d).is_some_and(|l| own.holds(l.span));
    cx.sink.complete(found, |d| match is_own(&d) {
        true => d,
        false => with_amendments(d, &amendments, None),
    });
}

/// Lowers a declaration that is no experiment, for what is wrong with it.
fn declaration(cx: &mut Cx, id: Id, is_alone: bool) {
    let errors = cx.errors;
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
            if is_alone && cx.errors == errors {
                let found = undefined::of_space(&space.space);
                found.into_iter().for_each(|d| cx.report(d));
            }
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
            let target = cx.target(&merged, false);
            if is_alone && cx.errors == errors {
                let found = undefined::of_target(&target);
                found.into_iter().for_each(|d| cx.report(d));
            }
        }
    }
}
