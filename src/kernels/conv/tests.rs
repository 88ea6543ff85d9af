use super::*;
use crate::kernels::batch_norm::{Tail, apply};
use crate::kernels::elementwise::Activation;
use crate::kernels::quantize::{Codes, Quantizer};
use crate::kernels::testing::{assert_close, noise, on_every_isa};

/// (batch, height, width, channels, outputs, kernel, stride, padding, groups), with dilation 1
type Case = (
    usize,
    usize,
    usize,
    usize,
    usize,
    [usize; 2],
    [usize; 2],
    [usize; 2],
    usize,
);

const CASES: [Case; 28] = [
    (2, 9, 9, 3, 16, [3, 3], [1, 1], [1, 1], 1),
    (1, 7, 11, 5, 70, [3, 3], [2, 2], [1, 1], 1),
    (2, 8, 8, 70, 33, [1, 1], [1, 1], [0, 0], 1),
    (1, 8, 10, 17, 9, [1, 1], [2, 2], [0, 0], 1),
    (2, 10, 7, 4, 24, [5, 5], [1, 1], [2, 2], 1),
    (1, 15, 15, 3, 48, [7, 7], [2, 2], [3, 3], 1),
    (1, 11, 13, 6, 8, [4, 4], [3, 3], [0, 0], 1),
    (2, 6, 6, 8, 12, [3, 3], [1, 1], [1, 1], 4),
    (1, 9, 8, 12, 6, [3, 3], [2, 2], [1, 1], 3),
    (2, 12, 5, 7, 21, [2, 6], [1, 1], [0, 3], 7),
    (1, 9, 12, 4, 5, [1, 7], [2, 1], [0, 3], 1),
    (1, 7, 5, 3, 65, [3, 3], [3, 3], [2, 2], 1),
    (1, 4, 4, 2, 3, [2, 2], [3, 3], [0, 0], 1),
    (1, 1, 16, 5, 37, [1, 3], [1, 2], [0, 1], 1),
    // Winograd's filtering: odd sides, padding from none to two, channels that leave vectors half empty
    (3, 8, 8, 16, 16, [3, 3], [1, 1], [1, 1], 1),
    (2, 9, 11, 17, 40, [3, 3], [1, 1], [1, 1], 1),
    (5, 7, 7, 35, 9, [3, 3], [1, 1], [1, 1], 1),
    (1, 12, 9, 8, 64, [3, 3], [1, 1], [0, 0], 1),
    (2, 10, 6, 70, 24, [3, 3], [1, 1], [2, 2], 1),
    (1, 5, 33, 33, 16, [3, 3], [1, 1], [2, 1], 1),
    (70, 4, 4, 8, 8, [3, 3], [1, 1], [1, 1], 1),
    (2, 20, 130, 9, 10, [3, 3], [1, 1], [1, 1], 1),
    // depthwise
    (2, 8, 9, 35, 35, [3, 3], [1, 1], [1, 1], 35),
    (1, 9, 9, 16, 16, [3, 3], [2, 2], [1, 1], 16),
    (1, 10, 7, 21, 21, [5, 5], [1, 1], [2, 2], 21),
    (1, 11, 12, 3, 3, [7, 7], [3, 3], [3, 3], 3),
    (2, 6, 8, 70, 70, [4, 2], [1, 1], [0, 0], 70),
    (1, 5, 6, 9, 9, [1, 3], [1, 1], [1, 2], 9),
];

fn shape(case: Case) -> ConvShape {
    let (batch, height, width, channels, outputs, kernel, stride, padding, groups) = case;
    ConvShape {
        batch,
        height,
        width,
        channels,
        outputs,
        kernel,
        stride,
        dilation: [1, 1],
        padding,
        groups,
    }
}

