"""A network of hosts and the place in it from which the laptop's programs reach them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.testbed import host as hosts
from tests.testbed import link, namespaces

SSH_CONFIG = """
Host *
  User train
  IdentityFile "{folder}/id"
  IdentitiesOnly yes
  UserKnownHostsFile "{folder}/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
"""


class Lab:
    """Hosts `h1`, `h2`, … that are booted when first asked for. A context manager.

    `ssh_config` names all of them, for `ssh -F`. The end of this process ends the lab.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.ssh_config = self.folder / "ssh_config"
        self.known_hosts = self.folder / "known_hosts"
        self._hosts: dict[int, hosts.Host] = {}
        self._controller = -1
        self._before: int | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = str(self.folder / "id")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        self._controller = link.controller()
        self.write_ssh_files()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
        for machine in self._hosts.values():
            machine.poweroff()
        os.close(self._controller)

    def host(self, number: int) -> hosts.Host:
        """Host `h<number>`, from 1 on."""
        if number not in self._hosts:
            folder = self.folder / f"h{number}"
            client_key = (self.folder / "id.pub").read_text()
            self._hosts[number] = hosts.Host(folder, number, self._controller, client_key)
            self._hosts[number].boot()
            self.write_ssh_files()
        return self._hosts[number]

    def reset(self, number: int) -> hosts.Host:
        """The same host as new: see `Machine.reset`. It is known by the key it has now."""
        machine = self.host(number)
        machine.reset()
        self.write_ssh_files()
        return machine

    def write_ssh_files(self) -> None:
        """Writes `ssh_config` and `known_hosts` as a user has them who met every host once."""
        known = self._hosts.values()
        names = [f"Host {each.name}\n  HostName {each.address}\n" for each in known]
        keys = [f"{each.address} {each.host_key}\n" for each in known]
        self.ssh_config.write_text("".join(names) + SSH_CONFIG.format(folder=self.folder))
        self.known_hosts.write_text("".join(keys))

    def enter(self) -> None:
        """Moves the calling thread, and what it starts from now on, into the laptop's namespace."""
        if self._before is None:
            self._before = namespaces.current()
            namespaces.enter(self._controller)

    def leave(self) -> None:
        """Moves the thread that entered back to where it was."""
        if self._before is not None:
            namespaces.enter(self._before)
            os.close(self._before)
            self._before = None

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` on the laptop's side of the network."""
        return namespaces.inside(self._controller, argv)
