"""Trains ResNet-20 in PyTorch with the protocol of resnet20.bnas, on CIFAR-10 as a folder of JPEG files.

    BNAS_DATA=FOLDER python resnet20_pytorch.py [--epochs 24] [--threads 1] [--seed 1]

Prints a JSON object after each epoch: seconds since the start of the program, mean training loss, accuracy on the validation split; and at the end the
accuracy on the test split. The same as in bnas: the network (He et al., 2016, shortcuts padded with zero channels), the distribution of initial
weights, the split (files in the order of their names, a class after the other; the last tenth chooses), normalization, random crops with 4
pixels of black and mirroring, batches of equal size, SGD with momentum 0.9 and weight decay 1e-4 on weights alone, a cosine.
"""

import argparse
import json
import math
import os
import pathlib
import time

START = time.perf_counter()

import numpy
import torch
from PIL import Image
from torch import nn

BATCH, RATE, PADDING = 128, 0.1, 4
TRAIN, VALIDATION, TEST = 45_000, 5_000, 10_000
MEAN, STD = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.247, 0.2435, 0.2616])


def read(folder):
    """Bytes (samples, height, width, channels) and labels: the first image of every class, then the second of every class."""
    classes = [sorted(path.iterdir()) for path in sorted(folder.iterdir())]
    longest = max(map(len, classes))
    files = [(paths[rank], label) for rank in range(longest) for label, paths in enumerate(classes) if rank < len(paths)]
    pixels = numpy.stack([numpy.asarray(Image.open(path)) for path, _ in files])
    return torch.from_numpy(pixels), torch.tensor([label for _, label in files])


def as_input(pixels):
    """Normalized images (samples, channels, height, width), channels last in memory."""
    return ((pixels.float() / 255 - MEAN) / STD).permute(0, 3, 1, 2)


def augmented(pixels, random):
    """Each image moved by up to PADDING pixels, half of them mirrored; black fills what is left free."""
    count, height, width, channels = pixels.shape
    padded = torch.zeros(count, height + 2 * PADDING, width + 2 * PADDING, channels, dtype=torch.uint8)
    padded[:, PADDING:-PADDING, PADDING:-PADDING] = pixels
    down, right = torch.randint(0, 2 * PADDING + 1, (2, count, 1), generator=random)
    mirrored = torch.randint(0, 2, (count, 1), generator=random).bool()
    rows, columns = down + torch.arange(height), torch.arange(width)
    columns = right + torch.where(mirrored, columns.flip(0), columns)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


class Block(nn.Module):
    """Two convolutions and a shortcut around both, which takes every second pixel and zeros for new channels where shapes differ."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        self.stride, self.more = stride, channels - inputs

    def forward(self, x):
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        if self.more:
            x = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return torch.relu(y + x)


def resnet20():
    layers, inputs = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage, channels in enumerate([16, 32, 64]):
        for block in range(3):
            layers.append(Block(inputs, channels, 2 if stage > 0 and block == 0 else 1))
            inputs = channels
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.weight[0].numel()))
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=math.sqrt(1 / layer.in_features))
            nn.init.zeros_(layer.bias)
    return net.to(memory_format=torch.channels_last)


@torch.no_grad()
def accuracy(net, pixels, labels):
    net.eval()
    parts = zip(pixels.split(500), labels.split(500), strict=True)
    return sum((net(as_input(x)).argmax(1) == y).sum().item() for x, y in parts) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random = torch.Generator().manual_seed(arguments.seed)
    folder = pathlib.Path(os.environ["BNAS_DATA"]) / "cifar10-jpeg"
    pixels, labels = read(folder / "train")
    net = resnet20()
    weights = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() == 1]
    groups = [dict(params=weights, weight_decay=1e-4), dict(params=others, weight_decay=0)]
    optimizer = torch.optim.SGD(groups, lr=RATE, momentum=0.9)
    batches = -(-TRAIN // BATCH)
    steps = arguments.epochs * batches
    cosine = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
    for epoch in range(arguments.epochs):
        net.train()
        total = 0.0
        for batch in torch.randperm(TRAIN, generator=random).tensor_split(batches):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(as_input(augmented(pixels[batch], random))), labels[batch])
            loss.backward()
            optimizer.step()
            cosine.step()
            total += loss.item() * len(batch)
        chosen = slice(TRAIN, TRAIN + VALIDATION)
        record = dict(epoch=epoch + 1, loss=total / TRAIN, validation=accuracy(net, pixels[chosen], labels[chosen]))
        print(json.dumps({**record, "seconds": time.perf_counter() - START}), flush=True)
    test_pixels, test_labels = read(folder / "test")
    print(json.dumps(dict(test=accuracy(net, test_pixels[:TEST], test_labels[:TEST]), torch=torch.__version__)), flush=True)


if __name__ == "__main__":
    main()
