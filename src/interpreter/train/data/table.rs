//! Tables: a header, one sample a line, one column of labels, one column for each value of an image.
//!
//! In: the text of a CSV file. Out: samples in the order of the file, or the line at which it is wrong. Values of an image stand in the order
//! rows, columns, channels. Whole values from 0 to 255 stay bytes; one other value in a file, and all of it is real numbers.

use std::collections::HashSet;

use super::{DataError, Pixels, Place, Samples};
use crate::ir::Dataset;

/// The columns of values, as the first file of a data set has them: others must have the same in the same order.
#[derive(Debug)]
pub struct Columns {
    file: String,
    names: Vec<String>,
}

/// Appends the lines of a file to `samples`. `columns` are those of the files before it.
pub fn append(
    dataset: &Dataset,
    label: &str,
    columns: &mut Option<Columns>,
    file: &str,
    bytes: &[u8],
    samples: &mut Samples,
) -> Result<(), DataError> {
    let fail = |line: u64, what: String, help: &str| DataError {
        file: file.into(),
        place: Some(Place::Line(line)),
        what,
        help: help.into(),
    };
    let broken = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        if let csv::ErrorKind::Utf8 { err, .. } = e.kind() {
            return fail(
                line,
                format!("field {} is no UTF-8", err.field() + 1),
                "save the table as UTF-8",
            );
        }
        fail(
            line,
            format!("this is no line of the table ({e})"),
            "give every line as many fields as the header",
        )
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(fail(
            1,
            "the table is UTF-16".into(),
            "save it as UTF-8: `iconv -f UTF-16 -t UTF-8`",
        ));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let header = reader.headers().map_err(broken)?.clone();
    let Some(label_at) = header.iter().position(|name| name == label) else {
        return Err(fail(
            1,
            format!("the header has no column `{label}`"),
            "make `label` of the data set the name of the column of labels",
        ));
    };
    if header.iter().filter(|name| *name == label).count() > 1 {
        return Err(fail(
            1,
            format!("the header has more than one column `{label}`"),
            "name the column of labels as no other",
        ));
    }
    let size: usize = dataset.shape.iter().product();
    if header.len() - 1 != size {
        let [h, w, c] = dataset.shape;
        return Err(fail(
            1,
            format!(
                "expected {h}x{w}x{c} = {size} columns besides `{label}`, found {}",
                header.len() - 1
            ),
            "make `shape` of the data set what the file has",
        ));
    }
    let names = header.iter().filter(|name| *name != label);
    let names: Vec<String> = names.map(str::to_owned).collect();
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(fail(
            1,
            format!("the header has more than one column `{twice}`"),
            "name each column as no other",
        ));
    }
    match columns {
        None => {
            let file = file.to_owned();
            *columns = Some(Columns { file, names });
        }
        Some(first) => {
            let mut pairs = first.names.iter().zip(&names);
            if let Some((wanted, found)) = pairs.find(|(wanted, found)| wanted != found) {
                return Err(fail(
                    1,
                    format!(
                        "column `{found}` stands where {} has `{wanted}`",
                        first.file
                    ),
                    "give all files of a data set the same columns in the same order",
                ));
            }
        }
    }
    // Without normalization, the network takes its input to be non-negative.
    let least = match dataset.normalize {
        Some(_) => -dataset.scale,
        None => 0.0,
    };
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        for (at, text) in record.iter().enumerate() {
            if at == label_at {
                let class = text.parse::<u16>().ok();
                let class = class.filter(|l| usize::from(*l) < dataset.classes);
                samples.labels.push(class.ok_or_else(|| {
                    fail(
                        line,
                        format!(
                            "label `{text}` is no class from 0 to {}",
                            dataset.classes - 1
                        ),
                        "number the classes from 0, or raise `classes` of the data set",
                    )
                })?);
                continue;
            }
            let number = text.parse::<f64>().ok().filter(|v| v.is_finite());
            let value = number.filter(|v| (least..=dataset.scale).contains(v));
            let value = value.ok_or_else(|| {
                let column = header.get(at).unwrap_or_default();
                fail(
                    line,
                    format!(
                        "`{text}` in column `{column}` is no number from {least} to {}",
                        dataset.scale
                    ),
                    match number {
                        None => "every field holds a number: write one, or leave the line out",
                        Some(negative) if negative < least && least == 0.0 => {
                            "negative values need `normalize { … }` in the data set"
                        }
                        Some(_) => "make `scale` of the data set the largest value",
                    },
                )
            })?;
            push(&mut samples.pixels, value, dataset.scale);
        }
    }
    Ok(())
}

fn push(pixels: &mut Pixels, value: f64, scale: f64) {
    if let Pixels::Bytes(bytes) = pixels {
        if (0.0..=255.0).contains(&value) && value.fract() == 0.0 {
            bytes.push(value as u8);
            return;
        }
        let reals = bytes.iter().map(|b| (f64::from(*b) / scale) as f32);
        *pixels = Pixels::Reals(reals.collect());
    }
    if let Pixels::Reals(reals) = pixels {
        reals.push((value / scale) as f32);
    }
}
