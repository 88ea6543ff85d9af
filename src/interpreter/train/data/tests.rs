use super::*;
use crate::interpreter::train::fixtures::digits;
use crate::ir::{Files, IdxPair, Normalize, Splits};

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
        error.help.contains("download https://example.org"),
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
        byte(0),
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
}

/// Records of 2x2 pixels in two planes: 1, 2, 3, 4 and 11, 12, 13, 14 of the first.
fn records(count: u8, label_bytes: u8) -> Vec<u8> {
    let record = |i: u8| {
        let labels = (1..label_bytes).map(|_| 255).chain([i % 3]);
        let planes = (1..=4).chain(11..=14).map(move |v| v + 20 * i);
        labels.chain(planes).collect::<Vec<u8>>()
    };
    (0..count).flat_map(record).collect()
}

fn load_cifar(
    first: &[u8],
    second: &[u8],
    label_bytes: usize,
    change: impl FnOnce(&mut Dataset),
) -> Result<Data, DataError> {
    let files = Files::Cifar {
        train: vec!["one.bin".into(), "two.bin".into()],
        test: Vec::new(),
        label_bytes,
    };
    let contents = [("one.bin", first), ("two.bin", second)];
    load(&contents, files, |d| {
        d.shape = [2, 2, 2];
        d.scale = 255.0;
        change(d);
    })
}

#[test]
fn cifar_records_are_planes_in_several_files() {
    for label_bytes in [1, 2] {
        let all = records(4, label_bytes);
        let (first, second) = all.split_at(3 * (8 + usize::from(label_bytes)));
        let data = load_cifar(first, second, usize::from(label_bytes), |_| {}).unwrap();
        let rounded = |split: &Split, index| -> Vec<f32> {
            let values = pixels(split, index, 255.0);
            values.into_iter().map(f32::round).collect()
        };
        let wanted = [1.0, 11.0, 2.0, 12.0, 3.0, 13.0, 4.0, 14.0];
        assert_eq!(rounded(data.train(), 0), wanted);
        assert_eq!(rounded(data.test(), 0), wanted.map(|v| v + 60.0));
        assert_eq!([0, 1].map(|i| data.train().label(i)), [0, 1]);
        assert_eq!(data.test().label(0), 0);
    }
}

#[test]
fn a_damaged_cifar_file_is_an_error_that_names_the_byte() {
    let all = records(2, 1);
    let byte = |offset| Some(Place::Byte(offset));
    let cut = load_cifar(&all, &all[..12], 1, |_| {});
    expect(
        cut,
        byte(9),
        "two.bin: at byte 9: a record of 1 + 2x2x2 = 9 bytes",
    );
    expect(load_cifar(&all, b"", 1, |_| {}), byte(0), "has 0 bytes");
    let fewer = load_cifar(&all, &all, 1, |d| d.classes = 1);
    expect(fewer, byte(9), "one.bin: at byte 9: label 1 of record 1");
}

fn png(color: image::ExtendedColorType, side: u32, value: u8) -> Vec<u8> {
    use image::ImageEncoder;
    let bytes = usize::from(color.channel_count()) * (side * side) as usize;
    let pixels = vec![value; bytes];
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(&pixels, side, side, color)
        .unwrap();
    out
}

fn jpeg(side: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..side * side).map(|i| (i * 37 % 251) as u8).collect();
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut out)
        .encode(&pixels, side, side, image::ExtendedColorType::L8)
        .unwrap();
    out
}

fn load_folder(contents: &[(&str, &[u8])]) -> Result<Data, DataError> {
    let files = Files::ImageFolder {
        train: "images".into(),
        test: None,
    };
    load(contents, files, |d| {
        d.classes = 2;
        d.scale = 255.0;
    })
}

#[test]
fn a_folder_of_images_takes_classes_in_turn() {
    let gray = |value| png(image::ExtendedColorType::L8, 2, value);
    let files = [gray(10), gray(20), gray(30), gray(40)];
    let data = load_folder(&[
        ("images/zebra/b.png", &files[3]),
        ("images/zebra/a.PNG", &files[2]),
        ("images/ant/1.png", &files[0]),
        ("images/ant/2.png", &files[1]),
        ("images/.hidden", b"nothing"),
    ])
    .unwrap();
    let value = |split: &Split, i| (pixels(split, i, 255.0)[0].round(), split.label(i));
    assert_eq!(value(data.train(), 0), (10.0, 0));
    assert_eq!(value(data.train(), 1), (30.0, 1));
    assert_eq!(value(data.validation(), 0), (20.0, 0));
    assert_eq!(value(data.test(), 0), (40.0, 1));
}

