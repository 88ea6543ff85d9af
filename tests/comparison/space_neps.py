"""The six-layer space for NePS.

https://automl.github.io/neps/latest/reference/neps_spaces (operations and resampling)
"""

import neps


def plain(kernel):
    return ("plain", kernel)


def separable(expansion):
    return ("separable", expansion)


def precision(bits, activation):
    return {"bits": bits, "activation": activation}


def layer(channels, precision, block):
    return {"channels": channels, "block": block, **precision}


def network(*layers, head):
    return {"depth": len(layers), "head": head, "layers": list(layers)}


def sgd(learning_rate):
    return "sgd"


def adam(learning_rate):
    return "adam"


class Space(neps.PipelineSpace):
    _layer = neps.Operation(layer, kwargs={
        "channels": neps.Categorical((8, 16, 32)).resample(),
        "precision": neps.Categorical((
            neps.Operation(precision, kwargs={"bits": 1, "activation": "hardtanh"}),
            neps.Operation(precision, kwargs={"bits": 2, "activation": neps.Categorical(("relu", "hardtanh")).resample()}),
            neps.Operation(precision, kwargs={"bits": 4, "activation": neps.Categorical(("relu", "hardtanh")).resample()}),
            neps.Operation(precision, kwargs={"bits": 8, "activation": neps.Categorical(("relu", "hardtanh")).resample()}),
        )).resample(),
        "block": neps.Categorical((
            neps.Operation(plain, kwargs={"kernel": neps.Categorical((3, 5)).resample()}),
            neps.Operation(separable, kwargs={"expansion": neps.Categorical((1, 2, 4)).resample()}),
        )).resample(),
    })
    # One network per depth, with the heads that the product allows, worked out by hand.
    network = neps.Categorical((
        neps.Operation(network, args=(_layer.resample(),) * 3, kwargs={"head": neps.Categorical((64, 128))}),
        neps.Operation(network, args=(_layer.resample(),) * 4, kwargs={"head": neps.Categorical((32, 64))}),
        neps.Operation(network, args=(_layer.resample(),) * 5, kwargs={"head": neps.Categorical((32, 64))}),
        neps.Operation(network, args=(_layer.resample(),) * 6, kwargs={"head": neps.Categorical((32, 64))}),
    ))
    optimizer = neps.Categorical((
        neps.Operation(sgd, kwargs={"learning_rate": neps.Float(1e-3, 1e-1, log=True)}),
        neps.Operation(adam, kwargs={"learning_rate": neps.Float(1e-4, 1e-2, log=True)}),
    ))


# What follows is the driver, no part of the space.
def sample(n, seed):
    import os
    import random
    import tempfile

    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    candidates = []

    def evaluate(network, optimizer):
        candidates.append({**network, "optimizer": optimizer})
        return 0.0

    with tempfile.TemporaryDirectory() as folder:
        neps.run(
            evaluate_pipeline=evaluate,
            pipeline_space=Space(),
            root_directory=os.path.join(folder, "run"),
            optimizer="neps_random_search",
            worker_evaluations_to_spend=n,
        )
    yield from candidates
