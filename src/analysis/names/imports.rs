//! Reads the main text and everything that it imports, each file once.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::loader::{Loader, without_dots};
use super::{Id, LIBRARY_PREFIX, Meaning, Module, Modules};
use crate::analysis::run::table;
use crate::diagnostic::{Diagnostic, Sink, did_you_mean};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::{self, ast};

/// How long a chain of imports may be.
const DEEPEST: usize = 64;

/// Reads the main text and everything that it imports.
pub(in crate::analysis) fn load(
    sources: &mut Sources,
    main: SourceId,
    loader: &dyn Loader,
    sink: &mut Sink,
) -> Modules {
    let mut reader = Reader {
        sources,
        loader,
        sink,
        modules: Modules {
            library: loader.library_paths(),
            ..Modules::default()
        },
        loaded: BTreeMap::new(),
        open: Vec::new(),
    };
    reader.module(main);
    reader.modules
}

pub(super) struct Reader<'a> {
    sources: &'a mut Sources,
    pub(super) loader: &'a dyn Loader,
    pub(super) sink: &'a mut Sink,
    pub(super) modules: Modules,
    /// Sources by their name, so that a file is read once.
    loaded: BTreeMap<String, SourceId>,
    /// Files whose imports are being read, outermost first.
    open: Vec<SourceId>,
}

