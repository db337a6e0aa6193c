"""A sweep written down: `overnight sweep --file sweep.toml`.

    name = "lr-ablation"
    mode = "ablate"                  # or "grid"
    base = "configs/base.yaml"
    seeds = 3                        # or [0, 1, 2]
    max_concurrent = 4

    [axes]
    lr = [1e-3, 3e-4]
    model.depth = [12, 24]

Instead of [axes] the points themselves may be given, each as `[[runs]]` with what it changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.core import config_file, errors, sweep, sweep_values
from overnight.core import config_kinds as kinds
from overnight.core import config_words as words
from overnight.core.sweep_values import Value
from overnight.core.unclear import UnclearError

_PLAIN = (str, int, float, bool)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """What the file says. `axes` or `points`, never both; None and () where it says nothing."""

    name: str | None = None
    mode: str | None = None
    base: str | None = None
    seeds: tuple[int, ...] = ()
    axes: tuple[sweep.Axis, ...] = ()
    points: tuple[Mapping[str, Value], ...] = ()
    gpus: float | None = None
    servers: tuple[str, ...] = ()
    max_concurrent: int | None = None
    priority: int | None = None
    after: tuple[str, ...] = ()
    command: str | None = None


def _names(name: str, values: list[Any]) -> Iterator[kinds.Problem]:
    for index, value in enumerate(values):
        if not isinstance(value, str) or not kinds.NAME.fullmatch(value):
            yield (index,), f"{words.toml(value)} in {name}: a name has {kinds.NAME_RULE}"


def _seeds(name: str, value: Any) -> Iterator[kinds.Problem]:
    listed = value if isinstance(value, list) else [value]
    if not all(type(each) is int and 0 <= each < 10**9 for each in listed):
        yield (), f"{name} = {words.toml(value)}: write how many, or whole numbers from 0 on"
        return
    try:
        sweep.seeds(value)
    except errors.UsageError as error:
        yield (), f"{name}: {error.message}"


def _name(name: str, value: str) -> Iterator[kinds.Problem]:
    try:
        sweep.checked_name(value)
    except errors.UsageError as error:
        yield (), f"{name}: {error.message}"


_KEYS: Mapping[str, kinds.Kind] = {
    "name": kinds.Kind("text", (str,), _name),
    "mode": kinds.choice(sweep.ABLATE, sweep.GRID),
    "base": kinds.TEXT,
    "seeds": kinds.Kind("a whole number or a list of them", (int, list), _seeds),
    "gpus": kinds.GPU_COUNT,
    "servers": kinds.Kind("a list of names", (list,), _names, tuple),
    "max_concurrent": kinds.POSITIVE,
    "priority": kinds.INTEGER,
    "after": kinds.Kind("a list of runs", (list,), _names, tuple),
    "command": kinds.COMMAND,
}
_EXAMPLES = {
    "name": '"lr-ablation"',
    "mode": '"ablate"',
    "base": '"configs/base.yaml"',
    "seeds": "3",
    "gpus": "1",
    "servers": '["gpu1"]',
    "max_concurrent": "4",
    "priority": "10",
    "after": '["train01"]',
    "command": '"python train.py"',
}
_TABLES = ("axes", "runs")


def load(path: Path, label: str) -> Written:
    """Raises `errors.ConfigError` with every mistake, as `sweep.toml:7: what`."""
    file = config_file.read(path, label)
    found = list(_problems(file.data))
    if not found:
        texts = _texts(file)
        built = _built(file.data, texts)
        if isinstance(built, Written):
            return built
        found = built
    raise errors.ConfigError("\n".join(file.sentences(found)), hint=f"edit {label}")


# --- mistakes ----------------------------------------------------------------------------------


def _problems(data: Mapping[str, Any]) -> Iterator[kinds.Problem]:
    for name, value in data.items():
        if name in _TABLES:
            continue
        if name not in _KEYS:
            known = [*_KEYS, *_TABLES]
            yield (name,), f"unknown key {words.toml(name)}{words.did_you_mean(name, known)}"
        elif type(value) not in _KEYS[name].types:
            yield (name,), words.expected(name, value, _KEYS[name].label, _EXAMPLES[name])
        else:
            yield from (((name, *at), what) for at, what in _KEYS[name].problems(name, value))
    yield from _axes_problems(data)


def _axes_problems(data: Mapping[str, Any]) -> Iterator[kinds.Problem]:
    axes, runs = data.get("axes"), data.get("runs")
    if axes is not None and not isinstance(axes, dict):
        yield ("axes",), "axes: write a section [axes] with lines such as lr = [1e-3, 3e-4]"
    elif axes is not None:
        yield from _axis_problems(("axes",), axes)
    if runs is not None and not _is_tables(runs):
        yield ("runs",), "runs: write [[runs]] above the values of each run"
    elif runs is not None:
        for index, run in enumerate(runs):
            yield from _run_problems(("runs", index), run)
    if axes is not None and runs is not None:
        yield ("runs",), "the file has [axes] and [[runs]]; write one of them"
    if runs is not None and "mode" in data:
        yield ("mode",), "mode: [[runs]] are taken as they are; take mode out"


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _axis_problems(place: kinds.Place, table: Mapping[str, Any]) -> Iterator[kinds.Problem]:
    for name, value in table.items():
        at = (*place, name)
        if isinstance(value, dict):
            yield from _axis_problems(at, value)
        elif not isinstance(value, list):
            shown = words.toml_key(name)
            yield at, f"{shown} = {words.toml(value)}: write its values as a list, [a, b]"
        elif not value:
            yield at, f"{words.toml_key(name)} has no value"
        else:
            for index, each in enumerate(value):
                if type(each) not in _PLAIN:
                    yield (*at, index), _not_plain(name, each)


def _run_problems(place: kinds.Place, table: Mapping[str, Any]) -> Iterator[kinds.Problem]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _run_problems((*place, name), value)
        elif type(value) not in _PLAIN:
            yield (*place, name), _not_plain(name, value)


def _not_plain(name: str, value: Any) -> str:
    shown = words.toml(value) if isinstance(value, (list, dict)) else str(value)
    return f"{words.toml_key(name)}: {shown} is no single number, truth value or text"


# --- values ------------------------------------------------------------------------------------


Text = Callable[[kinds.Place, Any], Value]


def _texts(file: config_file.File) -> Text:
    """Numbers keep the text in which they are written: 1e-3 stays 1e-3."""
    from overnight.core import toml_places

    spans = toml_places.spans(file.text)

    def text(place: kinds.Place, value: Any) -> Value:
        start, end = spans.get(place, (0, 0))
        written = file.text[start:end].replace("_", "")
        is_decimal = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_decimal and sweep_values.typed(written) == value:
            return sweep_values.checked(Value(written, value))
        return sweep_values.checked(sweep_values.of(value))

    return text


def _built(data: Mapping[str, Any], text: Text) -> Written | list[kinds.Problem]:
    plain = {name: _KEYS[name].build(value) for name, value in data.items() if name in _KEYS}
    if "seeds" in plain:
        plain["seeds"] = sweep.seeds(plain["seeds"])
    wrong: list[kinds.Problem] = []
    axes, points = [], []
    for place, value in _leaves(("axes",), data.get("axes", {})):
        values = [_checked((*place, n), each, text, wrong) for n, each in enumerate(value)]
        axes.append((place, sweep.Axis(_dotted(place[1:]), tuple(values))))
    for index, run in enumerate(data.get("runs", [])):
        leaves = _leaves(("runs", index), run)
        points.append(
            {_dotted(place[2:]): _checked(place, each, text, wrong) for place, each in leaves}
        )
    for place, axis in axes:
        try:
            sweep.checked_axes([axis])
        except errors.UsageError as error:
            wrong.append((place, error.message))
    return wrong or Written(**plain, axes=tuple(axis for _, axis in axes), points=tuple(points))


def _checked(place: kinds.Place, value: Any, text: Text, wrong: list[kinds.Problem]) -> Value:
    try:
        return text(place, value)
    except UnclearError as reason:
        wrong.append((place, str(reason)))
        return Value("", value)


def _leaves(place: kinds.Place, table: Mapping[str, Any]) -> Iterator[tuple[kinds.Place, Any]]:
    """`model.depth = […]` of TOML is a table in a table: its key has a dot here too."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves((*place, name), value)
        else:
            yield (*place, name), value


def _dotted(place: Sequence[str | int]) -> str:
    return ".".join(map(str, place))
