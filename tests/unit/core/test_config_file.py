"""Files that cannot be read as TOML: what is said, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.core import errors
from tests.unit.core.config_files import load, refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a name that needs no change."""
    made = tmp_path / "proj"
    made.mkdir()
    return made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[project]\ntrain = python train.py\n",
            '2: not TOML: invalid value; write a value after "="; text needs quotes\n'
            "    train = python train.py\n"
            "            ^",
        ),
        (
            "[project]\ntrain python\n",
            "2: not TOML: expected '=' after a key in a key/value pair; "
            'write it as KEY = "value"\n'
            "    train python\n"
            "          ^",
        ),
        (
            '[project]\nname = "x\ngpus = 1\n',
            "2: not TOML: illegal character '\\n'; close the quote before the end of the line\n"
            '    name = "x\n'
            "             ^",
        ),
        (
            '[project]\nname = "x"\nname = "y"\n',
            "3: not TOML: cannot overwrite a value; this key was given before; keep one of them\n"
            '    name = "y"\n'
            "              ^",
        ),
        (
            "[project]\n[project]\n",
            "2: not TOML: cannot declare ('project',) twice; "
            "this section was given before; keep one of them\n"
            "    [project]\n"
            "            ^",
        ),
        (
            '[project]\noutputs = ["a",\n\n',
            "2: not TOML: invalid value; the file ends here too early, close what was opened\n"
            '    outputs = ["a",\n'
            "                   ^",
        ),
    ],
)
def test_broken_toml_shows_the_line(folder: Path, text: str, message: str) -> None:
    """tomllib's message comes with the file's line, a caret and what to write."""
    error = refused(folder, text)
    assert error.message == f"overnight.toml:{message}"
    assert error.hint == "edit overnight.toml"


def test_caret_in_a_long_line(folder: Path) -> None:
    """Of a long line the part around the mistake is shown, and the caret is below it."""
    sentence, line, caret = refused(folder, f"x = [{'1, ' * 200}oops]\n").message.splitlines()
    assert sentence.startswith("overnight.toml:1: not TOML: invalid value")
    assert line[len(caret) - 1 :].startswith("o")
    assert len(line) < 110


def test_nesting_without_end(folder: Path) -> None:
    """A file that would overflow the parser is refused like any other."""
    error = refused(folder, "x = " + "[" * 100_000)
    assert error.message == "overnight.toml: nested too deeply; write it flatter"


def test_number_too_long_for_python(folder: Path) -> None:
    """What Python itself refuses to read is a mistake in the file, not ours."""
    error = refused(folder, f"x = {'9' * 5000}\n")
    assert error.message.startswith("overnight.toml: not TOML: Exceeds the limit")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'[project]\n# caf\xe9\nname = "x"\n',
            "overnight.toml:2: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
        (
            "[project]\n".encode("utf-16"),
            "overnight.toml:1: this is UTF-16; save the file as UTF-8",
        ),
    ],
)
def test_other_encodings(folder: Path, content: bytes, message: str) -> None:
    """A file in another encoding is named as such."""
    assert refused(folder, content).message == message


def test_folder_instead_of_a_file(folder: Path) -> None:
    """A folder called overnight.toml is not passed over in silence."""
    (folder / "overnight.toml").mkdir()
    with pytest.raises(errors.ConfigError) as caught:
        load(folder)
    assert caught.value.message == "overnight.toml: this is a folder; a file is needed here"


def test_broken_link_instead_of_a_file(folder: Path) -> None:
    """A link that leads nowhere is reported with the reason."""
    (folder / "overnight.toml").symlink_to("nowhere")
    with pytest.raises(errors.ConfigError) as caught:
        load(folder)
    assert caught.value.message == "overnight.toml: cannot be read: No such file or directory"
