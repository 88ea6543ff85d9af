"""Trains the network of network.bnas in PyTorch and Brevitas with the protocol of digits.bnas or fashion.bnas.

    python brevitas_accuracy.py digits|fashion SEED [--precisions float,int8,int4,int2,ternary,binary]

Prints one JSON object a precision, with the accuracy on the validation split and, read once at the end, on the test split.

The same as in bnas: layers, initial distribution of weights (Glorot's uniform one), batches of equal size in a
new order each epoch, Adam without weight decay, one cosine a stage, pixels from 0 to 1, the split. Float training comes first, in
which hardtanh stands where signs or ternary codes will (the derivative of their straight-through estimator). Then the quantizers are
on: of the inner layers' weights and of what enters them, and 8 bits for both at the first and the last layer.

Each tool's own: Brevitas starts the scales of integer activations from a percentile, averaged over `--statistics` steps, and learns them from there
on; bnas keeps those of 8 bits as it calibrated them on training images, and learns those of 4 and 2 bits (LSQ). Integer weights have
the largest magnitude of their filter as scale, but for 2 bits in bnas, where scales are learned, too. Binary and ternary activations have
scale 1 in both. bnas measures batch norm anew when quantizers are switched on and when the fine-tuning ends; here it is moving averages.
"""

import argparse
import gzip
import json
import math
import os
import pathlib
import warnings

import numpy
import torch
from torch import nn

warnings.filterwarnings("ignore")

import brevitas.nn
from brevitas.core.scaling import ScalingImplType
from brevitas.core.stats import StatsOp
from brevitas.inject.enum import QuantType
from brevitas.quant import Int8WeightPerChannelFloat, SignedBinaryActPerTensorConst, SignedTernaryActPerTensorConst, Uint8ActPerTensorFloat

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BATCH = 64
# Learning rates of both stages.
RATE, RATE_OF_SIGNS = 1e-2, 2e-2
INTEGERS = {"int8": 8, "int4": 4, "int2": 2}

# Files, pixel scale, how many train, choose and test, epochs in float and with quantizers.
PROTOCOLS = {
    "digits": dict(scale=16, splits=(1000, 297, 500), epochs=30, fine_tuning=20),
    "fashion": dict(scale=255, splits=(20_000, 5_000, 10_000), epochs=4, fine_tuning=3),
}


class BinaryWeight(Int8WeightPerChannelFloat):
    """Signs times the mean magnitude of their filter (XNOR-Net)."""

    quant_type = QuantType.BINARY
    bit_width = 1
    scaling_impl_type = ScalingImplType.STATS
    scaling_stats_op = StatsOp.AVE
    affine_rescaling = False


class TernaryWeight(Int8WeightPerChannelFloat):
    """-1, 0 and +1 times the mean magnitude of their filter; 0 below 0.7 of it (the threshold of TWN)."""

    quant_type = QuantType.TERNARY
    bit_width = 2
    threshold = 0.7
    scaling_impl_type = ScalingImplType.STATS
    scaling_stats_op = StatsOp.AVE
    affine_rescaling = False


def idx(path):
    """An IDX file of unsigned bytes."""
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(axes)]
    return torch.tensor(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * axes).reshape(shape))


def load(name):
    """(images, labels) of the three splits; images are (samples, 1, height, width) from 0 to 1."""
    protocol = PROTOCOLS[name]
    train, validation, test = protocol["splits"]
    if name == "digits":
        folder = ROOT / "stdlib" / "data"
        images, labels = idx(folder / "digits-images-idx3-ubyte.gz"), idx(folder / "digits-labels-idx1-ubyte.gz")
        parts = [slice(0, train), slice(train, train + validation), slice(train + validation, train + validation + test)]
        found = [(images[part], labels[part]) for part in parts]
    else:
        folder = pathlib.Path(os.environ["BNAS_DATA"]) / "fashion-mnist"
        images, labels = idx(folder / "train-images-idx3-ubyte.gz"), idx(folder / "train-labels-idx1-ubyte.gz")
        found = [(images[part], labels[part]) for part in [slice(0, train), slice(train, train + validation)]]
        found.append((idx(folder / "t10k-images-idx3-ubyte.gz")[:test], idx(folder / "t10k-labels-idx1-ubyte.gz")[:test]))
    as_input = lambda pixels: pixels.float().div(protocol["scale"]).unsqueeze(1).contiguous(memory_format=torch.channels_last)
    return [(as_input(images), labels.long()) for images, labels in found]


