//! Layers that do not fit: each mistake is reported, and nothing that may only follow from another one.

use super::fixtures::*;

/// What is said of a space with these layers and a head, for images of 8x8 pixels.
fn said(layers: &str) -> Vec<String> {
    let space = format!("space s {{\n{layers}\nlayer head = pool(average) -> linear(classes)\n}}");
    let (refusals, _) = refusals(&on_digits(&space, "space = s"));
    refusals.into_iter().map(|d| d.message).collect()
}

#[test]
fn misfits_that_do_not_follow_from_each_other_are_all_reported() {
    // What enters `b` may change, but it gives no multiple of 5; `a` and `b` are as wide and high as they say.
    let found = said(
        "layer a = conv(channels = 9, groups = 2)
         layer b = conv(channels = 16, groups = 5)
         layer c = conv(channels = 12, kernel = 9, padding = 0)",
    );
    let expected = [
        "2 groups do not divide 1 input and 9 output channels",
        "5 groups do not divide 9 input and 16 output channels",
        "kernel 9 does not fit a 8x8 input",
    ];
    assert_eq!(found, expected);
}

#[test]
fn channels_that_are_computed_from_none_are_no_other_mistake() {
    let space = "block wider(by) { layer l = conv(channels = input.channels * by) when by > 1 }
space s {
  by in {1, 2, 4}
  alpha in {0.25, 0.5}
  layer stem = conv(channels = multiple_of(0, 16 * alpha))
  block = wider(by = by)
  layer head = pool(average) -> linear(classes)
}";
    let (found, _) = refusals(&on_digits(space, "space = s"));
    let found: Vec<&str> = found.iter().map(|d| d.message.as_str()).collect();
    let expected = ["channels must be a whole number from 1 to 1e9, found 0"];
    assert_eq!(found, expected);
}

#[test]
fn a_misfit_that_may_follow_from_another_is_not_reported() {
    // Behind `a` nothing is known of pixels, but all of channels.
    let found = said(
        "layer a = conv(channels = 4, kernel = 9, padding = 0)
         layer b = conv(channels = 4, kernel = 3, padding = 0)
         layer c = conv(channels = 4, groups = 2)
         layer d = conv(channels = 9, groups = 4)",
    );
    let expected = [
        "kernel 9 does not fit a 8x8 input",
        "4 groups do not divide 4 input and 9 output channels",
    ];
    assert_eq!(found, expected);
    let first = "2 groups do not divide 1 input and 9 output channels";
    // What is wrong may be the 9 channels.
    let followers = [
        "layer b = conv(channels = 16, groups = 2)",
        "layer b = depthwise() -> conv(channels = 16, groups = 2)",
        "layer b = conv(channels = 8)\nadd a",
        "layer b = conv(channels = 8)\nadd a via conv_shortcut\nlayer c = conv(channels = 4, groups = 3)",
        "parallel { branch one { layer b = conv(channels = 8) }  branch two { layer b = norm } } join add",
    ];
    for follower in followers {
        let layers = format!("layer a = conv(channels = 9, groups = 2)\n{follower}");
        let found = said(&layers);
        let misfits = found.iter().filter(|message| **message != first).count();
        let own = usize::from(follower.contains("via"));
        assert_eq!(
            (found[0].as_str(), misfits),
            (first, own),
            "{layers}: {found:?}"
        );
    }
}

