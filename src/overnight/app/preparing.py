"""From configuration and command line to the run spec: what would be run, before anything is."""

from __future__ import annotations

import getpass
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import overnight
from overnight.app import project_files
from overnight.code import recognise, sources
from overnight.core import (
    command,
    config,
    config_file,
    config_words,
    errors,
    knobs,
    launchers,
    spec,
    turnables,
    variants,
)
from overnight.core.invocation import Invocation, Read

if TYPE_CHECKING:
    from overnight.sync.manifest import Manifest

QUOTED = re.compile(r"['\"]([^'\"\n]{1,300})['\"]")
SECRETS = ("WANDB_API_KEY", "HF_TOKEN")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """`spec` lacks name and snapshot yet. `plan` has the variants as they were worked out, and
    `assumed` on what the knobs rest that nobody declared, as sentences. `files`: the text that
    configuration files have in this run, where it is not that of the project."""

    server: str
    spec: spec.RunSpec
    smoke_variant: Mapping[str, Any]
    same_smoke: bool
    plan: variants.Plan
    assumed: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def smoke_argv(self) -> Sequence[str]:
        return list(self.smoke_variant["argv"])

    @property
    def note(self) -> str:
        return self.plan.note

    @property
    def smoke_parts(self) -> list[Any]:
        """What a pass of the smoke test holds for, beside snapshot and server."""
        told = [list(self.smoke_argv), spec.plain(self.spec.environment), self.spec.gpus]
        return [*told, dict(self.files)] if self.files else told

    def to_json(self) -> dict[str, Any]:
        """For `run --dry-run`: what would run, and every repair that is already computed."""
        from overnight.app import rehearsal

        return rehearsal.to_json(self)


def prepare(
    settings: config.Config,
    server: config.ServerConfig,
    argv: Sequence[str],
    gpus: float | None,
    *,
    files: Mapping[str, str] = MappingProxyType({}),
    sources_of: sources.Project | None = None,
    smoke: Sequence[str] | None = None,
) -> Prepared:
    """`argv` empty: the project's own training command. Everything else is from overnight.toml.

    `files`: other texts for files of the project, in every variant. `sources_of`: the project's
    files where somebody has looked at them already. `smoke`: the short command for this one.
    """
    typed = list(argv) or training_command(settings)
    command.validate(typed)
    project = settings.project
    read = project_files.overlaid(project_files.reader(settings.root, project.links), files)
    recognised = recognise.knobs_of(settings.root, typed, settings.knobs, read, sources_of)
    plan = variants.compute(typed, recognised.knobs, read, recognised.doubtful)
    if not argv:
        refuse_unusable(settings, plan)
    if smoke is None:
        smoke = command.parse(project.smoke) if project.smoke and not argv else typed
    made = spec.RunSpec(
        project=project.name,
        run="",
        snapshot="",
        variants=[variant_to_wire(each, files) for each in plan.variants],
        settings=plan.settings,
        at_start=at_start(plan, project.rank_logs),
        resume=resume(typed, settings.knobs.resume),
        environment=environment(project.env),
        env=dict(project.variables),
        gpus=project.gpus if gpus is None else gpus,
        processes=launchers.processes(typed, read),
        allowed_gpus=allowed_gpus(server),
        outputs=project.outputs,
        links=project.links,
        checkpoints=project.checkpoints,
        policy=policy(settings),
        slurm=slurm(server),
        metrics=metrics(settings),
        queue=queue(settings, server),
    )
    return Prepared(
        server=server.name,
        spec=made,
        smoke_variant=smoke_variant(smoke, recognised.knobs, read),
        same_smoke=list(smoke) == typed,
        plan=plan,
        assumed=tuple(recognised.said.values()),
        files=dict(files),
    )


def allowed_gpus(server: config.ServerConfig) -> list[str] | None:
    return None if server.gpus is None else [str(each) for each in server.gpus]


def for_server(
    wanted: spec.RunSpec, settings: config.Config, server: config.ServerConfig
) -> spec.RunSpec:
    """The same run on another server: what the settings say of each server is all that differs."""
    return replace(
        wanted,
        allowed_gpus=allowed_gpus(server),
        queue=queue(settings, server),
        slurm=slurm(server),
    )


def slurm(server: config.ServerConfig) -> dict[str, Any] | None:
    """What is asked of Slurm; None where the server is none of its."""
    return None if server.slurm is None else server.slurm.to_wire()


def at_start(plan: variants.Plan, rank_logs: bool) -> dict[str, str]:
    """What each attempt gets when it starts; the logs of the ranks can be declined."""
    declined = () if rank_logs else (launchers.RANK_LOGS,)
    return {name: value for name, value in plan.at_start.items() if name not in declined}


def smoke_variant(argv: Sequence[str], known: knobs.Knobs, read: Read) -> dict[str, Any]:
    """The smoke test's command, with the places of what it gets when it starts."""
    found = turnables.find(Invocation(argv=tuple(argv)), knobs.Knobs(port=known.port), read)
    places = {name: spec.plain(found.places[name]) for name in found.at_start}
    return {"argv": list(argv), "label": "smoke", "changes_science": False, "places": places}


