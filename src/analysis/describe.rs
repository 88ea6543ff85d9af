//! Declarations as a reader sees them: signature, documentation, values, what is left open, facts, sources.
//!
//! In: a file among [`Sources`]. Out: one [`Described`] per declaration, with what it derives from merged in. Knows the
//! text and the schema, not what anything is lowered to.

use super::context::{Cx, Reached};
use super::expression::lookup::members;
use super::loader::Loader;
use super::merged::Merged;
use super::names::{self, Id};
use super::schema::{Field, Kind, Otherwise, section_path};
use crate::diagnostic::{Diagnostic, Sink};
use crate::ir::Provenance;
use crate::source::{SourceId, Sources, Span};
use crate::syntax::ast::{self, Argument, Entry, EntryKind, ExprKind};

/// A declaration for a reader.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// `target`, `space`, …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `block basic(channels, kernel = 3, stride = 1)`.
    pub signature: String,
    /// Its doc comment.
    pub docs: String,
    /// Names of parameters without a default.
    pub required: Vec<String>,
    /// What it fixes, and defaults of the language for what it does not mention.
    pub values: Vec<Setting>,
    /// What it leaves to the search.
    pub open: Vec<Setting>,
    /// Conditions of its `check` lines.
    pub facts: Vec<String>,
    /// Where its numbers come from, and what is assumed.
    pub sources: Vec<Provenance>,
    /// The declaration as it stands in its file.
    pub text: String,
}

/// A value or a domain by its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `vector.width`, `s[*].depth`.
    pub path: String,
    /// The value, or the domain with its default.
    pub value: String,
    /// One sentence, from the file or from the schema.
    pub docs: String,
}

/// Describes every declaration of a file; errors if it or an import does not parse.
pub fn describe(
    sources: &mut Sources,
    main: SourceId,
    loader: &dyn Loader,
) -> Result<Vec<Described>, Vec<Diagnostic>> {
    let mut sink = Sink::default();
    let modules = names::load(sources, main, loader, &mut sink);
    if sink.has_errors() {
        return Err(sink.into_sorted());
    }
    let mut cx = Cx::new(sources, &modules, sink);
    let declarations = modules.get(main).map_or(&[][..], |m| &m.file.declarations);
    let mut found = Vec::with_capacity(declarations.len());
    for (index, declaration) in declarations.iter().enumerate() {
        cx.reached = Reached::default();
        let id = Id {
            source: main,
            index,
        };
        if let Some(merged) = cx.merged(id) {
            found.push(cx.described(&merged, declaration));
        }
    }
    if cx.sink.has_errors() {
        return Err(cx.sink.into_sorted());
    }
    Ok(found)
}

/// What is collected on the way through a body.
#[derive(Default)]
struct Collected {
    values: Vec<Setting>,
    open: Vec<Setting>,
    facts: Vec<String>,
}

