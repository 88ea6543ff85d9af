"""Times a training step of the nets of step.rs in PyTorch: channels_last, one thread, batch 64, SGD with momentum.

    python step_pytorch.py NET [--mode float|qat4|binary] [--by hand|brevitas] [--steps N]

Prints one JSON object, as step.rs does. Modes:

float     no quantization
qat4      4-bit weights, one symmetric scale per output channel (first and last layer 8 bits), and 8-bit activations
binary    the sign of weights and activations; first and last layer float

By hand is PyTorch's best: one pass forward and one backward for each quantizer, activation scales frozen after the first
batch, no gradient for scales. Brevitas does more: it learns the scales of activations. Its steady state is timed, in which it no longer
collects statistics of them. Networks quantize activations where they are made, so that a convolution and its shortcut read the same codes.
"""

import argparse
import json
import pathlib
import time
import warnings

import torch
from torch import nn

BATCH, CLASSES, WARM_UP = 64, 10, 3
STEPS = {"resnet20": 12, "mbv2": 12, "small28": 60, "small8": 300}
INPUT = {"resnet20": (3, 32), "mbv2": (3, 32), "small28": (1, 28), "small8": (1, 8)}


class QuantizeWeight(torch.autograd.Function):
    """Largest magnitude as scale, so that nothing is clipped and every weight gets its gradient."""

    @staticmethod
    def forward(ctx, weight, largest):
        per_filter = tuple(range(1, weight.dim()))
        scale = weight.abs().amax(dim=per_filter, keepdim=True).clamp_min_(1e-12).div_(largest)
        return weight.div(scale).round_().mul_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class QuantizeActivation(torch.autograd.Function):
    """Straight through inside the range of the codes; with `low` 0 the clipping is the rectifier, too."""

    @staticmethod
    def forward(ctx, x, scale, low, high):
        ctx.save_for_backward(x)
        ctx.range = (low * scale, high * scale)
        return x.mul(1 / scale).round_().clamp_(low, high).mul_(scale)

    @staticmethod
    def backward(ctx, gradient):
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], *ctx.range), None, None, None


ONE = torch.ones(())


