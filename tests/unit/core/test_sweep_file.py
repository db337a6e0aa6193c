"""A sweep that is written down, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.core import errors, sweep_file


def load(tmp_path: Path, text: str) -> sweep_file.Written:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    return sweep_file.load(path, "sweep.toml")


def test_axes(tmp_path: Path) -> None:
    """Numbers keep their text; keys with dots may be written as tables or in quotes."""
    found = load(
        tmp_path,
        'name = "abl"\nmode = "grid"\nbase = "c.yaml"\nseeds = 2\nmax_concurrent = 4\n'
        'gpus = 0.5\nservers = ["gpu1"]\nafter = ["train01"]\ncommand = "python t.py"\n'
        '[axes]\nlr = [1e-3, 3e-4]\nmodel.depth = [12, 1_000]\n"data.aug" = ["none", true]\n',
    )
    assert (found.name, found.mode, found.base, found.seeds) == ("abl", "grid", "c.yaml", (0, 1))
    assert (found.max_concurrent, found.gpus, found.servers) == (4, 0.5, ("gpu1",))
    assert (found.after, found.command) == (("train01",), "python t.py")
    assert [(axis.key, [each.text for each in axis.values]) for axis in found.axes] == [
        ("lr", ["1e-3", "3e-4"]),
        ("model.depth", ["12", "1000"]),
        ("data.aug", ["none", "true"]),
    ]


def test_points(tmp_path: Path) -> None:
    """Each [[runs]] is one; an empty one is the base."""
    found = load(tmp_path, "seeds = [5, 7]\n[[runs]]\n[[runs]]\nlr = 3e-4\noptim.beta = 0.9\n")
    assert found.seeds == (5, 7)
    assert [{key: each.text for key, each in point.items()} for point in found.points] == [
        {},
        {"lr": "3e-4", "optim.beta": "0.9"},
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nam = 1\n", 'sweep.toml:1: unknown key "nam"; did you mean "name"?'),
        ('\nname = "a b"\n', "sweep.toml:2: name: 'a b' cannot be the name of a sweep"),
        ('mode = "x"\n', 'sweep.toml:1: mode = "x": write "ablate" or "grid"'),
        ("seeds = 0\n", "sweep.toml:1: seeds: 0 seeds"),
        ("seeds = [1, 1]\n", "sweep.toml:1: seeds: a seed is given twice"),
        ("seeds = true\n", "sweep.toml:1: seeds = true: expected"),
        ("max_concurrent = 0\n", "sweep.toml:1: max_concurrent = 0: write 1 or more"),
        ("[axes]\n\nlr = []\n", "sweep.toml:3: lr has no value"),
        ("[axes]\nlr = 1\n", "sweep.toml:2: lr = 1: write its values as a list"),
        ("[axes]\nlr = [\n1,\n[2]]\n", "sweep.toml:4: lr: [2] is no single number"),
        ("[axes]\nlr = [nan]\n", "sweep.toml:2: nan is no finite number"),
        ("[axes]\nlr = [1, 1.0]\n", "sweep.toml:2: lr has the value 1 twice"),
        ('[axes]\nlr = ["a\\u001b"]\n', "sweep.toml:2: 'a\\\\x1b' has a control character"),
        ("axes = 1\n", "sweep.toml:1: axes: write a section [axes]"),
        ("[runs]\nlr = 1\n", "sweep.toml:1: runs: write [[runs]]"),
        ("[[runs]]\nlr = [1]\n", "sweep.toml:2: lr: [1] is no single"),
        ("[axes]\nlr = [1]\n[[runs]]\n", "sweep.toml:3: the file has [axes] and [[runs]]"),
        ('mode = "grid"\n[[runs]]\n', "sweep.toml:1: mode: [[runs]] are taken as they are"),
        ("lr = \n", "sweep.toml:1: not TOML"),
    ],
)
def test_mistakes_have_their_line(tmp_path: Path, text: str, says: str) -> None:
    """What is wrong, and what to write instead."""
    with pytest.raises(errors.ConfigError) as caught:
        load(tmp_path, text)
    assert says in caught.value.message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """In the order of the lines."""
    with pytest.raises(errors.ConfigError) as caught:
        load(tmp_path, "[axes]\nb = []\na = []\n[x]\n")
    assert [line.split(":")[1] for line in caught.value.message.splitlines()] == ["2", "3", "4"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Said with its name."""
    with pytest.raises(errors.ConfigError, match="cannot be read"):
        sweep_file.load(tmp_path / "no.toml", "no.toml")
