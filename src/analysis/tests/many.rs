//! Files of many experiments, which are lowered side by side as long as nothing is wrong.

use std::fmt::Write;

use super::*;

/// So many that several threads lower them.
const MANY: usize = 100;

fn many(last: &str) -> String {
    let mut text = "bnas 1\nuse std.data.digits\nuse std.spaces.small_cnn\nuse std.targets.braintta\nuse std.policies.tied\nuse std.quantizers.{binary, int8}\ntarget slow : braintta { clock = 100 MHz }\n".to_string();
    for i in 0..MANY {
        writeln!(
            text,
            "experiment e{i} {{\n  seed = {i}\n  data = digits\n  space = small_cnn {{ width in {{8, {}}} }}\n  policy = tied {{ kinds = {{binary, int8}} }}\n  target = slow\n  train {{ epochs = 1 }}\n  maximize accuracy\n  require model_size <= {i} KiB\n  search {{ trials = 2 }}\n}}",
            9 + i
        )
        .unwrap();
    }
    text + last
}

/// A warning is enough for one experiment to be lowered behind the other.
#[test]
fn many_experiments_are_those_of_one_thread() {
    let side_by_side = experiments("many.bnas", &many(""));
    let names = side_by_side.iter().map(|e| e.name.clone());
    assert!(names.eq((0..MANY).map(|i| format!("e{i}"))));
    let doubtful =
        "experiment last {\n  x in 1..3\n  y = 2\n  minimize x\n  search { trials = 2 }\n}\n";
    let (checked, _) = checked("many.bnas", &many(doubtful));
    let [warning] = checked.diagnostics.as_slice() else {
        panic!("{:?}", checked.diagnostics)
    };
    assert_eq!(warning.code, "bnas::name::unused");
    let in_a_row = checked.program.expect("no errors").experiments;
    assert_eq!(in_a_row.len(), MANY + 1);
    for (one, other) in side_by_side.iter().zip(&in_a_row) {
        let (one, other) = (format!("{one:?}"), format!("{other:?}"));
        assert!(one == other, "{one:.24}");
    }
}

/// What several experiments do wrong with one thing is told of each, or once: as if one thread had read them.
#[test]
fn mistakes_in_many_experiments_are_told_in_their_order() {
    let text = many("").replace("seed = 40\n", "seed = forty\n");
    let text = text.replace("seed = 90\n", "sed = 90\n");
    let (checked, sources) = checked("many.bnas", &text);
    let lines = checked.diagnostics.iter();
    let lines: Vec<_> = lines.map(|d| sources.slice(d.labels[0].span)).collect();
    assert_eq!(lines, ["forty", "sed"]);
    assert!(checked.program.is_none());
    assert_eq!(checked.sound.len(), MANY - 2);
}
