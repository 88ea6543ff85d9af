from ConfigSpace import Categorical, ConfigurationSpace, Constant
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Categorical("width", [8, 16, 24]))
cs.add(Constant("schedul", "cosine"))  # <- here

for config in cs.sample_configuration(20):
    stub.train(**config)  # <- here