impl Cx<'_> {
    fn described(&mut self, merged: &Merged, declaration: &ast::Declaration) -> Described {
        let mut found = Collected::default();
        self.collect(&merged.entries, "", Some(merged), &mut found);
        for field in merged.schema.fields {
            let written = |s: &Setting| s.path == field.name;
            if let Some(value) = standard(field).filter(|_| !found.values.iter().any(written)) {
                found.values.push(Setting {
                    path: field.name.into(),
                    value,
                    docs: format!("{} (by default)", field.docs),
                });
            }
        }
        let sources = self.provenance(merged);
        Described {
            kind: merged.schema.kind.into(),
            name: merged.name.text.clone(),
            signature: self.signature(merged, declaration),
            docs: merged.docs.clone(),
            required: merged
                .params
                .iter()
                .filter(|p| p.default.is_none())
                .map(|p| p.name.text.clone())
                .collect(),
            values: found.values,
            open: found.open,
            facts: found.facts,
            sources,
            text: self.sources.slice(declaration.span).trim_end().into(),
        }
    }

    fn signature(&self, merged: &Merged, declaration: &ast::Declaration) -> String {
        let mut text = format!("{} {}", merged.schema.kind, merged.name.text);
        if !merged.params.is_empty() {
            let params: Vec<String> = merged
                .params
                .iter()
                .map(|p| match &p.default {
                    Some(default) => format!("{} = {}", p.name.text, self.line(default.span)),
                    None => p.name.text.clone(),
                })
                .collect();
            text.push_str(&format!("({})", params.join(", ")));
        }
        if let Some(base) = &declaration.base {
            text.push_str(&format!(" : {}", base.text));
        }
        text
    }

    /// Goes through entries; `prefix` ends with a dot unless it is empty, `owner` knows the fields that stand there.
    fn collect(
        &self,
        entries: &[Entry],
        prefix: &str,
        owner: Option<&Merged>,
        found: &mut Collected,
    ) {
        let schema = owner.map(|m| m.schema);
        for entry in entries {
            match &entry.kind {
                EntryKind::Field(f) => {
                    let path = format!("{prefix}{}", self.path_of(&f.target));
                    let field = schema.and_then(|s| field_of(s.fields, &f.target));
                    let mut amended = Vec::new();
                    if let (Some(Kind::Declared(_)), ExprKind::Amend { entries, .. }) =
                        (field.map(|f| f.kind), &f.value.kind)
                    {
                        let path = format!("{path}.");
                        self.open_of(entries, &path, found);
                        amended = self.fixed_elsewhere(&f.value, entries, &path);
                    } else {
                        self.inner_choices(&f.value, &path, found);
                    }
                    if is_block(f) {
                        continue;
                    }
                    found.values.push(Setting {
                        path,
                        value: self.line(f.value.span),
                        docs: sentence(entry, field),
                    });
                    found.values.extend(amended);
                }
                EntryKind::Choice(c) => {
                    let field = schema.and_then(|s| field_of(s.fields, &c.target));
                    let path = format!("{prefix}{}", self.path_of(&c.target));
                    self.inner_choices(&c.domain, &path, found);
                    found.open.push(Setting {
                        path,
                        value: self.domain_text(&c.domain, c.default.as_deref()),
                        docs: sentence(entry, field),
                    });
                }
                EntryKind::Formula(f) => {
                    let params: Vec<&str> = f.params.iter().map(|p| p.name.text.as_str()).collect();
                    found.values.push(Setting {
                        path: format!("{prefix}{}({})", f.name.text, params.join(", ")),
                        value: self.line(f.body.span),
                        docs: sentence(entry, None),
                    });
                }
                EntryKind::Section(s) => {
                    let label = s.label.as_ref().map(|l| l.text.as_str());
                    let name = section_path(&s.name.text, label);
                    let known = schema.and_then(|d| d.section(&s.name.text));
                    let fields = known.map_or(&[][..], |s| s.fields);
                    self.section_values(s, &format!("{prefix}{name}."), fields, found);
                }
                EntryKind::Repeat(r) => {
                    let inner = format!("{prefix}{}[*].", r.index.text);
                    self.collect(&r.entries, &inner, None, found);
                }
                EntryKind::Rule(r) => {
                    let selectors: Vec<String> =
                        r.selectors.iter().map(|s| self.line(s.span)).collect();
                    let mut named = selectors.join(", ");
                    if let Some(quantifier) = &r.quantifier {
                        named = format!("{} {named}", self.line(quantifier.span));
                    }
                    self.collect(&r.entries, &format!("{named}: "), None, found);
                }
                EntryKind::Layer(l) => {
                    for step in &l.chain {
                        self.inner_choices(step, &format!("{prefix}{}", l.name.text), found);
                    }
                }
                EntryKind::Parallel(parallel) => {
                    self.collect(&parallel.entries, prefix, None, found);
                }
                EntryKind::Branch(branch) => {
                    let inner = format!("{prefix}{}.", branch.name.text);
                    self.collect(&branch.entries, &inner, None, found);
                }
                EntryKind::Optional(optional) => {
                    let inner = Entry {
                        kind: (*optional.statement).clone(),
                        ..entry.clone()
                    };
                    self.collect(&[inner], prefix, owner, found);
                }
                EntryKind::Check(c) => found.facts.push(self.line(c.condition.span)),
                _ => {}
            }
        }
    }

    fn section_values(
        &self,
        section: &ast::Section,
        prefix: &str,
        fields: &'static [Field],
        found: &mut Collected,
    ) {
        let start = (found.values.len(), found.open.len());
        self.collect(&section.entries, prefix, None, found);
        let added = found.values[start.0..]
            .iter_mut()
            .chain(&mut found.open[start.1..]);
        for setting in added {
            let name = setting.path.strip_prefix(prefix).unwrap_or_default();
            if let Some(field) = fields.iter().find(|f| f.name == name)
                && setting.docs.is_empty()
            {
                setting.docs = field.docs.into();
            }
        }
    }

    /// Choices inside a value: `int { bits in {2, 4} }`, `conv(kernel in {3, 5})`.
    fn inner_choices(&self, e: &ast::Expr, path: &str, found: &mut Collected) {
        match &e.kind {
            ExprKind::Call { callee, args } => {
                let callee = members(callee).unwrap_or_default();
                for arg in args {
                    match arg {
                        Argument::Searched {
                            name,
                            domain,
                            default,
                        } => found.open.push(Setting {
                            path: format!("{path}.{callee}.{}", name.text),
                            value: self.domain_text(domain, default.as_deref()),
                            docs: String::new(),
                        }),
                        Argument::Fixed { value, .. } | Argument::Positional { value, .. } => {
                            self.inner_choices(value, path, found);
                        }
                    }
                }
            }
            ExprKind::Amend { base, entries } => {
                let base = self.line(base.span);
                self.open_of(entries, &format!("{path}.{base}."), found);
            }
            ExprKind::Set(items) => items
                .iter()
                .for_each(|item| self.inner_choices(item, path, found)),
            _ => {}
        }
    }

    /// Only what entries leave open.
    /// What is fixed of what a field names, and stands elsewhere than in its value: in what derives from its declaration.
    fn fixed_elsewhere(&self, value: &ast::Expr, entries: &[Entry], prefix: &str) -> Vec<Setting> {
        let elsewhere = entries.iter().filter(|entry| !value.span.holds(entry.span));
        let elsewhere: Vec<Entry> = elsewhere.cloned().collect();
        let mut inner = Collected::default();
        self.collect(&elsewhere, prefix, None, &mut inner);
        inner.values
    }

    fn open_of(&self, entries: &[Entry], prefix: &str, found: &mut Collected) {
        let mut inner = Collected::default();
        self.collect(entries, prefix, None, &mut inner);
        found.open.extend(inner.open);
    }

    fn domain_text(&self, domain: &ast::Expr, default: Option<&ast::Expr>) -> String {
        match default {
            Some(default) => format!(
                "{} default {}",
                self.line(domain.span),
                self.line(default.span)
            ),
            None => self.line(domain.span),
        }
    }

    /// A path as it is written, without blanks and braces.
    fn path_of(&self, path: &ast::Path) -> String {
        path.text(|index| self.line(index.span))
    }

    /// The text under a span on one line, without comments.
    fn line(&self, span: Span) -> String {
        let lines = self.sources.slice(span).lines();
        let words: Vec<&str> = lines
            .flat_map(|line| without_comment(line).split_whitespace())
            .collect();
        words.join(" ")
    }
}

