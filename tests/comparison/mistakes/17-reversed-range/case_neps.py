import os

import neps
import stub


class Space(neps.PipelineSpace):
    depth = neps.Integer(6, 3)  # <- here


def evaluate(depth):
    return -stub.train(depth=depth)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
