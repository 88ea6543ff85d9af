//! Requirements on what may not be there.

use super::{SPACES, searched, written};

#[test]
fn a_requirement_binds_where_what_it_reads_exists() {
    let lines = "w in {8, 16}  space in {one { width = w }, three}  require w == 8";
    let expected = ["space=one w=8", "space=three"];
    assert_eq!(searched(SPACES, lines), written(&expected));
    let lines = "w in {8, 16}  k in {3, 5}  space in {one { width = w  k = k }, three}
        require w == 16 implies k == 3";
    assert_eq!(searched(SPACES, lines).len(), 3 + 1);
    let lines = "w in {8, 16}  space in {one { width = w }, three}  require params <= 150";
    let expected = ["space=three"];
    assert_eq!(searched(SPACES, lines), written(&expected));
}

/// Two readers under different conditions, in one of two alternatives.
#[test]
fn a_requirement_on_such_a_name_is_known_before_training() {
    let space =
        "space a { g in {false, true}  on in {false, true}  ob in {false, true}  ch in {4, 8}
        layer c = conv(channels = ch) when on
        layer z = conv(channels = if g then 4 else 8) when on
        layer y = conv(channels = if g then 4 else 8) when ob
        layer head = pool(average) -> linear(classes) }
        space b { layer head = pool(average) -> linear(classes) }";
    let lines = "space in {a, b}  require space.a.g implies space.a.ch <= 6";
    assert_eq!(searched(space, lines).len(), 10);
}

/// What leaves a layer that is not always there, on both sides of a condition.
#[test]
fn a_requirement_on_what_may_not_be_there_is_known_before_training() {
    let space = "space s { w in {2, 4}  c in {2, 4}
        layer a = conv(channels = 2, kernel = 1) when w == 4
        layer b = conv(channels = c, kernel = 1)
        layer d = conv(channels = w, kernel = 1)
        layer head = pool(average) -> linear(classes) }";
    for (require, points) in [
        (
            "space.a.channels < space.c or space.a.channels > space.c",
            3,
        ),
        (
            "space.a.channels >= space.c implies space.c < space.a.channels",
            3,
        ),
        ("space.a.channels < 2 and space.a.channels >= 1", 2),
    ] {
        let found = searched(space, &format!("space = s  require {require}"));
        assert_eq!(found.len(), points, "{require}");
    }
    let copies = "space s { w in {2, 3}  n in 1..2
        repeat n as r { layer a = conv(channels = w, kernel = 1) when w == 3 }
        layer head = pool(average) -> linear(classes) }";
    for (require, points) in [
        ("any(space.r[*].a.channels >= space.r[0].a.channels)", 2),
        ("all(space.r[*].a.channels > space.r[1].a.channels)", 3),
    ] {
        let found = searched(copies, &format!("space = s  require {require}"));
        assert_eq!(found.len(), points, "{require}");
    }
}

/// Lists count what exists.
#[test]
fn lists_leave_out_copies_that_lack_it() {
    let space = "space s { repeat 3 as r { deep in {false, true}  w in {4, 8}  c = 2 * w
        layer more = conv(channels = w) when deep }
        layer head = pool(average) -> linear(classes) }";
    // Of n copies that are there, each has one of two widths.
    for (require, points) in [
        ("sum(space.r[*].w) <= 12", 1 + 3 * 2 + 3 * 3 + 1),
        ("sum(space.r[*].c) <= 24", 1 + 3 * 2 + 3 * 3 + 1),
        ("any(space.r[*].w == 8)", 3 + 3 * 3 + 7),
        ("count(space.r[*].w) <= 2", 1 + 3 * 2 + 3 * 4),
        ("all(space.r[*].w == 8)", 1 + 3 + 3 + 1),
        ("increasing(space.r[*].w)", 1 + 3 * 2 + 3),
        // What an item does not look at need not be there.
        ("sum(if space.r[*].deep then space.r[*].w else 4) <= 16", 20),
        ("count(not space.r[*].deep or space.r[*].w == 8) <= 2", 19),
    ] {
        // Somebody reads `c` everywhere.
        let lines = format!("space = s  require {require}  require all(space.r[*].c >= 8)");
        assert_eq!(searched(space, &lines).len(), points, "{require}");
    }
}

#[test]
fn a_requirement_reads_names_of_a_policy() {
    let policies = "use std.quantizers.{int, int8}
        policy p { b in {4, 8}  each layer { weights = int { bits = b }  activations = int8 } }
        policy all { each layer { weights = int8  activations = int8 } }";
    let text = format!("{policies}\n{SPACES}");
    let alone = "space = two  policy = p  require policy.b <= 4";
    assert_eq!(searched(&text, alone).len(), 1);
    let among = "space = two  policy in {p, all}  require policy.p.b <= 4";
    assert_eq!(searched(&text, among).len(), 2);
}

/// What follows from a condition is looked for in conditions that join others on both sides.
#[test]
fn conditions_of_many_parts_are_answered() {
    let text = "use std.blocks.{basic, inverted_residual}
        use std.quantizers.{binary, int8, ternary}
        space na { layer stem = conv(channels = 4)
          block in {basic(channels = 4), inverted_residual(channels = 4, expansion in {1, 2})}
          layer head = pool(average) -> linear(classes) }
        space nb { layer stem = conv(channels = 4)  layer head = pool(average) -> linear(classes) }
        policy pa { each layer { weights = int8  activations = int8 } }
        policy pb { every layer { q in {binary, ternary, int8}  weights = q  activations = q }
          first layer, last layer { weights = int8  activations = int8 } }";
    let lines = "space in {na, nb}  policy in {pa, pb}
        require policy.pb.every[0].q == binary and model_size <= 4000 bit";
    assert_eq!(searched(text, lines).len(), 8);
}