/// `block = basic(…)`: a statement of a network rather than a value.
fn is_block(field: &ast::Field) -> bool {
    let named = field.target.as_name().is_some_and(|n| n.text == "block");
    named && matches!(field.value.kind, ExprKind::Call { .. })
}

/// What holds where a field is not written, as the language writes it.
fn standard(field: &Field) -> Option<String> {
    match field.default {
        Otherwise::Number(n) => Some(in_unit(n, field)),
        Otherwise::Word(word) => Some(word.into()),
        Otherwise::Required | Otherwise::Absent => None,
    }
}

/// A number of a field with the unit that its kind names.
fn in_unit(number: f64, field: &Field) -> String {
    match field.kind {
        Kind::Number(unit) if !unit.is_empty() => format!("{number} {unit}"),
        _ => number.to_string(),
    }
}

fn field_of(fields: &'static [Field], target: &ast::Path) -> Option<&'static Field> {
    let name = target.as_name()?;
    fields.iter().find(|f| f.name == name.text)
}

fn sentence(entry: &Entry, field: Option<&Field>) -> String {
    if entry.docs.is_empty() {
        return field.map_or(String::new(), |f| f.docs.into());
    }
    let lines: Vec<&str> = entry.docs.iter().map(|l| l.value.trim()).collect();
    lines.join(" ")
}

/// A line up to `//`, unless that stands in a text.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let bytes = line.as_bytes();
    for (i, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if i == 0 || bytes[i - 1] != b'\\' => quoted = !quoted,
            b'/' if !quoted && bytes.get(i + 1) == Some(&b'/') => return &line[..i],
            _ => {}
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::FileLoader;

    /// The last declaration of a text.
    fn of(text: &str) -> Described {
        let mut sources = Sources::default();
        let main = sources.add("test.bnas", text);
        let mut all = describe(&mut sources, main, &FileLoader).unwrap();
        all.pop().unwrap()
    }

    fn lines(settings: &[Setting]) -> Vec<String> {
        settings
            .iter()
            .map(|s| format!("{} = {}", s.path, s.value))
            .collect()
    }

    #[test]
    fn choices_have_paths_at_every_depth() {
        let space = of("bnas 1
/// Two stages.
space s {
  /// how wide
  width in {8, 16} default 16
  repeat 2 as s {
    depth in 1..3  // not more
    repeat depth as d { layer c = conv(channels = width, kernel in {3, 5}) }
  }
  layer head = pool(average) -> linear(classes)
}");
        assert_eq!(space.signature, "space s");
        assert_eq!(
            lines(&space.open),
            [
                "width = {8, 16} default 16",
                "s[*].depth = 1..3",
                "s[*].d[*].c.conv.kernel = {3, 5}",
            ]
        );
        assert_eq!(space.open[0].docs, "how wide");
    }

    #[test]
    fn what_it_derives_from_is_merged_in() {
        let int4 = of("bnas 1
use std.quantizers.int
/// Four bits.
quantizer mine : int { bits = 4 }");
        assert_eq!(int4.signature, "quantizer mine : int");
        assert!(lines(&int4.values).contains(&"bits = 4".into()));
        assert!(lines(&int4.values).contains(&"scale = max_abs".into()));
        assert!(int4.open.is_empty());
        assert_eq!(int4.text, "quantizer mine : int { bits = 4 }");
    }

    #[test]
    fn what_a_derived_experiment_amends_has_its_path() {
        let ours = of("bnas 1
use std.spaces.small_cnn
experiment base { space = small_cnn { width = 4 } }
experiment ours : base {
  space { stem { channels = 8 }  width in {4, 8} }
}");
        let values = lines(&ours.values);
        assert!(
            values.contains(&"space.stem.channels = 8".into()),
            "{values:?}"
        );
        assert_eq!(lines(&ours.open), ["space.width = {4, 8}"]);
    }

    #[test]
    fn a_comment_is_no_part_of_a_value() {
        assert_eq!(without_comment("a = 1 // why"), "a = 1 ");
        assert_eq!(
            without_comment(r#"u = "https://x" // y"#),
            r#"u = "https://x" "#
        );
    }
}
