"""SSH servers, through the OpenSSH program: only it honours the whole of ~/.ssh/config.

One master connection per server of our own, kept for ten minutes after its last use. Host keys
are always checked and the agent is never forwarded. Settings of the user's come first; ours fill
the gaps.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from overnight.core import errors
from overnight.servers import bootstrap, piped, ssh_control, ssh_words

PERSIST_S = 600
OLDEST_RSYNC = 3
OPTIONS = {
    "ControlPersist": str(PERSIST_S),
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    # What the user forwards or starts in an ssh of theirs is not for ours: a second one would
    # find its ports taken, or take theirs.
    "ClearAllForwardings": "yes",
    "RemoteCommand": "none",
}
BROKEN_LINK = (10, 12, 30, 35, 255)  # exit codes of rsync (rsync(1)), and of the ssh below it


class SshLink:
    def __init__(
        self, place: ssh_words.Place, root: str, python: str | None, *, alone: bool
    ) -> None:
        self.name = place.name
        self.place = place
        self.root = root
        self.python = python
        self.alone = alone

    @functools.cached_property
    def masters(self) -> ssh_control.Masters:
        return ssh_control.Masters(self.place.host, self.place.ssh_config)

    def ssh(self, *, interactive: bool = False) -> list[str]:
        """`ssh` with our options, up to where the host's name follows."""
        ours = [f"-o{key}={value}" for key, value in OPTIONS.items()]
        if not interactive:
            ours += ["-oBatchMode=yes", "-oRequestTTY=no"]
        if self.alone:
            ours += ["-oControlMaster=no", "-oControlPath=none"]
        else:
            ours += self.masters.options()
        return ["ssh", "-F", str(self.masters.config), *ours]

    def argv(self) -> list[str]:
        command = bootstrap.remote_command(self.root, self.python)
        return [*self.ssh(), "-T", "--", self.place.host, command]

    def failure(self, exit_code: int | None, stderr: str) -> errors.OvernightError:
        return ssh_words.explain(self.place, exit_code, stderr)

    def reset(self) -> bool:
        return not self.alone and self.masters.drop_dead()


class Ssh(piped.PipeServer):
    def __init__(
        self,
        *,
        name: str,
        host: str,
        root: str,
        ssh_config: str | None = None,
        python: str | None = None,
        alone: bool = False,
    ) -> None:
        """`alone`: a connection of its own, neither using nor becoming the shared master."""
        self.place = ssh_words.Place(name=name, host=host, ssh_config=ssh_config)
        self.ssh_link = SshLink(self.place, root, python, alone=alone)
        super().__init__(self.ssh_link)

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        if not self.greeting().rsync or (local_rsync_version() or 0) < OLDEST_RSYNC:
            return False
        # --checksum without -p and -t: a file of the same content is linked whatever its
        # times and modes; the snapshot gets its own modes when it is committed.
        argv = ["rsync", "-rl", "--checksum", "-s", "--from0", "--files-from=-", "-z"]
        argv += [f"--link-dest={link_dest}"] if link_dest else []
        shell = " ".join(rsync_quoted(word) for word in [*self.ssh_link.ssh(), "-T"])
        argv += ["-e", shell, f"{source}/", f"{self.place.host}:{destination}/"]
        names = b"".join(os.fsencode(name) + b"\0" for name in files)
        done = subprocess.run(argv, input=names, capture_output=True)
        return done.returncode == 0 or self._not_by_rsync(done.returncode, done.stderr)

    def _not_by_rsync(self, code: int, stderr: bytes) -> bool:
        """False where the pipe may still do it, such as below a start-up file that prints."""
        said = stderr.decode("utf-8", "replace")
        if "No space left" in said or "Disk quota" in said:
            raise errors.ServerError(
                f"{self.name}: the disk is full",
                code="disk_full",
                hint=f"overnight doctor {self.name}",
            )
        if code in BROKEN_LINK and "shell clean" not in said:
            raise ssh_words.explain(self.place, 255, said)
        return False

    def attach_argv(self, session: str) -> list[str]:
        target = "=" + session.replace("'", "'\\''")
        # quotes always: zsh replaces words that begin with "="
        remote = f"tmux attach -t '{target}'"
        return [*self.ssh_link.ssh(interactive=True), "-t", "--", self.place.host, remote]

    def hang_up(self) -> None:
        """Closes the master connection too, which would stay for a while."""
        self.close()
        self.ssh_link.masters.close_all()

    def login_argv(self) -> list[str]:
        """Opens the master connection with a person at the keyboard (passwords, second factor)."""
        return [*self.ssh_link.ssh(interactive=True), "--", self.place.host, "true"]


def rsync_quoted(word: str) -> str:
    """A word of rsync's -e: in quotes, which stand doubled for themselves (rsync(1))."""
    return '"' + word.replace('"', '""') + '"'


@functools.cache
def local_rsync_version() -> int | None:
    """The major version of this machine's rsync; None where there is none."""
    try:
        said = subprocess.run(["rsync", "--version"], capture_output=True, text=True).stdout
    except OSError:
        return None
    match = re.search(r"^rsync +version (\d+)", said, re.MULTILINE)
    return int(match.group(1)) if match else None
