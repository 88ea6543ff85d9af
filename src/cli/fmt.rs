//! `bnas fmt`: lays specs out in the one way that everybody reads.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::Failed;
use super::spec::{Spec, diagnostic, find, is_stdin, read_any, shown};
use super::terminal::{Format, Terminal};
use crate::diagnostic::{Diagnostic, render};
use crate::report::words::plural;
use crate::source::Sources;
use crate::syntax;

/// Format specs in place, standard input to standard output
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders to search for `.bnas` files, or `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; end with 1 if something would change
    #[arg(long)]
    check: bool,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &Terminal) -> Result<(), Failed> {
    let paths = find(&args.paths)?;
    let mut changed = Vec::new();
    let mut is_broken = false;
    let mut files = Vec::new();
    for path in &paths {
        let bytes = read_any(path)?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let spec = Spec::not_utf8(path, shown(path), &e);
                if terminal.format == Format::Human {
                    spec.show(&spec.diagnostics, terminal);
                }
                files.push(file(path, false, &spec.diagnostics, &spec.sources));
                is_broken = true;
                continue;
            }
        };
        let mut sources = Sources::default();
        let id = sources.add(shown(path), text.as_str());
        let formatted = match syntax::format(id, &text) {
            Ok(formatted) => formatted,
            Err(found) => {
                if terminal.format == Format::Human {
                    terminal.raw(&render(&found, &sources, terminal.color_errors));
                }
                files.push(file(path, false, &found, &sources));
                is_broken = true;
                continue;
            }
        };
        files.push(file(path, formatted != text, &[], &sources));
        if is_stdin(path) && !args.check && terminal.format == Format::Human {
            terminal.print(&formatted)?;
            continue;
        }
        if formatted == text {
            continue;
        }
        changed.push(path);
        if !args.check && !is_stdin(path) {
            write(path, &formatted)?;
        }
    }
    let verb = if args.check {
        "would change"
    } else {
        "changed"
    };
    match terminal.format {
        Format::Human => {
            for path in &changed {
                terminal.print(&format!("{verb} {}\n", shown(path)))?;
            }
        }
        Format::Json => {
            let document = json!({"schema": 1, "written": !args.check, "files": files});
            terminal.print(&format!("{document:#}\n"))?;
        }
    }
    terminal.say(&format!(
        "{} of {} {verb}",
        changed.len(),
        plural(paths.len(), "file")
    ));
    if is_broken || (args.check && !changed.is_empty()) {
        return Err(Failed::spec());
    }
    Ok(())
}

/// One file for programs: whether its layout is another, or why it has none.
fn file(path: &Path, changes: bool, found: &[Diagnostic], sources: &Sources) -> Json {
    json!({
        "file": shown(path),
        "changes": changes,
        "diagnostics": found.iter().map(|d| diagnostic(d, sources)).collect::<Vec<_>>(),
    })
}

/// Writes beside the file and renames, so that a full disk cannot cost the text. Links are followed, permissions kept.
fn write(path: &Path, text: &str) -> Result<(), Failed> {
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let temporary = real.with_extension("bnas.tmp");
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::metadata(&real))
        .and_then(|old| std::fs::set_permissions(&temporary, old.permissions()))
        .and_then(|()| std::fs::rename(&temporary, &real))
        .map_err(|e| {
            let _ = std::fs::remove_file(&temporary);
            Failed::run(format!("cannot write `{}`: {e}", path.display()))
        })
}