#[test]
fn an_image_that_does_not_fit_is_an_error_that_names_it() {
    let good = png(image::ExtendedColorType::L8, 2, 1);
    let wrong = |name: &str, bytes: &[u8], part: &str| {
        let contents: [(&str, &[u8]); 3] = [
            ("images/a/1.png", &good),
            ("images/b/1.png", &good),
            (name, bytes),
        ];
        expect(load_folder(&contents), None, part);
    };
    let rgb = png(image::ExtendedColorType::Rgb8, 2, 1);
    wrong(
        "images/a/2.png",
        &rgb,
        "2.png: expected an image of 2x2x1, found 2x2x3",
    );
    let large = png(image::ExtendedColorType::L8, 3, 1);
    wrong("images/b/2.png", &large, "found 3x3x1");
    wrong(
        "images/b/2.jpg",
        b"\xff\xd8 not a photograph",
        "2.jpg: can't be decoded",
    );
    wrong("images/b/readme.txt", b"", "readme.txt: is no PNG or JPEG");
    wrong(
        "images/c/1.png",
        &good,
        "expected 2 folders, one per class, found 3",
    );
    wrong("images/c.png", &good, "c.png: is no folder");
    let empty: [(&str, &[u8]); 2] = [("images/a/1.png", &good), ("images/b/.keep", b"")];
    expect(load_folder(&empty), None, "b: has no images");
}

#[test]
fn a_photograph_that_breaks_off_is_an_error() {
    let whole = jpeg(32);
    let of = |bytes: &[u8]| {
        let contents = [
            ("images/a/1.jpg", whole.as_slice()),
            ("images/a/2.jpg", &whole),
            ("images/b/1.jpg", &whole),
            ("images/b/2.jpg", bytes),
        ];
        let files = Files::ImageFolder {
            train: "images".into(),
            test: None,
        };
        load(&contents, files, |d| {
            d.classes = 2;
            d.scale = 255.0;
            d.shape = [32, 32, 1];
        })
    };
    assert!(of(&whole).is_ok());
    // Some cameras write bytes behind the end.
    assert!(of(&[whole.as_slice(), b"trailer"].concat()).is_ok());
    for length in [1, 10, whole.len() / 2, whole.len() - 5, whole.len() - 1] {
        expect(of(&whole[..length]), None, "2.jpg: can't be decoded");
    }
}

fn load_table(text: &str, change: impl FnOnce(&mut Dataset)) -> Result<Data, DataError> {
    let files = Files::Csv {
        train: vec!["table.csv".into()],
        test: Vec::new(),
        label: "class".into(),
    };
    load(&[("table.csv", text.as_bytes())], files, change)
}

const TABLE: &str = "a,b,class,c,d\n1,2,0,3,4\n5,6,1,7,8\n9, 10 ,2,11,12\n13,14,0,15,16\n";

#[test]
fn a_table_has_a_column_of_labels_and_one_per_value() {
    let data = load_table(TABLE, |_| {}).unwrap();
    assert!(matches!(data.train.samples.pixels, Pixels::Bytes(_)));
    assert_eq!(pixels(data.train(), 1, 16.0), [5.0, 6.0, 7.0, 8.0]);
    assert_eq!(data.validation().label(0), 2);
    let data = load_table(&TABLE.replace("13", "13.5"), |_| {}).unwrap();
    assert_eq!(pixels(data.train(), 1, 16.0), [5.0, 6.0, 7.0, 8.0]);
    assert_eq!(pixels(data.test(), 0, 16.0), [13.5, 14.0, 15.0, 16.0]);
}

#[test]
fn a_line_that_does_not_fit_is_an_error_that_names_it() {
    let line = |line| Some(Place::Line(line));
    let with = |from: &str, to: &str| load_table(&TABLE.replace(from, to), |_| {});
    expect(with("class", "kind"), line(1), "no column `class`");
    expect(
        with("a,b", "class,b"),
        line(1),
        "more than one column `class`",
    );
    expect(
        load_table(TABLE, |d| d.shape = [2, 3, 1]),
        line(1),
        "2x3x1 = 6 columns besides `class`, found 4",
    );
    expect(with("5,6,1", "5,6,cat"), line(3), "label `cat`");
    expect(with("5,6,1", "5,6,3"), line(3), "from 0 to 2");
    expect(with("11,12", "11,17"), line(4), "`17` in column `d`");
    expect(
        with("11,12", "-1,12"),
        line(4),
        "negative values need `normalize",
    );
    expect(with("11,12", "11"), line(4), "line 4");
    expect(
        load_table("a,b,class,c,d\n", |_| {}),
        None,
        "don't fit 0 samples",
    );
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
