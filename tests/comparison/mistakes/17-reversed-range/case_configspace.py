from ConfigSpace import ConfigurationSpace, Integer
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Integer("depth", (6, 3)))  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"])
