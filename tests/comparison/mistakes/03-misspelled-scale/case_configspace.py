from ConfigSpace import ConfigurationSpace, Float
import stub

cs = ConfigurationSpace(seed=1)
cs.add(Float("lr", (1e-4, 1e-1), logg=True))  # <- here

for config in cs.sample_configuration(20):
    stub.train(optimizer=stub.adam(learning_rate=config["lr"]))
