//! What every part of lowering shares: names in scope, what has been reached, and the sink for diagnostics.
//!
//! In: modules. Out: answers to "what is this name?". It must not know any declaration kind.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::expression::types::Type;
use super::facts::Subject;
use super::memory::{Inner, Memory};
use super::mistakes::origin::Causes;
use super::names::{Id, Modules};
use super::paths::Paths;
use super::quantization::own::Known;
use super::schema;
use super::scope::Scope;
use super::structure::seen::Seen;
use crate::diagnostic::{Diagnostic, Sink, did_you_mean, meant};
use crate::ir::{Amendment, Expr, Provenance, Quantizer, Repair, Value};
use crate::source::{SourceId, Sources, Span};
use crate::syntax::{self, ast, without_comments};

/// What is said of a name that may have been meant as a field.
const UNREAD: &str = "and nothing uses a value of this name";

/// Whether something says that nothing reads a name: in another arm something may.
pub(super) fn is_unread(diagnostic: &Diagnostic) -> bool {
    let mut labels = diagnostic.labels.iter();
    diagnostic.code == "bnas::name::unused" || labels.any(|label| label.text == UNREAD)
}

/// A name in scope that is no declaration: a `name = value` of the text, a parameter, an index, a metric.
#[derive(Debug, Clone)]
pub(super) struct Local {
    /// Dotted: `width`, `input.channels`.
    pub(super) name: String,
    pub(super) ty: Type,
    /// Where it is defined; absent for names of the language.
    pub(super) span: Option<Span>,
    /// Every value that it can have, where that is a short list of constants.
    pub(super) values: Option<Vec<Value>>,
    /// Its value if it is fixed and constant, or the formula of metrics that it stands for.
    pub(super) constant: Option<Expr>,
    pub(super) used: bool,
}

impl Local {
    /// A name whose value is wrong, which has been said.
    pub(super) fn poison(path: &ast::Path) -> Local {
        Local {
            span: Some(path.span),
            ..Local::built_in(&path.head.text, Type::Poison)
        }
    }

    /// A name of the language.
    pub(super) fn built_in(name: impl Into<String>, ty: Type) -> Local {
        Local {
            name: name.into(),
            ty,
            span: None,
            values: None,
            constant: None,
            used: true,
        }
    }
}

/// What an experiment has reached so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Reached {
    pub(super) quantizers: Vec<(Id, Quantizer)>,
    pub(super) repairs: Vec<(Id, Repair)>,
    pub(super) provenance: Vec<Provenance>,
    /// What the experiment amends.
    pub(super) amendments: Vec<Amendment>,
    /// Where the blocks are declared that its space copies.
    pub(super) blocks: BTreeSet<Span>,
}

