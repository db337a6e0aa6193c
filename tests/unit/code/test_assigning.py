"""Where a value of a sweep goes, in real projects of each kind."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from overnight.app import project_files
from overnight.code import assigning
from overnight.core import errors, sweep
from overnight.core.sweep_values import Value
from tests.unit.code.conftest import Make

SCRIPT = """\
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--lr", "-l", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--model", default="small")
    parser.add_argument("--layers", nargs="+", type=int)
    parser.add_argument("--amp", action="store_true")
    parser.add_argument("--no-aug", dest="aug", action="store_false")
    parser.add_argument("--ema", action="store_true", default=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
"""
YAML = """\
    # the experiment
    optim:
      lr: 1.0e-3     # as in the paper
      betas: [0.9, 0.999]
    warmup: 500
    model: {depth: 12, name: 'vit'}   # small
    val: {depth: 3}
    note:
"""
CONF = {
    "train.py": """\
        import hydra

        @hydra.main(config_path="conf", config_name="config")
        def main(cfg):
            pass
    """,
    "conf/config.yaml": """\
        defaults:
          - model: small
          - _self_
        lr: 0.1
        seed: 0
        data:
          root: ${oc.env:DATA}
          depth: 3
    """,
    "conf/model/small.yaml": "depth: 12\nwidth: 64\n",
    "conf/model/large.yaml": "depth: 24\nwidth: 128\n",
}


def command(root: Path, words: str, base: str | None = None) -> assigning.Command:
    argv = ["/bin/sh", "-c", words] if "&&" in words else shlex.split(words)
    return assigning.Command(root, argv, project_files.reader(root, ()), base=base)


def assigned(made: assigning.Command, *words: str) -> tuple[str, Mapping[str, str]]:
    """The command line and the edited files with `key=value` of each word."""
    axes = sweep.parse_axes(words)
    done = made.assign([(made.target(axis.key), axis.values[0]) for axis in axes])
    return shlex.join(done.argv), done.files


def refused(made: assigning.Command, *words: str) -> str:
    with pytest.raises(errors.UsageError) as caught:
        assigned(made, *words)
    return f"{caught.value.message} | {caught.value.hint}"


# -- flags ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "word", "becomes", "base"),
    [
        ("", "lr=3e-4", "--lr 3e-4", 0.1),
        ("--lr 0.5 --amp", "lr=3e-4", "--lr 3e-4 --amp", 0.5),
        ("-l 0.5", "lr=3e-4", "-l 3e-4", 0.5),
        ("--lr=0.5", "lr=3e-4", "--lr=3e-4", 0.5),
        ("--batch_size 8", "batch_size=16", "--batch_size 16", 8),
        ("", "batch-size=16", "--batch-size 16", 64),
        ("", "model='a b'", "--model 'a b'", "small"),
        ("", "amp=true", "--amp", False),
        ("--amp", "amp=false", "", True),
        ("--amp", "amp=true", "--amp", True),
        ("", "no_aug=true", "--no-aug", False),
        ("--layers 3", "layers=4", "--layers 4", 3),
    ],
)
def test_a_flag_of_the_script(
    make: Make, typed: str, word: str, becomes: str, base: object
) -> None:
    """Replaced where it is typed, else added; the base is what the command or the script says."""
    made = command(make({"train.py": SCRIPT}), f"python train.py {typed}")
    assert assigned(made, word) == (f"python train.py {becomes}".strip(), {})
    target = made.target(word.partition("=")[0])
    assert target.base is not None
    assert target.base.value == base


@pytest.mark.parametrize(
    ("typed", "word", "says"),
    [
        ("", "lrr=1", "train.py takes --config, --lr, --batch-size"),
        ("", "lrr=1", "did you mean lr?"),
        ("", "batch_size=1.5", "--batch-size takes a whole number, not 1.5"),
        ("", "lr=fast", "--lr takes a number, not fast"),
        ("", "lr=null", "cannot be given null"),
        ("", "amp=3", "--amp takes true or false"),
        ("", "ema=false", "--ema is on unless told otherwise (train.py:11)"),
        ("--layers 1 2 3", "layers=4", "may be a list of values"),
        ("--batch 8", "batch_size=4", "--batch may be short for --batch-size"),
    ],
)
def test_a_flag_that_cannot_take_the_value(make: Make, typed: str, word: str, says: str) -> None:
    """Refused with the reason, before anything runs."""
    made = command(make({"train.py": SCRIPT}), f"python train.py {typed}")
    assert says in refused(made, word)


def test_a_script_that_is_not_ours(make: Make) -> None:
    """A flag that is typed can be replaced, whatever the program is."""
    made = command(make({}), "trainer --lr 0.1 --x 2")
    assert assigned(made, "lr=0.2")[0] == "trainer --lr 0.2 --x 2"
    assert "the command names no script of this project" in refused(made, "warmup=1")


def test_a_hugging_face_script(make: Make) -> None:
    """Its own arguments are known without being declared; switches take a word."""
    script = """\
        from transformers import HfArgumentParser, TrainingArguments
        parser = HfArgumentParser(TrainingArguments)
    """
    made = command(make({"train.py": script}), "python train.py --output_dir out")
    line, _ = assigned(made, "weight_decay=0.1", "fp16=true", "learning_rate=1e-4")
    assert line.endswith("--weight_decay 0.1 --fp16 True --learning_rate 1e-4")
    assert made.seed().name == "seed"


def test_lightning_cli(make: Make) -> None:
    """Keys with the parser's own first part are taken, for it to judge."""
    script = """\
        from lightning.pytorch.cli import LightningCLI
        LightningCLI()
    """
    made = command(make({"train.py": script}), "python train.py fit")
    line, _ = assigned(made, "model.depth=3", "trainer.max_epochs=2")
    assert line == "python train.py fit --model.depth 3 --trainer.max_epochs 2"
    assert made.seed().name == "seed_everything"
    assert "no flag has 'depth'" in refused(made, "depth=3")


# -- configuration files --------------------------------------------------------------------------


@pytest.fixture
def yaml(make: Make) -> assigning.Command:
    root = make({"train.py": SCRIPT, "configs/base.yaml": YAML})
    return command(root, "python train.py --config configs/base.yaml")


def test_a_key_of_the_file_that_the_command_names(yaml: assigning.Command) -> None:
    """By its full name or its last part; only the values change, comments stay."""
    line, files = assigned(yaml, "lr=3e-4", "model.depth=24", "model.name=a b", "optim.betas.0=.5")
    assert line == "python train.py --config configs/base.yaml"
    assert files["configs/base.yaml"].splitlines() == [
        "# the experiment",
        "optim:",
        "  lr: 3.0e-4     # as in the paper",
        "  betas: [0.5, 0.999]",
        "warmup: 500",
        "model: {depth: 24, name: 'a b'}   # small",
        "val: {depth: 3}",
        "note:",
    ]
    target = yaml.target("lr")
    assert target.where == "configs/base.yaml:3 optim.lr"
    assert target.base == Value("1.0e-3", 1e-3)


def test_a_key_without_a_value(yaml: assigning.Command) -> None:
    """`note:` is null, and gets one."""
    assert yaml.target("note").base == Value("", None)
    assert "\nnote: x" in assigned(yaml, "note=x")[1]["configs/base.yaml"]


def test_the_value_that_is_there_changes_nothing(yaml: assigning.Command) -> None:
    """No file is carried along for it."""
    assert assigned(yaml, "warmup=500")[1] == {}


def test_a_name_that_several_keys_have(yaml: assigning.Command) -> None:
    """All of them are listed, with their dots."""
    said = refused(yaml, "depth=3")
    assert "configs/base.yaml:model.depth, configs/base.yaml:val.depth" in said
    assert assigned(yaml, "configs/base.yaml:val.depth=4")[1]


def test_a_key_that_nothing_has(yaml: assigning.Command) -> None:
    """Where was looked, what is there, and what may have been meant."""
    said = refused(yaml, "lrr=1")
    assert said.startswith("no config has 'lrr': configs/base.yaml has optim.lr, optim.betas.0")
    assert "train.py takes --config, --lr" in said
    assert said.endswith("did you mean lr?")


def test_a_key_and_a_typed_flag(make: Make) -> None:
    """Which of the two the script takes is not known."""
    root = make({"train.py": SCRIPT, "c.yaml": "lr: 1\n"})
    made = command(root, "python train.py --config c.yaml --lr 0.1")
    assert "--lr in the command and c.yaml both set it" in refused(made, "lr=3")
    assert assigned(made, "model=large")[0].endswith("--model large")


def test_json_and_toml(make: Make) -> None:
    """Both are edited in place."""
    root = make({"a.json": '{"lr": 0.1, "tag": "x"}', "b.toml": "# c\n[o]\nlr = 0.1  # d\n"})
    _, files = assigned(command(root, "train a.json"), "lr=1e-3", "tag='1'")
    assert json.loads(files["a.json"]) == {"lr": 1e-3, "tag": "1"}
    _, files = assigned(command(root, "train b.toml"), "lr=1e-3")
    assert files["b.toml"] == "# c\n[o]\nlr = 1.0e-3  # d\n"
    assert tomllib.loads(files["b.toml"]) == {"o": {"lr": 1e-3}}
    assert "TOML has no null" in refused(command(root, "train b.toml"), "lr=null")


def test_yaml_that_cannot_be_changed_alone(make: Make) -> None:
    """An anchor, or a file that is no YAML: said with the place."""
    root = make({"a.yaml": "lr: &x 1\nother: *x\n", "b.yaml": "a: [1\n"})
    assert "has an anchor" in refused(command(root, "train a.yaml"), "lr=2")
    assert "b.yaml: not read as one YAML document" in refused(command(root, "t b.yaml"), "lr=2")


def test_a_command_for_the_shell(make: Make) -> None:
    """The files that it names can be changed, its flags cannot."""
    root = make({"c.yaml": "lr: 1\n"})
    made = command(root, "cd . && python train.py c.yaml --x 1")
    assert assigned(made, "lr=2")[1] == {"c.yaml": "lr: 2\n"}
    assert "a command for the shell is not looked into for flags" in refused(made, "x=2")


def test_a_file_that_is_varied_itself(make: Make) -> None:
    """Keys are written into the one that the command then names; what is missing there is told."""
    root = make({"train.py": SCRIPT, "a.yaml": "w: 1\nx: 1\n", "b.yaml": "w: 2\n"})
    made = command(root, "python train.py --config a.yaml")
    line, files = assigned(made, "w=3", "config=b.yaml")
    assert (line, files) == ("python train.py --config b.yaml", {"b.yaml": "w: 3\n"})
    assert "no config has 'x': b.yaml has w" in refused(made, "x=3", "config=b.yaml")


def test_a_file_that_the_script_reads_unless_told_otherwise(make: Make) -> None:
    """It counts as named while nothing else is."""
    script = SCRIPT.replace('"--config")', '"--config", default="a.yaml")')
    root = make({"train.py": script, "a.yaml": "w: 1\n", "b.yaml": "w: 2\n"})
    made = command(root, "python train.py")
    assert assigned(made, "w=3") == ("python train.py", {"a.yaml": "w: 3\n"})
    line, files = assigned(made, "w=3", "config=b.yaml")
    assert (line, files) == ("python train.py --config b.yaml", {"b.yaml": "w: 3\n"})
    assert "no flag has 'w'" in refused(command(root, "python train.py --config c.cfg"), "w=3")


# -- the file to start from -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("--config a.yaml", "--config b.yaml"),
        ("--config=a.yaml", "--config=b.yaml"),
        ("--config ./b.yaml", "--config ./b.yaml"),
        ("", "--config b.yaml"),
    ],
)
def test_a_base(make: Make, typed: str, becomes: str) -> None:
    """It takes the place of the file that the command names, or of none."""
    root = make({"train.py": SCRIPT, "a.yaml": "lr: 1\n", "b.yaml": "lr: 2\nw: 3\n"})
    made = command(root, f"python train.py {typed}", base="b.yaml")
    assert assigned(made, "w=4") == (f"python train.py {becomes}", {"b.yaml": "lr: 2\nw: 4\n"})


