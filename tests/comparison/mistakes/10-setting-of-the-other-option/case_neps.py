import os

import neps
import stub


class Space(neps.PipelineSpace):
    _lr = neps.Float(1e-4, 1e-1, log=True)
    optimizer = neps.Categorical((
        neps.Operation(stub.sgd, kwargs={"learning_rate": _lr}),
        neps.Operation(stub.adam, kwargs={"learning_rate": _lr, "momentum": neps.Float(0.8, 0.99)}),  # <- here
    ))


def evaluate(optimizer):
    return -stub.train(optimizer=optimizer)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
