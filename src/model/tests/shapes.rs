//! Shapes of every member: spaces where the ends of domains fit and what lies between does not, and spaces with too many paths to walk.

use super::fixtures::*;
use crate::ir::{BinaryOp, Expr, Function, Stmt};
use crate::model::template::Template;

/// `conv(channels = 4, kernel, stride)` with padding 0.
fn window(name_: &str, kernel: Expr, stride: Expr) -> Stmt {
    let operation = with(
        with(with(conv(4.0), "kernel", kernel), "stride", stride),
        "padding",
        0.0,
    );
    layer(name_, vec![operation])
}

#[test]
fn a_middle_member_that_does_not_fit_is_found() {
    // 8 channels in groups of 1, 2, 3, 4: both ends divide, 3 does not.
    let body = vec![
        set("parts", range(1, 4)),
        layer("first", vec![conv(8.0)]),
        layer("second", vec![with(conv(8.0), "groups", name("parts"))]),
        head(),
    ];
    let found = error(&experiment(body));
    assert_eq!(found.code, "bnas::shape::misfit");
    assert!(found.message.contains("3 groups"), "{}", found.message);
    assert!(found.help.unwrap().contains("space.parts = 3"));
}

#[test]
fn the_path_to_a_misfit_is_named() {
    // 8 pixels; each of up to three layers with kernel 3 takes two of them: kernel 3 behind three layers finds 2.
    let body = vec![
        set("depth", range(1, 3)),
        set("kernel", any_of(&[1.0, 3.0])),
        repeat(
            name("depth"),
            "d",
            vec![window("c", number(3.0), number(1.0))],
        ),
        window("last", name("kernel"), number(1.0)),
        head(),
    ];
    let found = error(&experiment(body));
    assert_eq!(found.message, "kernel 3 does not fit a 2x2 input");
    let help = found.help.unwrap();
    assert!(help.contains("space.depth = 3, space.kernel = 3"), "{help}");
}

#[test]
fn a_condition_on_an_earlier_choice_is_kept_in_mind() {
    // The large kernel is there only behind few layers, where it fits.
    let large = op(
        at_most(name("depth"), 1.0),
        BinaryOp::And,
        equal(name("large"), number(1.0)),
    );
    let kernel = iff(large, number(5.0), number(1.0));
    let body = vec![
        set("depth", range(1, 3)),
        set("large", range(0, 1)),
        repeat(
            name("depth"),
            "d",
            vec![window("c", number(3.0), number(1.0))],
        ),
        window("last", kernel, number(1.0)),
        head(),
    ];
    template(&experiment(body));
}

/// Twenty layers that may halve their input or not: 2^20 paths, four different shapes.
fn many_paths() -> Vec<Stmt> {
    vec![
        repeat(
            number(20.0),
            "d",
            vec![
                set("stride", any_of(&[1.0, 2.0])),
                layer("c", vec![with(conv(4.0), "stride", name("stride"))]),
            ],
        ),
        window("last", number(2.0), number(1.0)),
        head(),
    ]
}

#[test]
fn a_million_paths_are_a_few_shapes() {
    // Three halvings leave one pixel of eight, and a kernel of 2 does not fit it.
    let found = error(&experiment(many_paths()));
    assert_eq!(found.message, "kernel 2 does not fit a 1x1 input");
    // At most two halvings leave two.
    let halvings = (0..20)
        .map(|i| {
            op(
                name(&format!("space.d[{i}].stride")),
                BinaryOp::Subtract,
                number(1.0),
            )
        })
        .reduce(|sum, x| op(sum, BinaryOp::Add, x))
        .unwrap();
    let mut few = experiment(many_paths());
    few.requires = vec![require(at_most(halvings, 2.0), "at most two halvings")];
    let template = template(&few);
    assert!(template.warnings().is_empty());
    assert!(
        template
            .known(&template.decisions().default_point())
            .is_ok()
    );
}

