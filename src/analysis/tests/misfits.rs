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
    // What enters `b` may change, but it gives no multiple of 5; `a`, `b` and `c` are as wide and high as they say.
    let found = said(
        "layer a = conv(channels = 9, groups = 2)
         layer b = conv(channels = 16, groups = 5)
         layer c = conv(channels = 12, kernel = 4)
         layer d = conv(channels = 12, kernel = 9, padding = 0)",
    );
    let expected = [
        "2 groups do not divide 1 input and 9 output channels",
        "5 groups do not divide 9 input and 16 output channels",
        "`padding = same` needs an odd kernel, found 4",
        "kernel 9 does not fit a 8x8 input",
    ];
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
