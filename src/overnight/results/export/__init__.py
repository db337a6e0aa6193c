"""The way out: the joined series of runs in the local form of another tracker.

`outgoing` is what leaves; `tensorboard` writes it; `to_wandb`, `to_trackio` and `to_mlflow` are
programs for a Python that has that library: nothing of ours is imported there.
"""
