from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import environment, sources

Make = Callable[[Mapping[str, str]], Path]


def find(root: Path) -> environment.Found:
    return environment.find(sources.Project(root))


@pytest.mark.parametrize(
    ("files", "kind", "name"),
    [
        ({"environment.yml": "channels: [x]\nname: clip   # mine\n"}, "conda", "clip"),
        ({"env.yaml": "name: 'my env'\n"}, "conda", "my env"),
        ({"uv.lock": ""}, "uv", ""),
        ({"pyproject.toml": "[tool.uv]\n"}, "uv", ""),
        ({".venv/pyvenv.cfg": ""}, "venv", ".venv"),
        ({"venv/pyvenv.cfg": "", "requirements.txt": "torch\n"}, "venv", "venv"),
    ],
)
def test_environment_is_recognised(make: Make, files: dict[str, str], kind: str, name: str) -> None:
    """Each by the file that describes it."""
    chosen = find(make(files)).chosen
    assert chosen is not None
    assert (chosen.kind, chosen.name) == (kind, name)


def test_several_are_all_said(make: Make) -> None:
    """The lock file says most; the others are named."""
    found = find(make({"uv.lock": "", "environment.yml": "name: a\n", ".venv/pyvenv.cfg": ""}))
    assert found.chosen is not None
    assert found.chosen.kind == "uv"
    assert [each.kind for each in found.others] == ["conda", "venv"]


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        ({"requirements-gpu.txt": ""}, "requirements-gpu.txt"),
        ({"poetry.lock": ""}, "poetry.lock"),
        ({"pyproject.toml": "[project]\nname = 'a'\n"}, "pyproject.toml"),
        ({"environment.yml": "dependencies: []\n"}, "no environment"),
        ({"pyproject.toml": "tool = 3\nproject = 'x'\n"}, "no environment"),
        ({"pyproject.toml": "[broken"}, "no environment"),
        ({}, "no environment"),
    ],
)
def test_nothing_to_activate_says_what_to_write(
    make: Make, files: dict[str, str], seen: str
) -> None:
    """A list of packages is no environment yet."""
    found = find(make(files))
    assert found.chosen is None
    assert seen in found.question
    assert 'env = { conda = "NAME" }' in found.question
