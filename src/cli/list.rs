//! `bnas list`: what the standard library has, or what a file declares.

use std::path::PathBuf;

use serde_json::json;

use super::Failed;
use super::spec::read_text;
use super::terminal::{Format, Terminal};
use crate::analysis::{FileLoader, Loader};
use crate::diagnostic::{Sink, render};
use crate::source::Sources;
use crate::syntax;
use crate::syntax::ast::Declaration;

/// List the standard library, or the declarations of a file
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A spec; without it, the standard library
    file: Option<PathBuf>,
}

/// A declaration for a reader who looks for something to use.
struct Entry {
    kind: String,
    /// How to import it, or its name in the file.
    name: String,
    /// The first sentence of its documentation.
    docs: String,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let entries = match &args.file {
        Some(path) => {
            let text = read_text(path, terminal)?;
            declarations(&path.display().to_string(), &text, "", terminal)?
        }
        None => library(terminal)?,
    };
    match terminal.format {
        Format::Human => terminal.print(&table(&entries)),
        Format::Json => {
            let entries: Vec<_> = entries
                .iter()
                .map(|e| json!({"kind": e.kind, "name": e.name, "docs": e.docs}))
                .collect();
            let document = json!({"schema": 1, "declarations": entries});
            terminal.print(&format!("{document:#}\n"))
        }
    }
}

fn library(terminal: &Terminal) -> Result<Vec<Entry>, Failed> {
    let mut entries = Vec::new();
    for path in FileLoader.library_paths() {
        let bytes = FileLoader.library(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        // `targets/braintta.bnas` is imported as `std.targets.braintta`.
        let dotted = path.trim_end_matches(".bnas").replace('/', ".");
        let folder = dotted.rsplit_once('.').map_or("", |(folder, _)| folder);
        let prefix = format!("std.{folder}.");
        entries.extend(declarations(
            &format!("<std>/{path}"),
            &text,
            &prefix,
            terminal,
        )?);
    }
    Ok(entries)
}

fn declarations(
    name: &str,
    text: &str,
    prefix: &str,
    terminal: &Terminal,
) -> Result<Vec<Entry>, Failed> {
    let mut sources = Sources::default();
    let id = sources.add(name, text);
    let mut sink = Sink::default();
    let file = syntax::parse(id, text, &mut sink);
    let has_errors = sink.has_errors();
    let found = sink.into_sorted();
    if !found.is_empty() {
        terminal.raw(&render(&found, &sources, terminal.color_errors));
    }
    if has_errors {
        return Err(Failed::spec());
    }
    let entry = |d: &Declaration| Entry {
        kind: d.kind.text.clone(),
        name: format!("{prefix}{}", d.name.text),
        docs: first_sentence(&docs(d)),
    };
    Ok(file.declarations.iter().map(entry).collect())
}

fn docs(declaration: &Declaration) -> String {
    let lines: Vec<&str> = declaration.docs.iter().map(|l| l.value.as_str()).collect();
    lines.join("\n")
}

/// Up to the first full stop that ends a sentence: not one behind an initial (`E. Alpaydin`).
pub fn first_sentence(docs: &str) -> String {
    let lines: Vec<&str> = docs.lines().map(str::trim).collect();
    let text = lines.join(" ");
    let mut stops = text.match_indices(". ").map(|(at, _)| at);
    let end = stops.find(|at| !text[..*at].ends_with(char::is_uppercase));
    match end {
        Some(end) => text[..end].to_string(),
        None => text.trim_end_matches('.').to_string(),
    }
}

/// Columns without lines: a list that can be searched with other tools.
fn table(entries: &[Entry]) -> String {
    let width = |of: fn(&Entry) -> &str| {
        let widths = entries.iter().map(|e| of(e).chars().count());
        widths.max().unwrap_or(0)
    };
    let (kinds, names) = (width(|e| &e.kind), width(|e| &e.name));
    let mut out = String::new();
    for Entry { kind, name, docs } in entries {
        let line = format!("{kind:kinds$}  {name:names$}  {docs}");
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
