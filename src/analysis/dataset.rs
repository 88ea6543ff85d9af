//! Data sets.
//!
//! In: a merged declaration. Out: [`Dataset`], with paths relative to the file that names them.

use std::path::Path;

use super::context::Cx;
use super::fields::{Given, Written};
use super::merged::Merged;
use super::names::LIBRARY_PREFIX;
use super::schema::{self, Kind};
use crate::diagnostic::Diagnostic;
use crate::ir::{Augment, Dataset, Expr, Files, Slot, Splits, Value};
use crate::syntax::ast::{self, ExprKind};

impl Cx<'_> {
    /// Lowers a data set.
    pub(super) fn dataset(&mut self, merged: &Merged) -> Dataset {
        self.provenance(merged);
        let schema = merged.schema;
        let (fields, sections) = self.split(merged);
        let owner = merged.owner();
        let written = self.written(&owner, merged.name.span, &fields, schema.fields);
        let shape = self.section(merged, &sections, "shape");
        let splits = self.section(merged, &sections, "splits");
        let known = |name: &str| schema.section(name).map_or(&[][..], |s| s.fields);
        let [height, width, channels] =
            ["height", "width", "channels"].map(|n| self.whole_of(&shape, known("shape"), n));
        let [train, validation, test] =
            ["train", "validation", "test"].map(|n| self.whole_of(&splits, known("splits"), n));
        Dataset {
            name: merged.name.text.clone(),
            files: self.files(merged, &written),
            shape: [height, width, channels],
            classes: self.whole_of(&written, schema.fields, "classes"),
            scale: match self.slot_of(&written, schema.fields, "scale") {
                Slot::Fixed(Expr::Value(Value::Number(n))) => n,
                _ => 1.0,
            },
            splits: Splits {
                train,
                validation,
                test,
            },
            augment: self.augment(&written),
            span: merged.name.span,
        }
    }

    fn whole_of(
        &mut self,
        written: &Written,
        known: &'static [schema::Field],
        name: &str,
    ) -> usize {
        self.count_of(written, known, name).unwrap_or(1) as usize
    }

    fn files(&mut self, merged: &Merged, written: &Written) -> Files {
        let base = merged.base.as_ref().map_or("embedded", |b| b.text.as_str());
        let (needed, foreign): (&[&str], &[&str]) = match base {
            "idx" => (&["images", "labels"], &["content"]),
            _ => (&["content"], &["images", "labels"]),
        };
        for name in foreign {
            if let Some((key, _)) = written.get(name) {
                let span = key.span;
                self.report(
                    Diagnostic::error(
                        "bnas::name::unknown_key",
                        format!("a dataset : {base} has no `{name}`"),
                    )
                    .label(span, "belongs to another base")
                    .help(format!(
                        "it has {}",
                        super::context::list(needed.iter().copied())
                    )),
                );
            }
        }
        let mut texts = Vec::new();
        for name in needed {
            let value = match written.get(name) {
                Some(_) => match self.slot_of(written, merged.schema.fields, name) {
                    Slot::Fixed(Expr::Value(Value::Name(text))) => text,
                    _ => String::new(),
                },
                None => {
                    self.report(
                        Diagnostic::error(
                            "bnas::field::missing",
                            format!("{} needs `{name}`", merged.owner()),
                        )
                        .label(merged.name.span, format!("`{name}` is missing"))
                        .help(format!("add `{name} = …`")),
                    );
                    String::new()
                }
            };
            texts.push(value);
        }
        if base != "idx" {
            return Files::Embedded(texts.remove(0));
        }
        let source = written
            .get("images")
            .map_or(merged.name.span, |(n, _)| n.span)
            .source;
        let file = self.sources.get(source).name.clone();
        let folder = Path::new(&file)
            .parent()
            .map(|p| p.to_string_lossy().into_owned());
        let base = folder
            .filter(|_| !file.starts_with(LIBRARY_PREFIX))
            .unwrap_or_default();
        let [images, labels] = [texts.remove(0), texts.remove(0)];
        Files::Idx {
            images,
            labels,
            base,
        }
    }

    /// `shift(1)`, `flip`, or a set of both.
    fn augment(&mut self, written: &Written) -> Augment {
        let mut augment = Augment {
            shift: Slot::Fixed(Expr::number(0.0)),
            flip: Slot::Fixed(Expr::bool(false)),
        };
        let Some((name, Given::Fixed(value))) = written.get("augment") else {
            if let Some((name, Given::Searched(domain, _))) = written.get("augment") {
                self.later("a searched `augment`", name.span.to(domain.span));
            }
            return augment;
        };
        let items: Vec<&ast::Expr> = match &value.kind {
            ExprKind::Set(items) => items.iter().collect(),
            _ => vec![value],
        };
        let field = super::fields::find(
            schema::declaration("dataset")
                .expect("a kind of the schema")
                .fields,
            "augment",
        );
        for item in items {
            let typed = self.expr(item, Some(Kind::Augment));
            if !self.fits(&typed, field, name.span) {
                continue;
            }
            match typed.expr {
                Expr::Record(_, mut fields, _) if !fields.is_empty() => {
                    augment.shift = fields.remove(0).1
                }
                Expr::Value(Value::Name(word)) if word == "flip" => {
                    augment.flip = Slot::Fixed(Expr::bool(true))
                }
                _ => {}
            }
        }
        augment
    }
}