impl Reader<'_> {
    fn module(&mut self, source: SourceId) {
        let name = self.sources.get(source).name.clone();
        self.loaded.insert(name.clone(), source);
        let file = syntax::parse(source, &self.sources.get(source).text, self.sink);
        self.modules.incomplete |= file.broken;
        self.modules.absent.extend(file.lost.iter().cloned());
        let mut names: BTreeMap<String, Meaning> = BTreeMap::new();
        for (index, declaration) in file.declarations.iter().enumerate() {
            let meaning = Meaning {
                id: Id { source, index },
                span: declaration.name.span,
                imported: false,
            };
            self.define(&mut names, &declaration.name.text, meaning);
        }
        self.open.push(source);
        for import in &file.uses {
            self.import(import, source, &mut names);
        }
        self.open.pop();
        let entries = file.declarations.iter().flat_map(|d| d.entries.iter());
        for (name, span) in entries.filter_map(table::file_of) {
            self.table(source, name, span);
        }
        self.modules
            .by_source
            .insert(source, Module { file, names });
    }

    /// A table is a text like those that are imported: diagnostics point into it, and the lock of a run has its hash.
    fn table(&mut self, from: SourceId, file: &str, span: Span) {
        let here = self.sources.get(from).name.clone();
        let folder = Path::new(&here).parent().unwrap_or(Path::new(""));
        let path = without_dots(&folder.join(file));
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.loaded.get(&name) {
            self.modules.tables.insert((from, file.into()), *known);
            return;
        }
        let failed = |why: String| {
            Diagnostic::error(
                "bnas::evaluate::table",
                format!("cannot read the table `{name}`"),
            )
            .label(span, why)
            .help("the path is relative to the file that names it")
        };
        match self.loader.inflated(&path).map(String::from_utf8) {
            Ok(Ok(text)) => {
                let source = self.sources.add(name.clone(), text);
                self.loaded.insert(name, source);
                self.modules.tables.insert((from, file.into()), source);
            }
            Ok(Err(_)) => self.sink.push(failed("it is not UTF-8".into())),
            Err(error) => self.sink.push(failed(error.to_string().to_lowercase())),
        }
    }

    fn define(&mut self, names: &mut BTreeMap<String, Meaning>, name: &str, meaning: Meaning) {
        if let Some(other) = names.get(name) {
            if other.id == meaning.id {
                let first = other.span;
                self.imported_twice(name, meaning.span, first);
                return;
            }
            // Declarations are known before imports, which stand above them.
            let (first, again) = match meaning.span < other.span {
                true => (meaning.span, other.span),
                false => (other.span, meaning.span),
            };
            self.sink.push(
                Diagnostic::error(
                    "bnas::name::duplicate",
                    format!("`{name}` is defined twice"),
                )
                .label(again, "defined again here")
                .label(first, "first defined here")
                .help("rename one of the two"),
            );
            let doubled = (again.source, name.to_string());
            self.modules.doubled.insert(doubled);
            return;
        }
        names.insert(name.into(), meaning);
    }

    /// A name that the main file imports by name twice.
    fn imported_twice(&mut self, name: &str, again: Span, first: Span) {
        // A whole file in quotes brings all of its names, wanted or not.
        let is_named = |span: Span| !self.sources.slice(span).starts_with('"');
        if self.open.len() == 1 && is_named(again) && is_named(first) && again != first {
            self.sink.push(
                Diagnostic::warning(
                    "bnas::import::unused",
                    format!("`{name}` is imported twice"),
                )
                .label(again, "imported again here")
                .label(first, "imported here already")
                .help("remove one of the two"),
            );
        }
    }

    fn import(&mut self, import: &ast::Use, from: SourceId, names: &mut BTreeMap<String, Meaning>) {
        match &import.from {
            ast::UseFrom::Path(segments) => self.library(segments, import, names),
            ast::UseFrom::File(path) => self.file(path, import, from, names),
        }
    }

    /// `use "layers.bnas".{x}`: relative to the file that says it.
    fn file(
        &mut self,
        path: &crate::source::Spanned<String>,
        import: &ast::Use,
        from: SourceId,
        names: &mut BTreeMap<String, Meaning>,
    ) {
        let here = self.sources.get(from).name.clone();
        if here.starts_with(LIBRARY_PREFIX) {
            self.sink.push(
                Diagnostic::error(
                    "bnas::import::missing",
                    "a file of the library imports no file outside of it",
                )
                .label(path.span, "write a `std` path"),
            );
            self.modules.incomplete = true;
            return;
        }
        let folder = Path::new(&here).parent().unwrap_or(Path::new(""));
        let joined = without_dots(&folder.join(&path.value));
        let name = joined.to_string_lossy().into_owned();
        let source = match self.known(&name, path.span) {
            Some(known) => known,
            None => match self.loader.file(&joined) {
                Ok(bytes) => self.read(&name, bytes, path.span),
                Err(error) => {
                    self.sink.push(
                        Diagnostic::error("bnas::import::missing", format!("cannot read `{name}`"))
                            .label(path.span, error.to_string().to_lowercase())
                            .help("a path in quotes is relative to the file that imports it"),
                    );
                    None
                }
            },
        };
        let Some(source) = source else {
            match &import.names {
                Some(list) => {
                    let lost = list.iter().map(|n| n.text.clone());
                    self.modules.absent.extend(lost);
                }
                None => self.modules.incomplete = true,
            }
            return;
        };
        match &import.names {
            Some(list) => {
                for name in list {
                    self.bring(source, name, names);
                }
            }
            None => {
                let all: Vec<(String, Id)> = self.declared(source);
                for (name, id) in all {
                    let meaning = Meaning {
                        id,
                        span: path.span,
                        imported: true,
                    };
                    self.define(names, &name, meaning);
                }
            }
        }
    }

    /// A text that has been read already; `Some(None)` if that is going on, which is a circle.
    pub(super) fn known(&mut self, name: &str, span: Span) -> Option<Option<SourceId>> {
        let source = self.loaded.get(name).copied();
        let circular = source.is_some_and(|s| self.open.contains(&s));
        if circular || self.open.len() > DEEPEST {
            let circle: Vec<String> = self
                .open
                .iter()
                .skip_while(|s| circular && Some(**s) != source)
                .take(8)
                .map(|s| format!("`{}`", self.sources.get(*s).name))
                .collect();
            self.sink.push(
                Diagnostic::error(
                    "bnas::import::circular",
                    "files import each other in a circle",
                )
                .label(span, format!("`{name}` is still being read"))
                .help(format!(
                    "move what they share to a file of its own; the circle is {}",
                    circle.join(" -> ")
                )),
            );
            return Some(None);
        }
        source.map(Some)
    }

    /// Parses a text; nothing if it cannot be used.
    pub(super) fn read(&mut self, name: &str, bytes: Vec<u8>, span: Span) -> Option<SourceId> {
        let Ok(text) = String::from_utf8(bytes) else {
            self.sink.push(
                Diagnostic::error(
                    "bnas::import::not_utf8",
                    format!("`{name}` is not UTF-8 text"),
                )
                .label(span, "imported here")
                .help("save that file in the encoding UTF-8"),
            );
            return None;
        };
        let source = self.sources.add(name, text);
        self.module(source);
        Some(source)
    }

    fn declared(&self, source: SourceId) -> Vec<(String, Id)> {
        let file = &self.modules.by_source[&source].file;
        let named = file.declarations.iter().enumerate();
        named
            .map(|(index, d)| (d.name.text.clone(), Id { source, index }))
            .collect()
    }

    /// Makes a declaration of another file a name of this one.
    pub(super) fn bring(
        &mut self,
        source: SourceId,
        name: &ast::Name,
        names: &mut BTreeMap<String, Meaning>,
    ) {
        let declared = self.declared(source);
        if let Some((_, id)) = declared.iter().find(|(n, _)| *n == name.text) {
            let meaning = Meaning {
                id: *id,
                span: name.span,
                imported: true,
            };
            self.define(names, &name.text, meaning);
            return;
        }
        self.modules.absent.insert(name.text.clone());
        // A file that did not parse has said so already.
        let is_broken = |m: &Module| m.file.broken;
        if self.modules.get(source).is_some_and(is_broken) {
            return;
        }
        let file = self.sources.get(source).name.clone();
        let known = declared.iter().map(|(n, _)| n.as_str());
        let mut diagnostic = Diagnostic::error(
            "bnas::import::missing",
            format!("`{file}` does not declare `{}`", name.text),
        )
        .label(name.span, "not declared there");
        diagnostic = match did_you_mean(&name.text, known.clone()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => {
                let known: Vec<String> = known.map(|k| format!("`{k}`")).collect();
                diagnostic.help(format!("it declares {}", known.join(", ")))
            }
        };
        self.sink.push(diagnostic);
    }
}
