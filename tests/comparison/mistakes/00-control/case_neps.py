import os

import neps
import stub


class Space(neps.PipelineSpace):
    depth = neps.Integer(3, 6)
    width = neps.Categorical((8, 16, 24))
    optimizer = neps.Categorical((
        neps.Operation(stub.sgd, kwargs={"learning_rate": neps.Float(1e-3, 1e-1, log=True)}),
        neps.Operation(stub.adam, kwargs={"learning_rate": neps.Float(1e-4, 1e-2, log=True)}),
    ))


def evaluate(depth, width, optimizer):
    return -stub.train(depth=depth, width=width, optimizer=optimizer)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
