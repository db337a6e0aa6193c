"""SSH servers, through the OpenSSH program: only it honours the whole of ~/.ssh/config.

One master connection per server of our own (ControlMaster in a folder that only we can read),
kept for ten minutes after its last use. Host keys are always checked and the agent is never
forwarded. Settings of the user's come first; ours fill the gaps.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shlex
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from overnight.core import errors
from overnight.servers import bootstrap, pipe

PERSIST_S = 600
STALE_MASTER_S = 12.0
DEFAULTS = """
Host *
    ConnectTimeout 10
    ServerAliveInterval 15
    ServerAliveCountMax 3
"""
RSYNC_TOO_OLD = 3


class SshLink:
    def __init__(
        self,
        name: str,
        host: str,
        root: str,
        ssh_config: str | None,
        python: str | None,
        alone: bool,
    ) -> None:
        self.alone = alone
        self.name = name
        self.host = host
        self.root = root
        self.ssh_config = ssh_config
        self.python = python

    @functools.cached_property
    def folder(self) -> Path:
        return control_folder(self.ssh_config or "")

    def ssh(self, *, interactive: bool = False) -> list[str]:
        """`ssh` with our options, up to where the host's name follows."""
        options = {
            "BatchMode": "no" if interactive else "yes",
            "ControlMaster": "no" if self.alone else "auto",
            "ControlPath": "none" if self.alone else str(self.folder / "%C"),
            "ControlPersist": str(PERSIST_S),
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "PermitLocalCommand": "no",
            "RequestTTY": "no",
        }
        if interactive:
            del options["RequestTTY"]
        config = gap_filling_config(self.folder, self.ssh_config)
        pairs = [f"-o{key}={value}" for key, value in options.items()]
        return ["ssh", "-F", str(config), *pairs]

    def argv(self) -> list[str]:
        command = bootstrap.remote_command(self.root, self.python)
        return [*self.ssh(), "-T", "--", self.host, command]

    def failure(self, exit_code: int | None, stderr: str) -> errors.OvernightError:
        return explain(self.name, self.host, exit_code, stderr)

    def reset(self) -> bool:
        """Ends our master connection. True where there was one: it may have been the culprit."""
        done = subprocess.run(
            [*self.ssh(), "-O", "exit", "--", self.host], capture_output=True, timeout=10
        )
        return done.returncode == 0


class Ssh(pipe.PipeServer):
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
        self.ssh_link = SshLink(name, host, root, ssh_config, python, alone)
        super().__init__(self.ssh_link)

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        if not self.greeting().rsync or (local_rsync_version() or 0) < RSYNC_TOO_OLD:
            return False
        # --checksum without -p and -t: a file of the same content is linked whatever its
        # times and modes; the snapshot gets its own modes when it is committed.
        argv = ["rsync", "-rl", "--checksum", "-s", "--from0", "--files-from=-", "-z"]
        argv += [f"--link-dest={link_dest}"] if link_dest else []
        shell = " ".join(rsync_quoted(word) for word in [*self.ssh_link.ssh(), "-T"])
        argv += ["-e", shell, f"{source}/", f"{self.ssh_link.host}:{destination}/"]
        names = b"".join(os.fsencode(name) + b"\0" for name in files)
        done = subprocess.run(argv, input=names, capture_output=True)
        if done.returncode == 0:
            return True
        raise self._rsync_error(done.returncode, done.stderr.decode("utf-8", "replace"))

    def _rsync_error(self, code: int, stderr: str) -> errors.OvernightError:
        if "No space left" in stderr or "Disk quota" in stderr:
            return errors.ServerError(
                f"{self.name}: the disk is full",
                code="disk_full",
                hint=f"overnight doctor {self.name}",
            )
        if code in (10, 12, 30, 35, 255):
            return explain(self.name, self.ssh_link.host, 255, stderr)
        return errors.ServerError(f"{self.name}: rsync failed: {pipe.last_line(stderr)}")

    def attach_argv(self, session: str) -> list[str]:
        remote = shlex.join(["tmux", "attach", "-t", f"={session}"])
        return [*self.ssh_link.ssh(interactive=True), "-t", "--", self.ssh_link.host, remote]

    def login_argv(self) -> list[str]:
        """Opens the master connection with a person at the keyboard (passwords, second factor)."""
        return [*self.ssh_link.ssh(interactive=True), "--", self.ssh_link.host, "true"]


