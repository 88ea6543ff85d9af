use crate::util;

const NETWORK: &str = "bnas 1

use std.data.digits
use std.policies.uniform_int
use std.targets.braintta

target mine : braintta { clock = 100 MHz }

space copies {
  k in {3, 5}
  depth in 1..3
  repeat depth as d {
    width WIDTH
    layer c = conv(channels = width, kernel = k)
  }
  layer h = pool(average) -> linear(classes)
}

space optional {
  k in {3, 5}
  w in {8, 16}
  deep in {true, false}
  layer first = conv(channels = 8, kernel = k)
  layer more  = conv(channels = w) when deep
  layer h = pool(average) -> linear(classes)
}

experiment e {
  data   = digits
  space  SPACE
  policy = uniform_int
  target in {braintta, mine}
  train  { epochs = 1 }
  search { method = random  trials = 4 }
  maximize accuracy
  require REQUIRE
}
";

/// What is fixed or has a shape binds where the part is that it belongs to, as what is searched does.
#[test]
fn requirements_bind_where_what_they_name_exists() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (space, width, require, candidates)) in [
        // k = 5 goes with depth 1 and 2.
        ("= copies", "= 8", "space.d[2].width * space.k <= 24", 5),
        ("= copies", "in {8}", "space.d[2].width * space.k <= 24", 5),
        // What is false wherever it binds leaves the candidates where it does not.
        ("= copies", "= 8", "space.d[2].width <= 4", 4),
        ("= copies", "= 8", "space.d[1].height > 8", 2),
        (
            "= copies",
            "= 8",
            "space.k == 5 or space.d[2].width <= 4",
            5,
        ),
        (
            "= copies",
            "= 8",
            "space.depth == 3 implies space.d[2].width <= 4",
            4,
        ),
        (
            "= optional",
            "= 8",
            "space.more.channels * space.k <= 24",
            3,
        ),
        // The width of what is not there is no decision.
        ("= optional", "= 8", "space.more.height == 4", 2),
        (
            "in {copies, optional}",
            "= 8",
            "space.copies.d[0].width >= 16",
            6,
        ),
        ("in {copies, optional}", "= 8", "space.optional.k == 3", 9),
        ("= optional", "= 8", "target.mine.clock >= 200 MHz", 6),
    ]
    .into_iter()
    .enumerate()
    {
        let text = NETWORK
            .replace("SPACE", space)
            .replace("WIDTH", width)
            .replace("REQUIRE", require);
        let path = util::write(folder.path(), &format!("{number}.bnas"), &text);
        let output = util::run(&["check", path.to_str().unwrap()]);
        util::expect_code(&output, 0);
        let plan = util::stdout(&output);
        // Both targets, unless it is the target that is asked for.
        let targets = if require.starts_with("target") { 1 } else { 2 };
        let wanted = format!(": {} candidates that meet", candidates * targets);
        assert!(plan.contains(&wanted), "{require}:\n{plan}");
    }
}
