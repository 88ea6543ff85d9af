from ConfigSpace import ConfigurationSpace
import stub

cs = ConfigurationSpace(seed=1, space={"depth": {"range": (3, 6), "kernel": [3, 5]}})  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"])
