"""A cluster of Slurm for the tests of this folder, and a project whose server is its login node."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.slurm import world as worlds
from tests.testbed import needs
from tests.testbed import slurm as clusters


def start(folder: Path, *, accounting: bool) -> Iterator[clusters.Cluster]:
    """Skips with the reason where this machine cannot have one, and fails there in CI."""
    if reason := needs.missing_for_slurm():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with clusters.Cluster(folder, accounting=accounting) as made:
        yield made


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[clusters.Cluster]:
    yield from start(tmp_path_factory.mktemp("slurm") / "lab", accounting=False)


@pytest.fixture
def cluster(
    running_cluster: clusters.Cluster, user_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[clusters.Cluster]:
    """The cluster without a job; what the test starts is on its login node."""
    yield from lend(running_cluster, monkeypatch)


def lend(cluster: clusters.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[clusters.Cluster]:
    monkeypatch.setenv("SLURM_CONF", str(cluster.conf))
    cluster.enter()
    try:
        yield cluster
        cluster.cancel_all()
    finally:
        cluster.leave()


@pytest.fixture
def world(cluster: clusters.Cluster, tmp_path: Path) -> Iterator[worlds.World]:
    with worlds.world(tmp_path, cluster) as made:
        yield made
