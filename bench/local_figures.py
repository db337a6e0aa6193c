"""What is measured on this machine alone, as rows of the table."""

from __future__ import annotations

from collections.abc import Iterator

from bench import node_cost, recovery, table

OBSERVED_S = 30.0


def node_costs(repetitions: int) -> Iterator[table.Figure]:
    """Memory and CPU of the node, over one stretch of time however many `repetitions`."""
    limits = (
        ("rss_mib", "MiB", "memory", node_cost.LIMIT_RSS_MIB),
        ("cpu_percent", "%", "CPU", node_cost.LIMIT_CPU_PERCENT),
    )
    for process, cost in node_cost.measure(OBSERVED_S).items():
        for key, unit, what, limit in limits:
            yield table.Figure(
                name=f"{what} of the {process}", unit=unit, ours=[cost[key]], target=limit
            )


def recovered(repetitions: int) -> Iterator[table.Figure]:
    """Each crash of one training is one repetition."""
    took_s = recovery.measure(repetitions)["took_s"]
    yield table.Figure(
        name="crash until the next attempt's process exists",
        unit="ms",
        ours=[1000 * each for each in took_s],
        target=1000 * recovery.LIMIT_S,
    )
