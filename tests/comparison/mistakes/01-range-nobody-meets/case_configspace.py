from ConfigSpace import Categorical, ConfigurationSpace, ForbiddenAndConjunction, ForbiddenEqualsClause, Integer
import stub

cs = ConfigurationSpace(seed=1)
depth = Integer("depth", (3, 6))
head = Categorical("head", [256, 512])
cs.add(depth, head)
for d in range(3, 7):
    for h in [256, 512]:
        if not 100 <= d * h <= 500:
            cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(depth, d), ForbiddenEqualsClause(head, h)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"], head=config["head"])
