//! Data sets.
//!
//! In: a merged declaration. Out: [`Dataset`], with paths relative to the file that names them.

use std::path::{Component, Path, PathBuf};

use super::context::{Cx, list};
use super::expression::fields::{Given, Written, find};
use super::expression::types::Type;
use super::merged::Merged;
use super::names::LIBRARY_PREFIX;
use super::quantization::quantizer::target;
use super::schema;
use crate::diagnostic::{Diagnostic, Missing};
use crate::ir::{Dataset, Expr, Files, IdxPair, Normalize, Slot, Splits, Value};
use crate::source::Span;
use crate::syntax::ast::{self, ExprKind};

/// For each base, the fields that it must have and those that it may have.
const FIELDS: &[(&str, &[&str], &[&str])] = &[
    ("embedded", &["content"], &[]),
    (
        "idx",
        &["images", "labels"],
        &["test_images", "test_labels"],
    ),
    ("cifar", &["files"], &["test_files", "label_bytes"]),
    ("image_folder", &["folder"], &["test_folder"]),
    ("csv", &["files"], &["test_files", "label"]),
];

impl Cx<'_> {
    /// Lowers a data set.
    pub(super) fn dataset(&mut self, merged: &Merged) -> Dataset {
        self.provenance(merged);
        let schema = merged.schema;
        let (mut fields, sections) = self.split(merged);
        let owner = merged.owner();
        fields.retain(|entry| self.is_field(merged, entry));
        let written = self.written(&owner, merged.name.span, fields, schema.fields);
        let shape = self.section(merged, &sections, "shape");
        let splits = self.section(merged, &sections, "splits");
        let known = |name: &str| schema.section(name).map_or(&[][..], |s| s.fields);
        let [height, width, channels] =
            ["height", "width", "channels"].map(|n| self.whole_of(&shape, known("shape"), n));
        let [train, validation, test] =
            ["train", "validation", "test"].map(|n| self.whole_of(&splits, known("splits"), n));
        let normalize = match sections.iter().any(|s| s.name.text == "normalize") {
            true => {
                let written = self.section(merged, &sections, "normalize");
                self.normalize(&written, known("normalize"), channels)
            }
            false => None,
        };
        let files = self.files(merged, &written);
        let classes = self.whole_of(&written, schema.fields, "classes");
        let scale = match self.slot_of(&written, schema.fields, "scale") {
            Slot::Fixed(Expr::Value(Value::Number(n))) => n,
            _ => 1.0,
        };
        match &files {
            Files::Embedded(content) => {
                let found = [height, width, channels, classes].map(|n| n as f64);
                let [height, width, channels, classes] = found;
                let sides = [("height", height), ("width", width), ("channels", channels)];
                let all = [("classes", classes), ("scale", scale)];
                self.embedded(content, (&shape, sides), (&written, all));
                self.enough(content, [train, validation, test], &splits);
            }
            _ => self.read_once(&written),
        }
        Dataset {
            name: merged.name.text.clone(),
            files,
            base: self.folder_of(merged, &written),
            source: self.text_of(&written, "source"),
            shape: [height, width, channels],
            classes,
            scale,
            normalize,
            splits: Splits {
                train,
                validation,
                test,
            },
            augment: self.augment(&written),
            span: merged.name.span,
        }
    }

    /// Reports a file that is named twice: its samples would count twice, or be trained and tested on.
    fn read_once(&mut self, written: &Written) {
        let mut seen: Vec<(PathBuf, Span)> = Vec::new();
        let names = ["files", "images", "labels", "folder"].into_iter();
        let names = names.chain(["test_files", "test_images", "test_labels", "test_folder"]);
        for name in names {
            let Some((_, Given::Fixed(value))) = written.get(name) else {
                continue;
            };
            let items = match &value.kind {
                ExprKind::Set(items) => &items[..],
                _ => std::slice::from_ref(*value),
            };
            for item in items {
                let ExprKind::Text(text) = &item.kind else {
                    continue;
                };
                let path = Path::new(text).components();
                let path: PathBuf = path.filter(|part| *part != Component::CurDir).collect();
                let Some((_, first)) = seen.iter().find(|(known, _)| *known == path) else {
                    seen.push((path, item.span));
                    continue;
                };
                self.report(
                    Diagnostic::error(
                        "bnas::domain::repeated",
                        format!("`{text}` is named twice"),
                    )
                    .label(item.span, "the same again")
                    .label(*first, "first named here")
                    .help("remove one of the two: its samples would count twice, or stand in two splits"),
                );
            }
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

    /// The folder of the file that names the data: where they are looked for first.
    fn folder_of(&self, merged: &Merged, written: &Written) -> String {
        let named = ["images", "files", "folder"]
            .iter()
            .find_map(|n| written.get(n))
            .map_or(merged.name.span, |(name, _)| name.span);
        let file = &self.sources.get(named.source).name;
        let folder = Path::new(file).parent().map(|p| p.to_string_lossy());
        match folder {
            Some(folder) if !file.starts_with(LIBRARY_PREFIX) => folder.into_owned(),
            _ => String::new(),
        }
    }

    fn files(&mut self, merged: &Merged, written: &Written) -> Files {
        let base = merged.base.as_ref().map_or("embedded", |b| b.text.as_str());
        let (_, needed, possible) = FIELDS
            .iter()
            .find(|(name, ..)| *name == base)
            .expect("a base of the schema");
        let is_otherwise = self.only_fields_of(base, needed, possible, written);
        for name in needed.iter().filter(|name| written.get(name).is_none()) {
            if !written.is_meant(name) && !is_otherwise {
                self.report(
                    Diagnostic::missing(Missing::one(merged.owner(), *name), merged.name.span)
                        .help(format!("add `{name} = …`")),
                );
            }
        }
        let text = |cx: &mut Self, name| cx.text_of(written, name).unwrap_or_default();
        match base {
            "idx" => Files::Idx {
                train: IdxPair {
                    images: text(self, "images"),
                    labels: text(self, "labels"),
                },
                test: self.test_pair(merged, written),
            },
            "cifar" => Files::Cifar {
                train: self.texts_of(written, "files"),
                test: self.texts_of(written, "test_files"),
                label_bytes: match written.get("label_bytes") {
                    Some(_) => self.whole_of(written, merged.schema.fields, "label_bytes"),
                    None => 1,
                },
            },
            "csv" => Files::Csv {
                train: self.texts_of(written, "files"),
                test: self.texts_of(written, "test_files"),
                label: self
                    .text_of(written, "label")
                    .unwrap_or_else(|| "label".into()),
            },
            "image_folder" => Files::ImageFolder {
                train: text(self, "folder"),
                test: self.text_of(written, "test_folder"),
            },
            _ => Files::Embedded(match written.get("content") {
                Some(_) => match self.slot_of(written, merged.schema.fields, "content") {
                    Slot::Fixed(Expr::Value(Value::Name(name))) => name,
                    _ => String::new(),
                },
                None => String::new(),
            }),
        }
    }

    /// Whether data sets have a field; says which those of this base have if there is none.
    fn is_field(&mut self, merged: &Merged, entry: &ast::Entry) -> bool {
        let known = merged.schema.fields.iter().map(|field| field.name);
        let name = target(entry).and_then(ast::Path::as_name);
        let Some(name) = name.filter(|name| known.clone().all(|known| known != name.text)) else {
            return true;
        };
        let base = merged.base.as_ref().map_or("embedded", |base| &base.text);
        let of = |base: &str, field: &str| {
            let mut all = FIELDS
                .iter()
                .filter(|(other, ..)| base.is_empty() || *other == base);
            all.any(|(_, needed, possible)| needed.contains(&field) || possible.contains(&field))
        };
        let own: Vec<&str> = known
            .filter(|field| of(base, field) || !of("", field))
            .collect();
        self.unknown_key(&merged.owner(), name, Some(merged.name.span), &own);
        false
    }

    /// Reports fields that belong to another base, and says whether that needs any of them: then they stand in place of what this one needs.
    fn only_fields_of(
        &mut self,
        base: &str,
        needed: &[&str],
        possible: &[&str],
        written: &Written,
    ) -> bool {
        let own = |name: &str| needed.contains(&name) || possible.contains(&name);
        let is_of_other = |name: &str| {
            let mut all = FIELDS.iter();
            !own(name)
                && all
                    .any(|(_, needed, possible)| needed.contains(&name) || possible.contains(&name))
        };
        let given = written.given.iter().map(|(name, _)| name);
        let foreign: Vec<&ast::Name> = given.filter(|name| is_of_other(&name.text)).collect();
        let Some(first) = foreign.first() else {
            return false;
        };
        let mut diagnostic = Diagnostic::error(
            "bnas::name::unknown_key",
            format!("a dataset : {base} has no `{}`", first.text),
        );
        for name in &foreign {
            diagnostic = diagnostic.label(name.span, "belongs to another base");
        }
        self.report(diagnostic.help(format!(
            "it has {}",
            list(needed.iter().chain(possible).copied())
        )));
        let is_needed = |name: &&ast::Name| {
            let mut all = FIELDS.iter();
            all.any(|(_, needed, _)| needed.contains(&name.text.as_str()))
        };
        foreign.iter().any(is_needed)
    }

    /// `test_images` and `test_labels`: both or none.
    fn test_pair(&mut self, merged: &Merged, written: &Written) -> Option<IdxPair> {
        let names = ["test_images", "test_labels"];
        let [images, labels] = names.map(|name| self.text_of(written, name));
        match (images, labels) {
            (Some(images), Some(labels)) => Some(IdxPair { images, labels }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                let there = names.iter().find(|name| written.get(name).is_some());
                let missing = names.iter().find(|name| written.get(name).is_none());
                let (there, missing) = (there.unwrap_or(&names[0]), missing.unwrap_or(&names[1]));
                self.report(
                    Diagnostic::missing(Missing::one(merged.owner(), *missing), merged.name.span)
                        .label(written.place(there), "goes with this")
                        .help(format!("add `{missing} = …`")),
                );
                None
            }
        }
    }

    /// A text, if it is given.
    fn text_of(&mut self, written: &Written, name: &'static str) -> Option<String> {
        written.get(name)?;
        match self.slot_of(written, all_fields(), name) {
            Slot::Fixed(Expr::Value(Value::Name(text))) => Some(text),
            _ => None,
        }
    }

    /// A text or several in braces, in the order in which they are written.
    fn texts_of(&mut self, written: &Written, name: &'static str) -> Vec<String> {
        if let Some((key, Given::Fixed(value))) = written.get(name) {
            let (value, at) = (*value, key.span);
            let members = match &value.kind {
                ast::ExprKind::Set(members) => members.iter().collect(),
                _ => vec![value],
            };
            let field = find(all_fields(), name);
            if members
                .iter()
                .any(|member| self.is_unquoted(member, field, at))
            {
                return Vec::new();
            }
        }
        let items = self.items_of(written, all_fields(), name, &Type::Text, "a text");
        let texts = items.into_iter().filter_map(|(value, _)| match value {
            Value::Name(text) => Some(text),
            _ => None,
        });
        texts.collect()
    }

    /// One number for all channels, or one for each.
    fn normalize(
        &mut self,
        written: &Written,
        known: &'static [schema::Field],
        channels: usize,
    ) -> Option<Normalize> {
        let mut sides = ["mean", "std"].map(|name| {
            if written.get(name).is_none() {
                // Reports that it is missing.
                self.slot(written, find(known, name));
                return Vec::new();
            }
            let items = self.items_of(written, known, name, &Type::PLAIN, "a plain number");
            let numbers: Vec<(f64, Span)> = items
                .iter()
                .filter_map(|(value, span)| Some((value.as_number()?, *span)))
                .collect();
            if name == "std"
                && let Some((n, span)) = numbers.iter().find(|(n, _)| *n <= 0.0)
            {
                self.report(
                    Diagnostic::error(
                        "bnas::domain::out_of_range",
                        format!("`std` must be above 0, found {n}"),
                    )
                    .label(*span, "pixels are divided by this")
                    .help("write the standard deviation of pixels in 0 … 1"),
                );
            }
            if ![1, channels].contains(&numbers.len()) && !numbers.is_empty() {
                self.report(
                    Diagnostic::error(
                        "bnas::type::arity",
                        format!(
                            "`{name}` has {} numbers for {channels} channels",
                            numbers.len()
                        ),
                    )
                    .label(written.place(name), "one for all channels, or one for each")
                    .help(format!("write {channels} numbers, or one")),
                );
            }
            numbers.into_iter().map(|(n, _)| n).collect::<Vec<f64>>()
        });
        for side in &mut sides {
            if let [only] = side[..] {
                *side = vec![only; channels];
            }
        }
        let [mean, std] = sides;
        let fits = mean.len() == channels && std.len() == channels;
        fits.then_some(Normalize { mean, std })
    }

    /// The constants of a field that takes one value or several in braces, each with its place.
    fn items_of(
        &mut self,
        written: &Written,
        known: &'static [schema::Field],
        name: &'static str,
        ty: &Type,
        what: &str,
    ) -> Vec<(Value, Span)> {
        let Some((key, given)) = written.get(name) else {
            return Vec::new();
        };
        let Given::Fixed(value) = given else {
            self.filled(find(known, name), *given, key.span);
            return Vec::new();
        };
        let items: Vec<&ast::Expr> = match &value.kind {
            ExprKind::Set(items) => items.iter().collect(),
            _ => vec![value],
        };
        if items.is_empty() {
            self.report(
                Diagnostic::error("bnas::field::missing", format!("`{name}` names nothing"))
                    .label(value.span, "empty")
                    .help(format!("write {what}, or several in braces")),
            );
        }
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.expr(item, None);
            if !typed.ty.fits(ty) {
                self.expected(what, &typed);
                continue;
            }
            match typed.expr {
                Expr::Value(value) => found.push((value, item.span)),
                _ if typed.ty == Type::Poison => {}
                _ => self.report(
                    Diagnostic::error(
                        "bnas::type::mismatch",
                        format!("`{name}` must be a constant"),
                    )
                    .label(item.span, "depends on a choice"),
                ),
            }
        }
        found
    }
}

/// Fields of every kind of data set.
pub(super) fn all_fields() -> &'static [schema::Field] {
    let dataset = schema::declaration("dataset").expect("a kind of the schema");
    dataset.fields
}
