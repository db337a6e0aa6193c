"""Where a value of a sweep goes: a Hydra override, a key of a configuration file, a flag.

Looked for in this order. A Hydra application takes overrides and nothing else. A file counts where
the command names it; a key is given with all its dots, or by a last part that only one key has.
What stands in two places is refused: edited in the wrong one, all runs of a sweep would be alike.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from overnight.code import (
    editing,
    frameworks,
    hydra,
    options,
    recognise,
    setting,
    sources,
    starting,
    syntax,
)
from overnight.code.options import Option
from overnight.core import (
    command,
    config_text,
    errors,
    invocation,
    knob_places,
    knobs,
    sweep_values,
)
from overnight.core.sweep_values import Value
from overnight.core.unclear import UnclearError

Kind = Literal["override", "file", "flag"]
SEEDS = (
    "seed", "random_seed", "manual_seed", "global_seed", "rng_seed", "torch_seed",
    "seed_everything", "random_state",
)  # fmt: skip
_LIGHTNING = ("trainer.", "model.", "data.", "optimizer.", "lr_scheduler.")
_SHOWN = 8

# Arguments of the Hugging Face Trainer beside those that `frameworks` knows, with the defaults
# that its documentation gives; UNKNOWN where these changed between versions.
_HF_MORE: Mapping[str, object] = {
    "seed": 42, "data_seed": None, "weight_decay": 0.0, "warmup_steps": 0, "warmup_ratio": 0.0,
    "lr_scheduler_type": "linear", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-8,
    "label_smoothing_factor": 0.0, "optim": syntax.UNKNOWN, "fp16": False, "bf16": False,
    "gradient_checkpointing": False, "per_device_eval_batch_size": 8,
    "neftune_noise_alpha": None,
}  # fmt: skip


class NothingTakes(errors.UsageError):
    """No configuration and no script has a setting of this name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """Where one key goes. `name` is what stands there: `optim.lr` for `lr`.

    `base`: the value as the experiment is; None where that is not known.
    """

    kind: Kind
    name: str
    where: str
    base: Value | None
    file: str = ""
    option: Option | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Assigned:
    """`files`: the full text of each configuration file that was edited, by its path."""

    argv: tuple[str, ...]
    files: Mapping[str, str]