class Sign(torch.autograd.Function):
    """sign(0) = +1; the gradient passes from -1 to 1."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.copysign(ONE, x)

    @staticmethod
    def backward(ctx, gradient):
        return torch.ops.aten.hardtanh_backward(gradient, ctx.saved_tensors[0], -1.0, 1.0)


class Activation(nn.Module):
    """Quantizes to codes from `low` to `high`, with the scale of the first batch."""

    def __init__(self, low, high):
        super().__init__()
        self.low, self.high, self.scale = low, high, None

    def forward(self, x):
        if self.scale is None:
            self.scale = float(x.detach().abs().max()) / self.high
        return QuantizeActivation.apply(x, self.scale, self.low, self.high)


class SignActivation(nn.Module):
    def forward(self, x):
        return Sign.apply(x)


class QuantConv(nn.Conv2d):
    quantize = None

    def forward(self, x):
        return self._conv_forward(x, self.quantize(self.weight), None)


class QuantLinear(nn.Linear):
    quantize = None

    def forward(self, x):
        return nn.functional.linear(x, self.quantize(self.weight), self.bias)


class Float:
    """What stands for a convolution, a linear layer, a rectifier and the linear output of a bottleneck."""

    @staticmethod
    def arguments(inputs, outputs, kernel, stride, groups):
        return (inputs, outputs, kernel, stride, (kernel - 1) // 2), dict(groups=groups, bias=False)

    def conv(self, inputs, outputs, kernel, stride=1, groups=1, first=False):
        positional, named = self.arguments(inputs, outputs, kernel, stride, groups)
        return nn.Conv2d(*positional, **named)

    def linear(self, inputs, outputs):
        return nn.Linear(inputs, outputs)

    def relu(self):
        return nn.ReLU()

    def identity(self):
        return nn.Identity()


class HandQat4(Float):
    def conv(self, inputs, outputs, kernel, stride=1, groups=1, first=False):
        positional, named = self.arguments(inputs, outputs, kernel, stride, groups)
        layer = QuantConv(*positional, **named)
        layer.quantize = lambda weight: QuantizeWeight.apply(weight, 127 if first else 7)
        return layer

    def linear(self, inputs, outputs):
        layer = QuantLinear(inputs, outputs)
        layer.quantize = lambda weight: QuantizeWeight.apply(weight, 127)
        return layer

    def relu(self):
        return Activation(0, 255)

    def identity(self):
        return Activation(-128, 127)


class HandBinary(Float):
    def conv(self, inputs, outputs, kernel, stride=1, groups=1, first=False):
        if first:
            return super().conv(inputs, outputs, kernel, stride, groups)
        positional, named = self.arguments(inputs, outputs, kernel, stride, groups)
        layer = QuantConv(*positional, **named)
        layer.quantize = Sign.apply
        return layer

    def relu(self):
        return SignActivation()

    def identity(self):
        return SignActivation()


class BrevitasQat4(Float):
    # Activations would collect statistics for 300 steps, which is slower; scales are learned from the second step on.
    STEADY = dict(bit_width=8, collect_stats_steps=1)

    def conv(self, inputs, outputs, kernel, stride=1, groups=1, first=False):
        import brevitas.nn
        from brevitas.quant import Int8WeightPerChannelFloat

        positional, named = self.arguments(inputs, outputs, kernel, stride, groups)
        bits = 8 if first else 4
        return brevitas.nn.QuantConv2d(*positional, **named, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=bits)

    def linear(self, inputs, outputs):
        import brevitas.nn
        from brevitas.quant import Int8WeightPerChannelFloat

        return brevitas.nn.QuantLinear(inputs, outputs, bias=True, weight_quant=Int8WeightPerChannelFloat, weight_bit_width=8)

    def relu(self):
        import brevitas.nn
        from brevitas.quant import Uint8ActPerTensorFloat

        return brevitas.nn.QuantReLU(act_quant=Uint8ActPerTensorFloat, **self.STEADY)

    def identity(self):
        import brevitas.nn
        from brevitas.quant import Int8ActPerTensorFloat

        return brevitas.nn.QuantIdentity(act_quant=Int8ActPerTensorFloat, **self.STEADY)


class BrevitasBinary(Float):
    def conv(self, inputs, outputs, kernel, stride=1, groups=1, first=False):
        import brevitas.nn
        from brevitas.quant import SignedBinaryWeightPerTensorConst

        if first:
            return super().conv(inputs, outputs, kernel, stride, groups)
        positional, named = self.arguments(inputs, outputs, kernel, stride, groups)
        return brevitas.nn.QuantConv2d(*positional, **named, weight_quant=SignedBinaryWeightPerTensorConst)

    def relu(self):
        import brevitas.nn
        from brevitas.quant import SignedBinaryActPerTensorConst

        return brevitas.nn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)

    identity = relu


LAYERS = {
    ("float", "hand"): Float,
    ("qat4", "hand"): HandQat4,
    ("qat4", "brevitas"): BrevitasQat4,
    ("binary", "hand"): HandBinary,
    ("binary", "brevitas"): BrevitasBinary,
}


class Norm(nn.Module):
    """Batch normalization, then a residual, then an activation."""

    def __init__(self, channels, activation):
        super().__init__()
        self.norm, self.activation = nn.BatchNorm2d(channels), activation

    def forward(self, x, residual=None):
        y = self.norm(x)
        return self.activation(y if residual is None else y + residual)


class ResidualBlock(nn.Module):
    def __init__(self, make, inputs, channels, stride):
        super().__init__()
        self.conv1, self.norm1 = make.conv(inputs, channels, 3, stride), Norm(channels, make.relu())
        self.conv2, self.norm2 = make.conv(channels, channels, 3), Norm(channels, make.relu())
        self.project = nn.Identity()
        if stride != 1:
            self.project = nn.Sequential(make.conv(inputs, channels, 1, stride), nn.BatchNorm2d(channels))

    def forward(self, x):
        return self.norm2(self.conv2(self.norm1(self.conv1(x))), self.project(x))


class InvertedResidual(nn.Module):
    def __init__(self, make, inputs, channels, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [] if expansion == 1 else [make.conv(inputs, hidden, 1), Norm(hidden, make.relu())]
        layers += [make.conv(hidden, hidden, 3, stride, hidden), Norm(hidden, make.relu()), make.conv(hidden, channels, 1)]
        self.layers, self.norm = nn.Sequential(*layers), Norm(channels, make.identity())
        self.skips = stride == 1 and inputs == channels

    def forward(self, x):
        return self.norm(self.layers(x), x if self.skips else None)


def classifier(make, inputs):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), make.linear(inputs, CLASSES)]


def resnet20(make):
    layers, inputs = [make.conv(3, 16, 3, first=True), Norm(16, make.relu())], 16
    for stage, channels in enumerate([16, 32, 64]):
        for block in range(3):
            layers.append(ResidualBlock(make, inputs, channels, 2 if stage > 0 and block == 0 else 1))
            inputs = channels
    return nn.Sequential(*layers, *classifier(make, 64))


def mbv2(make):
    layers, inputs = [make.conv(3, 16, 3, first=True), Norm(16, make.relu())], 16
    for expansion, channels, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2), (6, 64, 2, 2), (6, 96, 1, 1)]:
        for block in range(blocks):
            layers.append(InvertedResidual(make, inputs, channels, stride if block == 0 else 1, expansion))
            inputs = channels
    return nn.Sequential(*layers, make.conv(inputs, 256, 1), Norm(256, make.relu()), *classifier(make, 256))


def small(make):
    layers, inputs = [], 1
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        layers += [make.conv(inputs, channels, 3, stride, first=inputs == 1), Norm(channels, make.relu())]
        inputs = channels
    return nn.Sequential(*layers, *classifier(make, 64))


NETS = {"resnet20": resnet20, "mbv2": mbv2, "small28": small, "small8": small}


def peak_mb():
    """The largest resident memory of this program so far. Not ru_maxrss, which a program inherits from whoever started it."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def train(name, make, steps):
    """Trains on one fixed batch of noise: milliseconds and loss of each step, and the memory before the first of them."""
    torch.manual_seed(0)
    net = NETS[name](make).to(memory_format=torch.channels_last)
    channels, side = INPUT[name]
    images = torch.randn(BATCH, channels, side, side).to(memory_format=torch.channels_last)
    targets = torch.randint(0, CLASSES, (BATCH,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    base = peak_mb()
    times, losses = [], []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = criterion(net(images), targets)
        loss.backward()
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
        losses.append(loss.item())
    return times, losses, base


def versions(by):
    import importlib.metadata

    packages = ["torch", "brevitas"] if by == "brevitas" else ["torch"]
    return {name: importlib.metadata.version(name) for name in packages}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("net", choices=NETS)
    parser.add_argument("--mode", choices=["float", "qat4", "binary"], default="float")
    parser.add_argument("--by", choices=["hand", "brevitas"], default="hand")
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    if (arguments.mode, arguments.by) not in LAYERS:
        parser.error("brevitas is for qat4 and binary")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    make = LAYERS[arguments.mode, arguments.by]()
    times, losses, base = train(arguments.net, make, WARM_UP + (arguments.steps or STEPS[arguments.net]))
    record = {
        "net": arguments.net,
        "mode": arguments.mode,
        "ms": times[WARM_UP:],
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "peak_mb": peak_mb(),
        "base_mb": base,
        "isa": torch.backends.cpu.get_cpu_capability().lower(),
        "versions": versions(arguments.by),
    }
    print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
