//! Folders of images.

use super::*;

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
        let error = load_folder(&contents).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
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
        "2.jpg: at byte 2: can't be decoded",
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
fn an_image_above_the_scale_is_named() {
    let (dark, bright) = (
        png(image::ExtendedColorType::L8, 2, 1),
        png(image::ExtendedColorType::L8, 2, 200),
    );
    let contents: [(&str, &[u8]); 4] = [
        ("images/a/1.png", &dark),
        ("images/a/2.png", &dark),
        ("images/b/1.png", &dark),
        ("images/b/2.png", &bright),
    ];
    let files = Files::ImageFolder {
        train: "images".into(),
        test: None,
    };
    let found = load(&contents, files, |d| {
        d.classes = 2;
        d.scale = 100.0;
    });
    expect(
        found,
        None,
        "2.png: has a pixel of 200, above the scale 100",
    );
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
        let place = Some(Place::Byte(length as u64));
        expect(of(&whole[..length]), place, "can't be decoded");
    }
    // The length of its first segment.
    let mut spoiled = whole.clone();
    spoiled[4..6].fill(0);
    expect(
        of(&spoiled),
        Some(Place::Byte(4)),
        "2.jpg: at byte 4: can't be decoded",
    );
}

#[test]
fn a_drawing_that_breaks_off_names_the_byte() {
    let good = png(image::ExtendedColorType::L8, 2, 1);
    for length in [0, 5, 20, good.len() / 2, good.len() - 14] {
        let contents: [(&str, &[u8]); 4] = [
            ("images/a/1.png", &good),
            ("images/a/2.png", &good),
            ("images/b/1.png", &good),
            ("images/b/2.png", &good[..length]),
        ];
        let error = load_folder(&contents).unwrap_err();
        let Some(Place::Byte(at)) = error.place else {
            panic!("{error}");
        };
        assert!(at <= length as u64, "{error}");
        assert!(length < 20 || at >= 16, "{error}");
    }
}
