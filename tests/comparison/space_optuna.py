"""The six-layer space for Optuna, define-by-run.

https://optuna.readthedocs.io/en/stable/tutorial/10_key_features/002_configurations.html (branches and loops)
"""

import optuna


def suggest(trial):
    depth = trial.suggest_int("depth", 3, 6)
    head = trial.suggest_categorical("head", [16, 32, 64, 128])
    layers, narrowest = [], 3
    for i in range(depth):
        # Channels 8, 16, 32 as powers of two: the range of an integer may depend on the layer before, that of a category may not.
        narrowest = trial.suggest_int(f"log2_channels_{i}", narrowest, 5)
        bits = trial.suggest_categorical(f"bits_{i}", [1, 2, 4, 8])
        if bits == 1:
            activation = "hardtanh"
        else:
            activation = trial.suggest_categorical(f"activation_{i}", ["relu", "hardtanh"])
        if trial.suggest_categorical(f"block_{i}", ["plain", "separable"]) == "plain":
            block = ("plain", trial.suggest_categorical(f"kernel_{i}", [3, 5]))
        else:
            block = ("separable", trial.suggest_categorical(f"expansion_{i}", [1, 2, 4]))
        layers.append({"bits": bits, "channels": 2**narrowest, "activation": activation, "block": block})
    optimizer = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    if optimizer == "sgd":
        trial.suggest_float("sgd_lr", 1e-3, 1e-1, log=True)
    else:
        trial.suggest_float("adam_lr", 1e-4, 1e-2, log=True)
    trial.set_constraint("product_low", 100 - depth * head)
    trial.set_constraint("product_high", depth * head - 500)
    trial.set_constraint("budget", sum(layer["bits"] for layer in layers) - 16)
    return {"depth": depth, "head": head, "layers": layers, "optimizer": optimizer}


# What follows is the driver, no part of the space.
def sample(n, seed):
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    for _ in range(n):
        yield suggest(study.ask())
