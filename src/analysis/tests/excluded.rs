//! What is said where something goes wrong: it is true of every candidate that it speaks of, and of none that is excluded.

use num_bigint::BigUint;

use super::fixtures::{codes, on_digits, refusals, template};
use super::{checked, experiments};
use crate::diagnostic::Diagnostic;
use crate::model::Template;
use crate::model::counting::Count;
use crate::model::findings::blame::{in_arm, in_some_arms};

/// Kernel and padding change the body's sides; with both others a skip connection fits.
const SKIPPED: &str = "space s {
  kernel in {3, 5}  padding in {0, 2}  skip in {false, true}
  layer stem = conv(channels = 8) -> norm -> relu
  layer body = conv(channels = 8, kernel = kernel, padding = padding) -> norm -> relu
  add stem when skip
  layer head = pool(average) -> linear(classes)
  REQUIRE
}";

#[test]
fn what_is_ruled_out_has_no_member_that_fits() {
    let mut require = String::new();
    let left = loop {
        let text = on_digits(&SKIPPED.replace("REQUIRE", &require), "space = s");
        let (found, _) = refusals(&text);
        let Some(first) = found.first() else {
            let template = template(&text);
            break template.counted().count(template.decisions());
        };
        assert_eq!(first.code, "bnas::shape::misfit");
        let help = first.help.clone().unwrap();
        let (_, typed) = help.split_once("rule it out: `require ").unwrap();
        let typed = typed.split('`').next().unwrap().replace("space.", "");
        require.push_str(&format!("require {typed}\n  "));
    };
    // Without the skip all four, with it kernel 5 and padding 2 alone.
    assert_eq!(left, Count::Exact(BigUint::from(5_u32)), "{require}");
}

/// The codes of what is said of an experiment over formulas.
fn said(lines: &str) -> Vec<&'static str> {
    let text = format!("bnas 1\nexperiment e {{\n{lines}\nsearch {{ method = grid }}\n}}");
    let (found, _) = checked("test.bnas", &text);
    let mut codes: Vec<&str> = found.diagnostics.iter().map(|d| d.code).collect();
    if let Some(program) = found.program {
        match Template::new(&program.experiments[0]) {
            Ok(template) => codes.extend(template.warnings().iter().map(|d| d.code)),
            Err(found) => codes.extend(found.iter().map(|d| d.code)),
        }
    }
    codes
}

#[test]
fn a_member_that_a_power_excludes_goes_wrong_nowhere() {
    for fine in [
        "b in -2..2\n minimize 1 / b\n require b^b <= b",
        "n in 0..7\n minimize 1 / (n - 2)\n require (-1)^n < 0",
        "n in 0..5\n k in 1..3\n minimize ln(n - 2)\n require (n - 2)^k > 0 and k == 3",
    ] {
        assert_eq!(said(fine), [""; 0], "{fine}");
    }
    // One that is kept does, and one that no requirement can be asked of excludes nothing.
    let kept = "b in -2..2\n minimize 1 / b\n require b^b <= 1";
    assert_eq!(said(kept), ["bnas::domain::undefined"]);
    let itself = "b in -2..2\n minimize 1 / b\n require 1 / b <= b";
    assert!(said(itself).contains(&"bnas::domain::undefined"));
}

#[test]
fn a_field_of_a_target_that_is_a_name_of_the_experiment_is_within_its_limits() {
    let declared = "use std.spaces.small_cnn
use std.targets.braintta
use std.quantizers.int8
policy p { each layer { weights = int8  activations = int8 } }";
    for width in [
        "n in {512 bit, 1024 bit}  target = braintta { vector.width = n }",
        "n in {8, 16}  target = braintta { vector.width = n * 64 bit }",
    ] {
        let lines = format!("space = small_cnn  policy = p  {width}\n  minimize energy");
        let template = template(&on_digits(declared, &lines));
        let warned: Vec<_> = template.warnings().iter().map(|d| d.code).collect();
        assert_eq!(warned, [""; 0], "{width}");
    }
    let lines = "space = small_cnn  policy = p  n in {0 bit, 512 bit}  target = braintta { vector.width = n }\n  minimize energy";
    assert!(!codes(&on_digits(declared, lines)).is_empty());
}

/// What is found in an arm with these settings.
type Found<'a> = (&'a [(String, String)], Vec<Diagnostic>);

#[test]
fn what_one_arm_cannot_meet_names_the_arm() {
    let lines = "space = small_cnn  require space.width >= 16  arms { space.width in {8, 16} }";
    let text = on_digits("use std.spaces.small_cnn", lines);
    let experiment = experiments("test.bnas", &text).remove(0);
    let mut found: Vec<_> = (experiment.searches().into_iter())
        .map(|(settings, search)| (settings, Template::new(search).err().unwrap_or_default()))
        .collect();
    let plain = found.clone();
    in_some_arms(&mut found);
    let messages = |found: &[Found]| -> Vec<String> {
        let all = found.iter().flat_map(|(_, all)| all);
        all.map(|d| d.message.clone()).collect()
    };
    let wanted = "no candidate can meet `space.width >= 16` in the arm `space.width = 8`";
    assert_eq!(messages(&found), [wanted]);
    // What all have needs no name.
    let mut same = vec![plain[0].clone(), plain[0].clone()];
    in_some_arms(&mut same);
    assert_eq!(
        messages(&same),
        messages(&[plain[0].clone(), plain[0].clone()])
    );
    let (settings, one) = plain[0].clone();
    assert_eq!(in_arm(one, settings)[0].message, wanted);
}

#[test]
fn what_is_never_added_is_said_of_that_copy_alone() {
    let warned = |space: &str| -> Vec<String> {
        let template = template(&on_digits(space, "space = net"));
        let found = template.warnings().iter();
        found.filter_map(|d| d.help.clone()).collect()
    };
    // The shortcut of a sum beside a join of the same block has nothing to do where shapes are equal.
    let joined = "block cell(channels) {
  parallel {
    branch a { layer p = conv(channels = channels / 2) -> norm -> relu }
    branch b { layer q = conv(channels = channels / 2) -> norm -> relu }
  } join concat
  add input via conv_shortcut
}
space net {
  width in {8, 16}
  layer stem = conv(channels = width) -> norm -> relu
  repeat 1 as s { block = cell(channels = width * 2^s) }
  layer head = pool(average) -> linear(classes)
}";
    assert_eq!(warned(joined), [""; 0]);
    let copies = |add: &str| {
        format!(
            "space net {{
  repeat 2 as s {{
    layer body = conv(channels = 8) -> norm -> relu
    layer down = conv(channels = 8) -> norm -> relu when s > 0
  }}
  {add}
  layer head = pool(average) -> linear(classes)
}}"
        )
    };
    assert_eq!(warned(&copies("add s[1].down")), [""; 0]);
    assert_eq!(
        warned(&copies("add s[0].down")),
        ["did you mean `s[1].down`?"]
    );
}
