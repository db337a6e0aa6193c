"""Which machine a root belongs to. A home on a shared disk is the same folder on several servers.

Processes, GPUs and locks are those of one machine: a second one that took the root for its own
would take living runs for dead, and start what waits for the GPUs of the first.
"""

from __future__ import annotations

import os

from overnight.node import fs

FILE = "machine.json"


def mine() -> dict[str, str]:
    """Names change, and images are copied with their id: one of both is enough to be the same."""
    return {"host": os.uname().nodename, "id": fs.read_text("/etc/machine-id") or ""}


def other(root: str) -> str:
    """The host name of another machine to which the root belongs; "" where it is ours or free."""
    known = fs.read_json(os.path.join(root, FILE))
    if not isinstance(known, dict):
        return ""
    me = mine()
    if known.get("host") == me["host"] or (me["id"] and known.get("id") == me["id"]):
        return ""
    return str(known.get("host") or "another machine")


def claim(root: str) -> str:
    """Makes the root ours where it is nobody's yet. As `other`."""
    found = other(root)
    if not found and not os.path.exists(os.path.join(root, FILE)):
        fs.publish_json(os.path.join(root, FILE), mine())
    return found
