//! `bnas fmt`: lays specs out in the one way that everybody reads.

use std::path::{Path, PathBuf};

use super::Failed;
use super::spec::{Spec, find, unreadable};
use super::terminal::Terminal;
use crate::diagnostic::render;
use crate::report::words::plural;
use crate::source::Sources;
use crate::syntax;

/// Format specs in place
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, or folders to search for `.bnas` files
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
    for path in &paths {
        let bytes = std::fs::read(path).map_err(|e| unreadable(path, &e))?;
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                let spec = Spec::not_utf8(path, path.display().to_string(), &e);
                spec.show(&spec.diagnostics, terminal);
                is_broken = true;
                continue;
            }
        };
        let Some(formatted) = format(path, &text, terminal) else {
            is_broken = true;
            continue;
        };
        if formatted == text {
            continue;
        }
        changed.push(path);
        if !args.check {
            write(path, &formatted)?;
        }
    }
    let verb = if args.check {
        "would change"
    } else {
        "changed"
    };
    for path in &changed {
        terminal.print(&format!("{verb} {}\n", path.display()))?;
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

/// The text laid out anew; `None` if it cannot be parsed, which has been said then.
fn format(path: &Path, text: &str, terminal: &Terminal) -> Option<String> {
    let mut sources = Sources::default();
    let id = sources.add(path.display().to_string(), text);
    match syntax::format(id, text) {
        Ok(formatted) => Some(formatted),
        Err(found) => {
            terminal.raw(&render(&found, &sources, terminal.color_errors));
            None
        }
    }
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
