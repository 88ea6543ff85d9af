use crate::util::{self, SMALL};

#[test]
fn damaged_data_ends_with_3_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SMALL.replace("use std.data.digits\n", "").replace(
        "space tiny {",
        "dataset mine : idx {\n  images = \"images.idx\"\n  labels = \"labels.idx\"\n  shape { height = 8  width = 8  channels = 1 }\n  classes = 10\n  scale = 16\n  \
         splits { train = 10  validation = 5  test = 5 }\n}\n\nspace tiny {",
    );
    let spec = spec.replace("data   = digits", "data   = mine");
    let path = util::write(folder.path(), "mine.bnas", &spec);
    let out = folder.path().join("run");
    let run = || util::run_spec(&path, &out, &[]);
    let missing = run();
    util::expect_code(&missing, 3);
    assert!(
        util::stderr(&missing).contains("images.idx"),
        "{}",
        util::stderr(&missing)
    );

    // Magic and sizes for 20 images, and half of the first.
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 20, 0, 0, 0, 8, 0, 0, 0, 8];
    bytes.extend([0; 32]);
    std::fs::write(folder.path().join("images.idx"), bytes).unwrap();
    let mut labels = vec![0, 0, 8, 1, 0, 0, 0, 20];
    labels.extend([0; 20]);
    std::fs::write(folder.path().join("labels.idx"), labels).unwrap();
    let truncated = run();
    util::expect_code(&truncated, 3);
    let shown = util::stderr(&truncated);
    assert!(
        shown.contains("images.idx") && shown.contains("byte"),
        "{shown}"
    );
}

const TABLE: &str = "bnas 1

experiment tabular {
  evaluate = table(\"results.csv.gz\")
  edge in categories {0, 1, 2}
  maximize val_acc
  require  late <= 3
  search { method = grid }
}
";

fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// An empty cell is no measurement: only who asks for it fails.
#[test]
fn a_table_may_have_empty_cells_and_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = util::write(folder.path(), "t.bnas", TABLE);
    let table = compressed("edge,val_acc,late,never\n0,0.5,1,\n1,,2,\n2,0.7,nan,\n");
    std::fs::write(folder.path().join("results.csv.gz"), table).unwrap();
    let out = folder.path().join("run");
    let output = util::run_spec(&path, &out, &["-q"]);
    util::expect_code(&output, 0);
    let report = util::stdout(&output);
    assert!(
        report.contains("3 trials, 1 complete, 1 meets every requirement"),
        "{report}"
    );
    for metric in ["val_acc", "late"] {
        let reason = format!("`{metric}` was not measured: its cell in `");
        assert!(report.contains(&reason), "{report}");
    }
    let asks = TABLE.replace("maximize val_acc", "maximize never");
    std::fs::write(&path, asks).unwrap();
    let output = util::run(&["check", path.to_str().unwrap()]);
    util::expect_code(&output, 1);
    let shown = util::stderr(&output);
    assert!(
        shown.contains("no row of the table has a value of `never`"),
        "{shown}"
    );
}

const POINTS: &str = "bnas 1

dataset points : csv {
  files = \"points.csv\"
  shape { height = 1  width = 2  channels = 1 }
  classes = 2
  scale   = 1
  splits { train = 4  validation = 2  test = 2 }
}

space one {
  layer head = flatten -> linear(classes)
}

experiment e {
  data  = points
  space = one
  lr in {1e-3, 1e-2}
  train  { epochs = 1  batch = 2  optimizer = adam(lr = lr) }
  search { method = grid }
  maximize accuracy
}
";

/// A run on data that have changed is another run.
#[test]
fn changed_data_are_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = util::write(folder.path(), "e.bnas", POINTS);
    let lines: Vec<String> = (0..8)
        .map(|i| format!("{},0.{i},0.{}", i % 2, 7 - i))
        .collect();
    let table = |lines: &[String]| format!("label,a,b\n{}\n", lines.join("\n"));
    let data = util::write(folder.path(), "points.csv", &table(&lines));
    let out = folder.path().join("run");
    let resumed = || util::run_spec(&path, &out, &["-q", "--resume"]);
    let output = util::run_spec(&path, &out, &["-q"]);
    util::expect_code(&output, 0);
    util::expect_code(&resumed(), 0);
    // The same data in another place and form.
    std::fs::write(
        folder.path().join("points.csv.gz"),
        compressed(&table(&lines)),
    )
    .unwrap();
    std::fs::remove_file(&data).unwrap();
    util::expect_code(&resumed(), 0);
    let mut other = lines.clone();
    other.swap(0, 1);
    std::fs::write(&data, table(&other)).unwrap();
    let output = resumed();
    util::expect_code(&output, 3);
    let shown = util::stderr(&output);
    assert!(
        shown.contains("the data in `points.csv` have changed"),
        "{shown}"
    );
}
