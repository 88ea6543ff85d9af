//! What the values of a space are read for, as far as it tells which of them a misfit hangs on.
//!
//! In: a misfit of a layer, and the space. Out: the names that its operation reads, and those that only numbers of channels hang on, which say nothing of
//! a kernel that is too large.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::ir::{Slot, Space, Stmt};
use crate::model::expression::evaluate;
use crate::source::Span;

/// Arguments that give channels.
const CHANNELS: [&str; 2] = ["channels", "outputs"];

/// Names by what they are read for.
#[derive(Debug, Default)]
pub struct Reads {
    /// What the operation reads that does not fit, itself or by way of other names.
    wanted: BTreeSet<String>,
    /// What has nothing to do with it.
    idle: BTreeSet<String>,
}

impl Reads {
    /// Those of a diagnostic; empty if it is about something else than a layer that does not fit.
    pub fn of(diagnostic: &Diagnostic, space: Option<&Space>) -> Reads {
        let main = diagnostic.labels.first().map(|label| label.span);
        let (Some(at), Some(space), "bnas::shape::misfit") = (main, space, diagnostic.code) else {
            return Reads::default();
        };
        let mut readers = Readers {
            at,
            operation: BTreeSet::new(),
            of: BTreeMap::new(),
        };
        readers.body(&space.body);
        let is_of_channels = |name: &String| {
            let ends = readers.ends(name);
            !ends.is_empty() && ends.iter().all(|end| CHANNELS.contains(&end.as_str()))
        };
        let all = readers.of.keys().cloned();
        let channels = CHANNELS.iter().map(ToString::to_string);
        // Whether channels agree hangs on rows and columns, too: there, everything may matter.
        let is_of_kernel = diagnostic.message.starts_with("kernel ");
        Reads {
            idle: (all.filter(is_of_channels).chain(channels))
                .filter(|_| is_of_kernel)
                .collect(),
            wanted: readers.inner(readers.operation.clone()),
        }
    }

    /// Whether the operation reads this.
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.contains(name)
    }

    /// Whether the misfit has nothing to do with this.
    pub fn is_idle(&self, name: &str) -> bool {
        self.idle.contains(name)
    }
}

/// For each name, the names and arguments that read it. Names of one spelling are taken for one.
struct Readers {
    /// Where the operation stands.
    at: Span,
    /// What its arguments read.
    operation: BTreeSet<String>,
    of: BTreeMap<String, BTreeSet<Reader>>,
}

/// What reads a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reader {
    /// Another name, or a parameter of a block.
    Name(String),
    /// An argument of an operation.
    Argument(String),
    /// How often, or whether, a part is there.
    Part,
}

impl Readers {
    fn body(&mut self, body: &[Stmt]) {
        for statement in body {
            match statement {
                Stmt::Let(one) => self.add(&one.slot, Reader::Name(one.name.clone())),
                Stmt::Layer(layer) => {
                    for operation in &layer.chain {
                        for (name, slot) in &operation.args {
                            self.add(slot, Reader::Argument(name.clone()));
                            if operation.span == self.at {
                                self.operation.extend(names_in(slot));
                            }
                        }
                    }
                }
                Stmt::Block(block) => {
                    for call in &block.calls {
                        for (name, slot) in &call.args {
                            self.add(slot, Reader::Name(name.clone()));
                        }
                        self.body(&call.block.body);
                    }
                }
                Stmt::Repeat { count, body, .. } => {
                    for name in evaluate::names(count) {
                        self.of.entry(name).or_default().insert(Reader::Part);
                    }
                    self.body(body);
                }
                Stmt::Parallel(parallel) => {
                    for branch in &parallel.branches {
                        self.body(&branch.body);
                    }
                }
                Stmt::OfCopy(of_copy) => {
                    self.body(&of_copy.body);
                    self.body(&of_copy.otherwise);
                }
                Stmt::Require(_) | Stmt::Add(_) => {}
            }
        }
    }

    fn add(&mut self, slot: &Slot, reader: Reader) {
        for name in names_in(slot) {
            self.of.entry(name).or_default().insert(reader.clone());
        }
    }

    /// The arguments that a name ends up in, by way of others; `part` for what decides about parts.
    fn ends(&self, name: &str) -> BTreeSet<String> {
        let mut ends = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_string()];
        while let Some(name) = open.pop() {
            for reader in self.of.get(&name).into_iter().flatten() {
                match reader {
                    Reader::Argument(argument) => ends.insert(argument.clone()),
                    Reader::Part => ends.insert("part".to_string()),
                    Reader::Name(other) if seen.insert(other.clone()) => {
                        open.push(other.clone());
                        false
                    }
                    Reader::Name(_) => false,
                };
            }
        }
        ends
    }

    /// These names with all that they are made of.
    fn inner(&self, mut names: BTreeSet<String>) -> BTreeSet<String> {
        loop {
            let reads = |readers: &BTreeSet<Reader>| {
                let mut readers = readers.iter();
                readers.any(|reader| matches!(reader, Reader::Name(name) if names.contains(name)))
            };
            let new = self.of.iter().filter(|(name, _)| !names.contains(*name));
            let new: Vec<String> = new
                .filter(|(_, readers)| reads(readers))
                .map(|(name, _)| name.clone())
                .collect();
            if new.is_empty() {
                return names;
            }
            names.extend(new);
        }
    }
}

fn names_in(slot: &Slot) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for part in evaluate::expressions(slot) {
        all.append(&mut evaluate::names(part));
    }
    all
}