def control_folder(ssh_config: str) -> Path:
    """A folder for our sockets that only we can enter; its path is short, as sockets demand."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime and len(runtime) < 40 else Path(tempfile.gettempdir())
    name = "overnight" if base == Path(runtime or "") else f"overnight-{os.getuid()}"
    folder = base / name / hashlib.sha256(ssh_config.encode()).hexdigest()[:8]
    for each in (folder.parent, folder):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
        found = each.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise errors.Unreachable(
                f"{each} is not a folder of ours alone, so no connection is kept in it",
                hint=f"remove it: rm -r {shlex.quote(str(each))}",
            )
    return folder


def gap_filling_config(folder: Path, ssh_config: str | None) -> Path:
    """The user's own settings first (ssh takes the first value it meets), then our defaults."""
    own = [ssh_config] if ssh_config else ["~/.ssh/config", "/etc/ssh/ssh_config"]
    text = "".join(f'Include "{path}"\n' for path in own) + DEFAULTS
    path = folder / "config"
    if not path.exists() or path.read_text() != text:
        fresh = folder / f"config.{os.getpid()}"
        fresh.write_text(text)
        fresh.replace(path)
    return path


def rsync_quoted(word: str) -> str:
    """rsync splits its -e string at blanks and knows both kinds of quotes, but no escapes."""
    if not re.search(r"[\s'\"]", word):
        return word
    quote = "'" if "'" not in word else '"'
    return f"{quote}{word}{quote}"


@functools.cache
def local_rsync_version() -> int | None:
    """The major version of this machine's rsync; None where there is none."""
    with contextlib.suppress(OSError):
        said = subprocess.run(["rsync", "--version"], capture_output=True, text=True).stdout
        match = re.search(r"version (\d+)", said)
        return int(match.group(1)) if match else None
    return None


def explain(name: str, host: str, exit_code: int | None, stderr: str) -> errors.OvernightError:
    """What ssh's own words mean, with what to type next."""
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in stderr:
        return host_key_changed(name, host, stderr)
    if "Permission denied" in stderr or "Too many authentication failures" in stderr:
        return errors.LoginRefused(
            f"{name} refused our key: {pipe.last_line(stderr)}",
            hint=f"try: ssh {host}   (with a password or a second factor: overnight login {name})",
        )
    if "host key is known for" in stderr or "Host key verification failed" in stderr:
        return errors.Unreachable(
            f"{name} shows a host key that this machine has never seen",
            hint=f"connect once by hand and compare the fingerprint: ssh {host}",
        )
    if "Could not resolve hostname" in stderr:
        return errors.Unreachable(
            f"{name}: {pipe.last_line(stderr)}",
            hint=f"is {host!r} a Host in ~/.ssh/config?  try: ssh {host}",
        )
    if exit_code == 0:
        return errors.ServerError(
            f"the login shell on {name} ended before our command ran",
            code="shell_exits",
            hint=f"look for `exit` or `exec` in the start-up files of {host} (.bashrc, .cshrc, "
            "config.fish) and keep it to interactive shells",
        )
    said = pipe.last_line(stderr) or (
        "no answer in time" if exit_code is None else f"ssh ended with exit code {exit_code}"
    )
    return errors.Unreachable(f"{name} cannot be reached: {said}", hint=f"overnight doctor {name}")


def host_key_changed(name: str, host: str, stderr: str) -> errors.HostKeyChanged:
    """Both fingerprints, and never a way around the check."""
    shown = re.search(r"SHA256:\S+", stderr)
    place = re.search(r"Offending (\S+) key in (.+):(\d+)", stderr)
    known = known_fingerprint(place.group(2), int(place.group(3))) if place else "unknown"
    return errors.HostKeyChanged(
        f"{name} shows another host key than before: known {known}, "
        f"now {shown.group(0).rstrip('.') if shown else 'unknown'}",
        hint="ask whoever runs the server whether it was set up anew; only then: "
        f"ssh-keygen -R {host}" + (f" -f {shlex.quote(place.group(2))}" if place else ""),
    )


def known_fingerprint(known_hosts: str, line: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        entry = Path(known_hosts).read_text().splitlines()[line - 1]
        said = subprocess.run(
            ["ssh-keygen", "-l", "-f", "-"], input=entry, capture_output=True, text=True
        ).stdout
        found = re.search(r"SHA256:\S+", said)
        if found:
            return found.group(0)
    return f"see {known_hosts}:{line}"