class Net(nn.Module):
    """The network. `signed`: hardtanh before the inner layers; with a precision, quantizers are on."""

    def __init__(self, signed, precision=None, statistics=None):
        super().__init__()
        ends = dict(weight_quant=Int8WeightPerChannelFloat, weight_bit_width=8)
        eight = dict(act_quant=Uint8ActPerTensorFloat, bit_width=8, collect_stats_steps=statistics)
        if precision is None:
            Conv, Linear, ends, inner = nn.Conv2d, nn.Linear, {}, {}
            quantized = nn.Identity
            activation = nn.Hardtanh if signed else nn.ReLU
        else:
            Conv, Linear = brevitas.nn.QuantConv2d, brevitas.nn.QuantLinear
            quantized = lambda: brevitas.nn.QuantIdentity(**eight)
            if precision in INTEGERS:
                inner = dict(weight_quant=Int8WeightPerChannelFloat, weight_bit_width=INTEGERS[precision])
                activation = lambda: brevitas.nn.QuantReLU(**{**eight, "bit_width": INTEGERS[precision]})
            else:
                inner = dict(weight_quant=BinaryWeight if precision == "binary" else TernaryWeight)
                codes = SignedBinaryActPerTensorConst if precision == "binary" else SignedTernaryActPerTensorConst
                activation = lambda: brevitas.nn.QuantIdentity(act_quant=codes)
        self.pixels, self.pooled = quantized(), quantized()
        self.stem, self.stem_norm = Conv(1, 16, 3, 1, 1, bias=False, **ends), nn.BatchNorm2d(16)
        self.wide, self.wide_norm = Conv(16, 32, 3, 2, 1, bias=False, **inner), nn.BatchNorm2d(32)
        self.deep, self.deep_norm = Conv(32, 64, 3, 2, 1, bias=False, **inner), nn.BatchNorm2d(64)
        self.into_wide, self.into_deep = activation(), activation()
        self.head = Linear(64, 10, bias=True, **ends)
        for layer in [self.stem, self.wide, self.deep, self.head]:
            nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        x = self.into_wide(self.stem_norm(self.stem(self.pixels(x))))
        x = self.into_deep(self.wide_norm(self.wide(x)))
        x = torch.relu(self.deep_norm(self.deep(x)))
        return self.head(self.pooled(x.mean((2, 3))))


def fit(net, images, labels, epochs, rate, random):
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, fused=True)
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
    right = [(net(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500), strict=True)]
    return sum(right) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=PROTOCOLS)
    parser.add_argument("seed", type=int)
    parser.add_argument("--precisions", default="float,int8,int4,int2,ternary,binary")
    parser.add_argument("--statistics", type=int, default=30, help="steps in which Brevitas averages statistics of activations")
    parser.add_argument("--no-test", action="store_true", help="leave the test split alone: for choosing a recipe")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    protocol = PROTOCOLS[arguments.data]
    train, validation, test = load(arguments.data)
    in_float = {}
    for precision in arguments.precisions.split(","):
        # The float training of a seed is the same for all precisions with the same activation and rate: it is done once.
        signed = precision in ("ternary", "binary")
        rate = RATE_OF_SIGNS if precision == "binary" else RATE
        start = (signed, rate)
        if start not in in_float:
            torch.manual_seed(arguments.seed)
            net = Net(signed).to(memory_format=torch.channels_last)
            fit(net, *train, protocol["epochs"], rate, torch.Generator().manual_seed(1000 + arguments.seed))
            in_float[start] = net
        net = in_float[start]
        if precision != "float":
            net = Net(signed, precision, arguments.statistics)
            net.load_state_dict(in_float[start].state_dict(), strict=False)
            net = net.to(memory_format=torch.channels_last)
            fit(net, *train, protocol["fine_tuning"], rate, torch.Generator().manual_seed(2000 + arguments.seed))
        record = dict(data=arguments.data, precision=precision, seed=arguments.seed, validation=accuracy(net, *validation))
        if not arguments.no_test:
            record["test"] = accuracy(net, *test)
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