/// The state of lowering.
pub(super) struct Cx<'a> {
    pub(super) sources: &'a Sources,
    pub(super) modules: &'a Modules,
    pub(super) sink: Sink,
    /// Names in scope, innermost last.
    pub(super) locals: Scope,
    /// Names of the experiment while something that it amends is lowered.
    pub(super) outer: Scope,
    /// Where the names of a rule of a policy begin, while it is lowered.
    pub(super) in_rule: Option<usize>,
    /// Files whose names an amendment sees besides those of its own: those of what it amends.
    pub(super) also: Vec<SourceId>,
    pub(super) reached: Reached,
    /// Declarations that are being lowered, outermost first.
    pub(super) open: Vec<Id>,
    /// Declarations of circles that have been reported.
    pub(super) circles: BTreeSet<Id>,
    /// Whether it has been said that blocks copy each other too deep.
    pub(super) is_deep: bool,
    /// Whether it has been said that blocks make too many copies.
    pub(super) is_long: bool,
    /// What has been copied so far within the block or space that is lowered.
    pub(super) inner: Inner,
    /// Where the names stand of values in circles that have been reported.
    pub(super) circles_of_values: BTreeSet<Span>,
    /// Fields of the experiment that are given and wrong: nothing is known below their paths.
    pub(super) lost: BTreeSet<&'static str>,
    /// What blocks are called that are given and wrong: nothing is known below their paths.
    pub(super) lost_blocks: BTreeSet<String>,
    /// Paths of values, while goals and requirements are lowered.
    pub(super) paths: Option<Paths>,
    /// Paths of the space or block that is lowered, where its requirements need them.
    pub(super) seen: Option<Seen>,
    /// Where a path with `[*]` stands in the list that is lowered; outside of lists there is none.
    pub(super) lists: Vec<Option<Span>>,
    /// How many branches of `if` are open: what they hold is not always looked at.
    pub(super) conditions: usize,
    /// Names that requirements and goals read by a path: `space.s[*].width` reads `width`.
    pub(super) read: BTreeSet<String>,
    /// Causes of wrong values that have been reported.
    pub(super) causes: Causes,
    /// Fields and sections, by the place of their owner, that a wrong key or label was meant to be: they are not missing.
    pub(super) meant: BTreeSet<(Span, String)>,
    /// Names of the author's own that the language has: what is said of these is not meant of its own.
    pub(super) misnamed: BTreeSet<String>,
    /// What `check` lines are about, while they are evaluated.
    pub(super) subject: Option<Rc<Subject>>,
    /// Where names stand that are searched over reals, with the ends of these.
    pub(super) reals: BTreeMap<Span, (f64, f64)>,
    /// Whether something could not be read: nothing that it may belong to is known in full.
    pub(super) is_partial: bool,
    /// How many facts have been found wrong: they alone make nothing else wrong.
    pub(super) failed_facts: usize,
    /// What has been lowered before.
    pub(super) memory: Memory,
    /// What the experiment amends, also where that is wrong.
    pub(super) amendments: Vec<Amendment>,
    /// The names that entries of each file define, once one of them was asked for.
    pub(super) defined: HashMap<SourceId, HashSet<&'a str>>,
    /// Formulas of the quantizer that is lowered; `None` outside of quantizers.
    pub(super) formulas: Option<Known>,
    /// Names of the experiment that stand for formulas of candidates, and where these stand.
    pub(super) of_candidates: Vec<(String, Span)>,
    /// Whether a name may be meant as a word: a member of a domain, or what such a member is compared with.
    pub(super) may_be_word: bool,
    /// Where values stand of which it was reported that they are said twice.
    pub(super) said_twice: Vec<Span>,
    /// How many errors were to be reported, those included that were known.
    pub(super) errors: usize,
    /// Where the names stand of experiments that nothing wrong was found in.
    pub(super) sound: BTreeSet<Span>,
    /// The entries of the experiment by the first word of the paths below them: `space = s` by `space`.
    pub(super) written: Vec<(String, Span)>,
    /// Paths that nothing has, and the stretches of which one may have defined them, had it been right.
    pub(super) doubts: BTreeMap<Span, BTreeSet<Span>>,
    /// Names that a file has for declarations and that something uses.
    pub(super) used: BTreeSet<(SourceId, String)>,
}

impl<'a> Cx<'a> {
    pub(super) fn new(sources: &'a Sources, modules: &'a Modules, sink: Sink) -> Self {
        Cx {
            sources,
            modules,
            sink,
            locals: Scope::default(),
            outer: Scope::default(),
            in_rule: None,
            also: Vec::new(),
            reached: Reached::default(),
            open: Vec::new(),
            circles: BTreeSet::new(),
            is_deep: false,
            is_long: false,
            inner: Inner::default(),
            circles_of_values: BTreeSet::new(),
            lost: BTreeSet::new(),
            lost_blocks: BTreeSet::new(),
            causes: Causes::default(),
            meant: BTreeSet::new(),
            misnamed: BTreeSet::new(),
            reals: BTreeMap::new(),
            is_partial: false,
            failed_facts: 0,
            memory: Memory::default(),
            amendments: Vec::new(),
            defined: HashMap::new(),
            formulas: None,
            of_candidates: Vec::new(),
            may_be_word: false,
            paths: None,
            seen: None,
            lists: Vec::new(),
            conditions: 0,
            read: BTreeSet::new(),
            subject: None,
            said_twice: Vec::new(),
            errors: 0,
            sound: BTreeSet::new(),
            written: Vec::new(),
            doubts: BTreeMap::new(),
            used: BTreeSet::new(),
        }
    }