def test_bases_that_cannot_be(make: Make) -> None:
    """No such file; no place for it in the command; several places; Hydra."""
    root = make({"a.yaml": "lr: 1\n", "b.yaml": "lr: 2\n", "c.yaml": "x: 1\n", **CONF})
    for words, base, says in [
        ("train a.yaml", "d.yaml", "there is no file d.yaml"),
        ("train x", "b.yaml", "which names no such file"),
        ("train a.yaml c.yaml", "b.yaml", "which names a.yaml, c.yaml"),
        ("python train.py", "b.yaml", "this is a Hydra application"),
    ]:
        with pytest.raises(errors.UsageError) as caught:
            command(root, words, base=base)
        assert says in caught.value.message
        assert caught.value.hint


# -- Hydra ----------------------------------------------------------------------------------------


@pytest.fixture
def hydra(make: Make) -> assigning.Command:
    return command(make(CONF), "python train.py lr=0.2")


@pytest.mark.parametrize(
    ("word", "becomes", "base"),
    [
        ("lr=1e-3", "lr=1e-3", 0.2),
        ("model.width=32", "lr=0.2 model.width=32", 64),
        ("width=32", "lr=0.2 model.width=32", 64),
        ("model=large", "lr=0.2 model=large", "small"),
        ("+new=a", "lr=0.2 +new=a", None),
        ("data.root='a, b'", "lr=0.2 'data.root='\"'\"'a, b'\"'\"''", None),
        ("data.root='1'", "lr=0.2 'data.root='\"'\"'1'\"'\"''", None),
        ("data.root=1_000", "lr=0.2 'data.root='\"'\"'1_000'\"'\"''", None),
        ("data.root=null", "lr=0.2 data.root=null", None),
    ],
)
def test_hydra_overrides(hydra: assigning.Command, word: str, becomes: str, base: object) -> None:
    """Replaced or added as `key=value`; texts in quotes where Hydra's grammar needs them."""
    assert assigned(hydra, word) == (f"python train.py {becomes}", {})
    found = hydra.target(word.partition("=")[0]).base
    assert (found.value if found else None) == base


