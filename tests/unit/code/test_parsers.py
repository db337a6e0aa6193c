from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import parsers, sources, syntax
from overnight.code.options import Option

Make = Callable[[Mapping[str, str]], Path]


def read(root: Path, script: str = "train.py") -> dict[str, Option]:
    project = sources.Project(root)
    module = project.module(script)
    assert module is not None
    return {option.flag: option for option in parsers.read(project, module)}


def test_argparse_kinds_defaults_and_spellings(make: Make) -> None:
    """What argparse would do with each declaration."""
    script = """
        import argparse
        SIZE = 4 * 8
        p = argparse.ArgumentParser()
        p.add_argument("-b", "--batch-size", "--bs", type=int, default=SIZE, help="per GPU")
        p.add_argument("--resume", action="store_true")
        p.add_argument("--amp", action=argparse.BooleanOptionalAction)
        p.add_argument("--flag", type=str2bool, default=False)
        p.add_argument("--epochs", type=positive_int, default=compute())
        p.add_argument("--sizes", type=int, nargs="+")
        p.add_argument("data", nargs="?", default="x")
        p.add_argument("folder")
        p.add_argument(f"--{x}", type=int)
    """
    found = read(make({"train.py": script}))
    assert found["--batch-size"].spellings == ("-b", "--batch-size", "--bs")
    assert found["--batch-size"].number == 32
    assert found["--batch-size"].help == "per GPU"
    assert found["--batch-size"].place == "train.py:5"
    assert found["--batch-size"].number_template() == "-b|--bs|--batch-size {}"
    assert [found[f"--{name}"].kind for name in ("resume", "amp", "flag")] == [
        "switch",
        "switch",
        "bool",
    ]
    assert found["--epochs"].kind == "int"
    assert found["--epochs"].default is syntax.UNKNOWN
    assert found["--sizes"].kind == "text"
    assert (found["data"].required, found["folder"].required) == (False, True)


@pytest.mark.parametrize(
    ("script", "flag", "kind", "default"),
    [
        (
            "@click.option('--batch-size', '-b', default=64)\ndef main(batch_size): ...\n",
            "--batch-size",
            "int",
            64,
        ),
        (
            "@click.option('--resume', is_flag=True)\ndef main(resume): ...\n",
            "--resume",
            "switch",
            None,
        ),
        (
            "import typer\ndef main(batch_size: int = typer.Option(8, '-b', '--bs')): ...\n"
            "typer.run(main)\n",
            "--bs",
            "int",
            8,
        ),
        (
            "import typer\napp = typer.Typer()\n@app.command()\n"
            "def main(batch_size: Annotated[int, typer.Option(help='h')] = 16): ...\n",
            "--batch-size",
            "int",
            16,
        ),
        ("fire.Fire(train)\ndef train(bs: int = 4): ...\n", "--bs", "int", 4),
        ("flags.DEFINE_integer('bs', 4, 'size')\n", "--bs", "int", 4),
        (
            "@dataclass\nclass Args:\n    batch_size: int | None = 32\ntyro.cli(Args)\n",
            "--batch-size",
            "int",
            32,
        ),
    ],
)
def test_other_libraries(make: Make, script: str, flag: str, kind: str, default: object) -> None:
    """click, typer, Fire, absl and tyro."""
    option = read(make({"train.py": script}))[flag]
    assert (option.kind, option.default) == (kind, default)


def test_parser_in_another_file_is_found(make: Make) -> None:
    """`from options import …`, with a base in a further file."""
    root = make(
        {
            "train.py": "from options.train_options import TrainOptions\nfrom utils import show\n",
            "options/train_options.py": """
                from .base_options import BaseOptions
                class TrainOptions(BaseOptions):
                    def add(self, parser):
                        parser.add_argument("--n-epochs", type=int, default=9)
            """,
            "options/base_options.py": "def add(p):\n    p.add_argument('--bs', type=int)\n",
            "utils.py": "def show(p):\n    p.add_argument('--width', type=int)\n",
        }
    )
    assert read(root).keys() == {"--n-epochs", "--bs"}


def test_other_scripts_parsers_do_not_count(make: Make) -> None:
    """An imported file's own `main` reads another command line."""
    other = "if __name__ == '__main__':\n    p.add_argument('--bs', type=int)\n"
    root = make({"train.py": "import eval_args\n", "eval_args.py": other})
    assert read(root) == {}


def test_fields_of_base_classes_count(make: Make) -> None:
    """A field without a default is required; the parser of the HF library reads them all."""
    root = make(
        {
            "train.py": "from parts import Args\nHfArgumentParser(Args)\n",
            "parts.py": """
                class Base:
                    name: str = field(metadata={"help": "who"})
                class Args(Base):
                    train_batch_size: int = field(default=6)
                    tags: list[str] = field(default_factory=list)
            """,
        }
    )
    found = read(root)
    assert (found["--name"].required, found["--name"].help) == (True, "who")
    assert found["--train_batch_size"].number == 6
    assert not found["--tags"].required