    /// Begins with another declaration: what the one before reached, or has that is wrong, is of that one.
    pub(super) fn begin(&mut self) {
        self.reached = Reached::default();
        self.lost_blocks.clear();
    }

    /// Reports with the place that a value came from, and goes on.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.is_error());
        if let Some(diagnostic) = self.traced(diagnostic) {
            self.sink.push(diagnostic);
        }
    }

    /// Reports a fact that does not hold. Numbers that are wrong already would fail every one, but one that fails hides no other.
    pub(super) fn report_fact(&mut self, diagnostic: Diagnostic) {
        let before = self.sink.errors();
        self.report(diagnostic);
        self.failed_facts += self.sink.errors() - before;
    }

    /// Whether nothing is wrong but facts.
    pub(super) fn is_sound(&self) -> bool {
        !self.is_partial && self.sink.errors() == self.failed_facts
    }

    /// What the language has and this version does not run.
    pub(super) fn later(&mut self, what: &str, span: Span) {
        self.report(
            Diagnostic::error("bnas::unsupported", format!("{what} is not built yet"))
                .label(span, "this version cannot run it")
                .help("remove it: docs/language.md says what runs"),
        );
    }

    /// The text of a goal or a requirement, the same however it is laid out. Experiments of one file often have the same.
    pub(super) fn one_line(&mut self, span: Span) -> String {
        let text = self.sources.slice(span);
        if let Some(known) = self.memory.texts.get(text) {
            return known.clone();
        }
        let one_line = syntax::one_line(text);
        self.memory.texts.insert(text.into(), one_line.clone());
        one_line
    }

    /// The text under a span on one line, without comments.
    pub(super) fn text(&self, span: Span) -> String {
        let text = self.sources.slice(span);
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        match text.contains(char::is_whitespace) {
            true if text.contains("//") => words(&without_comments(text)),
            true => words(text),
            false => text.to_string(),
        }
    }

    /// The declaration that a name stands for in the file where it is written, or in those that are amended there.
    pub(super) fn find(&mut self, name: &ast::Name) -> Option<Id> {
        let own = std::iter::once(name.span.source);
        let modules = self.modules;
        for source in own.chain(self.also.iter().copied()) {
            let meaning = modules.get(source).and_then(|m| m.names.get(&name.text));
            if let Some(meaning) = meaning {
                self.used.insert((source, name.text.clone()));
                return Some(meaning.id);
            }
        }
        None
    }

    /// The entries of the experiment that begin with this word, and the declarations that stand behind them.
    pub(super) fn behind(&self, word: &str) -> BTreeSet<Span> {
        let written = self.written.iter().filter(|(name, _)| name == word);
        self.reached_from(written.map(|(_, span)| *span), &|d| {
            d.kind.text != "experiment"
        })
    }

    /// These stretches and the declarations that they name, with those that these name, as far as they are `wanted`.
    pub(super) fn reached_from(
        &self,
        from: impl Iterator<Item = Span>,
        wanted: &dyn Fn(&ast::Declaration) -> bool,
    ) -> BTreeSet<Span> {
        let mut open: Vec<Span> = from.collect();
        let mut found: BTreeSet<Span> = open.iter().copied().collect();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        while let Some(at) = open.pop() {
            let Some(module) = self.modules.get(at.source) else {
                continue;
            };
            let words = self.sources.slice(at).split(|c| !is_name(c));
            for meaning in words.filter_map(|word| module.names.get(word)) {
                let declaration = self.modules.declaration(meaning.id);
                if wanted(declaration) && found.insert(declaration.span) {
                    open.push(declaration.span);
                }
            }
        }
        found
    }

    /// A name that nothing in a file has.
    pub(super) fn free_name(&self, file: Span) -> String {
        let module = self.modules.get(file.source);
        let is_free = |name: &String| module.is_none_or(|m| !m.names.contains_key(name));
        let names = (2..).map(|i| format!("other_{i}"));
        let mut names = std::iter::once("other".to_string()).chain(names);
        names.find(is_free).expect("invariant: names do not end")
    }

    /// A name in scope; it counts as used from now on.
    pub(super) fn local(&mut self, name: &str) -> Option<Local> {
        self.locals.used(name).cloned()
    }

    /// Whether a text is a name in scope; it does not count as used.
    pub(super) fn local_named(&self, name: &str) -> bool {
        self.locals.find(name).is_some()
    }

    /// Leaves a scope: the names since `mark` are gone, and returned.
    pub(super) fn leave(&mut self, mark: usize) -> Vec<Local> {
        self.locals.split_off(mark)
    }

    /// Notes that all names of a stretch are read, of which nobody knows what it was meant to be.
    pub(super) fn reads_all(&mut self, span: Span) {
        let text = self.sources.slice(span);
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        self.read.extend(words.map(str::to_string));
    }

    /// Notes the names that paths in these entries read.
    pub(super) fn reads(&mut self, entries: &[ast::Entry]) {
        for entry in entries {
            let span = match &entry.kind {
                ast::EntryKind::Require(claim) => claim.condition.span,
                ast::EntryKind::Goal(goal) => goal.value.span,
                ast::EntryKind::Expect(claim) => claim.condition.span,
                // `area = space.width^2`: a name that only goals, requirements and expectations may read.
                ast::EntryKind::Field(field) => field.value.span,
                _ => continue,
            };
            let text = self.text(span);
            let steps = text.split('.').skip(1);
            let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
            self.read
                .extend(steps.map(|s| s.chars().take_while(is_name).collect::<String>()));
        }
    }

    /// Names that were defined and never read. `keys` are the field names that one of them may have been meant to be.
    pub(super) fn unused<'k>(
        &mut self,
        locals: &[Local],
        keys: impl Iterator<Item = &'k str> + Clone,
        owner: &str,
    ) {
        let unread: Vec<&Local> = (locals.iter())
            .filter(|l| !l.used && !self.read.contains(&l.name))
            .collect();
        // What it derives from has names for itself.
        let own = self
            .open
            .last()
            .map(|id| self.modules.declaration(*id).span);
        for local in unread {
            let Some(span) = local.span else { continue };
            if own.is_some_and(|own| !own.holds(span)) {
                continue;
            }
            let alike = did_you_mean(&local.name, keys.clone());
            let home = || schema::home(&local.name, keys.clone());
            let help = (alike.map(|key| format!("did you mean `{key}`?")))
                .or_else(|| home().map(|home| format!("it belongs into {home}")));
            match help {
                Some(help) => self.report(
                    Diagnostic::error(
                        "bnas::name::unknown_key",
                        format!("{owner} has no field `{}`", local.name),
                    )
                    .label(span, UNREAD)
                    .help(help),
                ),
                None => self.report(
                    Diagnostic::warning(
                        "bnas::name::unused",
                        format!("`{}` is never used", local.name),
                    )
                    .label(span, "nothing reads this value")
                    .help(match owner {
                        "the rule" if meant(&local.name, ["bits"]).is_some() => {
                            "it belongs into a quantizer: `weights = int { bits = 4 }`, with `use std.quantizers.int` at the top of the file"
                        }
                        _ => "remove it",
                    }),
                ),
            }
        }
    }

    /// A path as it is written, without blanks.
    pub(super) fn path_text(&self, path: &ast::Path) -> String {
        path.text(|index| self.text(index.span))
    }

    /// Warnings for names that a file imports and never uses.
    pub(super) fn unused_imports(&mut self, source: SourceId) {
        let modules = self.modules;
        let Some(module) = modules.get(source) else {
            return;
        };
        // What a library file imports is for those who amend it, too.
        if !module
            .file
            .declarations
            .iter()
            .any(|d| d.kind.text == "experiment")
        {
            return;
        }
        for (name, meaning) in &module.names {
            // A whole file in quotes brings all of its names, wanted or not.
            let whole_file = self.sources.slice(meaning.span).starts_with('"');
            let used = self.used.contains(&(source, name.clone()));
            if meaning.imported && !whole_file && !used {
                self.report(
                    Diagnostic::warning(
                        "bnas::import::unused",
                        format!("`{name}` is imported and never used"),
                    )
                    .label(meaning.span, "nothing here uses it")
                    .help("remove it"),
                );
            }
        }
    }
}

/// "`a`, `b`, `c`".
pub(super) fn list<'s>(items: impl Iterator<Item = &'s str>) -> String {
    items
        .map(|item| format!("`{item}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
