//! Where the value in a diagnostic came from.
//!
//! In: a diagnostic about the use of a value. Out: the same with the place that gave the value: an amendment comes first,
//! since that is what its author can change; a definition nearby is a note. Uses of one wrong value are one report. It must not know
//! which rule was broken.

use std::collections::{BTreeMap, HashSet};

use crate::analysis::context::Cx;
use crate::diagnostic::{Diagnostic, Label};
use crate::source::Span;
use crate::syntax::ast::{self, Entry, EntryKind};

/// Areas of diagnostics about values.
const OF_VALUES: [&str; 3] = ["bnas::domain::", "bnas::type::", "bnas::unit::"];

/// What is said of a formula where a value that it reads is too large, too small, or has another unit.
const OF_SIZE: [&str; 2] = ["bnas::domain::out_of_range", "bnas::unit::mismatch"];

/// How many labels the report of one wrong value has.
const MOST: usize = 8;

/// The code, what was said, and where the value is given.
type Cause = (&'static str, String, Span);

/// What has been reported, and which report has it.
#[derive(Debug, Default)]
pub(in crate::analysis) struct Causes {
    reports: BTreeMap<Cause, Report>,
    /// Reports of expressions that are no name, by what they read: the code, what was said, where that is given, and the number in the sink.
    read: BTreeMap<Cause, usize>,
    /// Uses that are wrong with the value that they are declared with, and with what was given for it: by the code and the place.
    uses: BTreeMap<(&'static str, Span), Use>,
}

impl Causes {
    /// Whether the value that is given at this place has been reported as wrong.
    pub(in crate::analysis) fn is_reported(&self, given: Span) -> bool {
        self.reports.keys().any(|(_, _, span)| *span == given)
    }
}

/// What has been said of one use.
#[derive(Debug, Clone, Copy)]
struct Use {
    /// The number of its first report in the sink.
    index: usize,
    /// Whether that is of a value which amends what is declared.
    amended: bool,
}

/// Where the uses of one wrong value are shown.
#[derive(Debug)]
struct Report {
    /// Its number in the sink.
    index: usize,
    /// Uses that have no label there.
    more: HashSet<Span>,
}

impl Cx<'_> {
    /// Adds the place that gave the value. If that has been reported, the report shows this use, too, and there is nothing to add.
    pub(in crate::analysis) fn traced(&mut self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        if !OF_VALUES
            .iter()
            .any(|area| diagnostic.code.starts_with(area))
        {
            return Some(diagnostic);
        }
        let Some((name, span)) = self.origin(&diagnostic) else {
            let diagnostic = self.of_one_cause(diagnostic)?;
            if let Some(used) = diagnostic.labels.first() {
                let first = Use {
                    index: self.sink.count(),
                    amended: false,
                };
                let used = (diagnostic.code, used.span);
                self.causes.uses.entry(used).or_insert(first);
            }
            return Some(diagnostic);
        };
        let used_at = diagnostic.labels[0].span;
        let amended = self.is_elsewhere(span, used_at);
        let cause = (diagnostic.code, said(&diagnostic, amended), span);
        let used = (diagnostic.code, used_at);
        let before = self.causes.uses.get(&used).copied();
        match before {
            // It is wrong whatever is given.
            Some(one) if amended && !one.amended => return None,
            Some(one) if !amended && one.amended => {
                self.causes.uses.insert(used, Use { amended, ..one });
                let first = self.sink.found_mut(one.index)?;
                diagnostic.labels.push(value_of(&name, span));
                *first = diagnostic;
                return None;
            }
            _ => {}
        }
        if let Some(report) = self.causes.reports.get_mut(&cause) {
            if let Some(first) = self.sink.found_mut(report.index) {
                show_use(first, diagnostic, &name, span, &mut report.more);
            }
            return None;
        }
        if !amended && let Some(index) = self.causes.read.get(&cause).copied() {
            // What was said of an expression that reads it is said of the value, which is what is wrong.
            let mut more = HashSet::new();
            if diagnostic.labels.iter().all(|l| l.span != span) {
                diagnostic.labels.push(value_of(&name, span));
            }
            let report = self.sink.found_mut(index)?;
            let before = std::mem::replace(report, diagnostic);
            show_use(report, before, &name, span, &mut more);
            self.causes.reports.insert(cause, Report { index, more });
            return None;
        }
        let report = Report {
            index: self.sink.count(),
            more: HashSet::new(),
        };
        self.causes.reports.insert(cause, report);
        let first = Use {
            index: self.sink.count(),
            amended,
        };
        self.causes.uses.entry(used).or_insert(first);
        if diagnostic.labels.iter().any(|l| l.span == span) {
            return Some(diagnostic);
        }
        let label = value_of(&name, span);
        match amended {
            true => diagnostic.labels.insert(0, label),
            false => diagnostic.labels.push(label),
        }
        Some(diagnostic)
    }

    /// Of an expression that is no name, shows it in the report of what it reads, or of another expression that reads the same: that value is what is wrong.
    /// If there is none, there is news.
    fn of_one_cause(&mut self, diagnostic: Diagnostic) -> Option<Diagnostic> {
        let main = diagnostic.labels.first();
        let Some(main) = main.filter(|_| OF_SIZE.contains(&diagnostic.code)) else {
            return Some(diagnostic);
        };
        let said = said(&diagnostic, false);
        let read = self.known_in(main.span);
        for (name, given) in &read {
            let cause = (diagnostic.code, said.clone(), *given);
            if let Some(report) = self.causes.reports.get_mut(&cause) {
                let first = self.sink.found_mut(report.index)?;
                show_use(first, diagnostic, name, *given, &mut report.more);
                return None;
            }
            if let Some(index) = self.causes.read.get(&cause).copied() {
                let first = self.sink.found_mut(index)?;
                let mut more = HashSet::new();
                if first.labels.iter().all(|l| l.span != *given) {
                    first.labels.push(value_of(name, *given));
                }
                show_use(first, diagnostic, name, *given, &mut more);
                self.causes.reports.insert(cause, Report { index, more });
                return None;
            }
        }
        let index = self.sink.count();
        for (_, given) in read {
            let cause = (diagnostic.code, said.clone(), given);
            self.causes.read.insert(cause, index);
        }
        Some(diagnostic)
    }

    /// The names with known values that a longer expression reads, with the places that give these.
    fn known_in(&self, at: Span) -> Vec<(String, Span)> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let words = self.sources.slice(at).split(|c| !is_word(c));
        let locals = words.filter_map(|word| self.locals.find(word));
        let known = locals.filter(|local| local.constant.is_some() || local.values.is_some());
        known
            .filter_map(|local| Some((local.name.clone(), local.span?)))
            .filter(|(_, given)| *given != at)
            .collect()
    }

    /// The name under a label, with the place of its definition. Inside a longer expression only an amended name counts.
    fn origin(&self, diagnostic: &Diagnostic) -> Option<(String, Span)> {
        let find = |name: &str, at: Span| {
            let outer = self.outer.find(name);
            let local = match self.is_outer(name, at) {
                true => outer?,
                false => self.locals.find(name).or(outer)?,
            };
            Some((local.name.clone(), local.span?))
        };
        for label in &diagnostic.labels {
            let text = self.sources.slice(label.span);
            // The key of an argument is no value, whatever it is called.
            let behind = &self.sources.get(label.span.source).text[label.span.end as usize..];
            let behind = behind.trim_start();
            if behind.starts_with('=') && !behind.starts_with("==") {
                continue;
            }
            if let Some(found) = find(text, label.span).filter(|(_, span)| *span != label.span) {
                return Some(found);
            }
        }
        let first = diagnostic.labels.first()?;
        let text = self.sources.slice(first.span);
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        text.split(|c| !is_word(c))
            .filter_map(|name| find(name, first.span))
            .find(|(_, span)| self.is_elsewhere(*span, first.span))
    }

    /// Whether an expression reads a value that has been reported as wrong.
    pub(in crate::analysis) fn reads_reported(&self, at: Span) -> bool {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let mut words = self.sources.slice(at).split(|c| !is_word(c));
        words.any(|word| {
            let local = self.locals.find(word).and_then(|local| local.span);
            local.is_some_and(|given| self.causes.is_reported(given))
        })
    }

    /// Whether a value is given in another declaration than the one that uses it.
    fn is_elsewhere(&self, given: Span, used: Span) -> bool {
        let around = |span: Span| self.modules.around(span).map(|d| d.span);
        given.source != used.source || around(given) != around(used)
    }

    /// Where the declaration around a use defines a name below it.
    pub(in crate::analysis) fn defined_below(&mut self, name: &str, used: Span) -> Option<Span> {
        if !self.is_defined(name, used) {
            return None;
        }
        let declarations = &self.modules.get(used.source)?.file.declarations;
        let around = declarations.iter().find(|d| d.span.holds(used))?;
        below(&around.entries, name, used)
    }

    /// Whether an entry of the file of a use defines a name. Each file is read for this once: of thousands of names, most stand for nothing.
    fn is_defined(&mut self, name: &str, used: Span) -> bool {
        let Some(module) = self.modules.get(used.source) else {
            return false;
        };
        let all = self.defined.entry(used.source).or_insert_with(|| {
            let mut all = HashSet::new();
            for declaration in &module.file.declarations {
                defined(&declaration.entries, &mut all);
            }
            all
        });
        all.contains(name)
    }
}

