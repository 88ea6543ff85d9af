//! A declaration that a field names: `space = small_cnn { width = 8 }`.
//!
//! In: an expression and the kind of declaration that it should name. Out: that declaration as amended; nothing after a diagnostic.

use super::context::{Cx, list};
use super::expression::types::{Type, article};
use super::merged::Merged;
use super::schema;
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

impl Cx<'_> {
    /// The declaration that a field names, with its amendments: `digits { augment = shift(1) }`.
    pub(super) fn reference(&mut self, e: &ast::Expr, kind: &'static str) -> Option<Merged> {
        match &e.kind {
            ExprKind::Path(path) => {
                let found = path.as_name().and_then(|name| self.find(name));
                let Some(id) = found else {
                    let text = self.text(path.span);
                    if self.local(&text).is_some_and(|l| l.ty == Type::Poison) {
                        return None;
                    }
                    self.unknown_declaration(&text, path.span, kind);
                    return None;
                };
                let modules = self.modules;
                let declaration = modules.declaration(id);
                if schema::declaration(&declaration.kind.text).is_none() {
                    // Reported where it is declared, or in the file that is.
                    self.unknown_kind(&declaration.kind);
                    return None;
                }
                if declaration.kind.text != kind {
                    let (wanted, found) = (article(kind), article(&declaration.kind.text));
                    self.report(
                        Diagnostic::error(
                            "bnas::type::mismatch",
                            format!("expected {wanted}, found {found}"),
                        )
                        .label(e.span, found.clone())
                        .label(declaration.kind.span, format!("declared as {found}"))
                        .help(format!("name {wanted} here")),
                    );
                    return None;
                }
                self.merged(id)
            }
            ExprKind::Amend { base, entries } => {
                let mut merged = self.reference(base, kind)?;
                let name = merged.name.clone();
                // What amends a declaration sees the names of its own file first, then those of the declaration.
                merged.from.push(e.span.source);
                self.override_entries(&mut merged, entries, &name, false);
                self.amends((&name.text, &name.text), &merged.lineage, entries.iter());
                Some(merged)
            }
            ExprKind::Error => None,
            other => {
                let wanted = article(kind);
                let found = match other {
                    ExprKind::Text(_) => "a text",
                    ExprKind::Number(_) => "a number",
                    ExprKind::Set(_) => "a set",
                    ExprKind::Call { .. } => "a call",
                    _ => "a value",
                };
                self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("expected {wanted}, found {found}"),
                    )
                    .label(e.span, found)
                    .help(match other {
                        ExprKind::Text(text)
                            if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
                        {
                            format!("write it without quotes: `{text}`")
                        }
                        ExprKind::Call { callee, .. } => {
                            format!("amend it in braces: `{} {{ … }}`", self.text(callee.span))
                        }
                        ExprKind::Set(_) if kind == "dataset" => format!(
                            "run the search once for each: `arms {{ data in {} }}`",
                            self.text(e.span)
                        ),
                        ExprKind::Set(_) => {
                            format!(
                                "write `{kind} in {}` to choose from the set",
                                self.text(e.span)
                            )
                        }
                        ExprKind::Text(_) if kind == "dataset" => {
                            "declare one that reads these files, as `bnas doc image_folder` shows, or name one of the library: `data = digits`".into()
                        }
                        _ => format!("name {wanted}, perhaps amended: `name {{ … }}`"),
                    }),
                );
                None
            }
        }
    }

    fn unknown_declaration(&mut self, name: &str, span: Span, kind: &str) {
        let modules = self.modules;
        let known: Vec<&str> = modules
            .get(span.source)
            .into_iter()
            .flat_map(|m| &m.names)
            .filter(|(_, meaning)| modules.declaration(meaning.id).kind.text == kind)
            .map(|(name, _)| name.as_str())
            .collect();
        let mut diagnostic =
            Diagnostic::error("bnas::name::unknown", format!("unknown {kind} `{name}`"))
                .label(span, "nothing has this name");
        let lower = name.to_ascii_lowercase();
        diagnostic = match (
            modules.in_library_as(name, kind),
            did_you_mean(name, known.iter().copied()),
        ) {
            (Some(path), _) => {
                diagnostic.help(format!("write `use {path}` at the top of the file"))
            }
            (None, Some(alike)) => diagnostic.help(format!("did you mean `{alike}`?")),
            (None, None)
                if kind == "policy" && modules.in_library_as(name, "quantizer").is_some() =>
            {
                diagnostic.help(format!(
                    "a quantizer is no policy: declare one that uses it, `policy mine {{ each layer {{ weights = {name}  activations = {name} }} }}`"
                ))
            }
            (None, None) if modules.in_library_as(&lower, kind).is_some() => {
                let path = modules.in_library_as(&lower, kind).unwrap_or_default();
                diagnostic.help(format!(
                    "write `{lower}`, with `use {path}` at the top of the file"
                ))
            }
            (None, None) if known.is_empty() => {
                diagnostic.help("import it with `use` at the top of the file")
            }
            (None, None) => diagnostic.help(format!(
                "what this file has of the kind is {}",
                list(known.iter().copied())
            )),
        };
        self.report(diagnostic);
    }
}
