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


def layer(log2_channels, precision, block):
    return {"channels": 2**log2_channels, "block": block, **precision}


def network(*layers, head):
    return {"depth": len(layers), "head": head, "layers": list(layers)}


def sgd(learning_rate):
    return "sgd"


def adam(learning_rate):
    return "adam"


def either():
    return neps.Categorical(("relu", "hardtanh")).resample()


class Space(neps.PipelineSpace):
    _precision = neps.Categorical((
        neps.Operation(precision, kwargs={"bits": 1, "activation": "hardtanh"}),
        neps.Operation(precision, kwargs={"bits": 2, "activation": either()}),
        neps.Operation(precision, kwargs={"bits": 4, "activation": either()}),
        neps.Operation(precision, kwargs={"bits": 8, "activation": either()}),
    ))
    _block = neps.Categorical((
        neps.Operation(plain, kwargs={"kernel": neps.Categorical((3, 5)).resample()}),
        neps.Operation(separable, kwargs={"expansion": neps.Categorical((1, 2, 4)).resample()}),
    ))
    # Channels 8, 16, 32 as powers of two: the lower end of a range may be another parameter.
    _c0 = neps.Integer(3, 5)
    _c1 = neps.Integer(_c0, 5)
    _c2 = neps.Integer(_c1, 5)
    _c3 = neps.Integer(_c2, 5)
    _c4 = neps.Integer(_c3, 5)
    _c5 = neps.Integer(_c4, 5)
    _l0 = neps.Operation(layer, args=(_c0, _precision.resample(), _block.resample()))
    _l1 = neps.Operation(layer, args=(_c1, _precision.resample(), _block.resample()))
    _l2 = neps.Operation(layer, args=(_c2, _precision.resample(), _block.resample()))
    _l3 = neps.Operation(layer, args=(_c3, _precision.resample(), _block.resample()))
    _l4 = neps.Operation(layer, args=(_c4, _precision.resample(), _block.resample()))
    _l5 = neps.Operation(layer, args=(_c5, _precision.resample(), _block.resample()))
    # One network per depth, with the heads that the product allows, worked out by hand.
    network = neps.Categorical((
        neps.Operation(network, args=(_l0, _l1, _l2), kwargs={"head": neps.Categorical((64, 128))}),
        neps.Operation(network, args=(_l0, _l1, _l2, _l3), kwargs={"head": neps.Categorical((32, 64))}),
        neps.Operation(network, args=(_l0, _l1, _l2, _l3, _l4), kwargs={"head": neps.Categorical((32, 64))}),
        neps.Operation(network, args=(_l0, _l1, _l2, _l3, _l4, _l5), kwargs={"head": neps.Categorical((32, 64))}),
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

    # In runs of a hundred: the time of a proposal grows with the trials before it.
    while len(candidates) < n:
        with tempfile.TemporaryDirectory() as folder:
            neps.run(
                evaluate_pipeline=evaluate,
                pipeline_space=Space(),
                root_directory=os.path.join(folder, "run"),
                optimizer="neps_random_search",
                worker_evaluations_to_spend=min(100, n - len(candidates)),
            )
    yield from candidates
