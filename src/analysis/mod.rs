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

mod amend;
mod arms;
mod calls;
mod checks;
mod context;
mod dataset;
mod describe;
mod domain;
mod experiment;
mod expr;
mod fields;
mod functions;
mod goals;
mod lists;
mod loader;
mod lookup;
mod merged;
mod names;
mod operations;
mod paths;
mod policy;
mod provenance;
mod quantizer;
mod range;
mod recipe;
mod repair;
pub mod schema;
mod sections;
mod space;
mod stages;
mod target;
#[cfg(test)]
mod tests;
mod types;

pub use describe::{Described, Setting, describe};
pub use loader::{FileLoader, FolderLoader, Loader};

use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::Program;
use crate::source::{SourceId, Sources};
use context::{Cx, Reached};
use names::Id;

/// What checking gives.
#[derive(Debug)]
pub struct Checked {
    /// The experiments of the main file; absent if there is any error.
    pub program: Option<Program>,
    /// Errors and warnings in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks a file with everything that it imports. Imported texts are added to `sources`.
pub fn check(sources: &mut Sources, main: SourceId, loader: &dyn Loader) -> Checked {
    let mut sink = Sink::default();
    let modules = names::load(sources, main, loader, &mut sink);
    if sink.has_errors() {
        // What is lost in a tree that did not parse, or in an import that is missing, would be missed everywhere.
        return Checked {
            program: None,
            diagnostics: sink.into_sorted(),
        };
    }
    let mut cx = Cx::new(sources, &modules, sink);
    let program = lower(&mut cx, main);
    cx.unused_imports(main);
    let failed = cx.sink.has_errors();
    let mut diagnostics = cx.sink.into_sorted();
    if failed {
        // What is unused because its user is wrong is no news.
        diagnostics.retain(|d| !matches!(d.code, "bnas::name::unused" | "bnas::import::unused"));
    }
    Checked {
        program: (!failed).then_some(program),
        diagnostics,
    }
}

/// Lowers every declaration of the main file, used or not.
fn lower(cx: &mut Cx, main: SourceId) -> Program {
    let mut program = Program::default();
    let modules = cx.modules;
    let declarations = modules.get(main).map_or(&[][..], |m| &m.file.declarations);
    for declaration in declarations {
        cx.reads(&declaration.entries);
    }
    for (index, declaration) in declarations.iter().enumerate() {
        let id = Id {
            source: main,
            index,
        };
        cx.reached = Reached::default();
        if declaration.kind.text == "experiment" {
            program.experiments.extend(cx.experiment(id));
            continue;
        }
        let Some(merged) = cx.merged(id) else {
            continue;
        };
        match declaration.kind.text.as_str() {
            "dataset" => {
                cx.inside(&merged, false, |cx| cx.dataset(&merged));
            }
            "block" => {
                cx.block(&merged);
            }
            "space" => {
                cx.space(&merged, false);
            }
            "quantizer" => {
                cx.quantizer(&merged);
            }
            "policy" => {
                cx.policy(&merged, false);
            }
            "repair" => {
                cx.repair(&merged);
            }
            _ => {
                cx.target(&merged, false);
            }
        }
    }
    program
}
