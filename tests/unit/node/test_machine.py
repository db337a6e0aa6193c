"""A root on a shared disk is used by one machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from overnight.node import fs, launch, layout, machine, server, watch
from tests.unit.node import runs


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A root that another machine uses."""
    fs.publish_json(str(tmp_path / machine.FILE), {"host": "gpu1", "id": "0123"})
    return tmp_path


@pytest.mark.parametrize("same", ["host", "id"])
def test_a_machine_is_known_by_its_name_or_its_id(tmp_path: Path, same: str) -> None:
    """It was given another name, or another image."""
    other = {"host": "gpu9", "id": "none of ours"}
    fs.publish_json(str(tmp_path / machine.FILE), {**other, same: machine.mine()[same] or "x"})
    assert machine.other(str(tmp_path)) == ("" if machine.mine()[same] else "gpu9")


def test_whoever_comes_first_has_it(tmp_path: Path) -> None:
    """And keeps it; a damaged file is nobody's."""
    assert machine.claim(str(tmp_path)) == machine.claim(str(tmp_path)) == ""
    (tmp_path / machine.FILE).write_text("{")
    assert machine.other(str(tmp_path)) == ""


def test_nothing_is_launched_stopped_or_resumed_from_another(elsewhere: Path) -> None:
    """It would be done with the wrong processes and GPUs; the way out is said."""
    run = runs.make(elsewhere)
    for deed in (
        lambda: launch.launch(str(elsewhere), runs.spec("new"), {}),
        lambda: launch.stop(run, "me"),
        lambda: launch.resume(run, {}),
    ):
        with pytest.raises(launch.LaunchError, match="in use by gpu1") as caught:
            deed()
        assert "a root of its own" in caught.value.hint
    assert not Path(layout.run(str(elsewhere), "p", "new").file("spec.json")).exists()


def test_the_watch_leaves_it_alone(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take the runs there for dead."""
    runs.make(elsewhere)
    started: list[Any] = []
    monkeypatch.setattr(server, "ensure_supervisor", started.append)
    watch.main(str(elsewhere))
    assert started == [] and not (elsewhere / "watch.json").exists()


def test_the_nodes_of_a_cluster_share_one(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through Slurm, which knows where each job is."""
    launch.check_machine(str(elsewhere), runs.spec(slurm={"nodes": 1}))
