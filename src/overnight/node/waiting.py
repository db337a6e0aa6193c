"""What each active run wants of this server: the list on which its queue works.

`queue/PROJECT/RUN.json` lies there from before the run's first event until after its last one, so
that nobody has to look through all runs that ever were. It is an index and no truth: where a run
is, its events say, and what it wants, its spec. A file that is missing or cut in half is made anew.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Iterator, Mapping, NamedTuple

from overnight.node import fs, layout


class Wish(NamedTuple):
    """Times in seconds, memory in MiB for each GPU.

    `gpus` None: where the server has any, one for each of `processes`. `order`: its index in its
    sweep. `after`: runs of the project that must have finished. `sharing`: the rules of this
    server, as `sharing.rules` reads them.
    """

    gpus: float | None = None
    processes: int = 1
    allowed: tuple[str, ...] | None = None
    priority: int = 0
    order: int = 0
    group: str = ""
    max_concurrent: int | None = None
    after: tuple[str, ...] = ()
    expected_s: float | None = None
    memory_mib: int | None = None
    cpu_slots: int | None = None
    sharing: Mapping[str, Any] = {}
    is_smoke: bool = False


def wish_of(spec: Mapping[str, Any]) -> Wish:
    """Reads `gpus`, `allowed_gpus` and the `queue` of a spec. What makes no sense is left out."""
    queue = spec.get("queue") if isinstance(spec.get("queue"), dict) else {}
    assert isinstance(queue, dict)
    allowed = spec.get("allowed_gpus")
    return Wish(
        gpus=number(spec.get("gpus")),
        processes=whole(spec.get("processes")) or 1,
        allowed=None if allowed is None else tuple(str(each) for each in allowed),
        priority=int(number(queue.get("priority")) or 0),
        order=int(number(queue.get("order")) or 0),
        group=str(queue.get("group") or ""),
        max_concurrent=whole(queue.get("max_concurrent")),
        after=tuple(str(each) for each in queue.get("after") or ()),
        expected_s=number(queue.get("expected_s")),
        memory_mib=whole(queue.get("memory_mib")),
        cpu_slots=whole(queue.get("cpu_slots")),
        sharing=dict(queue.get("sharing") or {}),
        is_smoke=spec.get("kind") == "smoke",
    )


def number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and value == value else None


def whole(value: Any) -> int | None:
    found = number(value)
    return None if found is None or found < 1 else int(found)


# -- the files --------------------------------------------------------------------------------


def path(run: layout.Run) -> str:
    return os.path.join(run.root, "queue", run.project, f"{run.name}.json")


def note(run: layout.Run, spec: Mapping[str, Any]) -> None:
    """Puts the run on the list. It need not last: whoever misses it makes it anew."""
    wish = wish_of(spec)
    os.makedirs(os.path.dirname(path(run)), exist_ok=True)
    fs.publish_json(path(run), {**wish._asdict(), "sharing": dict(wish.sharing)}, durable=False)


def forget(run: layout.Run) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path(run))


def listed(root: str) -> Iterator[layout.Run]:
    base = os.path.join(root, "queue")
    for project in layout.names(base):
        for name in files_of(os.path.join(base, project)):
            run, _, ending = name.rpartition(".")
            if ending == "json" and layout.NAME.match(run):
                yield layout.Run(root, project, run)


def files_of(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # gone meanwhile, or no folder
        return []


def read(run: layout.Run) -> Wish:
    """From the list, or from the spec where the list has been cut in half."""
    try:
        return from_json(fs.read_json(path(run)))
    except (TypeError, ValueError):
        spec = fs.read_json(run.file("spec.json")) or {}
        with contextlib.suppress(OSError):
            note(run, spec)
        return wish_of(spec)


def from_json(value: Any) -> Wish:
    """Raises TypeError or ValueError where it is not what `note` wrote."""
    wish = Wish(**value)
    return wish._replace(
        allowed=None if wish.allowed is None else tuple(wish.allowed), after=tuple(wish.after)
    )


# -- the rules of a project -------------------------------------------------------------------


def rules_path(root: str, project: str) -> str:
    return os.path.join(layout.project_folder(root, project), "sharing.json")


def keep_rules(root: str, project: str, sharing: Any) -> bool:
    """The rules by which a project's runs share this server from now on, also those that wait.

    The newest word of a laptop counts, not that of the launch. True where it says something new.
    """
    path = rules_path(root, project)
    if not isinstance(sharing, dict) or sharing == fs.read_json(path):
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fs.publish_json(path, sharing)
    return True


def ruled(run: layout.Run, wish: Wish) -> Wish:
    """With the rules that hold now, in the queue and wherever the GPUs of the run are looked at."""
    told = fs.read_json(rules_path(run.root, run.project))
    return wish._replace(sharing=told) if isinstance(told, dict) else wish
