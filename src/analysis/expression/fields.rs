//! Fields of sections and arguments of calls, checked against the schema.
//!
//! In: what was written, by name. Out: one [`Slot`] per field, with defaults filled in. It must not know what the fields mean.

use super::fits::limited;
use super::types::Type;
use crate::analysis::context::{Cx, Local, list};
use crate::analysis::schema::{self, Field, Kind, Otherwise};
use crate::diagnostic::{Diagnostic, Missing, meant_field};
use crate::ir::{Expr, PROGRESS, Slot, Value};
use crate::model::expression::evaluate;
use crate::source::Span;
use crate::syntax::ast;

/// A value as written: behind `=`, or a domain behind `in` with its default.
#[derive(Debug, Clone, Copy)]
pub(in crate::analysis) enum Given<'e> {
    Fixed(&'e ast::Expr),
    Searched(&'e ast::Expr, Option<&'e ast::Expr>),
}

impl Given<'_> {
    pub(in crate::analysis) fn span(&self) -> Span {
        match self {
            Given::Fixed(e) | Given::Searched(e, _) => e.span,
        }
    }
}

/// What was written, by name, in order, each name once.
#[derive(Debug)]
pub(in crate::analysis) struct Written<'e> {
    /// What owns the fields, for messages: "`conv`", "`train`".
    pub(in crate::analysis) owner: String,
    /// Where the owner's name stands.
    pub(in crate::analysis) span: Span,
    pub(in crate::analysis) given: Vec<(ast::Name, Given<'e>)>,
    /// Fields that were probably meant by unknown names: they are not missing.
    meant: Vec<&'static str>,
    /// Whether it stands for a section that is not written.
    is_absent: bool,
}

impl<'e> Written<'e> {
    pub(in crate::analysis) fn new(owner: impl Into<String>, span: Span) -> Self {
        Written {
            owner: owner.into(),
            span,
            given: Vec::new(),
            meant: Vec::new(),
            is_absent: false,
        }
    }

    /// The fields of a section that is not written: none.
    pub(in crate::analysis) fn absent(owner: impl Into<String>, span: Span) -> Self {
        Written {
            is_absent: true,
            ..Written::new(owner, span)
        }
    }

    pub(in crate::analysis) fn get(&self, name: &str) -> Option<&(ast::Name, Given<'e>)> {
        self.given.iter().find(|(n, _)| n.text == name)
    }

    /// Whether an unknown name was probably this one.
    pub(in crate::analysis) fn is_meant(&self, name: &str) -> bool {
        self.meant.contains(&name)
    }

    /// Says that a field was given in a way that has been reported.
    pub(in crate::analysis) fn mean(&mut self, name: &'static str) {
        self.meant.push(name);
    }

    /// The place to point at when speaking of a field.
    pub(in crate::analysis) fn place(&self, name: &str) -> Span {
        self.get(name).map_or(self.span, |(n, _)| n.span)
    }
}

