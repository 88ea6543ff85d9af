//! `bnas doc`: what a definition of the library, of a file, or a word of the language is.
//!
//! In: a name. Out: its page, for people or as JSON; with `--markdown` the pages of the whole library as one document.

mod behind;
mod example;
mod keyword;
mod page;
mod path;
mod sign;
mod word;

use std::path::{Path, PathBuf};

use serde_json::json;

use self::page::Page;
use super::Failed;
use super::list::first_sentence;
use super::spec::read_text;
use super::terminal::{Format, Terminal};
use crate::analysis::{Described, FileLoader, Loader, describe, schema};
use crate::diagnostic::{did_you_mean, render};
use crate::source::Sources;

/// Document a definition of the library or of a file, or a word of the language
#[derive(Debug, clap::Args)]
pub struct Args {
    /// `braintta`, `std.spaces.resnet20`, `FILE`, `FILE:NAME`, or a word of the language such as `train`, `search.initial`, `KiB` or `@paper`
    #[arg(required_unless_present = "markdown")]
    name: Option<String>,
    /// Write the documentation of the whole library as Markdown
    #[arg(long, conflicts_with = "name")]
    markdown: bool,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let Some(name) = &args.name else {
        return terminal.print(&markdown(terminal)?);
    };
    let pages = pages(name, terminal)?;
    match terminal.format {
        Format::Human => {
            let texts: Vec<String> = pages.iter().map(|p| p.text(terminal.look)).collect();
            terminal.print(&texts.join("\n"))
        }
        Format::Json => {
            let pages: Vec<_> = pages.iter().map(Page::json).collect();
            let document = json!({"schema": 1, "pages": pages});
            terminal.print(&format!("{document:#}\n"))
        }
    }
}

/// The pages that a name stands for: of a file, of the library, or of the language, in this order.
fn pages(name: &str, terminal: &Terminal) -> Result<Vec<Page>, Failed> {
    if Path::new(name).is_file() {
        return of_file(Path::new(name), None, terminal);
    }
    if name.contains("::") {
        return Err(Failed::usage(format!(
            "`{name}` is no name but a code of a diagnostic\n  `bnas explain {}` says what it means",
            name.trim_start_matches("bnas::")
        )));
    }
    if let Some((file, inner)) = name.rsplit_once(':') {
        return of_file(Path::new(file), Some(inner), terminal);
    }
    if name.ends_with(".bnas") {
        return of_file(Path::new(name), None, terminal);
    }
    let library = library();
    let found = library.iter().filter(|(dotted, _)| {
        dotted == name || dotted.rsplit('.').next() == Some(name) && !name.contains('.')
    });
    let mut pages = Vec::new();
    for (dotted, path) in found {
        pages.extend(of_library(dotted, path, terminal)?);
    }
    pages.extend(word::pages(name));
    if let (true, Some((head, of))) = (pages.is_empty(), name.split_once('.')) {
        pages.extend(of_value(head, of, &library, terminal)?);
    }
    if pages.is_empty() {
        return Err(unknown(name, &library));
    }
    Ok(pages)
}

/// The page of a definition of the library for the path of one of its values: `small_cnn.width`.
fn of_value(
    head: &str,
    of: &str,
    library: &[(String, String)],
    terminal: &Terminal,
) -> Result<Vec<Page>, Failed> {
    let Some((dotted, path)) = { library.iter() }.find(|(d, _)| d.rsplit('.').next() == Some(head))
    else {
        return Ok(Vec::new());
    };
    let pages = of_library(dotted, path, terminal)?.into_iter();
    Ok(pages.filter(|page| page.has(of)).collect())
}

/// The `use` path and the file of every definition of the library.
fn library() -> Vec<(String, String)> {
    let dotted = |path: &String| path.trim_end_matches(".bnas").replace('/', ".");
    let paths = FileLoader.library_paths();
    paths
        .into_iter()
        .map(|path| (format!("std.{}", dotted(&path)), path))
        .collect()
}

