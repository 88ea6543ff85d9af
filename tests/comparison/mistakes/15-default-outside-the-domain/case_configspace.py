from ConfigSpace import Categorical, ConfigurationSpace
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Categorical("width", [8, 16, 24], default=32))  # <- here

for config in cs.sample_configuration(20):
    stub.train(width=config["width"])
