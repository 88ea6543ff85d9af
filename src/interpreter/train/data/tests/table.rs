//! Tables in CSV.

use super::*;

pub(super) fn load_table(text: &str, change: impl FnOnce(&mut Dataset)) -> Result<Data, DataError> {
    let files = Files::Csv {
        train: vec!["table.csv".into()],
        test: Vec::new(),
        label: "class".into(),
    };
    load(&[("table.csv", text.as_bytes())], files, change)
}

pub(super) const TABLE: &str =
    "a,b,class,c,d\n1,2,0,3,4\n5,6,1,7,8\n9, 10 ,2,11,12\n13,14,0,15,16\n";

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
    expect(
        with("11,12", "nan,12"),
        line(4),
        "every field holds a number",
    );
    expect(with("11,12", ",12"), line(4), "every field holds a number");
    expect(with("11,12", "11"), line(4), "line 4");
    expect(
        load_table("a,b,class,c,d\n", |_| {}),
        None,
        "don't fit 0 samples",
    );
    expect(with("c,d", "c,c"), line(1), "more than one column `c`");
}

#[test]
fn files_of_one_set_have_the_same_columns() {
    let files = || Files::Csv {
        train: vec!["one.csv".into(), "two.csv".into()],
        test: Vec::new(),
        label: "class".into(),
    };
    let two = |text: &str| {
        let both = [("one.csv", TABLE.as_bytes()), ("two.csv", text.as_bytes())];
        load(&both, files(), |_| {})
    };
    // The labels may stand elsewhere.
    let moved = "class,a,b,c,d\n1,1,2,3,4\n";
    assert_eq!(two(moved).unwrap().train().len(), 2);
    expect(
        two("class,a,c,b,d\n1,1,2,3,4\n"),
        Some(Place::Line(1)),
        "column `c` stands where",
    );
}

#[test]
fn tables_are_utf_8() {
    let of = |bytes: &[u8]| {
        let files = Files::Csv {
            train: vec!["table.csv".into()],
            test: Vec::new(),
            label: "class".into(),
        };
        load(&[("table.csv", bytes)], files, |_| {})
    };
    let wide: Vec<u8> = TABLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe], wide.as_slice()].concat();
    expect(of(&marked), Some(Place::Line(1)), "iconv -f UTF-16");
    let mut latin = TABLE.as_bytes().to_vec();
    let at = TABLE.find("11").unwrap();
    latin[at] = 0xe9;
    expect(of(&latin), Some(Place::Line(4)), "save the table as UTF-8");
}
