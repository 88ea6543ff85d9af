//! A whole file that uses a definition of the library, small enough to read and complete enough to check.

use crate::analysis::Described;
use crate::source::Sources;
use crate::syntax;

/// The data set and the network of an example that is about something else.
const PARTS: &[(&str, &str, &str)] = &[
    ("data", "digits", "std.data.digits"),
    ("space", "small_cnn", "std.spaces.small_cnn"),
    ("policy", "binary_body", "std.policies.binary_body"),
];

/// An example for a definition that is imported by this path; nothing for an experiment, which is one.
pub fn of(described: &Described, import: &str) -> Option<String> {
    let name = described.name.as_str();
    let text = match described.kind.as_str() {
        "dataset" => experiment(import, &[("data", name), ("space", "small_cnn")], ""),
        "space" => experiment(import, &[("data", "digits"), ("space", name)], ""),
        "policy" => experiment(
            import,
            &[("data", "digits"), ("space", "small_cnn"), ("policy", name)],
            "",
        ),
        "repair" => experiment(
            import,
            &[
                ("data", "digits"),
                ("space", "small_cnn"),
                ("policy", "binary_body"),
                ("repairs", &format!("{{{name}}}")),
            ],
            "",
        ),
        "target" => experiment(
            import,
            &[
                ("data", "digits"),
                ("space", "small_cnn"),
                ("policy", "binary_body"),
                ("target", name),
            ],
            "  minimize energy\n",
        ),
        "quantizer" => format!(
            "bnas 1\n\nuse {import}\n\npolicy mine {{\n  each layer {{ weights = {name}  activations = {name} }}\n}}\n"
        ),
        "block" => {
            let args: Vec<String> = described
                .required
                .iter()
                .map(|p| format!("{p} = {}", if p.contains("channels") { 16 } else { 1 }))
                .collect();
            format!(
                "bnas 1\n\nuse {import}\n\nspace mine {{\n  layer stem = conv(channels = 16, kernel = 3) -> norm -> relu\n  \
                 block = {name}({})\n  layer head = pool(average) -> linear(classes)\n}}\n",
                args.join(", ")
            )
        }
        _ => return None,
    };
    let mut sources = Sources::default();
    let id = sources.add("example", &*text);
    Some(syntax::format(id, &text).expect("invariant: the templates above parse"))
}

/// An experiment with these fields: what is not the definition itself is imported, too.
fn experiment(import: &str, fields: &[(&str, &str)], goal: &str) -> String {
    let others = PARTS
        .iter()
        .filter(|(_, name, _)| fields.iter().any(|(_, v)| v == name))
        .map(|(_, _, path)| *path);
    let mut imports: Vec<&str> = others.chain([import]).collect();
    imports.sort_unstable();
    imports.dedup();
    let uses: String = imports.iter().map(|i| format!("use {i}\n")).collect();
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("  {name:width$} = {value}\n"))
        .collect();
    format!(
        "bnas 1\n\n{uses}\nexperiment mine {{\n{fields}  train  {{ epochs = 10 }}\n  search {{ trials = 8 }}\n  maximize accuracy\n{goal}}}\n"
    )
}
