"""Files that the trackers' own libraries wrote, once for all tests."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.writers import trackers


@pytest.fixture(scope="session")
def tensorboard_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trackers.write(trackers.TENSORBOARD, tmp_path_factory.mktemp("tensorboard"))


@pytest.fixture(scope="session")
def wandb_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One run that finished and one that was killed."""
    found = {}
    for way, code in (("finished", 0), ("killed", -signal.SIGKILL)):
        folder = tmp_path_factory.mktemp(way)
        trackers.write(trackers.WANDB, folder, way, code=code)
        (found[way],) = folder.glob("wandb/offline-run-*/*.wandb")
    return found


@pytest.fixture(scope="session")
def trackio_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trackers.write(trackers.TRACKIO, tmp_path_factory.mktemp("trackio")) / "p.db"


@pytest.fixture(scope="session")
def mlflow_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trackers.write(trackers.MLFLOW, tmp_path_factory.mktemp("mlflow"))
