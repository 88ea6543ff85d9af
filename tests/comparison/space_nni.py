"""Samples the six-layer space of space_nni.json with NNI's random tuner.

https://nni.readthedocs.io/en/stable/hpo/search_space.html (nested choice)

A choice nested in a choice that is nested itself ends NNI 3.0's tuners in a KeyError, so layers cannot stand inside their depth: all
six exist always, and those beyond the depth are dropped here.
"""

import json
from pathlib import Path

from nni.algorithms.hpo.random_tuner import RandomTuner


def sample(n, seed):
    tuner = RandomTuner(seed=seed)
    tuner.update_search_space(json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8")))
    for i in range(n):
        chosen = tuner.generate_parameters(i)
        net = chosen["depth"]
        layers = []
        for layer in range(int(net["_name"])):
            precision, block = chosen[f"layer_{layer}_precision"], chosen[f"layer_{layer}_block"]
            layers.append({
                "bits": int(precision["_name"]),
                "channels": chosen[f"layer_{layer}_channels"],
                "activation": precision.get("activation", "hardtanh"),
                "block": (block["_name"], block.get("kernel", block.get("expansion"))),
            })
        yield {"depth": int(net["_name"]), "head": net["head"], "layers": layers, "optimizer": chosen["optimizer"]["_name"]}