class Command:
    """One training command, with what it lets us set. Nothing of the project is run."""

    def __init__(
        self,
        root: Path,
        argv: Sequence[str],
        read: invocation.Read,
        *,
        base: str | None = None,
        project: sources.Project | None = None,
    ) -> None:
        """`base`: the configuration file to start from, in the place of the one that the command
        names. Raises `errors.UsageError` where it cannot take that place.
        """
        self._root, self._read = root, read
        look = recognise.Look(root, argv, read, project)
        self.argv = list(argv) if base is None else starting.with_base(look, list(argv), base, read)
        if self.argv != list(argv):
            look = recognise.Look(root, self.argv, read, look.project)
        self.project = look.project
        self._script = look.script.path if look.script else ""
        self._framework = look.framework
        self._hydra = look.framework.application
        self._texts: dict[str, str] = {}
        self._documents: dict[str, config_text.Document] = {}
        self._unread: dict[str, str] = {}
        if self._hydra is None:
            self._open(starting.files(look))

    def _open(self, paths: Sequence[str]) -> None:
        for path in paths:
            try:
                self._texts[path] = self._read(path)
                self._documents[path] = config_text.read(path, self._texts[path])
            except UnclearError as reason:
                self._unread[path] = str(reason)

    # -- finding ------------------------------------------------------------------------------

    def target(self, key: str) -> Target:
        """Raises `errors.UsageError`; `NothingTakes` where nothing has the key."""
        try:
            if self._hydra is not None:
                found = self._override(self._hydra, key)
            else:
                found = self._in_files(key) or self._flag(key)
        except UnclearError as reason:
            raise errors.UsageError(f"{key}: {reason}", hint="name the setting in full") from None
        if found is None:
            raise self._nothing(key)
        return found

    def seed(self) -> Target:
        """The setting that takes a seed. Raises `errors.UsageError` with how to add one."""
        for name in SEEDS:
            try:
                return self.target(name)
            except NothingTakes:
                continue
        if self._hydra is not None:
            advice = "add `seed: 0` to the configuration and use cfg.seed in the script"
        elif self._documents:
            advice = f"add `seed: 0` to {next(iter(self._documents))} and use it in the script"
        else:
            advice = 'parser.add_argument("--seed", type=int, default=0)   and torch.manual_seed(…)'
        raise errors.UsageError(
            f"nothing here takes a seed (looked for {', '.join(SEEDS[:4])}, …); {self._looked()}",
            hint=advice,
        )

    def _override(self, application: hydra.Application, key: str) -> Target | None:
        name = key.lstrip("+")
        typed = [word.partition("=")[2] for word in self.argv if setting.overridden(word) == name]
        if typed:
            base: Value | None = Value(typed[-1], sweep_values.typed(typed[-1]))
            return _target("override", key, f"{name}= of the command", base)
        if hydra.is_group(self.project, application, name):
            chosen = application.groups.get(name)
            base = None if chosen is None else Value(chosen, chosen)
            return _target("override", key, f"{application.folder}/{name}/", base)
        known = {each.destination: each for each in application.options}
        if name in known:
            return _target("override", key, known[name].place, _default(known[name].default))
        if key != name or not known:  # +key adds one; without readable files Hydra will judge
            return _target("override", key, "an override", None)
        if "." not in name:
            last = [full for full in known if full.rpartition(".")[2] == name]
            _refuse_several(name, last)
            if last:
                option = known[last[0]]
                return _target("override", last[0], option.place, _default(option.default))
        return None

    def _in_files(self, key: str) -> Target | None:
        found = list(self._keys(key))
        if not found:
            return None
        _refuse_several(key, [f"{path}:{name}" for path, name in found])
        path, name = found[0]
        self._refuse_typed(name, path)
        document, text = self._documents[path], self._texts[path]
        scalar = editing.scalar(document, text, name)
        line = text.count("\n", 0, scalar.start) + 1
        return Target(
            kind="file",
            name=name,
            where=f"{command.visible(path)}:{line} {name}",
            base=sweep_values.read_file(path, scalar.text),
            file=path,
        )

    def _keys(self, key: str) -> Iterator[tuple[str, str]]:
        """(file, key with all its dots): exact ones, else those whose last part it is."""
        explicit = knobs.file_key(key)
        wanted = explicit.key if explicit else key
        names = {
            path: list(dict.fromkeys(map(config_text.dotted, (*each.scalars, *each.refused))))
            for path, each in self._documents.items()
            if explicit is None or explicit.file == path
        }
        exact = [(path, wanted) for path, listed in names.items() if wanted in listed]
        if exact or "." in wanted:
            yield from exact
            return
        for path, listed in names.items():
            yield from ((path, name) for name in listed if name.rpartition(".")[2] == wanted)

    def _refuse_typed(self, name: str, path: str) -> None:
        """Which of the two wins is the script's to say."""
        if knob_places.is_shell(self.argv):
            return
        last = options.normal(name.rpartition(".")[2])
        for word in self.argv[1:]:
            flag = word.partition("=")[0]
            if flag.startswith("--") and options.normal(flag.rpartition(".")[2]) == last:
                raise UnclearError(
                    f"{command.visible(flag)} in the command and {command.visible(path)} both set "
                    "it; take one of them out"
                )

    def _flag(self, key: str) -> Target | None:
        if knob_places.is_shell(self.argv):
            return None
        found = list(self._options(key))
        exact = [each for each in found if each.flag.lstrip("-") == key]
        _refuse_several(key, [each.flag for each in exact or found])
        option = next(iter(exact or found), None) or self._unlisted(key)
        if option is None:
            return None
        where = f"{option.flag} ({option.place})" if option.place else option.flag
        return Target(
            kind="flag",
            name=option.flag.lstrip("-"),
            where=where,
            base=self._base_of(option),
            option=option,
        )

    def _base_of(self, option: Option) -> Value | None:
        if option.kind == "switch" and self._framework.name != frameworks.HF:
            if any(word in option.spellings for word in self.argv):
                return Value("true", True)
            return Value("true", True) if option.default is True else Value("false", False)
        typed = setting.as_typed(self.argv, option)
        if typed is not None:
            return Value(typed, sweep_values.typed(typed))
        return _default(option.default)

    def _options(self, key: str) -> Iterator[Option]:
        wanted = options.normal(key)
        unique = {each.spellings: each for each in self._every_option()}
        for option in unique.values():
            full = options.normal(option.flag)
            names = option.names if option.kind == "switch" else {*option.names, option.destination}
            if wanted == full or wanted in names:
                yield option

    def _every_option(self) -> Iterator[Option]:
        mine = {each.name for each in self._framework.options}
        for option in self._framework.options:
            if option.glue == "=" or option.flag.startswith("-"):
                yield option
        if self._framework.name == frameworks.HF and self._framework.from_arguments:
            for name, default in _HF_MORE.items():
                if name not in mine:
                    yield _hf_option(name, default)

    def _unlisted(self, key: str) -> Option | None:
        """A flag that the command has, or one that Lightning's own parser judges."""
        option = setting.untold(key)
        if setting.as_typed(self.argv, option) is not None:
            return option
        is_cli = self._framework.name == frameworks.LIGHTNING_CLI
        if is_cli and (key.startswith(_LIGHTNING) or key == "seed_everything"):
            return dataclasses.replace(option, place="")
        return None

    # -- what to say where nothing was found --------------------------------------------------

    def _nothing(self, key: str) -> NothingTakes:
        near = errors.nearest(key, self._known())
        kind = "config" if self._documents or self._hydra else "flag"
        hint = f"did you mean {command.visible(near)}?" if near else self._way_out()
        return NothingTakes(
            f"no {kind} has {command.visible(repr(key))}: {self._looked()}", hint=hint
        )

    def _way_out(self) -> str:
        if self._hydra is not None:
            return "write +KEY=… for a key that the configuration does not have"
        return "name the file that has it: overnight sweep configs/base.yaml KEY=V1,V2"

    def _known(self) -> list[str]:
        if self._hydra is not None:
            names = list(self._hydra.values)
        else:
            names = [
                config_text.dotted(key) for each in self._documents.values() for key in each.scalars
            ]
            names += [option.flag.lstrip("-") for option in self._every_option()]
        return list(dict.fromkeys([*names, *(name.rpartition(".")[2] for name in names)]))

    def _looked(self) -> str:
        """Where was looked, and what is there."""
        if self._hydra is not None:
            return f"{self._hydra.folder} has {starting.some(self._hydra.values)}"
        told = [
            f"{command.visible(path)} has {starting.some(map(config_text.dotted, each.scalars))}"
            for path, each in self._documents.items()
        ]
        told += [f"{command.visible(reason)}" for reason in self._unread.values()]
        flags = [option.flag for option in self._every_option()]
        if knob_places.is_shell(self.argv):
            told.append("a command for the shell is not looked into for flags")
        elif flags:
            told.append(f"{command.visible(self._script)} takes {starting.some(flags)}")
        elif self._script:
            told.append(f"no flags were found in {command.visible(self._script)}")
        else:
            told.append("the command names no script of this project")
        return "; ".join(told)

    # -- writing ------------------------------------------------------------------------------

    def assign(self, changes: Sequence[tuple[Target, Value]]) -> Assigned:
        """The command and the files with these values. Raises `errors.UsageError`.

        Where the command comes to name another file, the keys are looked for in that one.
        """
        argv = self.argv
        for target, value in changes:
            if target.kind != "file":
                with _written(target, value):
                    argv = self._set(argv, target, value)
        in_files = [(target, value) for target, value in changes if target.kind == "file"]
        reader = self._naming(argv) if in_files and argv != self.argv else self
        return Assigned(argv=tuple(argv), files=reader._edited(in_files))

    def _naming(self, argv: list[str]) -> Command:
        other = Command(self._root, argv, self._read, project=self.project)
        return self if other._texts.keys() == self._texts.keys() else other

    def _edited(self, changes: Sequence[tuple[Target, Value]]) -> dict[str, str]:
        files: dict[str, str] = {}
        for asked, value in changes:
            target = asked if asked.file in self._texts else self._alike(asked)
            text = files.get(target.file, self._texts[target.file])
            with _written(target, value):
                files[target.file] = editing.edited(target.file, text, target.name, value)
        return {path: text for path, text in files.items() if text != self._texts[path]}

    def _alike(self, target: Target) -> Target:
        """The same key in the file that this command names."""
        found = self.target(target.name)
        if found.kind != "file":
            raise errors.UsageError(
                f"{target.name} is a key of {command.visible(target.file)}, but here a flag "
                f"({found.where})",
                hint="vary it, or the file, but not both",
            )
        return found

    def _set(self, argv: list[str], target: Target, value: Value) -> list[str]:
        if target.option is not None:
            return setting.flag(argv, target.option, value, self._framework.name)
        if self._hydra is not None:
            _refuse_no_file(self.project, self._hydra, target, value)
        return setting.override(argv, target.name, value)


