from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, Float, Integer
import stub

cs = ConfigurationSpace(seed=1)
optimizer = Categorical("optimizer", ["sgd", "adam"])
sgd_lr = Float("sgd_lr", (1e-3, 1e-1), log=True)
adam_lr = Float("adam_lr", (1e-4, 1e-2), log=True)
cs.add(Integer("depth", (3, 6)), Categorical("width", [8, 16, 24]), optimizer, sgd_lr, adam_lr)
cs.add(EqualsCondition(sgd_lr, optimizer, "sgd"), EqualsCondition(adam_lr, optimizer, "adam"))

for config in cs.sample_configuration(20):
    if config["optimizer"] == "sgd":
        chosen = stub.sgd(learning_rate=config["sgd_lr"])
    else:
        chosen = stub.adam(learning_rate=config["adam_lr"])
    stub.train(depth=config["depth"], width=config["width"], optimizer=chosen)
