//! Paths into sections: `vector.lanes = 16`, `int8.energy = …`, `memory.parameters.size in {…}`.
//!
//! In: the names of a path. Out: whether they lead into a section, or why not.

use super::Amended;
use super::path::Part;
use crate::analysis::context::{Cx, list};
use crate::analysis::schema::{self, Label, Otherwise};
use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::syntax::ast::{self, Entry, EntryKind};

/// How many names of a path lead into a section, if it goes on from there: `vector.…`, `int8.…`, `memory.data.…`.
pub(super) fn leads(section: &ast::Section, parts: &[Part], into: &Amended) -> Option<usize> {
    let known = into.schema.and_then(|s| s.section(&section.name.text));
    let is = |at: usize, name: &ast::Name| {
        parts
            .get(at)
            .is_some_and(|part| part.name.text == name.text)
    };
    let names = match (&section.label, known.map(|s| s.label)) {
        (None, _) => is(0, &section.name).then_some(1),
        (Some(label), Some(Label::Behind)) => (is(0, &section.name) && is(1, label)).then_some(2),
        (Some(label), _) => is(0, label).then_some(1),
    };
    names.filter(|names| parts.len() > *names)
}

impl Cx<'_> {
    /// `memory.parameters.size = …` where there is no memory `parameters`, or `memory.parameters = …` of one.
    pub(super) fn no_such_section(
        &mut self,
        known: &schema::Section,
        label: &ast::Name,
        entries: &[Entry],
        into: &Amended,
    ) {
        let kind = known.name;
        let labels = entries.iter().filter_map(|e| match &e.kind {
            EntryKind::Section(s) if s.name.text == kind => s.label.as_ref(),
            _ => None,
        });
        let labels: Vec<&str> = labels.map(|l| l.text.as_str()).collect();
        let (text, mark, help) = match labels.contains(&label.text.as_str()) {
            true => (
                format!("`{}` is a section", label.text),
                "given as a value",
                format!(
                    "write one of its fields: {}",
                    list(known.fields.iter().map(|f| f.name))
                ),
            ),
            false => (
                format!("{} has no {kind} `{}`", into.owner, label.text),
                "nothing has this name",
                match did_you_mean(&label.text, labels.iter().copied()) {
                    Some(alike) => format!("did you mean `{alike}`?"),
                    None if labels.is_empty() => {
                        let required = known
                            .fields
                            .iter()
                            .filter(|f| f.default == Otherwise::Required);
                        let fields: Vec<String> =
                            required.map(|f| format!("{} = …", f.name)).collect();
                        let fields = fields.join("  ");
                        format!("add it: `{kind} {} {{ {fields} }}`", label.text)
                    }
                    None => format!("there is {}", list(labels.iter().copied())),
                },
            ),
        };
        self.report(
            Diagnostic::error("bnas::name::unknown_key", text)
                .label(label.span, mark)
                .label(into.declared, format!("{} stands here", into.owner))
                .help(help),
        );
    }
}
