"""The trial, as in NNI's quickstart: defaults, updated by what the tuner proposes."""

import nni

import stub

params = {"depth": 3, "width": 16, "head": 64, "kernel": 3, "learning_rate": 1e-3, "schedule": "constant"}
params.update(nni.get_next_parameter())

if "optimizer" in params:
    choice = dict(params["optimizer"])
    optimizer = getattr(stub, choice.pop("_name"))(**choice)
else:
    optimizer = stub.adam(params["learning_rate"])

nni.report_final_result(
    stub.train(
        depth=params["depth"],
        width=params["width"],
        head=params["head"],
        kernel=params["kernel"],
        optimizer=optimizer,
        schedule=params["schedule"],
    )
)
