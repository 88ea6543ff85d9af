from ConfigSpace import Categorical, ConfigurationSpace, Integer
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Integer("depth", (3, 6)))
cs.add(Categorical("width", [8, 16, 24]))  # <- here

for config in cs.sample_configuration(20):
    stub.train(depth=config["depth"])