def refuse_unusable(settings: config.Config, plan: variants.Plan) -> None:
    """A declared key of a file must be there when the project's own command is run.

    With a command of its own typed after --, another file may be meant: then it is only a note.
    """
    wrong = [
        (("knobs", name), f"{name} = {config_words.toml(str(knob))}: {why}")
        for name, why in plan.refused.items()
        if isinstance(knob := getattr(settings.knobs, name), knobs.FileKnob)
    ]
    if wrong:
        label = settings.path.name
        lines = config_file.read(settings.path, label).sentences(wrong)
        hint = f"edit {label}: write the flag that sets it, or take the line out"
        raise errors.ConfigError("\n".join(lines), hint=hint)


def queue(settings: config.Config, server: config.ServerConfig) -> dict[str, Any]:
    """When a run may start, as far as the files say; `node/waiting.py` reads it."""
    told = {
        "priority": settings.queue.priority,
        "max_concurrent": settings.queue.max_concurrent,
        "cpu_slots": server.cpu_slots,
        "sharing": config.sharing(server),
    }
    return {name: value for name, value in told.items() if value is not None}


def metrics(settings: config.Config) -> dict[str, Any]:
    """What the server has to know of results, to say who is best while the laptop is closed."""
    named = settings.metrics
    return {"primary": named.primary, "goal": named.goal} if named else {}


def policy(settings: config.Config) -> dict[str, Any]:
    """As the node reads it: what is done about failures, and how patiently is looked."""
    seeing = {"seeing": dict(settings.watch)} if settings.watch else {}
    return {**settings.recovery, **seeing}


def training_command(settings: config.Config) -> list[str]:
    if settings.project.train is None:
        raise errors.ConfigError(
            f"{settings.path.name} names no training command",
            hint='write train = "python train.py" under [project], or: '
            "overnight run -- python train.py",
        )
    return command.parse(settings.project.train)


def variant_to_wire(
    variant: variants.Variant, files: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """As the node reads it, see `node/turning.py` for `places`. `files` are laid below its own."""
    return {
        "argv": list(variant.argv),
        "label": variant.label,
        "micro_batch": variant.micro_batch,
        "accumulation": variant.accumulation,
        "changes_science": variant.changes_science,
        "files": {**files, **variant.files},
        "places": spec.plain(variant.places),
    }


def resume(argv: Sequence[str], template: str | None) -> list[str] | str | None:
    """The words that resume. A shell command cannot take more words: it must resume itself."""
    words = knobs.resume_argv(template)
    if isinstance(words, list) and list(argv[:2]) == ["/bin/sh", "-c"]:
        return None
    return words


def environment(wanted: config.Environment) -> dict[str, Any]:
    return {
        "kind": wanted.kind,
        "name": wanted.name,
        "modules": list(wanted.modules),
        "exe": wanted.exe,
    }


def secrets(settings: config.Config, variables: Mapping[str, str]) -> dict[str, str]:
    """The secrets that are set on the laptop. One that the project lists must be set."""
    missing = [name for name in settings.project.secrets if name not in variables]
    if missing:
        raise errors.UsageError(
            f"{settings.path.name} lists the secret {missing[0]}, which is not set here",
            hint=f"export {missing[0]}=…   or take it out of [project] secrets",
        )
    wanted = (*SECRETS, *settings.project.secrets)
    return {name: variables[name] for name in wanted if variables.get(name)}


def provenance(server: str, argv: Sequence[str], git: Mapping[str, Any]) -> dict[str, Any]:
    """Who ran what from where (law 11). The uncommitted diff lies beside the snapshot."""
    return {
        **{key: value for key, value in git.items() if key in ("commit", "branch", "dirty")},
        "server": server,
        "command": command.show(argv),
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "overnight": overnight.__version__,
        "created_at": round(time.time(), 3),
    }


def check_script(argv: Sequence[str], manifest: Manifest, links: Mapping[str, str]) -> None:
    """The script that the command names must be among the files that travel."""
    script = next((word for word in argv[1:] if word.endswith(".py")), None)
    if script is None or argv[0] == "/bin/sh" or os.path.isabs(script):
        return
    path = os.path.normpath(script)
    travelling = {entry.path for entry in manifest.entries}
    if path in travelling or path.startswith("..") or path.split("/")[0] in links:
        return
    near = errors.nearest(path, travelling)
    raise errors.UsageError(
        f"the script {command.visible(script)} is not among the {len(travelling)} files of this "
        "project that travel to the server",
        hint=f"did you mean {command.visible(near)}?" if near else "is it ignored by .gitignore?",
    )


def not_sent(root: Path, manifest: Manifest, problems: Sequence[str]) -> str | None:
    """A file that a problem names, and that lies here but does not travel: ignored by git."""
    travelling = {entry.path for entry in manifest.entries}
    for name in (each for problem in problems for each in QUOTED.findall(problem)):
        path = os.path.normpath(name)
        inside = not os.path.isabs(path) and not path.startswith("..")
        if inside and path not in travelling and (root / path).is_file():
            return (
                f"{command.visible(path)} is here but was not sent, because git ignores it; data "
                "lives on the server: copy it there, and name its folder in overnight.toml: "
                f'links = {{ "{os.path.dirname(path) or path}" = "/folder/on/the/server" }}'
            )
    return None


def smoke_spec(prepared: Prepared, snapshot: str, name: str, time_box_s: float) -> spec.RunSpec:
    """The same run, short: one variant, no resume, ended by the time box."""
    return replace(
        prepared.spec,
        run=name,
        snapshot=snapshot,
        kind="smoke",
        variants=[{**prepared.smoke_variant, "files": dict(prepared.files)}],
        settings={},
        resume=None,
        policy={"grace_s": 10.0},
        time_box_s=time_box_s,
    )
