//! Images and their labels as two IDX files.

use super::idx::Idx;
use super::{DataError, Pixels, Place, SCALE_HELP, Samples};
use crate::ir::Dataset;

/// Checks images and labels against the data set and each other.
pub(super) fn read(
    dataset: &Dataset,
    (file, images): (String, Vec<u8>),
    labels: impl FnOnce() -> Result<(String, Vec<u8>), DataError>,
) -> Result<Samples, DataError> {
    let fail = |file: &str, offset: u64, what: String, help: &str| DataError {
        file: file.into(),
        place: Some(Place::Byte(offset)),
        what,
        help: help.into(),
    };
    let parse = |file: &str, bytes: Vec<u8>| {
        Idx::parse(bytes).map_err(|e| {
            let help = "fetch the file again, or name an IDX file of unsigned bytes (.gz or not)";
            fail(file, e.offset, e.what, help)
        })
    };
    // What is wrong with the images is said before their labels are looked for.
    let images = parse(&file, images)?;
    let (labels_file, labels) = labels()?;
    let labels = parse(&labels_file, labels)?;
    let [height, width, channels] = dataset.shape;
    let (count, axes) = images.axes.split_first().unwrap_or((&0, &[]));
    if *count == 0 {
        let help = "name a file that has images";
        return Err(fail(&file, 4, "the file has no images".into(), help));
    }
    let fits = match axes {
        [h, w] => [*h, *w, 1] == dataset.shape,
        [h, w, c] => [*h, *w, *c] == dataset.shape,
        _ => false,
    };
    if !fits {
        let found: Vec<String> = axes.iter().map(usize::to_string).collect();
        let found = match found.is_empty() {
            true => "no axes of images".into(),
            false => found.join("x"),
        };
        let what = format!("expected images of {height}x{width}x{channels}, found {found}");
        let help = "make `shape` of the data set what the file has";
        return Err(fail(&file, 8, what, help));
    }
    if labels.axes != [*count] {
        let what = format!(
            "expected {count} labels, one for each image of {file}, found axes {:?}",
            labels.axes
        );
        let help = "name the labels that belong to the images";
        return Err(fail(&labels_file, 4, what, help));
    }
    let is_class = |label: &u8| usize::from(*label) < dataset.classes;
    if let Some(at) = labels.values.iter().position(|l| !is_class(l)) {
        let what = format!(
            "label {} of sample {at} is no class from 0 to {}",
            labels.values[at],
            dataset.classes.saturating_sub(1)
        );
        let help = "raise `classes` of the data set, or fix the file";
        return Err(fail(&labels_file, 8 + at as u64, what, help));
    }
    let is_pixel = |value: &u8| f64::from(*value) <= dataset.scale;
    if let Some(at) = images.values.iter().position(|p| !is_pixel(p)) {
        let header = 4 + 4 * images.axes.len();
        let what = format!(
            "pixel value {} is above the scale {}",
            images.values[at], dataset.scale
        );
        return Err(fail(&file, (header + at) as u64, what, SCALE_HELP));
    }
    Ok(Samples {
        file,
        pixels: Pixels::Bytes(images.values),
        labels: labels.values.into_iter().map(u16::from).collect(),
    })
}
