from __future__ import annotations

import pytest

from overnight.core import knobs


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("--batch-size {}", ["--batch-size", "{}"]),
        ("--batch-size={}", ["--batch-size={}"]),
        ("trainer.batch_size={}", ["trainer.batch_size={}"]),
        ("-b{}", ["-b{}"]),
        ("-b|--batch-size {}", ["--batch-size", "{}"]),
        ("-b|--batch-size={}", ["--batch-size={}"]),
    ],
)
def test_words_of_a_template_are_what_is_added_to_the_command(
    template: str, words: list[str]
) -> None:
    """The last spelling is used, in the form that the template shows."""
    assert knobs.words(template) == words


@pytest.mark.parametrize(
    "template",
    [
        "",
        "{}",
        "={}",
        "--batch-size",
        "--batch-size {} {}",
        "a b {}",
        "-b||--batch {}",
        "--x 'a {}",
    ],
)
def test_unusable_templates_are_refused(template: str) -> None:
    """A template without exactly one flag and one {} cannot be filled in."""
    with pytest.raises(ValueError, match=r"\{\}|quotation"):
        knobs.words(template)


def test_spellings_are_the_flags_alone() -> None:
    """Each spelling can be looked for in a command."""
    assert knobs.spellings("-b|--batch-size {}") == ("-b", "--batch-size")
    assert knobs.spellings("x.y={}") == ("x.y",)


@pytest.mark.parametrize(
    ("template", "argv"),
    [
        (None, None),
        ("auto", "auto"),
        ("--resume", ["--resume"]),
        ("--resume {checkpoint}", ["--resume", "{checkpoint}"]),
        ("--resume '{checkpoint}' --start \"a b\"", ["--resume", "{checkpoint}", "--start", "a b"]),
    ],
)
def test_resume_template_becomes_argv(template: str | None, argv: object) -> None:
    """The placeholder stays; the node puts the checkpoint there."""
    assert knobs.resume_argv(template) == argv