/// All cases, and those with dilation: beside every stride, in groups, depthwise, with kernels that are not square.
fn shapes() -> Vec<ConvShape> {
    let mut shapes = CASES.map(shape).to_vec();
    let mut dilated = |case: Case, dilation: [usize; 2]| {
        shapes.push(ConvShape {
            dilation,
            ..shape(case)
        });
    };
    dilated((2, 9, 10, 8, 16, [3, 3], [1, 1], [2, 2], 1), [2, 2]);
    dilated((1, 12, 11, 5, 17, [3, 3], [2, 2], [2, 2], 1), [2, 2]);
    dilated((1, 13, 12, 4, 9, [3, 3], [2, 2], [3, 3], 1), [3, 3]);
    dilated((2, 11, 9, 6, 8, [3, 2], [1, 3], [0, 4], 2), [3, 4]);
    dilated((1, 9, 14, 3, 20, [2, 5], [3, 2], [1, 0], 1), [4, 3]);
    dilated((1, 10, 10, 8, 8, [3, 3], [1, 1], [2, 1], 1), [2, 1]);
    dilated((1, 10, 10, 8, 8, [3, 3], [1, 1], [1, 2], 1), [1, 2]);
    dilated((1, 17, 16, 3, 5, [3, 3], [4, 6], [4, 2], 1), [6, 4]);
    dilated((2, 6, 6, 9, 7, [1, 1], [1, 1], [0, 0], 1), [5, 5]);
    dilated((2, 10, 9, 19, 19, [3, 3], [1, 1], [2, 2], 19), [2, 2]);
    dilated((1, 11, 12, 16, 16, [3, 3], [2, 2], [2, 3], 16), [2, 3]);
    dilated((1, 12, 9, 5, 5, [2, 4], [1, 1], [0, 3], 5), [3, 2]);
    shapes
}

