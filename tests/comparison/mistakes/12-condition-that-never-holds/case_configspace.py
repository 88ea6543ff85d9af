from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float
import stub

cs = ConfigurationSpace(seed=1)
optimizer = Categorical("optimizer", ["sgd", "adam"])
learning_rate = Float("learning_rate", (1e-4, 1e-1), log=True)
momentum = Float("momentum", (0.8, 0.99))
cs.add(optimizer, learning_rate, momentum)
cs.add(EqualsCondition(momentum, optimizer, "momentum_sgd"))  # <- here

for config in cs.sample_configuration(20):
    settings = dict(config)
    chosen = {"sgd": stub.sgd, "adam": stub.adam}[settings.pop("optimizer")]
    stub.train(optimizer=chosen(**settings))
