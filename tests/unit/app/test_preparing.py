"""From configuration to the run spec."""

from __future__ import annotations

from pathlib import Path

from overnight.app import preparing
from overnight.core import config
from overnight.sync import manifest


def test_data_that_git_ignores_is_named(tmp_path: Path) -> None:
    """The training misses a file that lies here: it was not sent, and how to link it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.bin").write_bytes(b"x")
    (tmp_path / "train.py").write_text("")
    made = manifest.build(tmp_path)
    sent = manifest.Manifest(entries=tuple(e for e in made.entries if e.path == "train.py"))
    problem = "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.bin'"
    said = preparing.not_sent(tmp_path, sent, [problem])
    assert said is not None
    assert "data/train.bin is here but was not sent" in said
    assert preparing.not_sent(tmp_path, made, [problem]) is None
    assert preparing.not_sent(tmp_path, sent, ["No such file: 'data/other.bin'"]) is None


def prepared(folder: Path, *lines: str, command: str = "") -> preparing.Prepared:
    text = "".join(f"{line}\n" for line in ('[project]\nname = "p"', *lines))
    (folder / "overnight.toml").write_text(text)
    (folder / "user.toml").write_text("")
    settings = config.load(folder, user_file=folder / "user.toml")
    return preparing.prepare(settings, settings.servers["local"], command.split(), None)


def test_several_processes_are_known_before_the_night(tmp_path: Path) -> None:
    """What they get at their start, in the run and in its smoke test, and how many they are."""
    train = 'train = "torchrun --nproc_per_node 2 t.py"\nsmoke = "uv run torchrun t.py --short"'
    plan = prepared(tmp_path, train)
    assert (plan.spec.gpus, plan.spec.processes) == (None, 2)
    assert dict(plan.spec.at_start) == {"port": "free", "rank_logs": "attempt"}
    smoke = preparing.smoke_spec(plan, "0" * 16, "smoke", 60.0)
    assert smoke.at_start == plan.spec.at_start
    (variant,) = smoke.variants
    assert {name: place["word"] for name, (place,) in variant["places"].items()} == {
        "port": 3,
        "rank_logs": 3,
    }


def test_logs_of_the_ranks_can_be_declined(tmp_path: Path) -> None:
    """The port is found all the same."""
    plan = prepared(tmp_path, "rank_logs = false", command="torchrun t.py")
    assert dict(plan.spec.at_start) == {"port": "free"}


def test_one_process_gets_nothing_at_its_start(tmp_path: Path) -> None:
    """As ever."""
    plan = prepared(tmp_path, command="python t.py")
    assert (dict(plan.spec.at_start), plan.spec.processes) == ({}, None)
    assert plan.smoke_variant["places"] == {}
