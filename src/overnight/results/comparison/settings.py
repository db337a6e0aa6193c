"""What a run has set, as a flat mapping: flags of its command, variables, keys of its files. Pure.

Keys: `--lr`, `lr` (an override as Hydra has them), `script`, `argument 1`, `env WIDTH`,
`configs/base.yaml optim.lr`, and a sweep's own keys. A secret's value is never in it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from overnight.core import config_text, invocation
from overnight.core.unclear import UnclearError

HIDDEN = "(hidden)"
UNKNOWN = "(a file that is not known here)"
SCRIPT = "script"
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_FLAG = re.compile(r"--?[A-Za-z]")
_OVERRIDE = re.compile(r"\+{0,2}~?[A-Za-z_][\w.@/-]*=")
_SCRIPT = re.compile(r".*\.(py|sh)$")
MOST_KEYS = 5000  # of one file


def of_run(
    argv: Sequence[str], env: Mapping[str, str], files: Mapping[str, str | None]
) -> dict[str, Any]:
    """`files`: the text of each configuration file that the command names; None where it is not
    known here.
    """
    found = {**of_command(argv), **of_environment(env)}
    for path, text in files.items():
        found.update({path: UNKNOWN} if text is None else of_file(path, text))
    return found


def evened(configs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Without the keys of a file that some run has, but whose content is not known of all runs.

    Else the runs of which it is known would seem to differ from the others.
    """
    unknown = {key for each in configs for key, value in each.items() if value == UNKNOWN}
    return [
        {
            key: value
            for key, value in each.items()
            if key not in unknown and key.partition(" ")[0] not in unknown
        }
        for each in configs
    ]


def of_command(argv: Sequence[str]) -> dict[str, Any]:
    """A flag without a value is True; one that is given more than once has all its values."""
    found: dict[str, Any] = {}
    for key, value in _pairs(_words(argv)):
        if key in found and found[key] != value:
            value = f"{found[key]} {value}"
        found[key] = value
    return found


def _words(argv: Sequence[str]) -> list[str]:
    """Without the program; of a text for the shell its words."""
    if len(argv) > 2 and argv[1] in ("-c", "-lc") and argv[0].rpartition("/")[2] in ("sh", "bash"):
        try:
            return shlex.split(argv[2])[1:]
        except ValueError:  # a quote that does not end
            return argv[2].split()[1:]
    return list(argv[1:])


def _pairs(words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    place, arguments, has_script = 0, 0, False
    while place < len(words):
        word = words[place]
        place += 1
        if _FLAG.match(word):
            name, is_set, value = word.partition("=")
            if is_set:
                yield name, value
                continue
            end = place
            while end < len(words) and _is_value(words[end]):
                end += 1
            yield name, " ".join(words[place:end]) or True
            place = end
        elif _OVERRIDE.match(word):
            name, _, value = word.partition("=")
            yield name.lstrip("+"), value
        elif not has_script and _SCRIPT.fullmatch(word):
            has_script = True
            yield SCRIPT, word
        else:
            arguments += 1
            yield f"argument {arguments}", word


def _is_value(word: str) -> bool:
    """Whether it belongs to the flag before it."""
    return not (_FLAG.match(word) or _OVERRIDE.match(word) or _SCRIPT.fullmatch(word))


def whole(value: Any) -> int | None:
    """A whole number, also where it is written as text; no truth value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,20}", value.strip(), re.ASCII):
        return int(value)
    return None


def flat(told: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings with dots in their keys; lists as text. Secrets are hidden."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        key = f"{above}.{name}" if above else str(name)
        if isinstance(value, Mapping):
            found.update(flat(value, key))
        elif isinstance(value, (list, tuple)):
            found[key] = json.dumps(list(value), default=str)
        else:
            found[key] = HIDDEN if _is_secret_key(str(name)) else value
    return found


def of_environment(env: Mapping[str, str]) -> dict[str, str]:
    return {
        f"env {name}": HIDDEN if _SECRET.search(name) else str(value)
        for name, value in sorted(env.items())
    }


def of_file(path: str, text: str) -> dict[str, str]:
    """Its plain values by key; what it is as a whole where it cannot be read for certain."""
    try:
        document = config_text.read(path, text)
    except UnclearError:
        return {path: content(text)}
    scalars = list(document.scalars.items())[:MOST_KEYS]
    return {
        f"{path} {config_text.dotted(key)}": _shown(key[-1], scalar.text) for key, scalar in scalars
    }


def _shown(name: str, written: str) -> str:
    return HIDDEN if _is_secret_key(name) else invocation.unquoted(written)


def _is_secret_key(name: str) -> bool:
    """`api_key` and `hf_token`, but neither `key` of an attention nor `max_tokens`."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    return bool(
        words & {"secret", "password", "passwd", "credential", "credentials", "apikey"}
    ) or (bool(words & {"key", "token"}) and bool(words & {"api", "auth", "access", "hf", "wandb"}))


def content(text: str) -> str:
    return f"content {hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