impl Cx<'_> {
    /// The circle of values that a name is read in, if it is made of the value that reads it: `a = b` above `b = a`. The first is the
    /// reader; each reads the next, and the last reads the first.
    pub(in crate::analysis) fn circle_around(
        &mut self,
        name: &str,
        used: Span,
    ) -> Option<Vec<ast::Name>> {
        if !self.is_defined(name, used) {
            return None;
        }
        let declarations = &self.modules.get(used.source)?.file.declarations;
        let around = declarations.iter().find(|d| d.span.holds(used))?;
        let mut all = Vec::new();
        values(&around.entries, &mut all);
        let reader = all.iter().position(|(_, span)| span.holds(used))?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let of = |name: &str| all.iter().position(|(known, _)| known.text == name);
        if of(name) == Some(reader) {
            return Some(vec![all[reader].0.clone()]);
        }
        // Each value that is reached, and the place in this list of the one that reads it.
        let mut reached = vec![(of(name)?, None)];
        let mut next = 0;
        while let Some((value, _)) = reached.get(next).copied() {
            let words = self.sources.slice(all[value].1).split(|c| !is_word(c));
            for read in words.filter_map(of) {
                if read == reader {
                    let mut circle = Vec::new();
                    let mut at = Some(next);
                    while let Some((value, by)) = at.map(|at: usize| reached[at]) {
                        circle.insert(0, all[value].0.clone());
                        at = by;
                    }
                    circle.insert(0, all[reader].0.clone());
                    return Some(circle);
                }
                if reached.iter().all(|(known, _)| *known != read) {
                    reached.push((read, Some(next)));
                }
            }
            next += 1;
        }
        None
    }
}

