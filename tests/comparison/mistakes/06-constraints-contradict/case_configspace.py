from ConfigSpace import (
    ConfigurationSpace,
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenGreaterThanEqualsRelation,
    Integer,
)
import stub

cs = ConfigurationSpace(seed=1)
first = Integer("first", (3, 5), default=3)
last = Integer("last", (3, 5), default=4)
cs.add(first, last)
cs.add(ForbiddenGreaterThanEqualsRelation(first, last))  # <- here
for a in [3, 4, 5]:
    for b in [3, 4, 5]:
        if a * b >= 10:
            cs.add(ForbiddenAndConjunction(ForbiddenEqualsClause(first, a), ForbiddenEqualsClause(last, b)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(first=config["first"], last=config["last"])
