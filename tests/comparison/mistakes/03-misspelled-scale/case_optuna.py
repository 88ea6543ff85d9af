import optuna
import stub


def objective(trial):
    lr = trial.suggest_float("lr", 1e-4, 1e-1, logg=True)  # <- here
    return stub.train(optimizer=stub.adam(learning_rate=lr))


study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=20)
