"""The knobs of a command that nobody declared, as far as they are certain.

Looked for, in this order: a flag that is typed, a key of a configuration file that the command
names, and the default of the script's own flag where no file can change it. What stands in two of
these places is doubtful and left alone. Micro-batch and accumulation are taken together or not at
all, so that the effective batch can be kept.
"""

from __future__ import annotations

import ast
import dataclasses
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from overnight.code import batch, commands, configured, frameworks, options, roles, sources, syntax
from overnight.code.options import Option
from overnight.core import command, invocation, knob_places, knobs, launchers
from overnight.core.unclear import UnclearError

Picker = Callable[[Sequence[Option]], roles.Choice | None]
_BATCH: Mapping[str, tuple[Picker, knobs.Number]] = {
    "micro_batch": (roles.micro_batch, "batch"),
    "accumulation": (roles.accumulation, "batch"),
}
_SETTINGS: Mapping[str, tuple[Picker, knobs.Number]] = {
    "workers": (roles.workers, "count"),
    "lr": (roles.learning_rate, "float"),
    "clip": (roles.clip, "float"),
    "port": (roles.port, "port"),
}
_WORDS = {
    "micro_batch": "the micro-batch",
    "accumulation": "the accumulation",
    "workers": "the loader workers",
    "lr": "the learning rate",
    "clip": "the gradient clipping",
    "port": "the rendezvous port",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recognised:
    """`knobs`: the declared ones, filled up. For each one that was added `said` has a sentence, and
    `seen` the file:line that says so. `doubtful`: why a knob must not be taken from anything but a
    declaration.
    """

    knobs: knobs.Knobs
    said: Mapping[str, str] = dataclasses.field(default_factory=dict)
    seen: Mapping[str, str] = dataclasses.field(default_factory=dict)
    doubtful: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def about(self, *names: str) -> list[str]:
        """The sentences about some of them."""
        return [text for name, text in self.said.items() if name in names]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Found:
    """One knob and what says so."""

    knob: knobs.AnyKnob
    option: Option


def knobs_of(
    root: Path,
    argv: Sequence[str],
    declared: knobs.Knobs,
    read: invocation.Read,
    project: sources.Project | None = None,
) -> Recognised:
    """Nothing of the project is run or imported. A text for the shell is not looked into.

    `project`: the files of `root` where somebody has them already; for many commands at once.
    """
    if knob_places.is_shell(argv):
        return Recognised(knobs=declared)
    look = Look(root, argv, read, project)
    overruled = look.overruled(declared)
    known = dataclasses.replace(declared, **dict.fromkeys(overruled))
    wanted = [name for name in _WORDS if getattr(known, name) is None]
    if launchers.port(argv) is not None:
        wanted = [name for name in wanted if name != "port"]
    found: dict[str, Found] = {}
    doubtful: dict[str, str] = {}
    for name in wanted:
        try:
            one = look.find(name)
        except UnclearError as reason:
            doubtful[name] = str(reason)
            continue
        if one is not None:
            found[name] = one
        elif name in overruled:
            doubtful[name] = f"{overruled[name]} sets {_WORDS[name]} too"
    _only_as_pair(found, doubtful, look, known)
    for name, one in found.items():
        known = known.having(name, one.knob)
    return Recognised(
        knobs=known,
        said={name: _said(name, one) for name, one in found.items()},
        seen={name: one.option.place for name, one in found.items()},
        doubtful=doubtful,
    )


def _said(name: str, one: Found) -> str:
    where = one.option.flag if isinstance(one.knob, knobs.Knob) else str(one.knob)
    return f"{command.visible(where)} is {_WORDS[name]} ({one.option.place})"


def _only_as_pair(
    found: dict[str, Found], doubtful: dict[str, str], look: Look, declared: knobs.Knobs
) -> None:
    """Takes out what would change the effective batch if it were turned."""
    _only_in_one_place(found, doubtful, look, declared)
    names = {
        name: one.option.name if one else _knob_name(getattr(declared, name))
        for name in _BATCH
        if (one := found.get(name)) or getattr(declared, name) is not None
    }
    if set(names) != set(_BATCH):
        found.pop("accumulation", None)
        alone = found.pop("micro_batch", None)
        if alone is not None and not look.framework.from_arguments:
            why = f"{_said('micro_batch', alone)}, but no accumulation was found beside it"
            doubtful.setdefault("micro_batch", why)
        return
    place = look.division(names["micro_batch"], names["accumulation"])
    if place and found.keys() & _BATCH.keys():
        why = f"the script divides {names['micro_batch']} by {names['accumulation']} ({place})"
        for name in _BATCH:
            if found.pop(name, None):
                doubtful[name] = why


def _only_in_one_place(
    found: dict[str, Found], doubtful: dict[str, str], look: Look, declared: knobs.Knobs
) -> None:
    """One number in a file, the other one a flag that nobody typed: is its default used at all?"""
    for name, other in (("micro_batch", "accumulation"), ("accumulation", "micro_batch")):
        one, flag = found.get(name), getattr(declared, other)
        if one and isinstance(one.knob, knobs.FileKnob) and look.is_not_typed(flag):
            shown = knobs.spellings(flag.template)[-1]
            doubtful[name] = f"{_said(name, one)}, but {shown} is not in the command"
            found.pop(name)


def _knob_name(knob: knobs.AnyKnob) -> str:
    named = knob.key if isinstance(knob, knobs.FileKnob) else knobs.spellings(knob.template)[-1]
    return options.normal(named.rpartition(".")[2])


class Look:
    """One command looked at: its script's options and the files that it names."""

    def __init__(
        self,
        root: Path,
        argv: Sequence[str],
        read: invocation.Read,
        project: sources.Project | None = None,
    ) -> None:
        self.words = list(argv)
        self.project = project or sources.Project(root)
        self.script = _script(self.project, argv)
        self.near = sources.near(self.project, self.script) if self.script else []
        self.framework = self._framework()
        self.files = dict(self._files(read))

    def _framework(self) -> frameworks.Framework:
        if self.script is None:
            return frameworks.Framework(name=frameworks.PLAIN, place="")
        found = frameworks.find(self.project, self.script, self.near, self.words)
        return commands.with_config_files(self.project, self.script, found, self.words)

    def _files(self, read: invocation.Read) -> Iterator[tuple[str, tuple[Option, ...]]]:
        for path in config_files(self.words):
            try:
                yield path, configured.read(path, read(path))
            except UnclearError:
                continue  # data, or something that is not ours to understand

    def overruled(self, declared: knobs.Knobs) -> dict[str, str]:
        """The declared flags that are not typed while a file sets what they are called, with the
        line of the file: the declared default does not hold for this command."""
        if self.framework.application is not None:
            return {}
        set_by_file = {
            each.name: each.place
            for values in self.files.values()
            for each in values
            if roles.for_training(each)
        }
        return {
            name: set_by_file[_knob_name(knob)]
            for name in _WORDS
            if self.is_not_typed(knob := getattr(declared, name))
            and _knob_name(knob) in set_by_file
        }

    def is_not_typed(self, knob: knobs.AnyKnob | None) -> bool:
        """True for a flag that the command does not say."""
        try:
            return isinstance(knob, knobs.Knob) and not knob_places.typed(self.words, knob)
        except UnclearError:
            return False  # it is there, in some form

    def find(self, name: str) -> Found | None:
        """None where nothing sets it. Raises `UnclearError` where it is doubtful."""
        pick, number = {**_BATCH, **_SETTINGS}[name]
        flag = pick(self.framework.options)
        typed = flag is not None and commands.value_of(self.words, flag.option) is not None
        in_files = self._in_files(pick, number)
        if flag is not None and in_files and (typed or configured.is_deepspeed(in_files[0].option)):
            path = in_files[0].option.place
            raise UnclearError(f"{flag.option.flag} and {path} both set {_WORDS[name]}")
        if typed and flag is not None:
            return Found(knob=_flag_knob(flag.option, number), option=flag.option)
        if in_files:
            return self._from_file(in_files, name, number)
        if flag is None or flag.others:
            return None
        is_off = name == "clip" and flag.option.default is None
        if not (is_off or _is_number(flag.option.default, number)) or not self._holds():
            return None
        return Found(knob=_flag_knob(flag.option, number), option=flag.option)

    def _in_files(self, pick: Picker, number: knobs.Number) -> list[roles.Choice]:
        if self.framework.application is not None:
            return []  # Hydra's own files are overridden on the command line
        return [found for each in self._values(number) if (found := pick(each))]

    def _values(self, number: knobs.Number) -> Iterator[tuple[Option, ...]]:
        """The values by file; a learning rate of 1 is no whole number."""
        for values in self.files.values():
            is_any = number == "float"
            yield tuple(
                dataclasses.replace(each, kind="float") if is_any and each.kind == "int" else each
                for each in values
            )

    def _from_file(self, found: list[roles.Choice], name: str, number: knobs.Number) -> Found:
        option = found[0].option
        path = next(
            path
            for path, values in self.files.items()
            if any(_spot(each) == _spot(option) for each in values)
        )
        rivals = [
            each
            for values in self.files.values()
            for each in values
            if each.name == option.name and roles.for_training(each)
            if _spot(each) != _spot(option)
        ]
        if len(found) > 1 or found[0].others or rivals:
            other = rivals[0].place if rivals else found[-1].option.place
            raise UnclearError(f"{option.place} and {other} may both set {_WORDS[name]}")
        knob = knobs.FileKnob(file=path, key=option.destination, number=number)
        return Found(knob=knob, option=option)

    def _holds(self) -> bool:
        """Whether this command uses the defaults of the script."""
        if self.script is None:
            return False
        can_change = batch.can_be_set_by_file(self.script, self.framework, self.words)
        if self.framework.name == frameworks.LIGHTNING_CLI:
            return not commands.config_files(self.script, self.words)
        has_file = bool(commands.config_files(self.script, self.words))
        if not has_file and self.framework.application is None:
            return self._no_file_by_default()
        return not can_change or batch.defaults_hold(
            self.project, self.script, self.framework, self.words
        )

    def _no_file_by_default(self) -> bool:
        """A file that the script reads unless told otherwise may set anything."""
        option = roles.config(self.framework.options)
        return option is None or option.default in (None, "")

    def division(self, micro: object, steps: object) -> str:
        """Where the script makes its micro-batch by dividing: halving would be done twice."""
        modules = [each for each in (self.script, *self.near) if each is not None]
        for module in modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.FloorDiv):
                    sides = (_name(node.left), _name(node.right))
                elif isinstance(node, ast.AugAssign) and isinstance(
                    node.op, ast.Div | ast.FloorDiv
                ):
                    sides = (_name(node.target), _name(node.value))
                else:
                    continue
                if sides == (micro, steps):
                    return module.place(node)
        return ""


