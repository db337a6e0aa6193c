"""The command of a sweep: where each of its keys goes, and the run at a point."""

from __future__ import annotations

from collections.abc import Sequence

from overnight.app import Overnight, preparing, project_files
from overnight.app.sweep_plan import Wish
from overnight.code import assigning, sources
from overnight.code.assigning import Target
from overnight.core import command, config, errors, sweep, unclear
from overnight.core.sweep import Point
from overnight.core.sweep_values import Scalar, Value


class Sight:
    """The command of a sweep, and where each of its keys goes."""

    def __init__(self, o: Overnight, wish: Wish) -> None:
        self.o, self.wish = o, wish
        self.read = project_files.reader(o.root, o.config.project.links)
        self.sources = sources.Project(o.root)
        self.argv = list(wish.argv) or preparing.training_command(o.config)
        command.validate(self.argv)
        self.command = self._command(self.argv)
        self.targets = {key: self.command.target(key) for key in wish.keys}
        if wish.seeds:
            self.seed = self.command.seed()
        self._refuse_one_place()
        self._bases: dict[tuple[tuple[str, str], ...], dict[str, Scalar]] = {}
        self._smoke = self._smoke_command()

    def _command(self, argv: Sequence[str]) -> assigning.Command:
        return assigning.Command(
            self.o.root, argv, self.read, base=self.wish.base, project=self.sources
        )

    def _refuse_one_place(self) -> None:
        """`lr` and `optim.lr` may be one and the same."""
        named: dict[tuple[str, str], str] = {}
        seed = {"--seeds": self.seed} if self.wish.seeds else {}
        for key, target in {**self.targets, **seed}.items():
            other = named.setdefault((target.file, target.name), key)
            if other != key:
                raise errors.UsageError(
                    f"{other} and {key} are the same setting ({target.where})",
                    hint="vary it once, with all its values",
                )

    def _smoke_command(self) -> assigning.Command | None:
        """The project's own short command, where it is the project's command that is swept."""
        smoke = self.o.config.project.smoke
        if smoke is None or self.wish.argv:
            return None
        try:
            return self._command(command.parse(smoke))
        except errors.UsageError:
            return None

    @property
    def base(self) -> dict[str, Scalar]:
        return {key: each.base.value if each.base else None for key, each in self.targets.items()}

    def base_at(self, point: Point) -> dict[str, Scalar]:
        """The value of each axis where `point` does not change it: another file has its own."""
        moving = {
            key: value
            for key, value in point.changes.items()
            if key in self.moving and not value.is_number
        }
        if not moving:
            return self.base
        which = tuple((key, value.text) for key, value in moving.items())
        if which not in self._bases:
            made = self.command.assign([(self.targets[key], moving[key]) for key in moving])
            there = assigning.Command(self.o.root, made.argv, self.read, project=self.sources)
            self._bases[which] = {key: _value(there, each) for key, each in self.targets.items()}
        return self._bases[which]

    @property
    def moving(self) -> set[str]:
        """The keys that may choose a file or a group, which has values of its own."""
        return {key for key, each in self.targets.items() if each.kind != "file"}

    @property
    def where(self) -> dict[str, str]:
        seed = {"seed": self.seed.where} if self.wish.seeds else {}
        return {**{key: each.where for key, each in self.targets.items()}, **seed}

    def points(self, *, least: int = 2) -> list[Point]:
        """Raises `errors.UsageError` where there are fewer than `least`: nothing varies."""
        known = {key for key, each in self.targets.items() if each.base is not None}
        if self.wish.points:
            listed = [
                sweep.without_base(each, self.base, known, self.moving) for each in self.wish.points
            ]
            return sweep.finished(listed, self.wish.seeds, least)
        return sweep.expand(
            self.wish.axes, self.wish.mode, self.base, self.wish.seeds, known, least, self.moving
        )

    def prepared(self, point: Point, server: config.ServerConfig) -> preparing.Prepared:
        """The run at `point`, complete but for name and snapshot."""
        changes = [(self.targets[key], value) for key, value in point.changes.items()]
        if point.seed is not None:
            changes.append((self.seed, Value(str(point.seed), point.seed)))
        made = self.command.assign(changes)
        return preparing.prepare(
            self.o.config,
            server,
            made.argv,
            self.wish.gpus,
            files=made.files,
            sources_of=self.sources,
            smoke=self._smoke_words(point),
        )

    def _smoke_words(self, point: Point) -> list[str] | None:
        """The short command at `point`; None where it does not take all that is changed."""
        if self._smoke is None:
            return None
        values = dict(point.changes)
        keys: dict[str, Target] = {}
        try:
            keys = {key: self._smoke.target(key) for key in values}
            changes = [(keys[key], value) for key, value in values.items()]
            if point.seed is not None:
                changes.append((self._smoke.seed(), Value(str(point.seed), point.seed)))
            return list(self._smoke.assign(changes).argv)
        except (errors.UsageError, unclear.UnclearError):
            return None


def _value(there: assigning.Command, target: Target) -> Scalar:
    """The value of the same setting in another command; None where that is not known."""
    try:
        found = there.target(target.name).base
    except errors.UsageError:
        return None
    return found.value if found else None
