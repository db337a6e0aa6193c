"""overnight login"""

from __future__ import annotations

import subprocess

import click

from overnight.cli import common
from overnight.core import errors


@common.verb(example="overnight login gpu1")
@click.argument("server")
def command(server: str) -> None:
    """Open the connection to SERVER with you at the keyboard: passwords, second factors, new keys.

    It stays open for ten minutes after its last use; every other verb goes over it.
    """
    with common.project() as o:
        from overnight.servers.ssh import Ssh

        chosen = o.server(server)
        if not isinstance(chosen, Ssh):
            raise errors.UsageError(f"{server} needs no login", hint=f"overnight doctor {server}")
        code = subprocess.run(chosen.login_argv()).returncode
        if code != 0:
            raise errors.LoginRefused(f"the login to {server} failed", hint=f"ssh -v {server}")
        print(f"connected to {server}")
