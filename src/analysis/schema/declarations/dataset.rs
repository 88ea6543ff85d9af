//! `dataset`: what is classified, how it is split and scaled, and where its files are.

use crate::analysis::schema::Otherwise::{Absent, Number, Required};
use crate::analysis::schema::{Declaration, Fixed, Kind, Label, Section, field};

/// Of what candidates are measured on.
const MEASURED_ON: &str = "accuracies on different samples do not compare, so that no search could tell which candidate is better";
/// Of how samples are read.
const READ: &str = "samples are read and scaled once for all candidates";

/// Of the data set of an experiment.
pub const DATA: Fixed = Fixed::arm("", MEASURED_ON);
/// Of what a data set is made of.
const OF_DATA: Fixed = Fixed::arm("data.", MEASURED_ON);
const OF_SHAPE: Fixed = Fixed::arm("data.shape.", MEASURED_ON);
const OF_SPLITS: Fixed = Fixed::arm("data.splits.", MEASURED_ON);
const OF_PIXELS: Fixed = Fixed::arm("data.", READ);
const OF_NORMALIZE: Fixed = Fixed::arm("data.normalize.", READ);

pub const DECLARATION: Declaration = Declaration {
    kind: "dataset",
    bases: &["embedded", "idx", "cifar", "image_folder", "csv"],
    base_required: true,
    fields: &[
        field(
            "content",
            Kind::Word(&["digits"]),
            Absent,
            "which of the embedded data sets",
        )
        .fixed(OF_DATA),
        field("images", Kind::Text, Absent, "the IDX file of images").fixed(OF_DATA),
        field("labels", Kind::Text, Absent, "the IDX file of labels").fixed(OF_DATA),
        field(
            "test_images",
            Kind::Text,
            Absent,
            "the IDX file of images of the test split",
        )
        .fixed(OF_DATA),
        field("test_labels", Kind::Text, Absent, "and of its labels").fixed(OF_DATA),
        field(
            "files",
            Kind::Texts,
            Absent,
            "files in order: of CIFAR records, or CSV tables",
        )
        .fixed(OF_DATA),
        field("test_files", Kind::Texts, Absent, "those of the test split").fixed(OF_DATA),
        field(
            "label_bytes",
            Kind::Whole,
            Absent,
            "bytes before the pixels of a CIFAR record; the last is the label; 1 if it is not given",
        )
        .within(1.0, 16.0)
        .fixed(OF_DATA),
        field(
            "label",
            Kind::Text,
            Absent,
            "the column of labels of CSV tables; `label` if it is not given",
        )
        .fixed(OF_DATA),
        field("folder", Kind::Text, Absent, "a folder of one folder of images per class").fixed(OF_DATA),
        field("test_folder", Kind::Text, Absent, "that of the test split").fixed(OF_DATA),
        field(
            "source",
            Kind::Text,
            Absent,
            "where the files can be had, for who lacks them",
        )
        .fixed(OF_DATA),
        field("classes", Kind::Whole, Required, "number of classes")
            .within(2.0, 65_536.0)
            .fixed(OF_DATA),
        field(
            "scale",
            Kind::Number(""),
            Number(255.0),
            "largest pixel value: pixels are divided by it",
        )
        .positive()
        .fixed(OF_PIXELS),
        field(
            "augment",
            Kind::Augment,
            Absent,
            "what training images go through; validation and test images stay as they are",
        ),
    ],
    sections: &[
        Section {
            name: "shape",
            label: Label::None,
            fields: &[
                field("height", Kind::Whole, Required, "rows").fixed(OF_SHAPE),
                field("width", Kind::Whole, Required, "columns").fixed(OF_SHAPE),
                field("channels", Kind::Whole, Number(1.0), "values per pixel").fixed(OF_SHAPE),
            ],
            docs: "one image",
        },
        Section {
            name: "splits",
            label: Label::None,
            fields: &[
                field("train", Kind::Whole, Required, "samples that train").fixed(OF_SPLITS),
                field("validation", Kind::Whole, Required, "samples that choose").fixed(OF_SPLITS),
                field("test", Kind::Whole, Required, "samples for the final table").fixed(OF_SPLITS),
            ],
            docs: "samples per split: training, then validation, in the order of the files; then test, unless it has files of its own",
        },
        Section {
            name: "normalize",
            label: Label::None,
            fields: &[
                field("mean", Kind::Numbers, Required, "what is taken from pixels in 0 … 1")
                    .fixed(OF_NORMALIZE),
                field("std", Kind::Numbers, Required, "what they are divided by then")
                    .positive()
                    .fixed(OF_NORMALIZE),
            ],
            docs: "(x - mean) / std; without it, pixels stay in 0 … 1",
        },
    ],
    formulas: &[],
    lets: false,
    later: &[],
    docs: "shape, classes, splits, augmentation, where the files are",
};
