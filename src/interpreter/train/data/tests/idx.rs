//! IDX files, and how a data set is split and found.

use super::*;

#[test]
fn the_digits_are_the_uci_digits() {
    let data = Data::load_from(&digits(), None).unwrap();
    let splits = [data.train(), data.validation(), data.test()];
    assert_eq!(splits.map(Split::len), [1000, 297, 500]);
    assert_eq!(data.classes(), 10);
    // The first image as scikit-learn prints it.
    assert_eq!(data.train().label(0), 0);
    let first = [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0];
    assert_eq!(pixels(data.train(), 0, 16.0)[..8], first);
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

fn load_idx(
    images: &[u8],
    labels: &[u8],
    change: impl FnOnce(&mut Dataset),
) -> Result<Data, DataError> {
    let contents = [("images", images), ("labels", labels)];
    load(&contents, idx_files(false), change)
}

#[test]
fn files_are_split_in_their_order_and_shared() {
    let (images, labels) = small(5);
    let data = load_idx(&images, &labels, |_| {}).unwrap();
    assert_eq!(pixels(data.train(), 1, 16.0), [4.0, 5.0, 6.0, 7.0]);
    assert_eq!(pixels(data.validation(), 0, 16.0), [8.0, 9.0, 10.0, 11.0]);
    assert_eq!(pixels(data.test(), 0, 16.0), [12.0, 13.0, 14.0, 15.0]);
    assert_eq!(data.test().label(0), 0);
    assert!(Arc::ptr_eq(&data.train.samples, &data.test.samples));
}

#[test]
fn the_test_split_may_have_files_of_its_own() {
    let (images, labels) = small(3);
    let (test_images, test_labels) = small(2);
    let contents: [(&str, &[u8]); 4] = [
        ("images", &images),
        ("labels", &labels),
        ("test-images", &test_images),
        ("test-labels", &test_labels),
    ];
    let data = load(&contents, idx_files(true), |d| d.splits.test = 2).unwrap();
    assert_eq!(pixels(data.validation(), 0, 16.0), [8.0, 9.0, 10.0, 11.0]);
    assert_eq!(pixels(data.test(), 1, 16.0), [4.0, 5.0, 6.0, 7.0]);
    let too_many = load(&contents, idx_files(true), |d| d.splits.validation = 2);
    expect(too_many, None, "train = 2, validation = 2 don't fit 3");
    let too_many = load(&contents, idx_files(true), |d| d.splits.test = 3);
    expect(too_many, None, "test-images: splits of test = 3");
}

#[test]
fn the_folder_of_data_is_the_second_place() {
    let (images, labels) = small(4);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("images"), images).unwrap();
    std::fs::write(folder.path().join("labels"), labels).unwrap();
    let mut set = dataset(idx_files(false), &folder.path().join("elsewhere"));
    let error = Data::load_from(&set, None).unwrap_err();
    assert!(error.help.contains("BNAS_DATA"), "{error}");
    set.source = Some("https://example.org/digits.tar".into());
    let error = Data::load_from(&set, None).unwrap_err();
    assert!(
        error
            .help
            .contains("download and unpack https://example.org"),
        "{error}"
    );
    Data::load_from(&set, Some(folder.path())).unwrap();
}

#[test]
fn an_idx_file_that_does_not_fit_is_an_error_that_names_the_byte() {
    let (images, labels) = small(4);
    let byte = |offset| Some(Place::Byte(offset));
    expect(
        load_idx(&images[..20], &labels, |_| {}),
        byte(20),
        "4 x 2 x 2 = 16 values, the file has 4",
    );
    expect(
        load_idx(&labels, &labels, |_| {}),
        byte(8),
        "expected images of 2x2x1",
    );
    expect(
        load_idx(&images, &small(3).1, |_| {}),
        byte(4),
        "expected 4 labels",
    );
    expect(
        load_idx(&images, &labels, |d| d.classes = 2),
        byte(10),
        "label 2 of sample 2",
    );
    expect(
        load_idx(&images, &labels, |d| d.scale = 14.0),
        byte(31),
        "pixel value 15",
    );
    expect(
        load_idx(&images, &labels, |d| d.scale = 0.0),
        None,
        "a scale of 0",
    );
    expect(
        load_idx(&images, &labels, |d| d.splits.train = 3),
        None,
        "splits of train = 3, validation = 1, test = 1",
    );
    expect(
        load_idx(&images, &labels, |d| d.splits.test = 0),
        None,
        "at least one sample",
    );
    expect(
        load_idx(&images, b"\x1f\x8bnot gzip", |_| {}),
        // Where the header of gzip ends.
        byte(10),
        "gzip",
    );
    expect(
        load_idx(&images, &labels, |d| {
            d.files = Files::Embedded("cifar".into())
        }),
        None,
        "embedded(cifar)",
    );
}

#[test]
fn a_gzip_file_is_inflated_and_a_cut_one_is_an_error() {
    use std::io::Write;
    let (images, labels) = small(4);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&images).unwrap();
    let gz = encoder.finish().unwrap();
    let plain = load_idx(&images, &labels, |_| {}).unwrap();
    let inflated = load_idx(&gz, &labels, |_| {}).unwrap();
    assert_eq!(
        pixels(plain.test(), 0, 1.0),
        pixels(inflated.test(), 0, 1.0)
    );
    let error = load_idx(&gz[..gz.len() - 9], &labels, |_| {}).unwrap_err();
    assert!(error.what.contains("gzip"), "{error}");
    // A byte of the file, and not of what it holds.
    let end = gz.len() as u64 - 9;
    assert!(
        matches!(error.place, Some(Place::Byte(at)) if at <= end),
        "{error}"
    );
}
