//! One page of documentation, as text, as Markdown and as JSON.
//!
//! In: what analysis describes. Out: the same parts in the same order everywhere: signature, prose, tables, an example, the text of
//! the definition. Knows nothing of the schema.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::example;
use crate::analysis::{Described, Setting};
use crate::report::Look;

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// `target`, `section`, `operation`, …
    pub kind: String,
    /// What it is about.
    pub name: String,
    /// The first line.
    pub signature: String,
    /// How to import it.
    pub import: Option<String>,
    /// Prose.
    pub docs: String,
    /// Tables by title.
    pub parts: Vec<Part>,
    /// A whole file that uses it.
    pub example: Option<String>,
    /// The definition as it stands in its file.
    pub text: Option<String>,
}

/// A titled table of up to three columns.
#[derive(Debug, Clone)]
pub struct Part {
    /// What the rows are.
    pub title: &'static str,
    /// Names of the columns, for programs and for Markdown.
    pub columns: [&'static str; 3],
    /// Cells; empty ones are left out.
    pub rows: Vec<[String; 3]>,
}

impl Page {
    /// Whether one of its tables begins a row with this name.
    pub fn has(&self, name: &str) -> bool {
        let mut rows = self.parts.iter().flat_map(|part| &part.rows);
        rows.any(|[first, ..]| first == name)
    }

    /// The page of a declaration; `import` is its path in the library.
    pub fn of(described: &Described, import: Option<&str>) -> Page {
        let settings = |title, word, settings: &[Setting]| Part {
            title,
            columns: ["name", word, "docs"],
            rows: settings
                .iter()
                .map(|s| [s.path.clone(), s.value.clone(), s.docs.clone()])
                .collect(),
        };
        let owner = format!("{} {}", described.kind, described.name);
        let sources = described.sources.iter().map(|p| {
            let subject = p.subject.strip_prefix(&owner).unwrap_or(&p.subject);
            let subject = subject.trim_start_matches(", ");
            [p.kind.clone(), subject.into(), p.text.clone()]
        });
        let parts = vec![
            settings("fixes", "value", &described.values),
            settings("leaves open", "domain", &described.open),
            Part {
                title: "facts that are checked",
                columns: ["fact", "", ""],
                rows: described
                    .facts
                    .iter()
                    .map(|f| [f.clone(), String::new(), String::new()])
                    .collect(),
            },
            Part {
                title: "sources",
                columns: ["kind", "of", "source"],
                rows: sources.collect(),
            },
        ];
        Page {
            kind: described.kind.clone(),
            name: described.name.clone(),
            signature: described.signature.clone(),
            import: import.map(str::to_string),
            docs: described.docs.clone(),
            parts: parts.into_iter().filter(|p| !p.rows.is_empty()).collect(),
            example: import.and_then(|import| example::of(described, import)),
            text: Some(described.text.clone()),
        }
    }

    /// For people.
    pub fn text(&self, look: Look) -> String {
        let strong = |text: &str| match look.color {
            true => format!("\u{1b}[1m{text}\u{1b}[0m"),
            false => text.to_string(),
        };
        let mut out = strong(&self.signature);
        out.push('\n');
        if !self.docs.is_empty() {
            out.push_str(&format!("\n{}\n", self.docs));
        }
        for part in &self.parts {
            out.push_str(&format!("\n{}\n", strong(part.title)));
            let widths = [0, 1].map(|i| {
                let widths = part.rows.iter().map(|row| row[i].chars().count());
                widths.max().unwrap_or(0).min(usize::from(look.width) / 2)
            });
            for [a, b, c] in &part.rows {
                let line = format!("  {a:0$}  {b:1$}  {c}", widths[0], widths[1]);
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
        for (title, text) in [("use", &self.example), ("definition", &self.text)] {
            if let Some(text) = text {
                out.push_str(&format!("\n{}\n", strong(title)));
                for line in text.lines() {
                    out.push_str(format!("  {line}").trim_end());
                    out.push('\n');
                }
            }
        }
        out
    }

    /// For a document in `docs/`; `file` is the definition's, seen from there.
    pub fn markdown(&self, file: &Path) -> String {
        let mut out = format!("### {} {}\n\n", self.kind, self.name);
        out.push_str(&format!(
            "`{}` · [`{}`]({})\n\n{}\n",
            self.signature,
            self.import.as_deref().unwrap_or_default(),
            file.display(),
            self.docs
        ));
        for part in &self.parts {
            let used = |i: usize| part.rows.iter().any(|row| !row[i].is_empty());
            let columns: Vec<usize> = (0..3).filter(|i| used(*i)).collect();
            let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
            out.push('\n');
            let header = columns.iter().map(|i| match i {
                0 => part.title.to_string(),
                i => part.columns[*i].to_string(),
            });
            out.push_str(&line(header.collect()));
            out.push_str(&line(columns.iter().map(|_| "---".into()).collect()));
            for row in &part.rows {
                // Code where the column holds code: everywhere but in sources and sentences.
                let cells = columns.iter().map(|i| {
                    let code = part.title != "sources" && part.columns[*i] != "docs";
                    match (code, row[*i].is_empty()) {
                        (true, false) => format!("`{}`", row[*i].replace('|', "\\|")),
                        _ => cell(&row[*i]),
                    }
                });
                out.push_str(&line(cells.collect()));
            }
        }
        if let Some(example) = &self.example {
            out.push_str(&format!("\n```bnas\n{example}```\n"));
        }
        out
    }

    /// The name of its heading in a link.
    pub fn anchor(&self) -> String {
        format!("{}-{}", self.kind, self.name)
    }

    /// For programs.
    pub fn json(&self) -> Json {
        let mut document = json!({
            "kind": self.kind,
            "name": self.name,
            "signature": self.signature,
            "import": self.import,
            "docs": self.docs,
        });
        for part in &self.parts {
            let rows = part.rows.iter().map(|row| {
                let cells = part.columns.iter().zip(row).filter(|(c, _)| !c.is_empty());
                Json::Object(cells.map(|(c, v)| (c.to_string(), json!(v))).collect())
            });
            document[part.title] = rows.collect();
        }
        document["example"] = json!(self.example);
        document["text"] = json!(self.text);
        document
    }
}

/// A sentence as a cell of a Markdown table.
pub fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