#[test]
fn agrees_with_building_every_member() {
    use crate::stream::{Purpose, below, stream};
    let mut outcomes = [0, 0];
    for seed in 0..40 {
        let mut rng = stream(seed, 0, Purpose::Search);
        let mut body = vec![
            set("depth", range(0, 3)),
            set("wide", any_of(&[1.0, 2.0, 3.0])),
        ];
        let mut pick = |options: &[f64]| options[below(&mut rng, options.len() as u32) as usize];
        let (kernel, stride) = (pick(&[1.0, 2.0, 3.0]), pick(&[1.0, 2.0, 3.0]));
        let kernels = [pick(&[1.0, 2.0]), pick(&[3.0, 5.0])];
        body.push(repeat(
            name("depth"),
            "d",
            vec![
                set("kernel", any_of(&kernels)),
                window("c", name("kernel"), number(stride)),
            ],
        ));
        body.push(window(
            "last",
            times(number(kernel), name("wide")),
            number(1.0),
        ));
        body.push(head());
        let mut spec = experiment(body);
        if pick(&[0.0, 1.0]) == 1.0 {
            let depth = op(name("space.depth"), BinaryOp::Add, name("space.wide"));
            spec.requires = vec![require(at_most(depth, pick(&[2.0, 3.0, 4.0])), "small")];
        }
        // Without the check: the same space with layers that always fit has the same decisions.
        let mut free = spec.clone();
        let space = free.space.as_mut().unwrap();
        let fitting = |stmts: &mut Vec<Stmt>, reads: &str| {
            for stmt in stmts {
                if let Stmt::Layer(layer) = stmt
                    && layer.name != "head"
                {
                    layer.chain[0] = conv(name(reads));
                }
            }
        };
        fitting(&mut space.body, "wide");
        for stmt in &mut space.body {
            if let Stmt::Repeat { body, .. } = stmt {
                fitting(body, "kernel");
            }
        }
        let free = template(&free);
        let fits = all_points(free.decisions()).iter().all(|point| {
            let get = |path: &str| {
                let mut named = free.decisions().named(point);
                named
                    .find(|(p, _)| *p == path)
                    .and_then(|(_, v)| v.as_number())
            };
            let mut side = 8.0;
            for d in 0..get("space.depth").unwrap() as usize {
                let kernel = get(&format!("space.d[{d}].kernel")).unwrap();
                if side < kernel {
                    return false;
                }
                side = ((side - kernel) / stride).floor() + 1.0;
            }
            side >= kernel * get("space.wide").unwrap()
        });
        assert_eq!(Template::new(&spec).is_ok(), fits, "{seed}");
        outcomes[usize::from(fits)] += 1;
    }
    assert!(outcomes[0] > 3 && outcomes[1] > 3, "{outcomes:?}");
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    // A kernel that depends on the sine of a sum of thirty choices has no few states.
    let choice = |i: usize| name(&format!("w{i}"));
    let spread = (0..30)
        .map(|i| times(choice(i), number(3.0_f64.powi(i as i32).sqrt())))
        .reduce(|sum, x| op(sum, BinaryOp::Add, x))
        .unwrap();
    let wave = call(Function::Round, vec![call(Function::Sin, vec![spread])]);
    let kernel = op(wave, BinaryOp::Add, number(2.0));
    let mut body: Vec<Stmt> = (0..30)
        .map(|i| set(&format!("w{i}"), range(0, 2)))
        .collect();
    body.push(window("odd", kernel, number(1.0)));
    body.push(head());
    let template = template(&experiment(body));
    let codes: Vec<_> = template.warnings().iter().map(|w| w.code).collect();
    assert_eq!(codes, ["bnas::shape::unproved"]);
    assert!(
        template
            .known(&point(&template, &[("space.w0", n(1.0))]))
            .is_ok()
    );
}

#[test]
fn a_misfit_names_the_choices_that_lead_there() {
    let body = vec![
        set("unrelated", any_of(&[1.0, 2.0])),
        set("kernel", any_of(&[3.0, 9.0])),
        set("stride", any_of(&[1.0, 2.0])),
        layer("down", vec![with(conv(2.0), "stride", name("stride"))]),
        layer(
            "filter",
            vec![with(
                with(conv(2.0), "kernel", name("kernel")),
                "padding",
                0.0,
            )],
        ),
        head(),
    ];
    let found = error(&experiment(body.clone()));
    assert_eq!(found.code, "bnas::shape::misfit");
    assert_eq!(found.message, "kernel 9 does not fit a 8x8 input");
    assert_eq!(
        found.help.as_deref(),
        Some(
            "write `padding = same`, which fits whatever the input is, or take a smaller kernel; this happens when space.kernel = 9, here with space.stride = 1; rule it out: `require space.kernel != 9`"
        )
    );

    // What a requirement excludes is no member, and has no shape.
    let mut allowed = experiment(body);
    let holds = at_most(name("kernel"), 4.0);
    allowed.space.as_mut().unwrap().requires = vec![require(holds, "kernel <= 4")];
    let template = template(&allowed);
    assert_eq!(all_points(template.decisions()).len(), 2);
}

#[test]
fn residual_additions_need_one_shape() {
    let residual = block(
        vec![("stride", None)],
        vec![
            layer(
                "body",
                vec![with(conv(name("input.channels")), "stride", name("stride"))],
            ),
            add_input(None),
        ],
    );
    let body = vec![
        set("stride", any_of(&[1.0, 2.0])),
        copy(&residual, vec![("stride", name("stride").slot())]),
        head(),
    ];
    let found = error(&experiment(body));
    assert_eq!(
        found.message,
        "cannot add 8x8x1 to 4x4x1: the shapes differ"
    );
    assert_eq!(
        found.help.as_deref(),
        Some(
            "write `via conv_shortcut` behind it; this happens when space.stride = 2; rule it out: `require space.stride != 2`"
        )
    );
}

#[test]
fn a_space_ends_with_one_value_per_class() {
    let found = error(&experiment(vec![layer("stem", vec![conv(4.0)])]));
    assert_eq!(
        found.message,
        "the space gives 8x8x4, the data needs 1x1x10"
    );
    let body = vec![
        set("more", any_of(&[10.0, 20.0])),
        layer("head", vec![linear(name("more"))]),
    ];
    let found = error(&experiment(body));
    assert_eq!(found.code, "bnas::shape::output");
    assert_eq!(
        found.help.as_deref(),
        Some(
            "give its last layer as many outputs as there are classes: `linear(classes)`; this happens when space.more = 20; rule it out: `require space.more != 20`"
        )
    );
    // A choice that always ends well is fine, even if its shape is not the same expression.
    let body = vec![
        set("size", any_of(&[8.0, 4.0])),
        layer("cut", vec![pool("max", number(8.0), name("size"))]),
        layer("head", vec![plain("flatten"), linear(name("classes"))]),
    ];
    template(&experiment(body));
}

#[test]
fn a_searched_depth_of_hundreds_is_a_few_shapes_at_each_step() {
    // Two shapes behind each of 400 copies, and 400 depths: proved, within the steps that there are.
    let copy = vec![
        set("channels", any_of(&[8.0, 16.0])),
        set("kernel", any_of(&[1.0, 3.0])),
        layer(
            "conv",
            vec![with(conv(name("channels")), "kernel", name("kernel"))],
        ),
    ];
    let body = vec![
        set("depth", range(1, 400)),
        repeat(name("depth"), "d", copy),
        head(),
    ];
    let template = template(&experiment(body));
    assert_eq!(template.warnings(), []);
}
