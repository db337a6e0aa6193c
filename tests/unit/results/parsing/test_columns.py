from __future__ import annotations

import pytest

from overnight.results.parsing import columns


@pytest.mark.parametrize(
    ("names", "step", "epoch", "metrics"),
    [
        (["epoch", "step", "loss"], "step", "epoch", ["loss"]),
        (["Epoch", "Train Loss", "Val Loss"], None, "Epoch", ["Train Loss", "Val Loss"]),
        (["Unnamed: 0", "loss"], "Unnamed: 0", None, ["loss"]),
        (["", "loss"], "", None, ["loss"]),
        (["Unnamed: 0", "epoch", "loss"], None, "epoch", ["loss"]),
        (["time/total_timesteps", "rollout/ep_rew_mean"], "time/total_timesteps", None,
         ["rollout/ep_rew_mean"]),
        (["trainer/global_step", "_runtime", "_step", "loss"], "_step", None, ["loss"]),
        (["Step", "Wall time", "Value"], "Step", None, ["Value"]),
        (["episode", "total_timesteps", "return"], "total_timesteps", None, ["return"]),
        (["episode", "return"], "episode", None, ["return"]),
        (["iter", "lr", "time", "data_time"], "iter", None, ["lr"]),
        (["batch_size", "seed", "acc", "model_id"], None, None, ["acc"]),
        (["timestep", "fps", "reward"], "timestep", None, ["reward"]),
        (["time_to_event_auc", "time/iterations", "eta_s"], None, None, ["time_to_event_auc"]),
    ],
)  # fmt: skip
def test_what_columns_are(
    names: list[str], step: str | None, epoch: str | None, metrics: list[str]
) -> None:
    """By their names, whatever stands in them."""
    plan = columns.plan(tuple(names))
    assert [None if place is None else names[place] for place in (plan.step, plan.epoch)] == [
        step,
        epoch,
    ]
    assert [name for _, name in plan.metrics] == metrics
    assert all(why for _, why in plan.passed)


def test_each_column_is_one_thing() -> None:
    """Axes, metrics and what is passed over are all columns, each once."""
    names = ("epoch", "global_step", "step", "time", "split", "loss", "seed", "eta")
    plan = columns.plan(names)
    axes = [
        names[place]
        for place in (plan.step, plan.epoch, plan.time, plan.split)
        if place is not None
    ]
    told = axes + [name for _, name in plan.metrics] + [name for name, _ in plan.passed]
    assert sorted(told) == sorted(names)