def _spot(option: Option) -> tuple[str, str]:
    return option.place, option.destination


def _name(node: ast.expr) -> str:
    """`batch_size` of `args.batch_size` and of `cfg["batch_size"]`."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return syntax.last_name(node)


def _is_number(value: object, number: knobs.Number) -> bool:
    if number == "float":
        return type(value) in (int, float)
    return type(value) is int and value >= (0 if number == "count" else 1)


def _flag_knob(option: Option, number: knobs.Number) -> knobs.Knob:
    value = option.default if _is_number(option.default, number) else None
    return knobs.Knob(template=option.number_template(), value=value, number=number)


def config_files(words: Sequence[str]) -> list[str]:
    """The configuration files of the training that the command names, in its order."""
    launchers_own = _accelerate_file(words)
    return [path for path in invocation.named_files(words) if path != launchers_own]


def _accelerate_file(words: Sequence[str]) -> str | None:
    """`accelerate launch --config_file a.yaml` sets up processes, not the training."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in ("--config_file", "--config-file") and "accelerate" in words[0]:
            return posixpath.normpath(value if equals else after)
    return None


def _script(project: sources.Project, argv: Sequence[str]) -> sources.Module | None:
    """The first word that is a Python file of the project, or the module after -m."""
    for at, word in enumerate(argv):
        path = posixpath.normpath(word)
        if word == "-m" and at + 1 < len(argv):
            tail = argv[at + 1].replace(".", "/")
            path = next(
                (p for p in (f"{tail}.py", f"{tail}/__main__.py") if p in project.files), ""
            )
        if path.endswith(".py") and path in project.files:
            return project.module(path)
    return None
