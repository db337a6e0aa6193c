"""What a run has set, as flat keys."""

from __future__ import annotations

import pytest

from overnight.results.comparison import settings


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            "python train.py --lr 0.1 --amp --wd=1e-4 -x -1 --layers 1 2 3",
            {
                "script": "train.py", "--lr": "0.1", "--amp": True, "--wd": "1e-4", "-x": "-1",
                "--layers": "1 2 3",
            },
        ),
        (
            "python -m pkg.train model=vit +trainer.max_epochs=3 optim.lr=0.1",
            {"-m": "pkg.train", "model": "vit", "trainer.max_epochs": "3", "optim.lr": "0.1"},
        ),
        (
            "torchrun --nproc_per_node 2 train.py --lr 1",
            {"--nproc_per_node": "2", "script": "train.py", "--lr": "1"},
        ),
        ("python t.py a b", {"script": "t.py", "argument 1": "a", "argument 2": "b"}),
        ("python t.py --set a --set b", {"script": "t.py", "--set": "a b"}),
        ("python", {}),
    ],
)  # fmt: skip
def test_commands(argv: str, expected: dict[str, object]) -> None:
    """Flags with their values, overrides, the script, and what stands alone."""
    assert settings.of_command(argv.split()) == expected


def test_a_text_for_the_shell() -> None:
    """Its words, also where a quote does not end."""
    found = settings.of_command(["/bin/sh", "-c", "cd src && python train.py --lr '0.1'"])
    assert found["--lr"] == "0.1"
    assert settings.of_command(["/bin/sh", "-c", "python t.py --x 'a"])["--x"] == "'a"


def test_secrets_are_never_in_it() -> None:
    found = settings.of_environment({"HF_TOKEN": "hf_123", "WIDTH": "8"})
    assert found == {"env HF_TOKEN": settings.HIDDEN, "env WIDTH": "8"}
    text = "api_key: abc\nkey: q\nmax_tokens: 5\nhf_token: x\n"
    found = settings.of_file("a.yaml", text)
    assert found == {
        "a.yaml api_key": settings.HIDDEN,
        "a.yaml key": "q",
        "a.yaml max_tokens": "5",
        "a.yaml hf_token": settings.HIDDEN,
    }


def test_files_by_key() -> None:
    """What cannot be read for certain is known by its content."""
    assert settings.of_file("c.toml", '[optim]\nlr = 0.1\nname = "adam"\n') == {
        "c.toml optim.lr": "0.1",
        "c.toml optim.name": "adam",
    }
    broken = settings.of_file("c.yaml", "a: [1\n")
    assert list(broken) == ["c.yaml"]
    assert broken != settings.of_file("c.yaml", "a: [2\n")


def test_a_file_that_is_not_known_of_all_runs_tells_nothing() -> None:
    """Else those of which it is known would seem to differ."""
    one = settings.of_run(["python", "t.py"], {}, {"c.yaml": "lr: 1\n"})
    other = settings.of_run(["python", "t.py"], {}, {"c.yaml": None})
    assert settings.evened([one, other]) == [{"script": "t.py"}, {"script": "t.py"}]
    assert settings.evened([one])[0]["c.yaml lr"] == "1"


def test_whole_numbers() -> None:
    told = [3, "3", " -4 ", 3.0, True, "3.5", None, "٣", "1" * 30]
    assert [settings.whole(each) for each in told] == [3, 3, -4, 3] + [None] * 5