impl Cx<'_> {
    /// The fields of a section: nothing else may stand in it.
    pub(in crate::analysis) fn written<'e>(
        &mut self,
        owner: &str,
        span: Span,
        entries: impl IntoIterator<Item = &'e ast::Entry>,
        known: &'static [Field],
    ) -> Written<'e> {
        let mut written = Written::new(owner, span);
        for entry in entries {
            let (path, given) = match &entry.kind {
                ast::EntryKind::Field(f) => (&f.target, Given::Fixed(&f.value)),
                ast::EntryKind::Choice(c) => {
                    (&c.target, Given::Searched(&c.domain, c.default.as_deref()))
                }
                other => {
                    // What stands in a section within is not missing around it.
                    if let ast::EntryKind::Section(section) = other {
                        let inner = section
                            .entries
                            .iter()
                            .filter_map(crate::analysis::quantization::quantizer::target);
                        let inner: Vec<&str> = inner.map(|path| path.head.text.as_str()).collect();
                        let is_given = |f: &&Field| inner.contains(&f.name);
                        let given = known.iter().filter(is_given).map(|f| f.name);
                        written.meant.extend(given);
                    }
                    self.report(
                        Diagnostic::error(
                            "bnas::name::unknown_key",
                            format!("{owner} takes fields only"),
                        )
                        .label(entry.span, "this is no field")
                        .help(match other {
                            ast::EntryKind::Formula(f) => format!(
                                "declare a quantizer that has it, `quantizer mine : … {{ {}(…) = … }}`, and take that one",
                                f.name.text
                            ),
                            _ => format!("its fields are {}", list(known.iter().map(|f| f.name))),
                        }),
                    );
                    continue;
                }
            };
            match path.as_name() {
                Some(name) => self.give(&mut written, name, given, known),
                None => self.unknown_key(owner, &whole(path), Some(span), &names(known)),
            }
        }
        written
    }

    /// Adds a field unless it is unknown or there already.
    pub(in crate::analysis) fn give<'e>(
        &mut self,
        written: &mut Written<'e>,
        name: &ast::Name,
        given: Given<'e>,
        known: &'static [Field],
    ) {
        if !known.iter().any(|f| f.name == name.text) {
            let owner = written.owner.clone();
            let declared = (written.span.source == name.span.source).then_some(written.span);
            self.unknown_key(&owner, name, declared, &names(known));
            written.meant.extend(meant_field(&name.text, names(known)));
            self.reads_all(given.span());
        } else if let Some((first, _)) = written.get(&name.text) {
            let first = first.span;
            self.twice(&name.text, name.span, first);
        } else {
            written.given.push((name.clone(), given));
        }
    }

    /// The slot of a field: as written, or its default. Absent where the default is, and after a diagnostic about a missing one.
    pub(in crate::analysis) fn slot(&mut self, written: &Written, field: &Field) -> Option<Slot> {
        if let Some((name, given)) = written.get(field.name) {
            return Some(self.filled(field, *given, name.span));
        }
        match field.default {
            Otherwise::Number(n) => Some(Slot::Fixed(Expr::number(n))),
            Otherwise::Word(w) => Some(Slot::Fixed(Expr::Value(Value::name(w)))),
            Otherwise::Absent => None,
            Otherwise::Required if written.is_meant(field.name) => None,
            Otherwise::Required => {
                let takes = self.taken(field);
                let missing = Missing {
                    is_section: written.is_absent,
                    ..Missing::one(written.owner.as_str(), field.name)
                };
                self.report(Diagnostic::missing(missing, written.span).help(format!(
                    "add `{} = {}`: {}, {takes}",
                    field.name,
                    example(field),
                    field.docs
                )));
                None
            }
        }
    }

    /// A field by name, as a slot; after a diagnostic the number 1.
    pub(in crate::analysis) fn slot_of(
        &mut self,
        written: &Written,
        known: &'static [Field],
        name: &str,
    ) -> Slot {
        let field = find(known, name);
        self.slot(written, field)
            .unwrap_or_else(|| Slot::Fixed(Expr::number(1.0)))
    }

    /// A field whose value must be a constant whole number.
    pub(in crate::analysis) fn count_of(
        &mut self,
        written: &Written,
        known: &'static [Field],
        name: &str,
    ) -> Option<u64> {
        let field = find(known, name);
        match self.slot(written, field)? {
            Slot::Fixed(Expr::Value(Value::Number(n))) if n >= 0.0 && n.fract() == 0.0 => {
                Some(n as u64)
            }
            Slot::Fixed(Expr::Value(_)) | Slot::Chosen(_) => None,
            Slot::Fixed(expr) => {
                let text = format!("`{name}` must be a constant");
                let mut diagnostic = Diagnostic::error("bnas::type::mismatch", text)
                    .label(written.place(name), "depends on a choice");
                for read in evaluate::names(&expr) {
                    if let Some(span) = self.locals.find(&read).and_then(|local| local.span) {
                        diagnostic = diagnostic.label(span, format!("`{read}` is chosen here"));
                    }
                }
                if let Some(fixed) = &field.fixed {
                    diagnostic = diagnostic.help(fixed.help(name, None));
                }
                self.report(diagnostic);
                None
            }
        }
    }

    /// What is written for a field, checked.
    pub(in crate::analysis) fn filled(&mut self, field: &Field, given: Given, at: Span) -> Slot {
        let mark = self.locals.len();
        if let Kind::WordOrFormula(_) = field.kind {
            self.progress();
        }
        let slot = match given {
            Given::Fixed(e) if self.is_unquoted(e, field, at) => Slot::Fixed(Expr::number(1.0)),
            Given::Fixed(e) | Given::Searched(e, _) if self.are_uncalled(e, field) => {
                Slot::Fixed(Expr::number(1.0))
            }
            Given::Fixed(e) => {
                let mut typed = self.expr(e, Some(field.kind));
                Slot::Fixed(match self.fits(&typed, field, at) {
                    true => {
                        if self.formulas.is_some() && evaluate::has_names(&typed.expr) {
                            // A name of a quantizer may be given another value where it is used.
                            typed.values = None;
                        }
                        limited(&typed, field)
                    }
                    false => typed.expr,
                })
            }
            Given::Searched(domain, default) => match &field.fixed {
                Some(fixed) => {
                    self.not_searched(field.name, fixed, domain, at);
                    Slot::Fixed(Expr::number(1.0))
                }
                None => Slot::Chosen(self.domain(domain, default, Some((field, at))).0),
            },
        };
        self.leave(mark);
        slot
    }

    /// `optimizer in {sgd, adam}`: whether members are optimizers without their arguments; says so once.
    fn are_uncalled(&mut self, set: &ast::Expr, field: &Field) -> bool {
        let ast::ExprKind::Set(items) = &set.kind else {
            return false;
        };
        let is_optimizer =
            |name: &str| schema::record(name).is_some_and(|(kind, _)| *kind == Kind::Optimizer);
        let bare = |item: &ast::Expr| match &item.kind {
            ast::ExprKind::Path(path) => path.as_name().is_some_and(|n| is_optimizer(&n.text)),
            _ => false,
        };
        if field.kind != Kind::Optimizer || !items.iter().any(bare) {
            return false;
        }
        let written = items.iter().map(|item| match bare(item) {
            true => format!("{}(lr = 1e-3)", self.text(item.span)),
            false => self.text(item.span),
        });
        let written = written.collect::<Vec<_>>().join(", ");
        let uncalled = items.iter().filter(|item| bare(item));
        let diagnostic = uncalled.fold(
            Diagnostic::error("bnas::type::mismatch", "an optimizer is called"),
            |diagnostic, item| diagnostic.label(item.span, "has no arguments"),
        );
        self.report(diagnostic.help(format!("write `{} in {{{written}}}`", field.name)));
        true
    }

    /// `folder = pets/train`: whether a text stands without its quotes; says so.
    pub(in crate::analysis) fn is_unquoted(
        &mut self,
        value: &ast::Expr,
        field: &Field,
        at: Span,
    ) -> bool {
        if !matches!(field.kind, Kind::Text | Kind::Texts) {
            return false;
        }
        let is_word = match &value.kind {
            ast::ExprKind::Path(path) => !self.local_named(&whole(path).text),
            ast::ExprKind::Binary { .. } => true,
            _ => false,
        };
        if !is_word {
            return false;
        }
        let text = self.text(value.span);
        if text.contains(['"', '(']) {
            return false;
        }
        self.report(
            Diagnostic::error("bnas::type::mismatch", "a text stands in double quotes")
                .label(value.span, "no quotes stand around it")
                .label(at, format!("`{}` is a text", field.name))
                .help(format!("write `\"{text}\"`")),
        );
        true
    }

    /// `in` where one value holds for the whole search: why, and what to type instead.
    pub(in crate::analysis) fn not_searched(
        &mut self,
        name: &str,
        fixed: &schema::Fixed,
        domain: &ast::Expr,
        at: Span,
    ) {
        let text = self.text(domain.span);
        self.report(
            Diagnostic::error(
                "bnas::domain::not_searched",
                format!("`{name}` cannot be searched: {}", fixed.why),
            )
            .label(domain.span, "a domain")
            .label(at, "this field is fixed")
            .help(fixed.help(
                name,
                crate::analysis::run::arms::values(domain).map(|_| text),
            )),
        );
    }

    /// The names of how far a stage of training is; names of the author's own come before them.
    pub(in crate::analysis) fn progress(&mut self) {
        for name in PROGRESS {
            if self.locals.find(name).is_none() {
                self.locals.push(Local::built_in(*name, Type::PLAIN));
            }
        }
    }
}

/// A value that a required field may have.
fn example(field: &Field) -> String {
    match (field.name, field.kind) {
        ("epochs", _) => "20".into(),
        ("trials", _) => "40".into(),
        ("size", Kind::Number("bit")) => "64 KiB".into(),
        (_, Kind::Number(unit)) if !unit.is_empty() => format!("… {unit}"),
        (_, Kind::Word([first, ..])) => (*first).into(),
        _ => "…".into(),
    }
}

/// The field of this name.
pub(in crate::analysis) fn find(known: &'static [Field], name: &str) -> &'static Field {
    known
        .iter()
        .find(|f| f.name == name)
        .expect("fields are asked for by names of the schema")
}

/// Names of fields.
pub(in crate::analysis) fn names(known: &'static [Field]) -> Vec<&'static str> {
    known.iter().map(|f| f.name).collect()
}

/// A dotted path as one name.
pub(in crate::analysis) fn whole(path: &ast::Path) -> ast::Name {
    let text = super::lookup::members(path).unwrap_or_else(|| path.head.text.clone());
    ast::Name {
        text,
        span: path.span,
    }
}
