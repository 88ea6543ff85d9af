//! Folders of images: one sub-folder per class, PNG and JPEG.
//!
//! In: a folder. Out: its images, class by class in turn: the first of every class in the order of names, then the second of every
//! class, so that any stretch of samples has all of them. Names that start with a dot are passed over; anything else that is no image of
//! the declared size is an error that names the file.

use std::path::{Path, PathBuf};

use image::DynamicImage;

use super::{DataError, Pixels, SCALE_HELP, Samples, picture};
use crate::ir::Dataset;

/// Reads every image. `like`: the classes must be those of another folder.
pub fn read(
    dataset: &Dataset,
    folder: &Path,
    like: Option<&[String]>,
) -> Result<(Samples, Vec<String>), DataError> {
    let classes = entries(folder)?;
    let mut names = Vec::with_capacity(classes.len());
    for class in &classes {
        if !class.is_dir() {
            return Err(fail(
                class,
                "is no folder",
                "put images into one folder per class",
            ));
        }
        names.push(file_name(class));
    }
    if names.len() != dataset.classes {
        let what = format!(
            "expected {} folders, one per class, found {}",
            dataset.classes,
            names.len()
        );
        return Err(fail(
            folder,
            &what,
            "make `classes` of the data set what the folder has",
        ));
    }
    if let Some(other) = like.and_then(|like| names.iter().find(|n| !like.contains(n))) {
        return Err(fail(
            &folder.join(other),
            "is no class of the training images",
            "name the folders of both the same",
        ));
    }
    let files = classes
        .iter()
        .map(|class| entries(class))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some((class, _)) = classes.iter().zip(&files).find(|(_, f)| f.is_empty()) {
        let what = "has no images, so that nothing is known of this class";
        return Err(fail(
            class,
            what,
            "put its images there, or remove it and lower `classes`",
        ));
    }
    let most = files.iter().map(Vec::len).max().unwrap_or(0);
    let size: usize = dataset.shape.iter().product();
    let count: usize = files.iter().map(Vec::len).sum();
    let mut pixels = Vec::with_capacity(count * size);
    let mut labels = Vec::with_capacity(count);
    for rank in 0..most {
        for (label, files) in files.iter().enumerate() {
            if let Some(path) = files.get(rank) {
                append(dataset, path, &mut pixels)?;
                labels.push(label as u16);
            }
        }
    }
    let samples = Samples {
        file: folder.display().to_string(),
        pixels: Pixels::Bytes(pixels),
        labels,
    };
    Ok((samples, names))
}

fn append(dataset: &Dataset, path: &Path, pixels: &mut Vec<u8>) -> Result<(), DataError> {
    let extension = path
        .extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase());
    if !matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg")) {
        return Err(fail(
            path,
            "is no PNG or JPEG by its name",
            "remove it, or convert it",
        ));
    }
    let image = picture::read(path)?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let channels = usize::from(image.color().channel_count());
    if [height, width, channels] != dataset.shape {
        let [h, w, c] = dataset.shape;
        return Err(fail(
            path,
            &format!("expected an image of {h}x{w}x{c}, found {height}x{width}x{channels}"),
            "bring all images to one size and one number of channels, that of `shape`",
        ));
    }
    let before = pixels.len();
    match image {
        DynamicImage::ImageLuma8(image) => pixels.extend_from_slice(&image),
        DynamicImage::ImageLumaA8(image) => pixels.extend_from_slice(&image),
        DynamicImage::ImageRgb8(image) => pixels.extend_from_slice(&image),
        DynamicImage::ImageRgba8(image) => pixels.extend_from_slice(&image),
        _ => {
            return Err(fail(
                path,
                "has more than 8 bits per channel",
                "convert it to 8 bits",
            ));
        }
    }
    let is_above = |pixel: &&u8| f64::from(**pixel) > dataset.scale;
    match pixels[before..].iter().find(is_above) {
        None => Ok(()),
        Some(pixel) => {
            let what = format!("has a pixel of {pixel}, above the scale {}", dataset.scale);
            Err(fail(path, &what, SCALE_HELP))
        }
    }
}

/// What a folder has, in the order of names, without what starts with a dot.
pub fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let unreadable = |e: std::io::Error| {
        fail(
            folder,
            &format!("can't be read ({e})"),
            "make it a readable folder",
        )
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !file_name(&path).starts_with('.') {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or(String::new(), |n| n.to_string_lossy().into_owned())
}

fn fail(path: &Path, what: &str, help: &str) -> DataError {
    DataError {
        file: path.display().to_string(),
        place: None,
        what: what.into(),
        help: help.into(),
    }
}
