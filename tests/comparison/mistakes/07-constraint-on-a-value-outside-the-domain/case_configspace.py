from ConfigSpace import Categorical, ConfigurationSpace, ForbiddenAndConjunction, ForbiddenEqualsClause
import stub

cs = ConfigurationSpace(seed=1)
kernel = Categorical("kernel", [3, 5])
width = Categorical("width", [8, 16, 24])
cs.add(kernel, width)
cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(kernel, 7), ForbiddenEqualsClause(width, 24)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(kernel=config["kernel"], width=config["width"])