/// The names that entries define, each with what stands behind it.
fn values<'e>(entries: &'e [Entry], all: &mut Vec<(&'e ast::Name, Span)>) {
    for entry in entries {
        if let Some(name) = target(entry) {
            let behind = Span {
                start: name.span.end,
                ..entry.span
            };
            all.push((name, behind));
        }
        values(inner(entry), all);
    }
}

/// Every name that entries define.
fn defined<'e>(entries: &'e [Entry], all: &mut HashSet<&'e str>) {
    for entry in entries {
        all.extend(target(entry).map(|name| name.text.as_str()));
        defined(inner(entry), all);
    }
}

/// What stands inside an entry.
fn inner(entry: &Entry) -> &[Entry] {
    match &entry.kind {
        EntryKind::Repeat(repeat) => &repeat.entries,
        EntryKind::Rule(rule) => &rule.entries,
        EntryKind::Section(section) => &section.entries,
        _ => &[],
    }
}

fn below(entries: &[Entry], name: &str, used: Span) -> Option<Span> {
    for entry in entries {
        if entry.span.holds(used)
            && let Some(found) = below(inner(entry), name, used)
        {
            return Some(found);
        }
        if entry.span.start > used.end
            && let Some(target) = target(entry).filter(|t| t.text == name)
        {
            return Some(target.span);
        }
    }
    None
}

fn target(entry: &Entry) -> Option<&ast::Name> {
    match &entry.kind {
        EntryKind::Field(field) => field.target.as_name(),
        EntryKind::Choice(choice) => choice.target.as_name(),
        _ => None,
    }
}

/// What tells reports of one value from each other. A wrong value is wrong wherever it is used; of two kinds that do not go together, each use is a case of its
/// own, unless the value is given elsewhere.
fn said(diagnostic: &Diagnostic, amended: bool) -> String {
    match amended || !diagnostic.code.starts_with("bnas::unit::") {
        true => String::new(),
        false => diagnostic.message.clone(),
    }
}

fn value_of(name: &str, span: Span) -> Label {
    Label {
        span,
        text: format!("`{name}` gets its value here"),
    }
}

/// Labels one more use of the value of `name`, which is given at `given`, in the report of the first; of very many, says how many more
/// there are.
fn show_use(
    report: &mut Diagnostic,
    again: Diagnostic,
    name: &str,
    given: Span,
    more: &mut HashSet<Span>,
) {
    let is_shown = |at: Span| report.labels.iter().any(|l| l.span == at);
    let new = |l: &Label| l.span != given && !is_shown(l.span);
    let uses: Vec<Label> = again.labels.into_iter().filter(new).collect();
    if report.labels.len() + uses.len() <= MOST {
        report.labels.extend(uses);
    } else if let Some(first) = uses.first() {
        more.insert(first.span);
        let label = report.labels.iter_mut().find(|l| l.span == given);
        if let Some(label) = label {
            let more = match more.len() {
                1 => "1 more use is wrong".into(),
                count => format!("{count} more uses are wrong"),
            };
            label.text = format!("`{name}` gets its value here, and {more}");
        }
    }
}
