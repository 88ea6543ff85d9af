"""The six-layer space in plain Python, the slow and obvious way: what is feasible, and how many candidates there are.

A candidate of any tool is brought to one form:

    {"depth": 3, "head": 64, "optimizer": "sgd", "layers": [{"bits": 2, "channels": 8, "activation": "relu", "block": ("plain", 3)}, …]}
"""

from itertools import product

DEPTHS = [3, 4, 5, 6]
HEADS = [16, 32, 64, 128]
BITS = [1, 2, 4, 8]
CHANNELS = [8, 16, 32]
ACTIVATIONS = ["relu", "hardtanh"]
BLOCKS = [("plain", 3), ("plain", 5), ("separable", 1), ("separable", 2), ("separable", 4)]
OPTIMIZERS = ["sgd", "adam"]
BUDGET = 16


def violations(candidate):
    """The names of the constraints that a candidate breaks."""
    layers = candidate["layers"]
    channels = [layer["channels"] for layer in layers]
    broken = []
    if len(layers) != candidate["depth"]:
        broken.append("layers beyond the depth")
    if not 100 <= candidate["depth"] * candidate["head"] <= 500:
        broken.append("product")
    if channels != sorted(channels):
        broken.append("channels")
    if sum(layer["bits"] for layer in layers) > BUDGET:
        broken.append("budget")
    if any(layer["bits"] == 1 and layer["activation"] != "hardtanh" for layer in layers):
        broken.append("activation")
    return broken


def count():
    """The exact number of feasible candidates without the learning rates.

    No constraint couples channels, blocks, bits with activations, and the head given the depth, so each is enumerated on its own.
    """
    total = 0
    for depth in DEPTHS:
        heads = sum(100 <= depth * head <= 500 for head in HEADS)
        channels = sum(list(c) == sorted(c) for c in product(CHANNELS, repeat=depth))
        pairs = [(b, a) for b in BITS for a in ACTIVATIONS if b != 1 or a == "hardtanh"]
        bits = sum(sum(b for b, _ in layers) <= BUDGET for layers in product(pairs, repeat=depth))
        total += heads * channels * bits * len(BLOCKS) ** depth * len(OPTIMIZERS)
    return total


def count_without_constraints():
    """The size of the space if no constraint held."""
    per_layer = len(BITS) * len(CHANNELS) * len(ACTIVATIONS) * len(BLOCKS)
    return sum(len(HEADS) * per_layer**depth * len(OPTIMIZERS) for depth in DEPTHS)


if __name__ == "__main__":
    feasible, all_of_them = count(), count_without_constraints()
    print(f"{feasible} feasible of {all_of_them}, {100 * feasible / all_of_them:.4f} %")
