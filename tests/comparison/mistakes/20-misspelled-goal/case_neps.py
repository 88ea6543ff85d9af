import os

import neps
import stub


class Space(neps.PipelineSpace):
    width = neps.Categorical((8, 16, 24))


def evaluate(width):
    return {"objective_to_minimise": -stub.train(width=width)}  # <- here


neps.run(evaluate_pipeline=evaluate, pipeline_space=Space(), root_directory=os.environ["OUT"], worker_evaluations_to_spend=4)
