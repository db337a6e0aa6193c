"""Recognises the training of an existing project, for `overnight init`.

Nothing is imported or run; the folder is only read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from overnight.code import (
    batch,
    commands,
    documented,
    environment,
    frameworks,
    hydra,
    recognise,
    resuming,
    scripts,
    sources,
    syntax,
    written,
)
from overnight.code.detected import Detected
from overnight.core import command, errors, knobs, unclear

_BY_HAND = 'write overnight.toml by hand: [project] and below it train = "python YOUR_SCRIPT.py"'
_LOOKED_FOR = "train*.py, main.py, run*.py, finetune*.py and scripts the README runs"
_BATCH = ("micro_batch", "accumulation")
_METRIC = "val_loss"
_CLOSE = 25  # points: a name or a line in the README would turn it round


def detect(root: Path) -> Detected:
    """Raises `errors.UsageError` where there is no Python file or none looks like a training."""
    if not root.is_dir():
        raise errors.UsageError(
            f"not a folder: {command.visible(str(root))}", hint="cd PROJECT && overnight init"
        )
    project = sources.Project(root)
    shown = documented.commands(project)
    candidates = scripts.ranked(project, shown, environment.installed_scripts(project))
    if not candidates:
        raise _no_script(project)
    script = project.module(candidates[0].path)
    assert script is not None  # ranking has parsed it
    return _Finding(project, script, candidates, shown).detected()


def _no_script(project: sources.Project) -> errors.UsageError:
    if not project.python_files:
        return errors.UsageError("no Python file in this folder", hint=_BY_HAND)
    broken = f"; {project.problems[0]}" if project.problems else ""
    return errors.UsageError(
        f"no training script among {len(project.python_files)} Python files "
        f"(looked for {_LOOKED_FOR}){broken}",
        hint=_BY_HAND,
    )


class _Finding:
    """One detection under way: facts, and the sentences about them."""

    def __init__(
        self,
        project: sources.Project,
        script: sources.Module,
        candidates: Sequence[scripts.Candidate],
        shown: Sequence[documented.Command],
    ) -> None:
        self.project = project
        self.script = script
        self.candidates = candidates
        self.near = sources.near(project, script)
        framework = frameworks.find(project, script, self.near)
        self.train = commands.train(project, script, framework, shown)
        self.words = self.train.words
        self.framework = commands.with_config_files(project, script, framework, self.words)
        self.assumptions: list[str] = []
        self.questions: list[str] = []
        self.remarks: dict[str, str] = {}

    def detected(self) -> Detected:
        self._say_script()
        chosen = self._environment()
        outputs = self._outputs()
        found = self._batch()
        resume = self._resume()
        smoke = self._smoke()
        return Detected(
            script=self.script.path,
            framework=self.framework.name,
            train=commands.text(self.words),
            smoke=smoke,
            environment=chosen,
            outputs=outputs,
            micro_batch=found.micro_batch,
            accumulation=found.accumulation,
            resume=resume,
            settings=self._settings(),
            remarks=self.remarks,
            metric=self._metric(),
            runners_up=tuple(each.path for each in self.candidates[1:6]),
            assumptions=tuple(self.assumptions),
            questions=tuple(self.questions),
            problems=tuple(self.project.problems),
        )

    def _say_script(self) -> None:
        first = self.candidates[0]
        name = command.visible(first.path)
        self.assumptions.append(f"{name} is the training: {', '.join(first.reasons)}")
        self.assumptions.append(f"it is {self.framework.name} ({self.framework.place})")
        if self.train.why:
            self.assumptions.append(f"the command: {self.train.why}")
        close = [each for each in self.candidates[1:4] if first.points - each.points < _CLOSE]
        if close:
            others = ", ".join(command.visible(each.path) for each in close)
            self.questions.append(f"{others} could be the training too: if so, change train")
        if self.train.missing or self.train.hint:
            wants = f"{name} wants {', '.join(self.train.missing)}" if self.train.missing else ""
            parts = "; ".join(filter(None, (wants, self.train.hint)))
            self.questions.append(f"{parts}: complete train")

    def _environment(self) -> environment.Environment | None:
        found = environment.find(self.project)
        if found.chosen is None:
            self.questions.append(found.question)
            return None
        others = ", ".join(each.why for each in found.others)
        rather = f", rather than {others}" if others else ""
        self.assumptions.append(
            f"the environment is {found.chosen.kind}: {found.chosen.why}{rather}"
        )
        return found.chosen

    def _outputs(self) -> tuple[str, ...]:
        given, astray = commands.output_options(self.project, self.framework, self.words)
        found = [*given, *self._framework_outputs()]
        found = found or written.find(self.project, [self.script, *self.near])
        unique = {each.path: each for each in reversed(found)}
        for each in sorted(unique.values(), key=lambda one: one.path)[:5]:
            self.assumptions.append(f"it writes {command.visible(each.path)} ({each.place})")
        if not unique:
            how = f"add {' '.join(astray.words('outputs'))} to train and " if astray else ""
            self.questions.append(
                f'where the training writes was not found: {how}write outputs = ["outputs"]'
            )
        return tuple(sorted(unique)[:5])

    def _framework_outputs(self) -> list[written.Output]:
        application = self.framework.application
        if application is not None:
            folder = hydra.run_folder(application)
            top = written.top_of(self.project, folder) if folder else ""
            return [written.Output(path=top, place=application.place)] if top else []
        place = self.framework.place
        return [written.Output(path=each, place=place) for each in self.framework.writes]

    def _batch(self) -> batch.Batch:
        found = batch.find(self.project, self.script, self.framework, self.words)
        in_file = self._batch_in_file() if found.questions else None
        found = in_file or found
        self.words = (*self.words, *found.words)
        self.assumptions += found.assumptions
        self.questions += found.questions
        return found

    def _batch_in_file(self) -> batch.Batch | None:
        """Both numbers from the configuration file that the command names, or nothing."""
        recognised = self._recognised()
        known = recognised.knobs
        both = (known.micro_batch, known.accumulation)
        if not any(isinstance(each, knobs.FileKnob) for each in both):
            return None
        self._remark(recognised, *_BATCH)
        return batch.Batch(
            micro_batch=known.micro_batch,
            accumulation=known.accumulation,
            assumptions=tuple(recognised.about(*_BATCH)),
        )

    def _recognised(self) -> recognise.Recognised:
        root, words = self.project.root, self.words
        return recognise.knobs_of(root, words, knobs.Knobs(), self._text)

    def _text(self, path: str) -> str:
        text = self.project.text(path) if path in self.project.files else None
        if text is None:
            raise unclear.UnclearError(f"{command.visible(path)} is not read")
        return text

    def _settings(self) -> dict[str, knobs.AnyKnob]:
        """Keys of files, and flags that no file can change: the others are recognised in each run
        anew, as their values may differ from command to command."""
        recognised = self._recognised()
        by_file = batch.can_be_set_by_file(self.script, self.framework, self.words)
        kept = {}
        for name in ("workers", "lr", "clip", "port"):
            knob = getattr(recognised.knobs, name)
            if isinstance(knob, knobs.FileKnob) or (knob is not None and not by_file):
                kept[name] = knob
        self._remark(recognised, *kept)
        self.assumptions += recognised.about(*kept)
        return kept

    def _remark(self, recognised: recognise.Recognised, *names: str) -> None:
        self.remarks |= {name: recognised.said[name] for name in names}

    def _resume(self) -> str | None:
        found = resuming.find(self.framework, self.script, self.near)
        if found.template is None:
            self.questions.append(
                f"{found.why}: a training that dies starts from the beginning; write "
                'resume = "--resume {checkpoint}" under [knobs] when it can resume'
            )
        else:
            self.assumptions.append(f"it resumes: {found.why}")
        return found.template

    def _smoke(self) -> str | None:
        made = commands.smoke(self.words, self.framework)
        if made is None:
            self.questions.append(
                "no flag for the number of epochs or steps was found: write smoke = a short "
                "command, or the time box ends the training"
            )
            return None
        words, option = made
        self.assumptions.append(f"the smoke test sets {option.flag} ({option.place})")
        return commands.text(words)

    def _metric(self) -> str | None:
        for module in (self.script, *self.near):
            for node, text in syntax.strings(module.tree):
                if re.search(rf"\b{_METRIC}\b", text):
                    self.assumptions.append(
                        f"{_METRIC} decides, lower is better ({module.place(node)})"
                    )
                    return _METRIC
        self.questions.append("which metric decides was not found: write [metrics]")
        return None
