"""The six-layer space for ConfigSpace.

https://automl.github.io/ConfigSpace/latest/guide/ (conditions and forbidden clauses)
"""

from itertools import product

from ConfigSpace import (
    Categorical,
    ConfigurationSpace,
    EqualsCondition,
    Float,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenGreaterThanRelation,
    GreaterThanCondition,
    Integer,
)


def build(seed, budget=True):
    cs = ConfigurationSpace(seed=seed)
    depth = Integer("depth", (3, 6))
    head = Categorical("head", [16, 32, 64, 128], default=64)
    optimizer = Categorical("optimizer", ["sgd", "adam"])
    sgd_lr = Float("sgd_lr", (1e-3, 1e-1), log=True)
    adam_lr = Float("adam_lr", (1e-4, 1e-2), log=True)
    cs.add(depth, head, optimizer, sgd_lr, adam_lr)
    cs.add(EqualsCondition(sgd_lr, optimizer, "sgd"), EqualsCondition(adam_lr, optimizer, "adam"))
    for d, h in product([3, 4, 5, 6], [16, 32, 64, 128]):
        if not 100 <= d * h <= 500:
            cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(depth, d), ForbiddenEqualsClause(head, h)))
    bits, channels = [], []
    for i in range(6):
        bits.append(Categorical(f"bits_{i}", [1, 2, 4, 8], default=2))
        # Three widths by their logarithms, since relations compare numbers.
        channels.append(Integer(f"log2_channels_{i}", (3, 5)))
        activation = Categorical(f"activation_{i}", ["relu", "hardtanh"])
        block = Categorical(f"block_{i}", ["plain", "separable"])
        kernel = Categorical(f"kernel_{i}", [3, 5])
        expansion = Categorical(f"expansion_{i}", [1, 2, 4])
        cs.add(bits[i], channels[i], activation, block, kernel, expansion)
        cs.add(EqualsCondition(kernel, block, "plain"), EqualsCondition(expansion, block, "separable"))
        if i >= 3:
            for parameter in [bits[i], channels[i], activation, block]:
                cs.add(GreaterThanCondition(parameter, depth, i))
        binary = ForbiddenEqualsClause(bits[i], 1)
        cs.add(ForbiddenAndConjunction(binary, ForbiddenEqualsClause(activation, "relu")))
        if i > 0:
            cs.add(ForbiddenGreaterThanRelation(channels[i - 1], channels[i]))
    if budget:
        # No sums: every way of the first n layers to exceed the budget that no shorter way begins is a clause.
        for n in range(1, 7):
            for values in product([1, 2, 4, 8], repeat=n):
                if sum(values) > 16 >= sum(values[:-1]):
                    clauses = [ForbiddenEqualsClause(b, v) for b, v in zip(bits, values)]
                    cs.add(ForbiddenAndConjunction(*clauses))
    return cs


# What follows is the driver, no part of the space.
def sample(n, seed, budget=True):
    for config in build(seed, budget).sample_configuration(n):
        layers = []
        for i in range(config["depth"]):
            kind = config[f"block_{i}"]
            layers.append({
                "bits": int(config[f"bits_{i}"]),
                "channels": 2 ** int(config[f"log2_channels_{i}"]),
                "activation": str(config[f"activation_{i}"]),
                "block": (str(kind), int(config[f"kernel_{i}"] if kind == "plain" else config[f"expansion_{i}"])),
            })
        yield {"depth": int(config["depth"]), "head": int(config["head"]), "layers": layers, "optimizer": str(config["optimizer"])}
