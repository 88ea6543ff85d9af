"""The whole job of pipeline.bnas as it is done today: Optuna searches, PyTorch trains, Brevitas quantizes, on the 8x8 digits.

    python pipeline_optuna.py [--sampler tpe|gp|random] [--trials 40] [--seed 1] [--threads 2] [--learn-scales]

Prints one JSON object: seconds by what they were spent on, every trial, the Pareto set with its test accuracy.

Space: width {0.25 0.5 1}, depth 1 to 3 in each of two stages, expansion {1 2 4 6} and kernel {3 5} of each block, weight bits {2 3 4 6 8} of each
layer; 32·width channels in the stem, 16·width and 32·width in the stages, stride 2 at the first block of each. A trial trains in float
(6 epochs, Adam 2e-3, cosine, batch 64), then for 1 epoch quantization-aware, and is scored on the validation split. The first 1000
digits train, the next 297 choose, the last 500 are read for the Pareto set at the end. Goals: accuracy up, energy down, model size at most
8 KiB. Every proposed trial is trained, since Optuna learns of a constraint from finished trials.

Energy and size are those of bnas: 2 op per multiply-accumulate, 405 fJ per op (activations have eight bits); weights at their bits, and 32 bits of
bias and of scale for each output channel.

PyTorch at its best: channels_last, Adam fused, malloc told to keep freed memory mapped (set before it starts: see rounds.py). Batches
of an epoch have equal sizes, as those of bnas. Brevitas averages statistics of activations for 300 steps, its default, so
that a fine-tuning of 16 steps never gets to learned scales; `--learn-scales` lets it after the first step.
"""

import argparse
import gzip
import importlib.metadata
import json
import math
import pathlib
import resource
import sys
import time
import warnings

START = time.perf_counter()
SPENT = {}