@contextlib.contextmanager
def _written(target: Target, value: Value) -> Iterator[None]:
    try:
        yield
    except UnclearError as reason:
        shown = command.visible(f"{target.name}={value.text}")
        raise errors.UsageError(
            f"{shown} cannot be written: {reason}", hint="overnight sweep --dry-run …"
        ) from None


def _target(kind: Kind, name: str, where: str, base: Value | None) -> Target:
    return Target(kind=kind, name=name, where=where, base=base)


def _default(value: object) -> Value | None:
    """None for what only running the code would tell."""
    if isinstance(value, str) and "${" in value:
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return sweep_values.of(value)
    return None


def _hf_option(name: str, default: object) -> Option:
    kinds: Mapping[type, options.Kind] = {int: "int", float: "float", bool: "switch"}
    return Option(
        spellings=(f"--{name}",),
        kind=kinds.get(type(default), "text"),
        default=default,
        place="TrainingArguments",
        destination=name,
    )


def _refuse_several(key: str, found: Sequence[str]) -> None:
    if len(found) > 1:
        listed = ", ".join(map(command.visible, found[:_SHOWN]))
        raise UnclearError(f"{command.visible(key)} may be any of {listed}")


def _refuse_no_file(
    project: sources.Project, application: hydra.Application, target: Target, value: Value
) -> None:
    """`model=resnet` needs conf/model/resnet.yaml."""
    names = hydra.group_files(project, application, target.name.lstrip("+"))
    if names and value.text not in names and value.value is not None:
        near = errors.nearest(value.text, names)
        advice = f"did you mean {near}?" if near else f"there are {starting.some(names)}"
        where = f"{application.folder}/{target.name}/{value.text}.yaml"
        raise UnclearError(f"there is no {command.visible(where)}; {command.visible(advice)}")
