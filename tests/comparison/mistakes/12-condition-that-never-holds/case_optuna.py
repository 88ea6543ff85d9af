import optuna
import stub


def objective(trial):
    name = trial.suggest_categorical("optimizer", ["sgd", "adam"])
    learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    if name == "momentum_sgd":  # <- here
        return stub.train(optimizer=stub.sgd(learning_rate, trial.suggest_float("momentum", 0.8, 0.99)))
    return stub.train(optimizer={"sgd": stub.sgd, "adam": stub.adam}[name](learning_rate))


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)
