//! Declarations with what they derive from: `quantizer int4 : int { bits = 4 }` is a copy of `int` with one value overridden.
//!
//! In: a declaration by its place. Out: [`Merged`], as if it had been written in full. It must not know what the entries mean.

use std::sync::Arc;

use super::amend::settle_dotted;
use super::context::{Cx, list};
use super::expression::types::article;
use super::names::Id;
use super::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::ir::Amendment;
use crate::source::{SourceId, Span};
use crate::syntax::ast::{self, Entry};

/// How many declarations may derive from each other in a row.
const LONGEST_CHAIN: usize = 128;

impl Cx<'_> {
    /// A declaration with what it derives from; nothing after a diagnostic.
    pub(super) fn merged(&mut self, id: Id) -> Option<Merged> {
        let modules = self.modules;
        let declaration = modules.declaration(id);
        let Some(schema) = schema::declaration(&declaration.kind.text) else {
            // Reported once, where the file is checked; a library file is reached only through its names.
            self.unknown_kind(&declaration.kind);
            return None;
        };
        let is_stub = declaration.broken && declaration.entries.is_empty();
        if is_stub || self.circles.contains(&id) {
            return None;
        }
        if let Some(start) = self.open.iter().position(|open| *open == id) {
            self.circle(start);
            return None;
        }
        if let Some(param) = declaration
            .params
            .first()
            .filter(|_| schema.kind != "block")
        {
            self.no_parameters(declaration, &param.name);
        }
        let mut merged = match self.parent(id, declaration, schema)? {
            Parent::Declared(mut parent) => {
                if schema.kind == "experiment" {
                    settle_dotted(self, &mut parent);
                }
                let name = std::mem::replace(&mut parent.name, declaration.name.clone());
                let entries = declaration.entries.iter();
                let is_value = |e: &&ast::Entry| {
                    matches!(e.kind, ast::EntryKind::Field(_) | ast::EntryKind::Choice(_))
                };
                let own = &declaration.name.text;
                self.amends((&name.text, own), &parent.lineage, entries.filter(is_value));
                parent.lineage.push(declaration.span);
                parent.id = id;
                parent.docs.clear();
                self.override_entries(&mut parent, &declaration.entries, &name, true);
                *parent
            }
            Parent::Word(base) => Merged {
                id,
                schema,
                name: declaration.name.clone(),
                base,
                params: Vec::new(),
                docs: String::new(),
                entries: declaration.entries.clone(),
                notes: Vec::new(),
                from: Vec::new(),
                lineage: vec![declaration.span],
            },
        };
        if !declaration.params.is_empty() || merged.params.is_empty() {
            merged.params.clone_from(&declaration.params);
        }
        merged.docs = declaration
            .docs
            .iter()
            .map(|line| line.value.as_str())
            .collect::<Vec<_>>()
            .join("\n");
        merged.notes.push((
            declaration.name.text.clone(),
            declaration.annotations.clone(),
        ));
        merged.from.insert(0, id.source);
        Some(merged)
    }

    /// Notes that these entries change what declarations say, the named one and those that it derives from, and the name of what that becomes.
    pub(super) fn amends<'e>(
        &mut self,
        (name, becomes): (&str, &str),
        of: &[Span],
        entries: impl Iterator<Item = &'e ast::Entry>,
    ) {
        let (mut at, mut paths) = (Vec::new(), Vec::new());
        for entry in entries {
            self.amended(entry, "", &mut |span, path| {
                at.push(span);
                paths.push(path);
            });
        }
        let amendment = Amendment {
            name: name.to_string(),
            becomes: becomes.to_string(),
            of: of.to_vec(),
            at,
            paths,
        };
        self.amendments.push(amendment.clone());
        self.reached.amendments.push(amendment);
    }

    /// The place and the path of each value that an entry gives, in its braces, too; of what is no value, its place alone.
    fn amended(&self, entry: &ast::Entry, around: &str, found: &mut dyn FnMut(Span, String)) {
        let (path, inner) = match &entry.kind {
            ast::EntryKind::Section(section) => (section.name.text.clone(), &section.entries),
            ast::EntryKind::Part(part) => (self.path_text(&part.target), &part.entries),
            _ => {
                let path = super::quantization::quantizer::target(entry);
                let path = path.map(|path| format!("{around}{}", self.path_text(path)));
                found(entry.span, path.unwrap_or_default());
                return;
            }
        };
        let around = format!("{around}{path}.");
        for entry in inner {
            self.amended(entry, &around, found);
        }
    }

    /// The open declarations from `start` on derive from each other, or copy each other: said once for all of them.
    fn circle(&mut self, start: usize) {
        let circle = self.open[start..].to_vec();
        let modules = self.modules;
        let first = &modules.declaration(circle[0]).name;
        let next = |i: usize| &modules.declaration(circle[(i + 1) % circle.len()]).name;
        let derives = |i: usize| {
            let base = &modules.declaration(circle[i]).base;
            base.as_ref().is_some_and(|base| base.text == next(i).text)
        };
        let verb = |derives: bool| match derives {
            true => "derives from",
            false => "copies",
        };
        let all_derive = (0..circle.len()).all(derives);
        let mut diagnostic = Diagnostic::error(
            "bnas::name::circular",
            format!("`{}` {} itself", first.text, verb(all_derive)),
        );
        for (i, id) in circle.iter().enumerate() {
            let name = &modules.declaration(*id).name;
            let label = format!("{} `{}`", verb(derives(i)), next(i).text);
            diagnostic = diagnostic.label(name.span, label);
        }
        let kind = &modules.declaration(circle[0]).kind.text;
        let words = schema::declaration(kind).map_or(&[][..], |schema| schema.bases);
        self.report(diagnostic.help(match words {
            _ if !all_derive => "leave one of these copies out".to_string(),
            [] => "leave the base of one of them out".to_string(),
            words => format!("derive one of them from {}", list(words.iter().copied())),
        }));
        self.circles.extend(circle);
    }

    /// Said once for all that derive from what is open now.
    fn chain_too_long(&mut self, id: Id, base: &ast::Name) {
        self.report(
            Diagnostic::error(
                "bnas::parse::nesting",
                format!("more than {LONGEST_CHAIN} declarations derive from each other in a row"),
            )
            .label(base.span, "this one is too many")
            .help("derive from a declaration that is closer to a word of the language"),
        );
        let open = self.open.clone();
        self.circles.extend(open);
        self.circles.insert(id);
    }

    /// Whether a block, with so many that copy each other in a row, is one too many within all that is open now; said once.
    pub(super) fn is_too_deep(&mut self, block: &ast::Name, height: usize) -> bool {
        if self.open.len() + height <= LONGEST_CHAIN + 1 {
            return false;
        }
        if std::mem::replace(&mut self.is_deep, true) {
            return true;
        }
        self.report(
            Diagnostic::error(
                "bnas::parse::nesting",
                format!("more than {LONGEST_CHAIN} blocks copy each other in a row"),
            )
            .label(block.span, "this one is too many")
            .help("copy a block that holds fewer others, or use `repeat`"),
        );
        true
    }

    /// Parameters of what is no block.
    fn no_parameters(&mut self, declaration: &ast::Declaration, param: &ast::Name) {
        let (kind, name) = (&declaration.kind.text, &declaration.name.text);
        let help = match kind.as_str() {
            "experiment" => format!("write `{} = …` in the experiment", param.text),
            "repair" => "write what it changes in its braces".into(),
            _ => format!(
                "write `{} = …` in the {kind}, and amend it: `{name} {{ … }}`",
                param.text
            ),
        };
        self.report(
            Diagnostic::error(
                "bnas::name::parameters",
                format!("{} has no parameters", article(kind)),
            )
            .label(param.span, "a parameter")
            .help(help),
        );
    }

    pub(super) fn unknown_kind(&mut self, kind: &ast::Name) {
        let known: Vec<&str> = schema::DECLARATIONS.iter().map(|d| d.kind).collect();
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown_kind",
            format!("there is no kind of declaration `{}`", kind.text),
        )
        .label(kind.span, "unknown kind");
        diagnostic = match did_you_mean(&kind.text, known.iter().copied()) {
            Some(alike) => diagnostic.help(format!("did you mean `{alike}`?")),
            None => diagnostic.help(format!("kinds are {}", list(known.iter().copied()))),
        };
        self.report(diagnostic);
    }

    /// What stands after the colon: a word of the schema, or another declaration of the kind.
    fn parent(
        &mut self,
        id: Id,
        declaration: &ast::Declaration,
        schema: &'static schema::Declaration,
    ) -> Option<Parent> {
        let kind = schema.kind;
        let Some(base) = &declaration.base else {
            if schema.base_required {
                let words = list(schema.bases.iter().copied());
                self.report(
                    Diagnostic::error(
                        "bnas::field::missing",
                        format!("`{}` says no base", declaration.name.text),
                    )
                    .label(declaration.name.span, "nothing stands after the name")
                    .help(format!(
                        "write `{kind} {} : …`; the base is {words}, or another {kind}",
                        declaration.name.text
                    )),
                );
                return None;
            }
            return Some(Parent::Word(None));
        };
        let modules = self.modules;
        // What it derives from is said where it is declared, whatever the file that uses it imports.
        let also = std::mem::take(&mut self.also);
        let found = self.find(base);
        self.also = also;
        // `quantizer binary : binary` means the word, not itself.
        let word = schema.bases.contains(&base.text.as_str());
        if let Some(found) = found.filter(|found| *found != id || !word) {
            let other = modules.declaration(found);
            if other.kind.text == kind {
                if self.open.len() >= LONGEST_CHAIN {
                    self.chain_too_long(id, base);
                    return None;
                }
                self.open.push(id);
                let parent = self.merged(found);
                self.open.pop();
                if parent.is_none() && self.circles.contains(&found) {
                    self.circles.insert(id);
                }
                return parent.map(Box::new).map(Parent::Declared);
            }
            if !word {
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("a {kind} cannot derive from {}", article(&other.kind.text)),
                    )
                    .label(base.span, article(&other.kind.text))
                    .label(declaration.kind.span, format!("this is {}", article(kind)))
                    .help(match schema.bases {
                        [] => format!("name another {kind}, or leave `: {}` out", base.text),
                        words => format!(
                            "write {}, or the name of another {kind}, behind the `:`",
                            list(words.iter().copied())
                        ),
                    }),
                );
                return None;
            }
        }
        if word {
            return Some(Parent::Word(Some(base.clone())));
        }
        if schema.later(&base.text).is_some() {
            self.later(&format!("the {kind} base `{}`", base.text), base.span);
            return None;
        }
        let is_of_kind = || modules.in_library_as(&base.text, kind).is_some();
        if modules.in_library(&base.text).is_some() && !is_of_kind() {
            let text = format!("there is no {kind} `{}`", base.text);
            let bases = list(schema.bases.iter().copied());
            let another = format!("the name of another {kind}");
            let help = match schema.bases {
                [] => format!("write {another} behind the `:`"),
                _ => format!("write {bases} or {another} behind the `:`"),
            };
            self.report(
                Diagnostic::error("bnas::name::unknown", text)
                    .label(base.span, format!("no {kind} has this name"))
                    .help(help),
            );
            return None;
        }
        self.unknown_name(&base.text, base.span, schema.bases);
        None
    }
}

/// A declaration with what it derives from and what amends it.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    pub(super) id: Id,
    pub(super) schema: &'static schema::Declaration,
    pub(super) name: ast::Name,
    /// The word of the schema after the colon: `binary`, `tta`.
    pub(super) base: Option<ast::Name>,
    pub(super) params: Vec<ast::Parameter>,
    pub(super) docs: String,
    pub(super) entries: Arc<Vec<Entry>>,
    /// Name and annotations of the declaration and of everything that it derives from.
    pub(super) notes: Vec<(String, Vec<ast::Annotation>)>,
    /// The files whose names its entries see.
    pub(super) from: Vec<SourceId>,
    /// Where it stands and what it derives from, the first base first.
    pub(super) lineage: Vec<Span>,
}

enum Parent {
    Declared(Box<Merged>),
    Word(Option<ast::Name>),
}

impl Merged {
    /// "`small_cnn`", for messages.
    pub(super) fn owner(&self) -> String {
        format!("`{}`", self.name.text)
    }
}
