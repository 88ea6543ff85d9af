"""Times a training step of the nets of step.rs in PyTorch: channels_last, one thread, batch 64.

    python step_pytorch.py [NET...] [--steps N]

Prints one JSON object a net, as step.rs does.
"""

import argparse
import json
import time

import torch
from torch import nn

BATCH, CLASSES, WARM_UP = 64, 10, 3
STEPS = {"resnet20": 12, "mbv2": 12, "small28": 60, "small8": 300}
INPUT = {"resnet20": (3, 32), "mbv2": (3, 32), "small28": (1, 28), "small8": (1, 8)}


def conv(inputs, outputs, kernel, stride=1, groups=1):
    padding = (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)


class Norm(nn.Module):
    """Batch normalization, then a residual, then ReLU."""

    def __init__(self, channels, relu=True):
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(channels), relu

    def forward(self, x, residual=None):
        y = self.norm(x)
        if residual is not None:
            y = y + residual
        return torch.relu(y) if self.relu else y


class ResidualBlock(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1, self.norm1 = conv(inputs, channels, 3, stride), Norm(channels)
        self.conv2, self.norm2 = conv(channels, channels, 3), Norm(channels)
        self.project = None
        if stride != 1:
            self.project = nn.Sequential(conv(inputs, channels, 1, stride), Norm(channels, relu=False))

    def forward(self, x):
        y = self.conv2(self.norm1(self.conv1(x)))
        return self.norm2(y, x if self.project is None else self.project(x))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, channels, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        layers = [] if expansion == 1 else [conv(inputs, hidden, 1), Norm(hidden)]
        layers += [conv(hidden, hidden, 3, stride, hidden), Norm(hidden), conv(hidden, channels, 1)]
        self.layers, self.norm = nn.Sequential(*layers), Norm(channels, relu=False)
        self.skips = stride == 1 and inputs == channels

    def forward(self, x):
        return self.norm(self.layers(x), x if self.skips else None)


def classifier(inputs):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES)]


def resnet20():
    layers, inputs = [conv(3, 16, 3), Norm(16)], 16
    for stage, channels in enumerate([16, 32, 64]):
        for block in range(3):
            layers.append(ResidualBlock(inputs, channels, 2 if stage > 0 and block == 0 else 1))
            inputs = channels
    return nn.Sequential(*layers, *classifier(64))


def mbv2():
    layers, inputs = [conv(3, 16, 3), Norm(16)], 16
    for expansion, channels, blocks, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 2, 2), (6, 64, 2, 2), (6, 96, 1, 1)]:
        for block in range(blocks):
            layers.append(InvertedResidual(inputs, channels, stride if block == 0 else 1, expansion))
            inputs = channels
    return nn.Sequential(*layers, conv(inputs, 256, 1), Norm(256), *classifier(256))


def small():
    layers, inputs = [], 1
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        layers += [conv(inputs, channels, 3, stride), Norm(channels)]
        inputs = channels
    return nn.Sequential(*layers, *classifier(64))


NETS = {"resnet20": resnet20, "mbv2": mbv2, "small28": small, "small8": small}


def train(name, steps):
    torch.manual_seed(0)
    net = NETS[name]().to(memory_format=torch.channels_last)
    channels, side = INPUT[name]
    images = torch.randn(BATCH, channels, side, side).to(memory_format=torch.channels_last)
    targets = torch.randint(0, CLASSES, (BATCH,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()
    times, losses = [], []
    for _ in range(steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = criterion(net(images), targets)
        loss.backward()
        optimizer.step()
        times.append((time.perf_counter() - start) * 1e3)
        losses.append(loss.item())
    return times, losses


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nets", nargs="*", default=list(NETS))
    parser.add_argument("--steps", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.nets or NETS:
        times, losses = train(name, WARM_UP + (arguments.steps or STEPS[name]))
        record = {"net": name, "ms": times[WARM_UP:], "first_loss": losses[0], "last_loss": losses[-1]}
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