fn of_library(dotted: &str, path: &str, terminal: &Terminal) -> Result<Vec<Page>, Failed> {
    let bytes = FileLoader.library(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let described = described(&format!("<std>/{path}"), &text, terminal)?;
    Ok(described
        .iter()
        .map(|d| Page::of(d, Some(dotted)))
        .collect())
}

fn of_file(path: &Path, only: Option<&str>, terminal: &Terminal) -> Result<Vec<Page>, Failed> {
    let text = read_text(path, terminal)?;
    let described = described(&path.display().to_string(), &text, terminal)?;
    let wanted = |d: &&Described| only.is_none_or(|name| d.name == name);
    let pages: Vec<Page> = described
        .iter()
        .filter(wanted)
        .map(|d| Page::of(d, None))
        .collect();
    if pages.is_empty() {
        let names = described.iter().map(|d| d.name.as_str());
        let help = match only.and_then(|name| did_you_mean(name, names.clone())) {
            Some(alike) => format!("did you mean `{}:{alike}`?", path.display()),
            None => format!("it declares {}", names.collect::<Vec<_>>().join(", ")),
        };
        let name = only.unwrap_or_default();
        return Err(Failed::usage(format!(
            "`{}` does not declare `{name}`\n  {help}",
            path.display()
        )));
    }
    Ok(pages)
}

fn described(name: &str, text: &str, terminal: &Terminal) -> Result<Vec<Described>, Failed> {
    let mut sources = Sources::default();
    let main = sources.add(name, text);
    describe(&mut sources, main, &FileLoader).map_err(|found| {
        terminal.raw(&render(&found, &sources, terminal.color_errors));
        Failed::spec()
    })
}

fn unknown(name: &str, library: &[(String, String)]) -> Failed {
    let paths = path::names();
    let mut known: Vec<&str> = library.iter().map(|(dotted, _)| dotted.as_str()).collect();
    if name.contains('.') {
        known.extend(paths.iter().map(String::as_str));
    } else {
        known = known.iter().filter_map(|d| d.rsplit('.').next()).collect();
        known.extend(word::names());
    }
    let is_decision = ["space.", "policy."]
        .iter()
        .any(|head| name.starts_with(head));
    let help = match did_you_mean(name, known) {
        _ if is_decision => "what a spec calls so, `bnas check -v FILE` lists by its path".into(),
        Some(alike) => format!("did you mean `{alike}`?"),
        None => "`bnas list` lists the library; a file's definitions are `FILE:NAME`".into(),
    };
    Failed::usage(format!("nothing is called `{name}`\n  {help}"))
}

/// `docs/stdlib.md`: a table of contents, then every page by kind in the order of the schema.
fn markdown(terminal: &Terminal) -> Result<String, Failed> {
    let mut pages: Vec<(Described, Page, PathBuf)> = Vec::new();
    for (dotted, path) in library() {
        let bytes = FileLoader.library(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        for one in described(&format!("<std>/{path}"), &text, terminal)? {
            let page = Page::of(&one, Some(&dotted));
            pages.push((one, page, Path::new("../stdlib").join(&path)));
        }
    }
    let mut out = String::from(
        "# The standard library\n\n\
         Written by `bnas doc --markdown` from the files in [stdlib](../stdlib); the tests hold it to them. `bnas doc NAME` shows one page.\n",
    );
    for kind in schema::DECLARATIONS {
        let of_kind: Vec<_> = pages.iter().filter(|(d, ..)| d.kind == kind.kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        out.push_str(&format!("\n## {}s: {}\n\n", title(kind.kind), kind.docs));
        out.push_str("| | |\n|---|---|\n");
        for (described, page, _) in &of_kind {
            out.push_str(&format!(
                "| [`{}`](#{}) | {} |\n",
                described.name,
                page.anchor(),
                page::cell(&first_sentence(&described.docs)),
            ));
        }
        for (_, page, file) in of_kind {
            out.push('\n');
            out.push_str(&page.markdown(file));
        }
    }
    out.push_str(&word::markdown());
    Ok(out)
}

fn title(kind: &str) -> String {
    match kind {
        "policy" => "Policie".into(),
        other => {
            let mut letters = other.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        }
    }
}
