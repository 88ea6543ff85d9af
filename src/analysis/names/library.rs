//! What a file imports from the library: `use std.targets.braintta`, `use std.repairs.training.{a, b}`.
//!
//! In: the path and the names of a `use`. Out: the declarations as names of the file, or what the library has in place of what it has not.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Reader;
use super::{LIBRARY_PREFIX, Meaning, dotted};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::syntax::ast;

impl Reader<'_> {
    /// `use std.targets.braintta`, `use std.repairs.training.{a, b}`.
    pub(super) fn library(
        &mut self,
        segments: &[ast::Name],
        import: &ast::Use,
        names: &mut BTreeMap<String, Meaning>,
    ) {
        let first = &segments[0];
        if first.text != "std" {
            self.modules.absent.extend(
                (import.names.iter().flatten().chain(segments.last())).map(|n| n.text.clone()),
            );
            self.sink.push(
                Diagnostic::error(
                    "bnas::import::missing",
                    format!("there is no library `{}`", first.text),
                )
                .label(first.span, "only `std` is a library")
                .help(format!(
                    "write `use std.…`, or name a file: `use \"{}.bnas\"`",
                    first.text
                )),
            );
            return;
        }
        let folder: Vec<&str> = segments[1..].iter().map(|s| s.text.as_str()).collect();
        if import.names.is_some() && !self.is_folder(&folder.join("/")) {
            let names = import.names.iter().flatten().map(|n| n.text.clone());
            self.modules.absent.extend(names);
            self.no_folder(segments, import);
            return;
        }
        let wanted: Vec<(String, &ast::Name)> = match &import.names {
            None => vec![(folder.join("/"), &segments[segments.len() - 1])],
            Some(list) => list
                .iter()
                .map(|name| {
                    let mut parts = folder.clone();
                    parts.push(&name.text);
                    (parts.join("/"), name)
                })
                .collect(),
        };
        for (path, name) in wanted {
            let file = format!("{path}.bnas");
            let Some(bytes) = self.loader.library(&file) else {
                self.not_in_library(&path, name);
                self.modules.absent.insert(name.text.clone());
                continue;
            };
            let full = format!("{LIBRARY_PREFIX}{file}");
            let known = self.known(&full, name.span);
            let source = known.unwrap_or_else(|| self.read(&full, bytes, name.span));
            match source {
                Some(source) => self.bring(source, name, names),
                None => {
                    self.modules.absent.insert(name.text.clone());
                }
            }
        }
    }

    fn not_in_library(&mut self, path: &str, name: &ast::Name) {
        let known: Vec<&str> = self
            .modules
            .library
            .iter()
            .map(|p| p.trim_end_matches(".bnas"))
            .collect();
        let inside = format!("{path}/");
        let within: Vec<String> = known
            .iter()
            .filter(|k| k.starts_with(&inside))
            .map(|k| format!("`{}`", dotted(k)))
            .collect();
        let dots = path.replace('/', ".");
        let mut diagnostic = if within.is_empty() {
            Diagnostic::error(
                "bnas::import::missing",
                format!("the library has no `std.{dots}`"),
            )
            .label(name.span, "no such file")
        } else {
            Diagnostic::error(
                "bnas::import::missing",
                format!("`std.{dots}` is a folder of the library"),
            )
            .label(name.span, "names no definition")
        };
        let last = path.rsplit('/').next().unwrap_or(path);
        let alike = known
            .iter()
            .copied()
            .find(|k| k.rsplit('/').next() == Some(last))
            .or_else(|| did_you_mean(path, known.iter().copied()));
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        if !within.is_empty() {
            diagnostic = diagnostic.help(format!("it holds {}", within.join(", ")));
        } else if let Some(alike) = alike {
            diagnostic = diagnostic.help(format!("did you mean `use {}`?", dotted(alike)));
        } else {
            diagnostic = diagnostic.help(self.nearest_folder(above));
        }
        self.sink.push(diagnostic);
    }

    /// Whether a folder of the library has this path.
    fn is_folder(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        path.is_empty() || self.modules.library.iter().any(|p| p.starts_with(&inside))
    }

    /// Names from a folder that is none: they are missing for one reason.
    fn no_folder(&mut self, segments: &[ast::Name], import: &ast::Use) {
        let path: Vec<&str> = segments[1..].iter().map(|s| s.text.as_str()).collect();
        let path = path.join("/");
        let last = &segments[segments.len() - 1];
        let is_file = self.modules.library.contains(&format!("{path}.bnas"));
        let diagnostic = match is_file {
            // `use std.quantizers.int8.{int9}`: a file is one definition.
            true => Diagnostic::error(
                "bnas::import::missing",
                format!("`{}` is no folder of the library", dotted(&path)),
            )
            .label(last.span, "a file, not a folder")
            .help(format!(
                "`{0}` is one definition: write `use {0}`",
                dotted(&path)
            )),
            false => Diagnostic::error(
                "bnas::import::missing",
                format!("the library has no folder `{}`", dotted(&path)),
            )
            .label(last.span, "no such folder")
            .help(match self.folder_alike(&path, import) {
                Some(alike) => format!("did you mean `{}`?", dotted(&alike)),
                None => {
                    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
                    self.nearest_folder(above)
                }
            }),
        };
        self.sink.push(diagnostic);
    }

    /// The folder whose path a wrong one was probably to be: one that reads alike, or one that holds all of what is wanted from it.
    fn folder_alike(&self, path: &str, import: &ast::Use) -> Option<String> {
        let library = self.modules.library.iter();
        let folders: BTreeSet<&str> = library
            .filter_map(|p| Some(p.rsplit_once('/')?.0))
            .collect();
        let holds = |folder: &&str| {
            let mut names = import.names.iter().flatten();
            names.all(|name| {
                let file = format!("{folder}/{}.bnas", name.text);
                self.modules.library.contains(&file)
            })
        };
        let alike = did_you_mean(path, folders.iter().copied());
        let alike = alike.or_else(|| folders.iter().copied().find(holds));
        alike.map(str::to_string)
    }

    /// What the folder of a wrong path holds, or the nearest folder above it that exists.
    fn nearest_folder(&self, folder: &str) -> String {
        let inside = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let entries: BTreeSet<&str> = self
            .modules
            .library
            .iter()
            .filter_map(|path| path.trim_end_matches(".bnas").strip_prefix(&inside))
            .filter_map(|rest| rest.split('/').next())
            .collect();
        if entries.is_empty() {
            return self.nearest_folder(folder.rsplit_once('/').map_or("", |(above, _)| above));
        }
        let entries: Vec<String> = entries.iter().map(|e| format!("`{e}`")).collect();
        let std = if folder.is_empty() {
            "std".into()
        } else {
            dotted(folder)
        };
        format!("`{std}` holds {}", entries.join(", "))
    }
}
