"""Times a training step of the nets of step.rs with binary weights and activations in Larq on TensorFlow: one thread, batch 64.

    python step_larq.py NET [--mode binary] [--steps N]

Prints one JSON object, as step.rs does. As Larq's users write it: `QuantConv2D` with `ste_sign` for its kernel and for what enters it, kernels
clipped to -1 … 1 after each step, the step compiled by `tf.function`. Shortcuts carry real numbers, since signs are taken where a
convolution reads. First and last layer are float.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["TF_USE_LEGACY_KERAS"] = "1"  # what Larq is written for; read when TensorFlow is imported

import larq
import numpy
import tensorflow
import tf_keras as keras

BATCH, CLASSES, WARM_UP = 64, 10, 3
STEPS = {"resnet20": 12, "mbv2": 12, "small28": 60, "small8": 300}
INPUT = {"resnet20": (3, 32), "mbv2": (3, 32), "small28": (1, 28), "small8": (1, 8)}


def conv(x, outputs, kernel, stride=1, first=False):
    shape = dict(filters=outputs, kernel_size=kernel, strides=stride, padding="same", use_bias=False)
    if first:
        return keras.layers.Conv2D(**shape)(x)
    signs = dict(input_quantizer="ste_sign", kernel_quantizer="ste_sign", kernel_constraint="weight_clip")
    return larq.layers.QuantConv2D(**shape, **signs)(x)


def depthwise(x, kernel, stride):
    signs = dict(input_quantizer="ste_sign", depthwise_quantizer="ste_sign", depthwise_constraint="weight_clip")
    return larq.layers.QuantDepthwiseConv2D(kernel, strides=stride, padding="same", use_bias=False, **signs)(x)


def norm(x):
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def resnet20(x):
    x = norm(conv(x, 16, 3, first=True))
    for stage, channels in enumerate([16, 32, 64]):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            shortcut = norm(conv(x, channels, 1, stride)) if stride != 1 else x
            y = norm(conv(x, channels, 3, stride))
            x = keras.layers.add([norm(conv(y, channels, 3)), shortcut])
    return x


def mbv2(x):
    x, inputs = norm(conv(x, 16, 3, first=True)), 16
    for expansion, channels, blocks, first_stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2), (6, 64, 2, 2), (6, 96, 1, 1)]:
        for block in range(blocks):
            stride = first_stride if block == 0 else 1
            y = x if expansion == 1 else norm(conv(x, inputs * expansion, 1))
            y = norm(conv(norm(depthwise(y, 3, stride)), channels, 1))
            x = keras.layers.add([y, x]) if stride == 1 and inputs == channels else y
            inputs = channels
    return norm(conv(x, 256, 1))


def small(x):
    x = norm(conv(x, 16, 3, first=True))
    for channels in [32, 64]:
        x = norm(conv(x, channels, 3, 2))
    return x


NETS = {"resnet20": resnet20, "mbv2": mbv2, "small28": small, "small8": small}


def peak_mb():
    """The largest resident memory of this program so far."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def train(name, steps):
    """Trains on one fixed batch of noise: milliseconds and loss of each step, and the memory before the first of them."""
    keras.utils.set_random_seed(0)
    channels, side = INPUT[name]
    images = keras.Input((side, side, channels))
    pooled = keras.layers.GlobalAveragePooling2D()(NETS[name](images))
    net = keras.Model(images, keras.layers.Dense(CLASSES)(pooled))
    optimizer = keras.optimizers.SGD(learning_rate=0.05, momentum=0.9, weight_decay=1e-4)
    optimizer.build(net.trainable_variables)
    criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    random = numpy.random.default_rng(0)
    x = tensorflow.constant(random.standard_normal((BATCH, side, side, channels)), tensorflow.float32)
    y = tensorflow.constant(random.integers(0, CLASSES, BATCH))

    @tensorflow.function
    def step():
        with tensorflow.GradientTape() as tape:
            loss = criterion(y, net(x, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, net.trainable_variables), net.trainable_variables))
        return loss

    base = peak_mb()
    times, losses = [], []
    for _ in range(steps):
        start = time.perf_counter()
        loss = float(step())
        times.append((time.perf_counter() - start) * 1e3)
        losses.append(loss)
    return times, losses, base


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=NETS)
    parser.add_argument("--mode", choices=["binary"], default="binary")
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    times, losses, base = train(arguments.net, WARM_UP + (arguments.steps or STEPS[arguments.net]))
    record = {
        "net": arguments.net,
        "mode": arguments.mode,
        "ms": times[WARM_UP:],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "peak_mb": peak_mb(),
        "base_mb": base,
        "versions": {name: importlib.metadata.version(name) for name in ["larq", "tensorflow"]},
    }
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