#[test]
fn a_layer_of_as_many_channels_as_enter_it_is_looked_at_behind_a_misfit() {
    let found = said(
        "layer a = conv(channels = 9, groups = 2)
         layer b = depthwise(kernel = 9, padding = 0)
         layer c = conv(channels = 8, kernel = 5, padding = 0)",
    );
    let expected = [
        "2 groups do not divide 1 input and 9 output channels",
        "kernel 9 does not fit a 8x8 input",
    ];
    assert_eq!(found, expected);
    let found = said(
        "layer a = conv(channels = 9 / 2)
         layer b = depthwise(kernel = 9, padding = 0)
         layer c = conv(channels = 8, kernel = 5, padding = 0)",
    );
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn branches_and_alternatives_are_wrong_by_themselves() {
    let found = said(
        "layer stem = conv(channels = 4)
         parallel {
           branch one { layer a = conv(channels = 4, kernel = 9, padding = 0) }
           branch two { layer b = conv(channels = 4, kernel = 11, padding = 0) }
         } join add",
    );
    let expected = [
        "kernel 9 does not fit a 8x8 input",
        "kernel 11 does not fit a 8x8 input",
    ];
    assert_eq!(found, expected);
}

#[test]
fn copies_of_a_layer_that_does_not_fit_are_one_mistake() {
    let found = said("repeat 3 as d { layer c = conv(channels = 9, groups = 2) }");
    assert_eq!(
        found,
        ["2 groups do not divide 1 input and 9 output channels"]
    );
}

#[test]
fn an_output_of_another_size_is_reported_beside_a_misfit() {
    let space = "space s { layer a = conv(channels = 9, groups = 2)  layer b = linear(5) }";
    let (refusals, _) = refusals(&on_digits(space, "space = s"));
    let found: Vec<_> = refusals.iter().map(|d| d.code).collect();
    // In the order of the text.
    assert_eq!(found, ["bnas::shape::output", "bnas::shape::misfit"]);
}

/// What the help says of a misfit, which is the only one.
fn only_help(layers: &str) -> String {
    let space = format!("space s {{\n{layers}\nlayer head = pool(average) -> linear(classes)\n}}");
    let text = format!("use std.blocks.{{basic, conv_norm}}\n{space}");
    let (refusals, _) = refusals(&on_digits(&text, "space = s"));
    let [only] = refusals.as_slice() else {
        panic!("{refusals:?}");
    };
    only.help.clone().unwrap_or_default()
}

#[test]
fn a_value_that_several_layers_read_is_one_mistake() {
    let k = "k in {3, 4, 5}
        layer a = conv(channels = 8, kernel = k)
        layer b = depthwise(kernel = k)";
    assert!(only_help(k).contains("`require space.k != 4`"));
    let halves = "width in {8, 9}
        layer a = conv(channels = width / 2)
        layer b = conv(channels = width / 2)";
    assert!(only_help(halves).contains("`require space.width != 9`"));
    // Both layers of the block read it.
    only_help("layer a = conv(channels = 8)\nb = basic(channels = 8, kernel = 4)");
}

#[test]
fn members_that_do_not_fit_are_named_together() {
    let help = only_help(
        "width in {8, 16, 20, 24}
        layer a = conv(channels = width)
        layer b = conv(channels = width, groups = 3)",
    );
    let when = "this happens when space.width is 8, 16 or 20";
    let require = "`require space.width != 8 and space.width != 16 and space.width != 20`";
    assert!(help.contains(when) && help.contains(require), "{help}");
    let help = only_help(
        "k in {3, 9, 11, 13, 15, 17}\nlayer a = conv(channels = 8, kernel = k, padding = 0)",
    );
    assert!(
        help.contains("rule them out: `require space.k == 3`"),
        "{help}"
    );
}

#[test]
fn an_even_kernel_says_nothing_of_channels_and_all_of_pixels() {
    // With another padding, the window of `b` may fit.
    let found = said(
        "layer a = conv(channels = 8, kernel = 4)
        layer b = conv(channels = 16, kernel = 9, padding = 0)
        layer c = conv(channels = 9, groups = 2)",
    );
    let expected = [
        "`padding = same` needs an odd kernel, found 4",
        "2 groups do not divide 16 input and 9 output channels",
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_call_that_gave_a_value_is_shown_beside_others() {
    let space = "use std.blocks.conv_norm
        space s {
          layer stem = conv(channels = 8)
          first = conv_norm(channels = 8)
          second = conv_norm(channels = 8, kernel = 4)
          layer head = pool(average) -> linear(classes)
        }";
    let (refusals, sources) = refusals(&on_digits(space, "space = s"));
    let labels = refusals[0].labels.iter();
    let shown: Vec<&str> = labels.map(|label| sources.slice(label.span)).collect();
    assert!(
        shown.contains(&"conv_norm(channels = 8, kernel = 4)"),
        "{shown:?}"
    );
}

/// The requirement that the only report of a space offers, and what is said once an experiment makes it.
fn ruled_out(space: &str) -> (String, Vec<String>) {
    let (found, _) = refusals(&on_digits(space, "space = s"));
    let [only] = found.as_slice() else {
        panic!("one report: {found:?}");
    };
    let help = only.help.as_deref().unwrap_or_default();
    let (_, requirement) = help.split_once("`require ").expect("a requirement");
    let (requirement, _) = requirement.split_once('`').expect("its end");
    let with = format!("space = s\nrequire {requirement}");
    let (left, _) = refusals(&on_digits(space, &with));
    let left = left.into_iter().map(|d| d.message).collect();
    (requirement.to_string(), left)
}

#[test]
fn what_is_offered_rules_all_out() {
    let of_copies = "space s {
        repeat 3 as r {
          k in {3, 11}
          layer c = conv(channels = 4, kernel = k, padding = 1)
        }
        layer head = pool(average) -> linear(classes)
    }";
    let (requirement, left) = ruled_out(of_copies);
    assert_eq!(requirement, "all(space.r[*].k != 11)");
    assert!(left.is_empty(), "{left:?}");
    let of_two = "space s {
        depth in 1..3
        k in {3, 7}
        layer stem = conv(channels = 8)
        repeat depth as d {
          layer down = conv(channels = 8, kernel = k, padding = 1, stride = if d > 0 then 2 else 1)
        }
        layer head = pool(average) -> linear(classes)
    }";
    let (requirement, left) = ruled_out(of_two);
    let expected = "not ((space.depth == 2 or space.depth == 3) and space.k == 7)";
    assert_eq!(requirement, expected);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_number_that_is_wrong_by_itself_is_one_report() {
    // Whatever reads it.
    let found = said(
        "width in {8, 16}
         part = width / 7
         parallel {
           branch near { layer a = conv(channels = part) }
           branch far { layer b = conv(channels = part) }
         } join concat",
    );
    assert_eq!(found.len(), 1, "{found:?}");
    // What takes fewer choices is said.
    let space = "space s {
        width in {8, 1000000}
        deep in {false, true}
        layer a = conv(channels = width)
        layer b = conv(channels = width) when deep
        layer c = conv(channels = width)
        layer head = pool(average) -> linear(classes)
    }";
    let (requirement, left) = ruled_out(space);
    assert_eq!(requirement, "space.width != 1000000");
    assert!(left.is_empty(), "{left:?}");
}

/// Channels have nothing to do with a kernel that is too large, and what amends them is not shown.
#[test]
fn amendments_of_channels_are_no_cause_of_a_kernel() {
    let space =
        "space net { p in {same, 0}  layer a = conv(channels = 8, stride = 4) -> norm -> relu
        layer b = conv(channels = 8, kernel = 3, padding = p) -> norm -> relu
        layer head = pool(average) -> linear(classes) }";
    for (amended, is_shown) in [
        ("a.channels = 16", false),
        ("a.stride = 8", true),
        ("p = 0", true),
    ] {
        let (found, _) = refusals(&on_digits(space, &format!("space = net {{ {amended} }}")));
        let [misfit] = &found[..] else {
            panic!("{found:?}")
        };
        assert_eq!(misfit.code, "bnas::shape::misfit");
        let shows = misfit
            .labels
            .iter()
            .any(|l| l.text == "`net` is amended here");
        assert_eq!(shows, is_shown, "{amended}");
    }
}
