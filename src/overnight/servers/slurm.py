"""A Slurm cluster is spoken to through its login node: by SSH, or here where that is this machine.

Everything else is the same on the laptop; the node of the login host submits runs instead of
starting them, because their specs say so.
"""

from __future__ import annotations

from overnight.core import config
from overnight.servers.local import Local
from overnight.servers.ssh import Ssh


def login_node(
    *,
    name: str,
    host: str,
    root: str,
    ssh_config: str | None = None,
    python: str | None = None,
    alone: bool = False,
) -> Local | Ssh:
    """The adapter for the login node. `alone` as for `Ssh`."""
    if host in config.HERE:
        return Local(root=root, python=python, name=name)
    return Ssh(name=name, host=host, root=root, ssh_config=ssh_config, python=python, alone=alone)
