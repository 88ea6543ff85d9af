//! Words of the language: kinds of declarations, their sections, operations, calls, functions, metrics. All from the schema and the table of metrics.

use super::page::{Page, Part, cell};
use super::{behind, keyword, path, sign};
use crate::analysis::schema::{
    self, BuiltIn, COMMAND, Callable, DECLARATIONS, Declaration, FUNCTIONS, Field, Label,
    OPERATIONS, Otherwise, RECORDS, RULE, SCHEDULES, Section, WORDS,
};
use crate::model::metrics::METRICS;

/// Every word that has a page.
pub fn names() -> Vec<&'static str> {
    let kinds = DECLARATIONS.iter().map(|d| d.kind);
    let sections = DECLARATIONS.iter().flat_map(|d| d.sections);
    let operations = OPERATIONS.iter().map(|o| o.name);
    let records = RECORDS.iter().map(|(_, call)| call.name);
    let records = records.chain(SCHEDULES.iter().map(|call| call.name));
    kinds
        .chain(sections.map(|s| s.name))
        .chain(operations)
        .chain(records)
        .chain(METRICS.iter().map(|m| m.name))
        .chain(FUNCTIONS.iter().chain(WORDS).map(|f| f.name))
        .chain(std::iter::once(COMMAND.name))
        .chain(behind::names())
        .chain(keyword::names())
        .chain(sign::names())
        .collect()
}

/// The pages of a word, a path or a sign; most have one or none.
pub fn pages(name: &str) -> Vec<Page> {
    let mut pages = Vec::new();
    for kind in DECLARATIONS {
        if kind.kind == name {
            pages.push(declaration(kind));
        }
        let sections = kind.sections.iter().filter(|s| s.name == name);
        pages.extend(sections.map(|s| section(kind, s)));
    }
    let operations = OPERATIONS.iter().filter(|o| o.name == name);
    pages.extend(operations.map(|o| call("operation", o)));
    let records = RECORDS.iter().filter(|(_, c)| c.name == name);
    pages.extend(records.map(|(_, c)| call("call", c)));
    if name == COMMAND.name {
        pages.push(call("call", &COMMAND));
    }
    let schedules = SCHEDULES.iter().filter(|c| c.name == name);
    pages.extend(schedules.map(|c| call("schedule", c)));
    let functions = FUNCTIONS.iter().filter(|f| f.name == name);
    pages.extend(functions.map(|f| built_in("function", f)));
    let words = WORDS.iter().filter(|w| w.name == name);
    pages.extend(words.map(|w| built_in("word", w)));
    for metric in METRICS.iter().filter(|m| m.name == name) {
        let unit = match metric.unit {
            "" => String::new(),
            unit => format!(", in {unit}"),
        };
        let when = match metric.known {
            true => "known before training",
            false => "measured after training",
        };
        let target = match metric.needs_target {
            true => "; needs a target",
            false => "",
        };
        pages.push(page(
            "metric",
            metric.name,
            format!("metric {}{unit}", metric.name),
            format!("{}; {when}{target}", metric.docs),
            Vec::new(),
        ));
    }
    pages.extend(behind::pages(name));
    pages.extend(keyword::pages(name));
    // The field `space` is what the kind `space` says already; a word may be a value here and a field there.
    let is_whole = |page: &Page| ["kind", "section", "keyword"].contains(&&*page.kind);
    if !pages.iter().any(is_whole) {
        pages.extend(keyword::of_field(name));
    }
    if pages.is_empty() {
        pages.extend(keyword::of_unit(name));
    }
    if pages.is_empty() {
        pages.extend(path::pages(name));
    }
    if pages.is_empty() {
        pages.extend(sign::pages(name));
    }
    pages
}

fn built_in(kind: &str, of: &BuiltIn) -> Page {
    let docs = format!("{}; takes {}", of.docs, of.rule);
    page(
        kind,
        of.name,
        format!("{kind} {}", of.signature),
        docs,
        Vec::new(),
    )
}

/// Operations of layers and functions as tables: what is built in, in Markdown.
pub fn markdown() -> String {
    let mut out = String::from("\n## Built in\n\n| operation | arguments | |\n|---|---|---|\n");
    for operation in OPERATIONS {
        let args: Vec<&str> = operation.fields.iter().map(|f| f.name).collect();
        let (name, docs) = (operation.name, cell(operation.docs));
        out.push_str(&format!("| `{name}` | {} | {docs} |\n", args.join(", ")));
    }
    out.push_str("\n| function or word | gives | takes |\n|---|---|---|\n");
    for one in FUNCTIONS.iter().chain(WORDS) {
        let (signature, docs) = (one.signature, cell(one.docs));
        out.push_str(&format!(
            "| `{signature}` | {docs} | {} |\n",
            cell(one.rule)
        ));
    }
    out
}

