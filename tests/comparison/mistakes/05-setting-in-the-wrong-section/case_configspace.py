from ConfigSpace import ConfigurationSpace
import stub

cs = ConfigurationSpace(space={"width": [8, 16, 24], "seed": 1})  # <- here

for config in cs.sample_configuration(20):
    stub.train(width=config["width"])
