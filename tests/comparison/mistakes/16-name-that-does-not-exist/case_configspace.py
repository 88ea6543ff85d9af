from ConfigSpace import Categorical, ConfigurationSpace, ForbiddenAndConjunction, ForbiddenEqualsClause, Integer
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Integer("depth", (3, 6)), Categorical("head", [32, 64, 128]))
cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(cs["dept"], 6), ForbiddenEqualsClause(cs["head"], 128)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"], head=config["head"])