def test_hydra_refusals(hydra: assigning.Command) -> None:
    """A name that several have, a file that is not there, a key that nothing has."""
    assert "depth may be any of" in refused(hydra, "depth=1")
    assert "no conf/model/lage.yaml; did you mean large?" in refused(hydra, "model=lage")
    said = refused(hydra, "lrr=1")
    assert "no config has 'lrr': conf has" in said
    assert "did you mean lr?" in said


# -- seeds ----------------------------------------------------------------------------------------


def test_seeds_are_recognised(make: Make, hydra: assigning.Command) -> None:
    """A flag, a key or an override, by the names that people give it."""
    assert hydra.seed().name == "seed"
    root = make({"train.py": SCRIPT, "c.yaml": "train: {random_seed: 1}\n"})
    assert command(root, "trainer c.yaml").seed().name == "train.random_seed"
    script = command(make({"plain.py": SCRIPT}), "python plain.py").seed()
    assert (script.kind, script.name) == ("flag", "seed")


def test_nothing_takes_a_seed(make: Make) -> None:
    """Said with how to add one."""
    with pytest.raises(errors.UsageError) as caught:
        command(make({"train.py": "print(1)\n"}), "python train.py").seed()
    assert "nothing here takes a seed" in caught.value.message
    assert "--seed" in caught.value.hint
