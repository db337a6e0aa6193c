"""The master connections that our ssh processes share, and the settings that they are given.

Everything lies in one folder that only we can enter. Sockets carry the server's key in their
name, so that those of one server are known without asking ssh.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import stat
import subprocess
import tempfile
from pathlib import Path

from overnight.core import errors

CHECK_TIMEOUT_S = 2.0
# A socket's path may have 103 bytes (sun_path of macOS). Ours ends with "/", the server's key,
# "-", the 40 characters of %C, and, while ssh makes it, "." and 16 more.
LONGEST_FOLDER = 103 - (1 + 8 + 1 + 40 + 17)
SYSTEM_CONFIGS = ("~/.ssh/config", "/etc/ssh/ssh_config")
# ssh takes the first value that it meets, so these fill the gaps of the user's own settings. A
# dead link is given up after at most 20 s: before any deadline of ours, since only ssh can tell
# a dead link from a slow server.
DEFAULTS = b"""
Host *
    ConnectTimeout 10
    ServerAliveInterval 5
    ServerAliveCountMax 3
"""


class Masters:
    """The master connections to one server (`host` as ssh knows it, by `ssh_config`)."""

    def __init__(self, host: str, ssh_config: str | None) -> None:
        self.host = host
        self.folder = control_folder()
        self.config = own_config(self.folder, ssh_config)
        self.key = digest(f"{ssh_config or ''}\0{host}")
        self._used: set[Path] = set()

    def options(self) -> list[str]:
        """Uses the master that is there, or becomes it."""
        self._used = set(self.sockets())
        path = str(self.folder).replace("%", "%%")
        return [f"-oControlPath={path}/{self.key}-%C", "-oControlMaster=auto"]

    def sockets(self) -> list[Path]:
        return list(self.folder.glob(f"{self.key}-*"))

    def drop_dead(self) -> bool:
        """Lets go of masters that do not answer. True where one that we used is gone."""
        for socket in self.sockets():
            if not self.answers(socket):
                socket.unlink(missing_ok=True)
        return bool(self._used - set(self.sockets()))

    def answers(self, socket: Path) -> bool:
        """Whether the master's process lives and listens; its link may be dead all the same."""
        return self.told(socket, "check")

    def close_all(self) -> None:
        """Ends the connections to this server that are kept open."""
        for socket in self.sockets():
            if not self.told(socket, "exit"):
                socket.unlink(missing_ok=True)

    def told(self, socket: Path, word: str) -> bool:
        """Whether the master took the word (`ssh -O`)."""
        path = str(socket).replace("%", "%%")
        argv = ["ssh", "-F", str(self.config), f"-oControlPath={path}", "-O", word, "--"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(
                [*argv, self.host],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CHECK_TIMEOUT_S,
            )
            return done.returncode == 0
        return False


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def control_folder() -> Path:
    """A folder that only we can enter; its path is short, as sockets demand."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    ours = f"overnight-{os.getuid()}"
    candidates = [Path(runtime, "overnight")] if runtime else []
    candidates += [Path(tempfile.gettempdir(), ours), Path("/tmp", ours)]
    folder = next(
        (each for each in candidates if len(os.fsencode(each)) <= LONGEST_FOLDER), candidates[-1]
    )
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise errors.Unreachable(
            f"{folder} is not a folder of ours alone, so no connection is kept in it",
            hint=f"remove it: rm -r {shlex.quote(str(folder))}",
        )
    return folder


def own_config(folder: Path, ssh_config: str | None) -> Path:
    """The file for `ssh -F`: the user's settings, then our defaults for what they leave open."""
    if ssh_config is None:
        text = b"".join(b'Include "%s"\n' % path.encode() for path in SYSTEM_CONFIGS)
    else:
        text = read_config(Path(ssh_config))
    path = folder / f"config-{digest(ssh_config or '')}"
    if not path.exists() or path.read_bytes() != text + DEFAULTS:
        fresh = folder / f"{path.name}.{os.getpid()}"
        fresh.write_bytes(text + DEFAULTS)
        fresh.replace(path)
    return path


def read_config(path: Path) -> bytes:
    """Taken over word for word, so that it means what it means to `ssh -F`."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise errors.ConfigError(
            f"the ssh_config {path} cannot be read: {error.strerror}",
            hint="mend the line ssh_config = … in overnight.toml",
        ) from error
