import os

import neps
import stub


class Space(neps.PipelineSpace):
    width = neps.Categorical((8, 16))
    width = neps.Categorical((24, 32))  # <- here


def evaluate(width):
    return -stub.train(width=width)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
