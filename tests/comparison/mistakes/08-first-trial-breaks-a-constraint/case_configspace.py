from ConfigSpace import Categorical, ConfigurationSpace, ForbiddenAndConjunction, ForbiddenEqualsClause, Integer
import stub

cs = ConfigurationSpace(seed=1)
depth = Integer("depth", (3, 6), default=6)  # <- here
head = Categorical("head", [32, 64, 128], default=128)  # <- here
cs.add(depth, head)
for d in range(3, 7):
    for h in [32, 64, 128]:
        if d * h > 500:
            cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(depth, d), ForbiddenEqualsClause(head, h)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"], head=config["head"])