/// A page without an import or an example.
pub fn page(kind: &str, name: &str, signature: String, docs: String, parts: Vec<Part>) -> Page {
    Page {
        kind: kind.into(),
        name: name.into(),
        signature,
        import: None,
        docs,
        parts: parts.into_iter().filter(|p| !p.rows.is_empty()).collect(),
        example: None,
        text: None,
    }
}

fn declaration(kind: &Declaration) -> Page {
    let base = match (kind.bases, kind.base_required) {
        ([], _) => String::new(),
        (bases, true) => format!(" : {}", bases.join(" | ")),
        (bases, false) => format!(" [: {}]", bases.join(" | ")),
    };
    let mut parts = vec![fields("fields", kind.fields)];
    if kind.kind == "policy" {
        parts.push(fields("fields of a rule", RULE));
    }
    if kind.kind == "space" {
        parts.push(Part {
            title: "operations of its layers",
            columns: ["name", "arguments", "docs"],
            rows: OPERATIONS
                .iter()
                .map(|o| {
                    let args: Vec<&str> = o.fields.iter().map(|f| f.name).collect();
                    [o.name.into(), args.join(", "), o.docs.into()]
                })
                .collect(),
        });
    }
    parts.push(Part {
        title: "sections",
        columns: ["name", "fields", "docs"],
        rows: kind
            .sections
            .iter()
            .map(|s| {
                let names: Vec<&str> = s.fields.iter().map(|f| f.name).collect();
                [s.name.into(), names.join(", "), s.docs.into()]
            })
            .collect(),
    });
    parts.push(Part {
        title: "formulas",
        columns: ["name", "", ""],
        rows: kind
            .formulas
            .iter()
            .map(|f| [format!("{f}(x)"), String::new(), String::new()])
            .collect(),
    });
    page(
        "kind",
        kind.kind,
        format!("{} NAME{base} {{ … }}", kind.kind),
        kind.docs.into(),
        parts,
    )
}

fn section(of: &Declaration, section: &Section) -> Page {
    let label = if section.label == Label::None {
        ""
    } else {
        " NAME"
    };
    page(
        "section",
        section.name,
        format!("{}{label} {{ … }} in {}", section.name, of.kind),
        section.docs.into(),
        vec![fields("fields", section.fields)],
    )
}

fn call(kind: &str, call: &Callable) -> Page {
    let args: Vec<String> = call
        .fields
        .iter()
        .map(|f| match otherwise(f).as_str() {
            "" | "required" => f.name.to_string(),
            default => format!("{} = {default}", f.name),
        })
        .collect();
    let signature = match args.is_empty() {
        true => call.name.to_string(),
        false => format!("{}({})", call.name, args.join(", ")),
    };
    let mut docs = call.docs.to_string();
    if let Some(name) = call.positional {
        docs.push_str(&format!("; `{name}` may stand without its name"));
    }
    page(
        kind,
        call.name,
        format!("{kind} {signature}"),
        docs,
        vec![fields("arguments", call.fields)],
    )
}

/// Name; what it takes and what holds without it; what it is.
fn fields(title: &'static str, fields: &[Field]) -> Part {
    let row = |field: &Field| {
        let mut takes = schema::takes(field);
        match otherwise(field).as_str() {
            "" => {}
            "required" => takes.push_str("; required"),
            default => takes.push_str(&format!("; {default} by default")),
        }
        if field.fixed.is_none() {
            takes.push_str("; may be searched");
        }
        [field.name.to_string(), takes, field.docs.to_string()]
    };
    Part {
        title,
        columns: ["name", "takes", "docs"],
        rows: fields.iter().map(row).collect(),
    }
}

fn otherwise(field: &Field) -> String {
    match field.default {
        Otherwise::Required => "required".into(),
        Otherwise::Absent => String::new(),
        Otherwise::Number(n) => n.to_string(),
        Otherwise::Word(word) => word.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::pages;

    /// The words that stand in the first column of a table of the reference each have a page.
    #[test]
    fn words_of_tables_of_the_reference_have_pages() {
        let text = include_str!("../../../docs/language.md");
        let cells = text.lines().filter_map(|line| line.strip_prefix("| "));
        let cells: Vec<&str> = cells.filter_map(|line| line.split(" |").next()).collect();
        let mut seen = 0;
        for cell in cells {
            for (_, word) in cell.split('`').enumerate().filter(|(at, _)| at % 2 == 1) {
                let word = word.split([' ', '(']).next().unwrap_or(word);
                let is_word = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
                let is_name = word.starts_with(|c: char| c.is_ascii_alphabetic());
                if word.len() < 2 || !is_name || !word.chars().all(is_word) || word == "kinds" {
                    continue;
                }
                seen += 1;
                assert!(!pages(word).is_empty(), "`{word}` of `{cell}` has no page");
            }
        }
        assert!(seen > 100, "{seen}");
    }
}
