"""What the words of OpenSSH mean, with what to type next. Pure, but for reading known_hosts."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from overnight.core import errors, text
from overnight.servers import words

REFUSED = re.compile(r"Permission denied \(|Too many authentication failures")
UNKNOWN_KEY = re.compile(r"host key is known for|Host key verification failed")
LOST = re.compile(r"^(mux_client|Control socket|ControlSocket|Shared connection)|to master", re.I)
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A server as messages name it, and as ssh finds it."""

    name: str
    host: str
    ssh_config: str | None

    @property
    def by_hand(self) -> str:
        """The command that logs in without us."""
        argv = ["ssh", *(["-F", self.ssh_config] if self.ssh_config else []), self.host]
        return text.printable(shlex.join(argv))


def explain(place: Place, exit_code: int | None, stderr: str) -> errors.OvernightError:
    """Why ssh ended (with 255: by itself), or kept silent (None), before our node spoke."""
    name = place.name
    if "REMOTE HOST IDENTIFICATION HAS CHANGED" in stderr:
        return host_key_changed(place, stderr)
    if UNKNOWN_KEY.search(stderr):
        return errors.Unreachable(
            f"{name} shows a host key that this machine has never seen",
            hint=f"connect once by hand and compare the fingerprint: {place.by_hand}",
        )
    if REFUSED.search(stderr):
        return errors.LoginRefused(
            f"{name} refused our key: {words.last_line(stderr)}",
            hint=f"{place.by_hand}   (with a password or second factor: overnight login {name})",
        )
    if exit_code is None:
        return errors.Unreachable(f"{name} does not answer in time", hint=place.by_hand)
    if 0 <= exit_code != 255:
        return shell_ended(place, exit_code, stderr)
    return errors.Unreachable(
        f"{name} cannot be reached: {reason(stderr)}",
        hint=f"is it on, is the name right, is there a VPN to open? try: {place.by_hand}",
    )


def reason(stderr: str) -> str:
    """ssh's last word; what it says of its own master connection tells people nothing."""
    said = words.last_line(stderr)
    return "the connection was lost" if not said or LOST.search(said) else said


def shell_ended(place: Place, exit_code: int, stderr: str) -> errors.ServerError:
    """The login worked, but what it started was not our node."""
    if "Traceback" in stderr or "Fatal Python error" in stderr:
        return errors.ServerError(
            f"the Python on {place.name} does not work: {words.last_line(stderr)}",
            code="python_broken",
            hint=f'write python = "/path/to/python3" under [servers.{place.name}] '
            "in overnight.toml",
        )
    said = words.last_line(stderr)
    return errors.ServerError(
        f"the login shell on {place.name} ended with exit code {exit_code} before our command ran"
        + (f": {said}" if said else ""),
        code="shell_exits",
        hint=f"look for `exit` or `exec` in the start-up files of {place.host} (.bashrc, .cshrc, "
        "config.fish) and keep it to interactive shells",
    )


def host_key_changed(place: Place, stderr: str) -> errors.HostKeyChanged:
    """Both fingerprints, and never a way around the check."""
    shown = FINGERPRINT.search(stderr)
    offending = re.search(r"Offending \S+ key in (.+):(\d+)", stderr)
    listed = re.search(r"ost key for (\S+) has changed", stderr)
    known, file = "unknown", ""
    if offending:
        known = known_fingerprint(offending.group(1), int(offending.group(2)))
        file = f" -f {shlex.quote(offending.group(1))}"
    return errors.HostKeyChanged(
        f"{place.name} shows another host key than before: known {known}, "
        f"now {shown.group(0) if shown else 'unknown'}",
        hint="ask whoever runs the server whether it was set up anew; only then: "
        f"ssh-keygen -R {shlex.quote(listed.group(1) if listed else place.host)}{file}",
    )


def known_fingerprint(known_hosts: str, line: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        entry = Path(known_hosts).read_text(errors="replace").splitlines()[line - 1]
        said = subprocess.run(
            ["ssh-keygen", "-l", "-f", "-"], input=entry, capture_output=True, text=True
        ).stdout
        found = FINGERPRINT.search(said)
        if found:
            return found.group(0)
    return f"see {known_hosts}:{line}"
