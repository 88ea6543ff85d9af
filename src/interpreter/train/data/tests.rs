use super::*;
use crate::ir::{Augment, Expr, Slot, Splits};
use crate::source::Span;

fn dataset(files: Files) -> Dataset {
    Dataset {
        name: "digits".into(),
        files,
        shape: [8, 8, 1],
        classes: 10,
        scale: 16.0,
        splits: Splits {
            train: 1000,
            validation: 297,
            test: 500,
        },
        augment: Augment {
            shift: Slot::Fixed(Expr::number(0.0)),
            flip: Slot::Fixed(Expr::bool(false)),
        },
        span: Span::default(),
    }
}

#[test]
fn the_digits_are_the_uci_digits() {
    let data = Data::load_from(&dataset(Files::Embedded("digits".into())), None).unwrap();
    let splits = [data.train(), data.validation(), data.test()];
    assert_eq!(splits.map(Split::len), [1000, 297, 500]);
    assert_eq!(data.classes(), 10);
    // The first image as scikit-learn prints it.
    assert_eq!(data.train().label(0), 0);
    assert_eq!(data.train().pixels(0)[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
    let mut values = [0.0; 64];
    data.train().copy_to(0, &mut values);
    assert_eq!(values[3], 13.0 / 16.0);
    // Samples per class of all splits, as the description of the data set gives them.
    let mut counts = [0; 10];
    for split in splits {
        for i in 0..split.len() {
            counts[split.label(i)] += 1;
        }
    }
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
}

/// `count` images of 2x2 pixels and their labels, as the bytes of IDX files.
fn small(count: u8) -> (Vec<u8>, Vec<u8>) {
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 2];
    images.extend((0..4 * count).map(|i| i % 17));
    let mut labels = vec![0, 0, 8, 1, 0, 0, 0, count];
    labels.extend((0..count).map(|i| i % 3));
    (images, labels)
}

/// Writes both files to a folder and loads 2 + 1 + 1 samples of them.
fn load(
    images: &[u8],
    labels: &[u8],
    change: impl FnOnce(&mut Dataset),
) -> Result<Data, DataError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("images"), images).unwrap();
    std::fs::write(folder.path().join("labels"), labels).unwrap();
    let mut set = dataset(Files::Idx {
        images: "images".into(),
        labels: "labels.gz".into(),
        base: folder.path().display().to_string(),
    });
    set.shape = [2, 2, 1];
    set.classes = 3;
    set.splits = Splits {
        train: 2,
        validation: 1,
        test: 1,
    };
    change(&mut set);
    Data::load_from(&set, None)
}

#[test]
fn files_are_split_in_their_order() {
    let (images, labels) = small(5);
    let data = load(&images, &labels, |_| {}).unwrap();
    assert_eq!(data.train().pixels(1), [4, 5, 6, 7]);
    assert_eq!(data.validation().pixels(0), [8, 9, 10, 11]);
    assert_eq!(data.test().pixels(0), [12, 13, 14, 15]);
    assert_eq!(data.test().label(0), 0);
}

#[test]
fn the_folder_of_data_is_the_second_place() {
    let (images, labels) = small(4);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("images"), images).unwrap();
    std::fs::write(folder.path().join("labels"), labels).unwrap();
    let mut set = dataset(Files::Idx {
        images: "images".into(),
        labels: "labels".into(),
        base: folder.path().join("elsewhere").display().to_string(),
    });
    set.shape = [2, 2, 1];
    set.splits = Splits {
        train: 2,
        validation: 1,
        test: 1,
    };
    let error = Data::load_from(&set, None).unwrap_err();
    assert!(error.help.contains("BNAS_DATA"), "{error}");
    Data::load_from(&set, Some(folder.path())).unwrap();
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_byte() {
    let (images, labels) = small(4);
    let error = |images: &[u8], labels: &[u8], change: fn(&mut Dataset)| {
        let e = load(images, labels, change).unwrap_err();
        (e.offset, e.to_string())
    };
    let check = |(offset, text): (Option<u64>, String), wanted: Option<u64>, part: &str| {
        assert_eq!(offset, wanted, "{text}");
        assert!(text.contains(part), "{text}");
    };
    check(
        error(&images[..20], &labels, |_| {}),
        Some(20),
        "4 x 2 x 2 = 16 values, the file has 4",
    );
    check(
        error(&labels, &labels, |_| {}),
        Some(8),
        "expected images of 2x2x1",
    );
    check(
        error(&images, &small(3).1, |_| {}),
        Some(4),
        "expected 4 labels",
    );
    check(
        error(&images, &labels, |d| d.classes = 2),
        Some(10),
        "label 2 of sample 2",
    );
    check(
        error(&images, &labels, |d| d.scale = 14.0),
        Some(31),
        "pixel value 15",
    );
    check(
        error(&images, &labels, |d| d.scale = 0.0),
        None,
        "a scale of 0",
    );
    check(
        error(&images, &labels, |d| d.splits.train = 3),
        Some(4),
        "splits of 3, 1 and 1",
    );
    check(
        error(&images, &labels, |d| d.splits.test = 0),
        Some(4),
        "at least one sample",
    );
    check(error(&images, b"\x1f\x8bnot gzip", |_| {}), Some(0), "gzip");
    check(
        error(&images, &labels, |d| {
            d.files = Files::Embedded("cifar".into());
        }),
        None,
        "embedded(cifar)",
    );
}
