import os

import neps
import stub


class Space(neps.PipelineSpace):
    depth = neps.Integer(3, 6)
    width = neps.Categorical((8, 16, 24))  # <- here


def evaluate(depth):  # <- here
    return -stub.train(depth=depth)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