class spent:
    """Adds the wall time of a block to what was spent under a name."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        SPENT[self.name] = SPENT.get(self.name, 0.0) + time.perf_counter() - self.start


with spent("import"):
    warnings.filterwarnings("ignore")
    import brevitas.nn
    import numpy
    import optuna
    import torch
    from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Uint8ActPerTensorFloat
    from torch import nn

DATA = pathlib.Path(__file__).resolve().parent.parent / "stdlib" / "data"
TRAIN, VALIDATION, TEST = slice(0, 1000), slice(1000, 1297), slice(1297, 1797)
WIDTHS, DEPTHS, EXPANSIONS, KERNELS, BITS = [0.25, 0.5, 1.0], [1, 2, 3], [1, 2, 4, 6], [3, 5], [2, 3, 4, 6, 8]
LIMIT_BYTES = 8 * 1024
ENERGY_PER_MAC_J = 2 * 405e-15
EPOCHS, FINE_TUNING, BATCH, RATE = 6, 1, 64, 2e-3


def idx(name):
    """An IDX file of unsigned bytes."""
    data = gzip.decompress((DATA / name).read_bytes())
    axes = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * axes).reshape(shape)


def suggest(trial, flat):
    """A candidate: one (name, in, out, kernel, stride, groups, activation, starts a residual) per layer, and bits by layer.

    `flat` asks for all 35 parameters always, for samplers that know no conditional ones.
    """
    choose = trial.suggest_categorical
    width, bits, layers = choose("width", WIDTHS), {}, []

    def layer(name, *shape, exists=True):
        if exists or flat:
            chosen = choose(f"{name}.bits", BITS)
        if exists:
            layers.append((name, *shape))
            bits[name] = chosen

    inputs = int(32 * width)
    layer("stem", 1, inputs, 3, 1, 1, "relu", None)
    for s in range(2):
        depth = choose(f"s{s}.depth", DEPTHS)
        for d in range(3):
            exists, name = d < depth, f"s{s}.d{d}"
            if not (exists or flat):
                break
            expansion, kernel = choose(f"{name}.expansion", EXPANSIONS), choose(f"{name}.kernel", KERNELS)
            outputs, stride = int(16 * 2**s * width), 2 if d == 0 else 1
            hidden, adds = inputs * expansion, stride == 1 and inputs == outputs
            layer(f"{name}.expand", inputs, hidden, 1, 1, 1, "relu", adds, exists=exists and expansion > 1)
            layer(f"{name}.filter", hidden, hidden, kernel, stride, hidden, "relu", None if expansion > 1 else adds, exists=exists)
            layer(f"{name}.project", hidden, outputs, 1, 1, 1, "add" if adds else "linear", None, exists=exists)
            if exists:
                inputs = outputs
    layer("head", inputs, 10, 1, 1, 1, "head", None)
    return layers, bits


def cost(layers, bits):
    """Multiply-accumulates, and bytes."""
    side, macs, size = 8, 0, 0
    for name, inputs, outputs, kernel, stride, groups, *_ in layers:
        side = 1 if name == "head" else -(-side // stride)
        weights = inputs // groups * outputs * kernel * kernel
        macs += weights * side * side
        size += (weights * bits[name] + 64 * outputs) / 8
    return macs, size


class Net(nn.Module):
    """The network of a candidate; without bits in float."""

    def __init__(self, layers, bits=None, statistics=300):
        super().__init__()
        self.layers, self.parts = layers, nn.ModuleDict()
        activation = dict(collect_stats_steps=statistics, bit_width=8)
        for name, inputs, outputs, kernel, stride, groups, act, _ in layers:
            weights = dict(weight_quant=Int8WeightPerChannelFloat, weight_bit_width=bits[name]) if bits else {}
            if act == "head":
                linear = brevitas.nn.QuantLinear(inputs, outputs, bias=True, **weights) if bits else nn.Linear(inputs, outputs)
                self.parts["head"] = linear
                continue
            Conv = brevitas.nn.QuantConv2d if bits else nn.Conv2d
            conv = Conv(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False, **weights)
            if act == "relu":
                act = brevitas.nn.QuantReLU(act_quant=Uint8ActPerTensorFloat, **activation) if bits else nn.ReLU6()
            else:
                act = brevitas.nn.QuantIdentity(act_quant=Int8ActPerTensorFloat, **activation) if bits else nn.Identity()
            self.parts[name.replace(".", "_")] = nn.ModuleDict(dict(conv=conv, norm=nn.BatchNorm2d(outputs), act=act))

    def forward(self, x):
        for name, *_, act, starts in self.layers:
            if act == "head":
                return self.parts["head"](x.mean((2, 3)))
            if starts:
                kept = x
            part = self.parts[name.replace(".", "_")]
            x = part["norm"](part["conv"](x))
            x = part["act"](x + kept if act == "add" else x)


def fit(net, images, labels, epochs, seed):
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    batches = -(-len(labels) // BATCH)
    steps = epochs * batches
    cosine = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(labels), generator=random).tensor_split(batches):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
            cosine.step()


@torch.no_grad()
def accuracy(net, images, labels):
    net.eval()
    return (net(images).argmax(1) == labels).float().mean().item()


def pareto(trials):
    """Feasible trials that no other one dominates, by ascending energy."""
    feasible = [t for t in trials if t["model_size"] <= LIMIT_BYTES]

    def dominates(a, b):
        no_worse = a["accuracy"] >= b["accuracy"] and a["energy"] <= b["energy"]
        return no_worse and (a["accuracy"] > b["accuracy"] or a["energy"] < b["energy"])

    front = [t for t in feasible if not any(dominates(other, t) for other in feasible)]
    return sorted(front, key=lambda t: t["energy"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sampler", choices=["tpe", "gp", "random"], default="tpe")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learn-scales", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with spent("data"):
        images = torch.tensor(idx("digits-images-idx3-ubyte.gz")).float().div(16).reshape(-1, 1, 8, 8)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.tensor(idx("digits-labels-idx1-ubyte.gz")).long()
    samplers = dict(tpe=optuna.samplers.TPESampler, gp=optuna.samplers.GPSampler, random=optuna.samplers.RandomSampler)
    with spent("suggest"):
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=samplers[arguments.sampler](seed=arguments.seed))
    trials, nets = [], []
    for number in range(arguments.trials):
        with spent("suggest"):
            trial = study.ask()
            layers, bits = suggest(trial, arguments.sampler == "gp")
            macs, size = cost(layers, bits)
        with spent("build"):
            torch.manual_seed(arguments.seed * 1000 + number)
            net = Net(layers).to(memory_format=torch.channels_last)
        with spent("train"):
            fit(net, images[TRAIN], labels[TRAIN], EPOCHS, number)
        with spent("evaluate"):
            in_float = accuracy(net, images[VALIDATION], labels[VALIDATION])
        with spent("build"):
            quantized = Net(layers, bits, 1 if arguments.learn_scales else 300).to(memory_format=torch.channels_last)
            quantized.load_state_dict(net.state_dict(), strict=False)
        with spent("fine-tune"):
            fit(quantized, images[TRAIN], labels[TRAIN], FINE_TUNING, 10_000 + number)
        with spent("evaluate"):
            found = accuracy(quantized, images[VALIDATION], labels[VALIDATION])
        energy = macs * ENERGY_PER_MAC_J
        with spent("suggest"):
            trial.set_constraint("model_size", size - LIMIT_BYTES)
            study.tell(trial, [found, energy])
        trials.append(dict(number=number, accuracy=found, float=in_float, energy=energy, macs=macs, model_size=size))
        nets.append(quantized)
    front = pareto(trials)
    with spent("test"):
        tests = {t["number"]: accuracy(nets[t["number"]], images[TEST], labels[TEST]) for t in front}
    record = {
        "seconds": time.perf_counter() - START,
        "spent": SPENT,
        "trials": trials,
        "pareto": [t["number"] for t in front],
        "tests": tests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "versions": {name: importlib.metadata.version(name) for name in ["torch", "optuna", "brevitas"]},
        "python": sys.version.split()[0],
    }
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
