"""Commands that a project shows its readers: in README files, shell scripts and the Makefile."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from collections.abc import Iterator

from overnight.code import sources
from overnight.core import command

_LAUNCH = re.compile(
    r"^(?:python[0-9.]*|torchrun|accelerate\s+launch|deepspeed|(?:uv|poetry|pipenv|pdm)\s+run|srun)\s"
)
_RUNNER = re.compile(r"^(?:uv|poetry|pipenv|pdm)\s+run\s+(?=[a-z])")  # env = … does that
_INLINE = re.compile(r"`([^`\n]+)`")
_ASSIGNMENTS = re.compile(r"^(?:(?:export\s+|env\s+)?[A-Za-z_][A-Za-z0-9_]*=\S*\s+)+")
_PROMPT = re.compile(r"^\s*(?:[$>#%]\s+|[A-Za-z_-]+:\s+(?=python|torchrun))?")
_AFTER = re.compile(r"\s+(?:#|&&|\|\||\||;|>|2>|&$).*$|[;&]\s*$")
_HOLE = re.compile(
    r"[<>{}$*\[\]`]|\.\.\.|…|path/to|/path|/your|your[_-]|[_-]path$|^[A-Z][A-Z_]{3,}$", re.ASCII
)
_NOT_A_TRAINING = re.compile(
    r"--?(?:eval|evaluate|test|eval[_-]only|help|h|multirun|m|dry[_-]?run|dummy|debug|"
    r"benchmark|profile|fast_dev_run)(?:=|$)"
    r"|-*(?:resume|resume[_-]from\w*|ckpt_path)(?:=|$)"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Command:
    """`words` is the argv; `head` its beginning up to the script, which is the file `script`.

    `is_literal` is false where it has holes for the reader to fill in, or is not a plain training.
    """

    words: tuple[str, ...]
    head: tuple[str, ...]
    script: str
    place: str
    is_literal: bool
    launcher: bool


def commands(project: sources.Project) -> list[Command]:
    """In the order to prefer them: README before shell scripts, the top before the deep end."""
    found = []
    for path in sorted(_documents(project), key=_rank):
        text = project.text(path)
        for number, line in _lines(text or "", is_script=not path.lower().endswith(".md")):
            made = _command(project, path, number, line)
            if made is not None:
                found.append(made)
    return found


def _documents(project: sources.Project) -> Iterator[str]:
    for path in project.files:
        name = path.rpartition("/")[2].lower()
        is_readme = name.startswith("readme") and path.count("/") <= 2
        is_recipe = name == "makefile" or (name.endswith(".sh") and path.count("/") <= 1)
        if is_readme or is_recipe:
            yield path


def _rank(path: str) -> tuple[int, bool, str]:
    name = path.rpartition("/")[2].lower()
    return path.count("/"), not name.startswith("readme"), path


def _lines(text: str, *, is_script: bool) -> Iterator[tuple[int, str]]:
    """(number, command line), lines that end in a backslash joined, also inside `inline code`."""
    pending, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        joined = f"{pending} {line.strip()}" if pending else line.strip()
        start = start if pending else number
        if joined.endswith("\\"):
            pending = joined[:-1].rstrip()
            continue
        pending = ""
        yield start, joined
        if not is_script:
            for match in _INLINE.finditer(line):
                yield number, match[1]


def _command(project: sources.Project, path: str, number: int, line: str) -> Command | None:
    text = _PROMPT.sub("", line.strip().strip("`"), count=1)
    text, variables = _without_variables(text)
    text = _RUNNER.sub("", text)
    if not _LAUNCH.match(text):
        return None
    text = _AFTER.sub("", text.replace('"$@"', "")).strip()
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    found = _script(project, os.path.dirname(path), words)
    if found is None:
        return None
    at, script = found
    rest = words[at + 1 :]
    whole = _from_the_top(words, at, script)
    return Command(
        words=whole,
        head=whole[: at + 1],
        script=script,
        place=f"{command.visible(path)}:{number}",
        is_literal=not variables
        and _is_literal(rest)
        and _single_machine(words[:at])
        and (not os.path.dirname(path) or _files_exist(project, rest)),
        launcher=not re.match(r"python", words[0]) or _module_launcher(words[:at]),
    )


def _without_variables(text: str) -> tuple[str, bool]:
    """`text` without `NAME=value` in front, and whether one of them matters.

    Which GPUs to use is for overnight to say.
    """
    match = _ASSIGNMENTS.match(text)
    if match is None:
        return text, False
    names = re.findall(r"([A-Za-z_][A-Za-z0-9_]*)=", match.group())
    return text[match.end() :], any(name != "CUDA_VISIBLE_DEVICES" for name in names)


def _module_launcher(words: list[str]) -> bool:
    return any("distributed" in word or "accelerate" in word for word in words)


def _single_machine(launcher: list[str]) -> bool:
    text = " ".join(launcher)
    return not re.search(
        r"nnodes[= ](?!1\b)|node_rank|master_addr|srun", text
    ) and not _HOLE.search(text)


def _is_literal(words: list[str]) -> bool:
    return not any(_HOLE.search(word) or _NOT_A_TRAINING.match(word) for word in words)


def _files_exist(project: sources.Project, words: list[str]) -> bool:
    """False where the command names files as seen from another folder than the top."""
    named = (word.rpartition("=")[2] for word in words)
    return all(project.has(word) for word in named if re.search(r"\.(ya?ml|json|toml|cfg)$", word))


def _script(project: sources.Project, folder: str, words: list[str]) -> tuple[int, str] | None:
    """Which word is the script, and the file of the project that it names."""
    for at, word in enumerate(words[1:], 1):
        if words[at - 1] == "-m" and re.fullmatch(r"[\w.]+", word):
            path = _module_file(project, word)
            if path is not None:
                return at, path
        elif word.endswith(".py"):
            path = _file(project, folder, word)
            return (at, path) if path is not None else None
        elif not word.startswith("-") and re.match(r"python[0-9.]*$", words[at - 1]):
            return None  # python runs that, whatever it is
    return None


def _module_file(project: sources.Project, name: str) -> str | None:
    tail = name.replace(".", "/")
    candidates = (f"{base}{tail}{end}" for base in ("", "src/") for end in (".py", "/__main__.py"))
    return next((path for path in candidates if path in project.files), None)


def _file(project: sources.Project, folder: str, word: str) -> str | None:
    """Relative to the top, to the document's folder, or the only file that ends so."""
    for base in ("", folder):
        path = os.path.normpath(os.path.join(base, word))
        if path in project.files:
            return path
    ends = [path for path in project.files if path.endswith(f"/{os.path.normpath(word)}")]
    return ends[0] if len(ends) == 1 else None


def _from_the_top(words: list[str], at: int, script: str) -> tuple[str, ...]:
    """The command as it is typed in the project's folder."""
    named = words[at] if words[at - 1] == "-m" else script
    return (*words[:at], named, *words[at + 1 :])