/// Calls `visit(index in y, in x, in w)` for every product of the definition.
fn definition(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let s = shape;
    let [out_h, out_w] = s.output_size();
    let (group_in, group_out) = (s.channels / s.groups, s.outputs / s.groups);
    for n in 0..s.batch {
        for oy in 0..out_h {
            for ox in 0..out_w {
                for o in 0..s.outputs {
                    for ky in 0..s.kernel[0] {
                        for kx in 0..s.kernel[1] {
                            let y =
                                (oy * s.stride[0] + ky * s.dilation[0]).wrapping_sub(s.padding[0]);
                            let x =
                                (ox * s.stride[1] + kx * s.dilation[1]).wrapping_sub(s.padding[1]);
                            if y >= s.height || x >= s.width {
                                continue;
                            }
                            for c in 0..group_in {
                                let channel = o / group_out * group_in + c;
                                visit(
                                    ((n * out_h + oy) * out_w + ox) * s.outputs + o,
                                    ((n * s.height + y) * s.width + x) * s.channels + channel,
                                    ((ky * s.kernel[1] + kx) * group_in + c) * s.outputs + o,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn agrees_with_the_definition_in_double_precision() {
    for shape in shapes() {
        let x = noise(shape.input_len(), 1);
        let w = noise(shape.weight_len(), 2);
        let dy = noise(shape.output_len(), 3);
        let start = noise(shape.input_len().max(shape.weight_len()), 4);
        let mut y = vec![0.0; dy.len()];
        let mut dx: Vec<f64> = start[..x.len()].iter().map(|v| f64::from(*v)).collect();
        let mut dw: Vec<f64> = start[..w.len()].iter().map(|v| f64::from(*v)).collect();
        definition(&shape, |iy, ix, iw| {
            y[iy] += f64::from(x[ix]) * f64::from(w[iw]);
            dx[ix] += f64::from(dy[iy]) * f64::from(w[iw]);
            dw[iw] += f64::from(dy[iy]) * f64::from(x[ix]);
        });
        let actual = on_every_isa(|isa| forward(isa, &shape, &x, &w, None));
        assert_close(&actual, &y, 2e-6);
        let actual = on_every_isa(|isa| {
            let begun = start[..x.len()].to_vec();
            input_gradient(isa, &shape, &dy, &w, Some(begun), None)
        });
        assert_close(&actual, &dx, 2e-6);
        let actual = on_every_isa(|isa| {
            let mut dw = start[..w.len()].to_vec();
            weight_gradient(isa, &shape, &x, &dy, &mut dw);
            dw
        });
        assert_close(&actual, &dw, 2e-6);
    }
}

#[test]
fn the_first_gradient_to_an_input_is_written_and_not_added() {
    for shape in shapes() {
        let w = noise(shape.weight_len(), 2);
        let dy = noise(shape.output_len(), 3);
        let zeros = || Some(vec![0.0; shape.input_len()]);
        let added = on_every_isa(|isa| input_gradient(isa, &shape, &dy, &w, zeros(), None));
        let written = on_every_isa(|isa| input_gradient(isa, &shape, &dy, &w, None, None));
        assert_eq!(written, added, "{shape:?}");
    }
}

#[test]
fn an_input_that_is_normalized_on_the_way_is_the_normalized_one() {
    let quantizers = [
        None,
        Some(Codes::Uniform {
            low: 0.0,
            high: 15.0,
        }),
        Some(Codes::Sign),
    ];
    for (i, shape) in shapes().into_iter().enumerate() {
        let x = noise(shape.input_len(), 1);
        let w = noise(shape.weight_len(), 2);
        let dy = noise(shape.output_len(), 3);
        let (scale, shift) = (noise(shape.channels, 4), noise(shape.channels, 5));
        let quantizer = quantizers[i % 3].map(|codes| Quantizer { codes, scale: 0.1 });
        let tail = Tail {
            scale: &scale,
            shift: &shift,
            residual: None,
            activation: Activation::Relu,
            quantizer,
        };
        let found = apply(Isa::current(), &x, &tail, true);
        let normalized = found.quantized.or(found.plain).expect("a result");
        let input = Input {
            x: &x,
            tail: Some(tail),
        };
        let both = |isa, input: Input<'_>| {
            let mut dw = w.clone();
            weight_gradient(isa, &shape, input, &dy, &mut dw);
            [forward(isa, &shape, input, &w, None), dw].concat()
        };
        let on_the_way = on_every_isa(|isa| both(isa, input));
        let before = both(Isa::current(), Input::from(&normalized));
        assert_eq!(on_the_way, before, "{shape:?}");
    }
}

#[test]
fn threads_show_in_no_bit() {
    for shape in shapes() {
        // enough images for the work to be shared
        let batch = (1 << 18) / (shape.products() / shape.batch) + 3;
        let shape = ConvShape { batch, ..shape };
        let x = noise(shape.input_len(), 1);
        let w = noise(shape.weight_len(), 2);
        let dy = noise(shape.output_len(), 3);
        let passes = |threads| {
            let isa = Isa::current();
            let all = || {
                let mut all = forward(isa, &shape, &x, &w, None);
                let mut dw = w.clone();
                let dx = input_gradient(isa, &shape, &dy, &w, None, None);
                weight_gradient(isa, &shape, &x, &dy, &mut dw);
                all.extend(dx.into_iter().chain(dw));
                all
            };
            crate::kernels::parallel::with_threads(threads, all).expect("threads")
        };
        let alone = passes(1);
        for threads in [2, 3, 7] {
            assert!(passes(threads) == alone, "{threads} threads: {shape:?}");
        }
    }
}

#[test]
fn nan_reaches_every_output_that_sees_it_and_no_other() {
    let shape = shape((1, 5, 5, 2, 3, [3, 3], [1, 1], [1, 1], 1));
    let mut x = noise(shape.input_len(), 1);
    x[0] = f32::NAN; // the corner pixel
    let y = on_every_isa(|isa| forward(isa, &shape, &x, &noise(shape.weight_len(), 2), None));
    for (i, y) in y.iter().enumerate() {
        let (line, column) = (i / 3 / 5, i / 3 % 5);
        assert_eq!(y.is_nan(), line <= 1 && column <= 1, "output {i}");
    }
}

#[test]
fn winograds_filtering_spreads_nan_over_its_tiles_and_no_further() {
    let shape = shape((1, 12, 12, 8, 8, [3, 3], [1, 1], [1, 1], 1));
    let mut x = noise(shape.input_len(), 1);
    x[(5 * 12 + 6) * 8] = f32::NAN;
    let y = on_every_isa(|isa| forward(isa, &shape, &x, &noise(shape.weight_len(), 2), None));
    for (i, y) in y.iter().enumerate() {
        let (line, column) = (i / 8 / 12, i / 8 % 12);
        let [seen, near] = [1, 2].map(|d| line.abs_diff(5) <= d && column.abs_diff(6) <= d);
        assert!(!seen || y.is_nan(), "output {i} sees it");
        assert!(near || !y.is_nan(), "output {i} is far away");
    }
}

#[test]
#[should_panic(expected = "groups divide")]
fn groups_that_do_not_divide_are_refused() {
    let shape = shape((1, 5, 5, 3, 4, [3, 3], [1, 1], [1, 1], 2));
    forward(Isa::current(), &shape, &[0.0; 75][..], &[0.0; 36], None);
}
