"""Who of our runs holds which GPU: one file per GPU, with one or more holders and their shares.

A lease file is `{"holders": [{"project", "run", "share", "mib"}]}`. A file of before shares were
known is itself the holder of the whole GPU.
"""

from __future__ import annotations

import contextlib
import math
import os
from typing import Any, Callable, Dict, Mapping, Sequence

from overnight.node import fs, gpus

Holder = Mapping[str, Any]
Record = Dict[str, Any]
Alive = Callable[[Record], bool]
WHOLE = 1.0
EPSILON = 1e-3  # three times 0.3334 is a whole, as people round


def lease_file(root: str, uuid: str) -> str:
    if not gpus.UUID.match(uuid):
        raise ValueError(f"not a GPU's UUID: {uuid!r}")
    return os.path.join(root, "leases", f"{uuid}.json")


def lease(
    root: str,
    uuids: Sequence[str],
    holder: Holder,
    is_alive: Alive,
    share: float = WHOLE,
    mib: int | None = None,
) -> bool:
    """`share` of each of these GPUs for `holder`, or of none.

    False where the living holders of one would have more than the whole of it. What `holder` has
    there already is replaced. `holder` consists of JSON values, `mib` is the memory that it is
    expected to take. The caller holds the lock of the server's leases. After an OSError none
    is leased, except that a full disk can keep a share of a GPU that others hold too.
    """
    if not 0.0 < share <= WHOLE:
        raise ValueError(f"not a share of a GPU: {share!r}")
    before = held(root, is_alive)
    others = {uuid: without(before.get(uuid, []), holder) for uuid in uuids}
    if any(total(records) + share > WHOLE + EPSILON for records in others.values()):
        return False
    mine = {**holder, "share": share, "mib": mib}
    files = {lease_file(root, uuid): [*records, mine] for uuid, records in others.items()}
    os.makedirs(os.path.join(root, "leases"), exist_ok=True)
    try:
        for path, records in files.items():
            publish(path, records)
    except OSError:
        for uuid in uuids:
            put_back(lease_file(root, uuid), before.get(uuid, []))
        raise
    return True


def release(root: str, holder: Holder) -> None:
    """Takes out every record that agrees with all that `holder` says."""
    for uuid, records in read(root).items():
        rest = without(records, holder)
        if len(rest) < len(records):
            put_back(lease_file(root, uuid), rest)


def held(root: str, is_alive: Alive) -> dict[str, list[Record]]:
    """GPU UUID -> living holders. Those that are gone, and files that cannot be read, are dropped.

    The caller holds the lock of the server's leases.
    """
    found = {}
    for uuid, records in read(root).items():
        living = [record for record in records if is_alive(record)]
        if len(living) < len(records) or not records:
            put_back(lease_file(root, uuid), living)
        if living:
            found[uuid] = living
    return found


def seen(root: str, is_alive: Alive) -> dict[str, list[Record]]:
    """As `held`, for who only looks: nothing is changed, and no lock is needed."""
    living = {
        uuid: [record for record in records if is_alive(record)]
        for uuid, records in read(root).items()
    }
    return {uuid: records for uuid, records in living.items() if records}


def total(records: Sequence[Holder]) -> float:
    """The shares of these holders together."""
    return math.fsum(float(record["share"]) for record in records)


def without(records: Sequence[Record], holder: Holder) -> list[Record]:
    return [record for record in records if not agrees(record, holder)]


def agrees(record: Holder, holder: Holder) -> bool:
    return all(record.get(key) == value for key, value in holder.items())


# -- files ------------------------------------------------------------------------------------


def read(root: str) -> dict[str, list[Record]]:
    """What each lease file says, whoever lives; no holder where it says nothing that we know."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(os.path.join(root, "leases"))):
            uuid, dot, ending = name.partition(".")
            if dot and ending == "json" and gpus.UUID.match(uuid):
                found[uuid] = holders(fs.read_json(lease_file(root, uuid)))
    return found


def holders(value: Any) -> list[Record]:
    """The records of a lease file, each with a `share` that can be counted with and a `mib`."""
    if not isinstance(value, dict):
        return []
    listed = value.get("holders", [value])
    if not isinstance(listed, list):
        return []
    return [
        {**record, "share": share_of(record), "mib": record.get("mib")}
        for record in listed
        if isinstance(record, dict)
    ]


def share_of(record: Holder) -> float:
    """Where it is not told, or makes no sense, the whole GPU."""
    share = record.get("share")
    return float(share) if isinstance(share, (int, float)) and 0.0 < share <= WHOLE else WHOLE


def publish(path: str, records: Sequence[Record]) -> None:
    fs.publish_json(path, {"holders": list(records)})


def put_back(path: str, records: Sequence[Record]) -> None:
    """The file with these holders, or none without any. A full disk keeps those that are gone.

    They do no harm: whoever reads asks again who lives.
    """
    if not records:
        drop(path)
        return
    with contextlib.suppress(OSError):
        publish(path, records)


def drop(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
