//! CIFAR records.

use super::*;

/// Records of 2x2 pixels in two planes: 1, 2, 3, 4 and 11, 12, 13, 14 of the first.
pub(super) fn records(count: u8, label_bytes: u8) -> Vec<u8> {
    let record = |i: u8| {
        let labels = (1..label_bytes).map(|_| 255).chain([i % 3]);
        let planes = (1..=4).chain(11..=14).map(move |v| v + 20 * i);
        labels.chain(planes).collect::<Vec<u8>>()
    };
    (0..count).flat_map(record).collect()
}

pub(super) fn load_cifar(
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

#[test]
fn an_archive_is_to_be_unpacked() {
    let mut tar = vec![0; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    expect(
        load_cifar(&tar, &tar, 1, |_| {}),
        None,
        "unpack it, `tar -xf",
    );
    let zip = b"PK\x03\x04 and more";
    expect(load_cifar(zip, zip, 1, |_| {}), None, "unpack it, `unzip");
}
