import os

import neps
import stub


class Space(neps.PipelineSpace):
    width = neps.Integer(8, 24, prior=32, prior_confidence="high")  # <- here


def evaluate(width):
    return -stub.train(width=width)


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
