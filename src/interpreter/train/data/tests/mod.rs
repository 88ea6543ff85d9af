//! Data sets from files of each kind, sound and damaged.

mod cifar;
mod folder;
mod idx;
mod table;

use super::*;
use crate::interpreter::train::fixtures::digits;
use crate::ir::{Files, IdxPair, Normalize, Splits};

use self::cifar::{load_cifar, records};
use self::table::{TABLE, load_table};

/// 2x2 images of one channel in three classes, split 2 + 1 + 1, looked for in `folder`.
fn dataset(files: Files, folder: &Path) -> Dataset {
    Dataset {
        files,
        base: folder.display().to_string(),
        shape: [2, 2, 1],
        classes: 3,
        splits: Splits {
            train: 2,
            validation: 1,
            test: 1,
        },
        ..digits()
    }
}

fn idx_files(test: bool) -> Files {
    let pair = |prefix: &str| IdxPair {
        images: format!("{prefix}images"),
        labels: format!("{prefix}labels.gz"),
    };
    Files::Idx {
        train: pair(""),
        test: test.then(|| pair("test-")),
    }
}

/// A sample as it stands in the file.
fn pixels(split: &Split, index: usize, scale: f32) -> Vec<f32> {
    let mut values = vec![0.0; split.shape().iter().product()];
    split.copy_to(index, &mut values);
    values.iter().map(|v| v * scale).collect()
}

/// Writes files to a folder and loads a data set of them.
fn load(
    contents: &[(&str, &[u8])],
    files: Files,
    change: impl FnOnce(&mut Dataset),
) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in contents {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let mut set = dataset(files, folder.path());
    change(&mut set);
    Data::load_from(&set, None)
}

/// The place and the text of an error.
#[track_caller]
fn expect(found: Result<Data, DataError>, place: Option<Place>, part: &str) {
    let error = found.unwrap_err();
    assert_eq!(error.place, place, "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn normalization_is_per_channel() {
    let all = records(4, 1);
    let normalize = Normalize {
        mean: vec![0.5, 0.25],
        std: vec![0.5, 0.125],
    };
    let data = load_cifar(&all, &all, 1, |d| d.normalize = Some(normalize)).unwrap();
    let values = pixels(data.train(), 0, 1.0);
    for (at, byte) in [(0, 1.0), (1, 11.0), (2, 2.0), (7, 14.0)] {
        let (mean, std) = if at % 2 == 0 {
            (0.5, 0.5)
        } else {
            (0.25, 0.125)
        };
        let wanted = ((byte / 255.0 - mean) / std) as f32;
        assert_eq!(values[at], wanted);
    }
    let black: Vec<f32> = data.train().black().collect();
    assert_eq!(black, [-1.0, -2.0]);
    let normalize = Normalize {
        mean: vec![-0.5],
        std: vec![2.0],
    };
    let text = TABLE.replace("13", "-8");
    let data = load_table(&text, |d| d.normalize = Some(normalize)).unwrap();
    assert_eq!(pixels(data.test(), 0, 1.0)[0], 0.0);
}
