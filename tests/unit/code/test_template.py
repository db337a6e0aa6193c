from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from overnight.code import template
from overnight.code.detected import Detected
from overnight.code.environment import Environment
from overnight.core import config, knobs

BARE = Detected(script="train.py", framework="plain Python", train="python train.py")
FULL = Detected(
    script="train.py",
    framework="plain Python",
    train="python train.py",
    smoke="python train.py --epochs 1",
    environment=Environment(kind="conda", name="clip", why=""),
    outputs=("outputs",),
    micro_batch=knobs.Knob(template="-b|--batch-size {}", value=64),
    accumulation=knobs.Knob(template="--accum {}"),
    resume="--resume {checkpoint}",
    metric="val_loss",
)


def loaded(folder: Path, text: str) -> config.Config:
    (folder / "overnight.toml").write_text(text, encoding="utf-8", newline="")
    return config.load(folder, user_file=None)


def test_everything_found_is_in_the_configuration(tmp_path: Path) -> None:
    """What was rendered is what is loaded, without a warning."""
    settings = loaded(tmp_path, template.render(FULL, "clip-tta"))
    assert settings.project.name == "clip-tta"
    assert settings.project.smoke == FULL.smoke
    assert (settings.project.env.kind, settings.project.env.name) == ("conda", "clip")
    assert settings.project.outputs == ("outputs",)
    assert settings.knobs == knobs.Knobs(
        micro_batch=FULL.micro_batch, accumulation=FULL.accumulation, resume=FULL.resume
    )
    assert settings.metrics is not None
    assert (settings.metrics.primary, settings.metrics.goal) == ("val_loss", "min")
    assert settings.warnings == ()


def test_what_is_missing_is_a_comment(tmp_path: Path) -> None:
    """A small valid file, in which a person only has to take off the `#`."""
    text = template.render(BARE, "a")
    settings = loaded(tmp_path, text)
    assert settings.knobs == knobs.Knobs()
    assert settings.metrics is None
    for key in ("smoke", "env", "outputs", "[metrics]", "[servers.", "[knobs]", "resume"):
        assert f"# {key}" in text


def test_comments_become_valid_lines(tmp_path: Path) -> None:
    """Each one, when its `#` is taken off."""
    lines = template.render(BARE, "a").splitlines()[2:]
    settings = loaded(tmp_path, "\n".join(line.removeprefix("# ") for line in lines))
    assert settings.knobs.resume == "--resume {checkpoint}"
    assert settings.servers["gpu1"].root == "~/overnight"


def test_uv_and_venv(tmp_path: Path) -> None:
    """Each kind in the form that the configuration wants."""
    for kind, name, value in (("uv", "", True), ("venv", ".venv", ".venv")):
        found = Detected(
            script="a.py",
            framework="",
            train="python a.py",
            environment=Environment(kind=kind, name=name, why=""),
        )
        text = template.render(found, "a")
        assert tomllib.loads(text)["project"]["env"] == {kind: value}
        assert loaded(tmp_path, text).project.env.kind == kind


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@given(name=TEXT, script=TEXT, outputs=st.lists(TEXT, max_size=3))
def test_strange_text_survives(name: str, script: str, outputs: list[str]) -> None:
    """Quotes, newlines and any character come back from the file as they were."""
    train = shlex.join(["python", script])
    found = Detected(script=script, framework="", train=train, outputs=tuple(outputs))
    project = tomllib.loads(template.render(found, name))["project"]
    assert project["train"] == train
    assert project.get("outputs", []) == outputs
