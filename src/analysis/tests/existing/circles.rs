//! Names that decide of each other whether they exist, and conditions that say the same in several ways: one candidate for each network. The counts are by
//! hand.

use super::*;

/// How many candidates there are of a space with these names and layers.
fn candidates(body: &str) -> usize {
    let text = format!(
        "block one(ch, more = false) {{ layer c = conv(channels = ch)  layer d = conv(channels = 4) when more }}
        space net {{
        {body}
        layer head = pool(average) -> linear(classes) }}"
    );
    searched(&text, "space = net").len()
}

const TRUTHS: &str = "g in {false, true}  h in {false, true}";

#[test]
fn equal_conditions_are_read_alike() {
    // `n` is read where neither holds, `g` where `h` does not.
    for neither in ["not h and not g", "not (h or g)", "not (not h implies g)"] {
        let body = format!(
            "{TRUTHS}  n in 1..2
            layer l = conv(channels = if n == 1 or g then 4 else 8) when {neither}"
        );
        assert_eq!(candidates(&body), 1 + 1 + 2, "{neither}");
    }
    for both in ["h and g", "if h then g else false", "not (h implies not g)"] {
        let body = format!(
            "{TRUTHS}
            x in {{one(ch = 4, more = g), one(ch = 8)}} when {both}"
        );
        assert_eq!(candidates(&body), 1 + 1 + 2, "{both}");
    }
}

#[test]
fn numbers_with_branches_are_read_branch_by_branch() {
    let of_members = "v in {4, 8}  w in {v, 4}
        layer l = conv(channels = if w == 4 then 6 else v)";
    assert_eq!(candidates(of_members), 1 + 2);
    let compared = "v in {4, 8}  w in {6, 8}
        layer l = conv(channels = 8) when (if v == 4 then 4 else w) > 4
        add l via conv_shortcut when w == 4";
    assert_eq!(candidates(compared), 1 + 2);
    let never = "a = 6  v in {6, 8}  n in 1..2
        layer l = conv(channels = v) when (if n > 1 then v else a) <= 4";
    assert_eq!(candidates(never), 1 + 2);
}

#[test]
fn what_a_condition_does_not_hang_on_is_not_read_by_it() {
    // Without `g`, there is the layer, and `k` does not matter to it.
    let body = "h in {false, true}  n in 1..2  g in {false, true}  k in {1, 3}
        layer l = conv(channels = 8, kernel = if g then k else 3) when n > 1 and g implies k >= 3 or h";
    // n = 1: without `g`, and with it for each kernel; n = 2: `h` is read for the small kernel.
    assert_eq!(candidates(body), (1 + 2) + (1 + 2 + 1));
}

#[test]
fn a_name_in_a_circle_is_two_decisions() {
    // `g` is read where `h` does not hold, and in one of the blocks, which are there where one of both holds.
    let body = format!(
        "{TRUTHS}
        x in {{one(ch = 4, more = g), one(ch = 8)}} when h or g"
    );
    // With `h`, the first block has two forms; without, both blocks are there with `g`.
    assert_eq!(candidates(&body), (2 + 1) + (1 + 2));
    // `v` and `w` are read by the layer, and each before the other one where `g` says so.
    let body = "g in {false, true}  v in {4, 8}  w in {4, 8}
        layer l = conv(channels = v + w) when if g then v > 4 else w > 4";
    assert_eq!(candidates(body), 2 * (1 + 2));
    let body = "v in {4, 6, 8}  w in {4, 8}  g in {false, true}
        layer l = conv(channels = v) when not g
        layer m = conv(channels = 6 + w) when (g and w == 4) or v > 4";
    // Without `g`, three `v`, of which two have the layer with each `w`; with it, `w` is 4, or `v` is read.
    assert_eq!(candidates(body), (1 + 2 * 2) + (1 + 3));
}

/// Tables and files have one column for each path, requirements speak of it, and what is fixed in one place is so in the other.
#[test]
fn two_decisions_of_one_path_are_one_to_who_reads_it() {
    let space = "space net { g in {false, true}  v in {4, 8}  w in {4, 8}
        layer l = conv(channels = v + w) when if g then v > 4 else w > 4
        layer head = pool(average) -> linear(classes) }";
    let template = template(&on_digits(space, "space = net"));
    let paths = template.decisions().by_path();
    let paths: Vec<&str> = paths.iter().map(|(d, _)| d.path.as_str()).collect();
    assert_eq!(paths.len(), 3, "{paths:?}");
    assert!(template.decisions().all.len() > 3);
    // Where it exists.
    let required = searched(space, "space = net  require space.w == 4");
    assert_eq!(
        required,
        written(&[
            "space.g=false space.w=4",
            "space.g=true space.v=4",
            "space.g=true space.v=8 space.w=4",
        ])
    );
    assert_eq!(searched(space, "space = net { w = 8 }").len(), 2 + (1 + 1));
}

/// A circle of `h` and `v`, in every order in which they may be declared, and one with a condition on the name itself.
#[test]
fn the_order_of_declarations_does_not_matter() {
    for names in [
        "h in {false, true}  v in {1, 2, 3}  g in {false, true}",
        "g in {false, true}  v in {1, 2, 3}  h in {false, true}",
        "v in {1, 2, 3}  h in {false, true}  g in {false, true}",
    ] {
        let body =
            format!("{names}\nlayer l = conv(channels = if (g or v <= 2) and h then 1 else v)");
        // With `g`, `h` or three `v`; without, two small `v` with each `h`, and the large one.
        assert_eq!(candidates(&body), (1 + 3) + (2 * 2 + 1), "{names}");
    }
}

/// What is read exists: each of these has one of both layers where `g` holds and `w` is 2.
#[test]
fn a_guard_looks_only_at_what_is_there() {
    let body = "h in {false, true}  w in {1, 2}  g in {false, true}  v in {1, 2}
        layer l = conv(channels = v) when if g and w == 2 then v > 1 else h
        layer m = conv(channels = 2 * v) when (not (if g and w == 2 then v > 1 else h)) and w == 2";
    // g, w = 2: `v` decides. g, w = 1: `h` decides, and `l` reads `v`. Without `g`: with `h` two `v`; without `h`, `w` is read, and `v` where it is 2.
    assert_eq!(candidates(body), 2 + (1 + 2) + (2 + (1 + 2)));
}
