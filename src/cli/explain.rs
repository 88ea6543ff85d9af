//! `bnas explain`: what the code of a diagnostic means, with a wrong and a right example.
//!
//! In: a code, or none. Out: its page of `docs/errors`, or the list of all codes. The pages travel inside the binary; the tests run
//! their examples and see that every code has a page.

use include_dir::{Dir, include_dir};
use serde_json::json;

use super::Failed;
use super::terminal::{Format, Terminal};
use crate::diagnostic::did_you_mean;

/// The pages as they were when the program was built.
static PAGES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/docs/errors");

/// What every code begins with.
const PREFIX: &str = "bnas::";

/// Explain the code of a diagnostic, or list all codes
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A code such as `bnas::unit::mismatch` or `unit::mismatch`; without it, all codes
    code: Option<String>,
}

/// One page.
struct Page {
    /// Without the prefix: `unit::mismatch`.
    code: String,
    text: &'static str,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let pages = pages();
    let Some(wanted) = &args.code else {
        return terminal.print(&list(&pages, terminal.format));
    };
    let short = wanted.strip_prefix(PREFIX).unwrap_or(wanted);
    let found = pages.iter().find(|p| p.code == short);
    let page = found.ok_or_else(|| Failed::usage(unknown(wanted, short, &pages)))?;
    match terminal.format {
        Format::Human => terminal.print(&plain(page.text, terminal.look.color)),
        Format::Json => terminal.print(&format!("{:#}\n", json!({"schema": 1, "code": format!("{PREFIX}{}", page.code), "summary": page.summary(), "page": page.text}))),
    }
}

impl Page {
    /// Its first sentence, below the title.
    fn summary(&self) -> String {
        let lines = self.text.lines().skip(1).skip_while(|l| l.is_empty());
        let paragraph: Vec<&str> = lines.take_while(|l| !l.is_empty()).collect();
        let paragraph = paragraph.join(" ");
        match paragraph.split_once(". ") {
            Some((sentence, _)) => format!("{sentence}."),
            None => paragraph,
        }
    }
}

/// Every page, sorted by code.
fn pages() -> Vec<Page> {
    let mut files = Vec::new();
    collect(&PAGES, &mut files);
    let mut pages: Vec<Page> = files
        .into_iter()
        .filter_map(|file| {
            let path = file.path().with_extension("");
            let code = path.to_string_lossy().replace(['/', '\\'], "::");
            Some(Page {
                code,
                text: file.contents_utf8()?,
            })
        })
        .collect();
    pages.sort_by(|a, b| a.code.cmp(&b.code));
    pages
}

fn collect<'d>(dir: &'d Dir<'d>, files: &mut Vec<&'d include_dir::File<'d>>) {
    files.extend(dir.files());
    for inner in dir.dirs() {
        collect(inner, files);
    }
}

/// One line per code, or a document.
fn list(pages: &[Page], format: Format) -> String {
    if format == Format::Json {
        let codes: Vec<_> = pages
            .iter()
            .map(|p| json!({"code": format!("{PREFIX}{}", p.code), "summary": p.summary()}))
            .collect();
        return format!("{:#}\n", json!({"schema": 1, "codes": codes}));
    }
    let width = pages.iter().map(|p| p.code.len()).max().unwrap_or(0);
    let line = |p: &Page| format!("{:width$}  {}\n", p.code, p.summary());
    pages.iter().map(line).collect()
}

/// What to say of a code that there is not.
fn unknown(wanted: &str, short: &str, pages: &[Page]) -> String {
    let codes = || pages.iter().map(|p| p.code.as_str());
    // Of `mismatch` alone, all areas that have one are meant.
    let same_end: Vec<&str> = codes()
        .filter(|c| c.rsplit("::").next() == Some(short))
        .collect();
    let area: Vec<&str> = codes()
        .filter(|c| c.split("::").next() == Some(short))
        .collect();
    let near: Vec<&str> = match (did_you_mean(short, codes()), same_end.is_empty()) {
        (_, false) => same_end,
        (Some(alike), true) => vec![alike],
        (None, true) => area,
    };
    let help = match near.as_slice() {
        [] => "`bnas explain` lists all codes".to_string(),
        near => {
            let commands: Vec<String> =
                near.iter().map(|c| format!("`bnas explain {c}`")).collect();
            format!("did you mean {}?", commands.join(" or "))
        }
    };
    format!("there is no code `{wanted}`\n  {help}")
}

/// A page for a terminal: fences become indented blocks, the title is bold.
fn plain(text: &str, color: bool) -> String {
    let mut out = String::new();
    let mut in_fence = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_fence = !in_fence;
            continue;
        }
        match (in_fence, line.strip_prefix("# ")) {
            (true, _) if line.is_empty() => {}
            (true, _) => out.push_str("    "),
            (false, Some(title)) => {
                out.push_str(&match color {
                    true => format!("\u{1b}[1m{title}\u{1b}[0m\n"),
                    false => format!("{title}\n"),
                });
                continue;
            }
            (false, None) => {}
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
