"""The facade `Overnight` and the composition root: the only place where concrete classes meet.

Imports late: a verb that needs only the mirror must not pay for what the others need.
"""

from __future__ import annotations

import os
import threading
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.app.talk import Talk
from overnight.core import places

if TYPE_CHECKING:
    from overnight.core import config
    from overnight.servers.local import Local
    from overnight.servers.ssh import Ssh
    from overnight.store.mirror import Mirror
    from overnight.store.series import SeriesStore


class Overnight:
    """One project on this laptop. Each verb of the command line calls one function of `app`."""

    def __init__(self, start: Path, talk: Talk) -> None:
        """`start` is any folder inside the project."""
        self.start = start
        self.talk = talk
        self._servers: dict[str, Local | Ssh] = {}
        self.nonce = os.urandom(4).hex()  # tells our transfers from those of other processes

    @cached_property
    def root(self) -> Path:
        return places.find_root(self.start)

    @cached_property
    def config(self) -> config.Config:
        from overnight.core import config

        loaded = config.load(self.root, user_file=config.user_config_file(os.environ))
        for warning in loaded.warnings:
            self.talk.say(f"warning: {warning}")
        return loaded

    @cached_property
    def mirror(self) -> Mirror:
        from overnight.store.mirror import Mirror

        return Mirror(self.root)

    @cached_property
    def series(self) -> SeriesStore:
        """The store of series; in memory where this disk cannot hold it."""
        from overnight.store import series, series_file

        try:
            return series.SeriesStore(self.root)
        except series_file.Unwritable as error:
            self.talk.say(f"the results are read anew each time: {error}")
            return series.SeriesStore(None)

    def series_in_memory(self) -> None:
        """From here on the store is one that nobody else sees: this disk takes nothing more."""
        from overnight.store import series

        self.series.close()
        self.series = series.SeriesStore(None)

    def without_series(self) -> None:
        """Removes the store of series, which is made anew when it is used next."""
        from overnight.store import series_file

        if "series" in self.__dict__:
            self.series.close()
            del self.series
        series_file.remove(series_file.path_of(self.root))

    @property
    def project(self) -> str:
        return self.config.project.name

    def open(self, name: str | None = None) -> None:
        """Lets the connection to a server come up while the rest of the program is imported.

        What a sync will ask, if nothing has changed since the last one, is asked right away.
        """
        from overnight.sync import opening

        server = self.server(name)
        last = opening.remembered(self.root, server.name)
        server.open(opening.question(self.project, last, self.nonce) if last else None)

    def server(self, name: str | None = None) -> Local | Ssh:
        """The named server, or the project's default; kept open until `close`."""
        from overnight.core import config

        chosen = config.choose_server(self.config, name)
        if chosen.name not in self._servers:
            self._servers[chosen.name] = connect(chosen)
        return self._servers[chosen.name]

    def close(self) -> None:
        # at once: each link takes a moment to end
        threads = [threading.Thread(target=each.close) for each in self._servers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if "mirror" in self.__dict__:
            self.mirror.close()
        if "series" in self.__dict__:
            self.series.close()

    def __enter__(self) -> Overnight:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(chosen: config.ServerConfig, *, alone: bool = False) -> Local | Ssh:
    """The adapter for a server's settings. Nothing is contacted yet.

    `alone`: over a connection of its own, not over the shared master.
    """
    # `python3` is what nobody chose: locally the Python that runs us will do, and a server
    # may have one of another name
    python = None if chosen.python == "python3" else chosen.python
    if chosen.kind == "local":
        from overnight.servers.local import Local

        return Local(name=chosen.name, root=chosen.root, python=python)
    from overnight.servers import slurm, ssh

    make = slurm.login_node if chosen.kind == "slurm" else ssh.Ssh
    return make(
        name=chosen.name,
        host=chosen.host,
        root=chosen.root,
        ssh_config=str(chosen.ssh_config) if chosen.ssh_config else None,
        python=python,
        alone=alone,
    )


__all__ = ["Overnight", "Talk", "connect"]
