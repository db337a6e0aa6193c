"""A host's life: power, sshd, the processes of its users, and commands run without SSH."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

from tests import waiting
from tests.testbed import link, namespaces

SOURCES = Path(__file__).parent
TRAIN_ID = 2001
SSHD_CONFIG = """\
HostKey /run/testbed/host/host_key
PidFile /run/sshd.pid
AllowUsers train
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""


class Machine:
    """One server: namespaces of its own over this machine's files, user `train`, port 22.

    Files of the machine are seen through overlays that a reboot forgets; /home lives as long as the
    lab. Lines of `changes.sh` are what was changed on the host, done again at each boot.
    """

    def __init__(self, folder: Path, number: int, controller: int, client_key: str) -> None:
        self.name = f"h{number}"
        self.folder = folder
        self.home = folder / "home" / "train"
        self.link = link.Link(controller, number)
        self.address = self.link.address
        self._client_key = client_key
        self._network = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._is_changed = False
        self._make_folder()

    def _make_folder(self) -> None:
        for name in ("home", "gpu", "crontabs"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        (self.folder / "sshd_config").write_text(SSHD_CONFIG)
        (self.folder / "changes.sh").touch()
        shutil.copy(SOURCES / "verbs.sh", self.folder)
        self.make_host_key()
        self._fill_home()

    def make_host_key(self) -> None:
        """Gives the host another identity, which its next sshd shows."""
        key = self.folder / "host_key"
        key.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key)]
        subprocess.run(argv, check=True)

    @property
    def host_key(self) -> str:
        """`TYPE BASE64`, as it stands in a known_hosts file."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    # Power

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def boot(self) -> None:
        """Returns when sshd listens. Nothing happens where the host is up."""
        if self.is_up:
            return
        self._network = namespaces.create()
        self.link.plug(self._network)
        unshare = ["unshare", "--pid", "--fork", "--mount", "--uts", "--ipc", "--mount-proc"]
        init = ["/bin/bash", str(SOURCES / "init.sh"), str(self.folder), self.name]
        with (self.folder / "console.log").open("wb") as console:
            self._process = subprocess.Popen(
                namespaces.inside(self._network, [*unshare, *init]),
                stdin=subprocess.PIPE,  # its end tells the host that the lab is gone
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            )
        waiting.wait_until(self._has_booted, interval_s=0.005, what=f"the sshd of {self.name}")

    def _has_booted(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            self.poweroff()
            console = (self.folder / "console.log").read_text(errors="replace")
            raise RuntimeError(f"{self.name} did not boot: {console}")
        return self._listens()

    def _listens(self) -> bool:
        """Whether a socket of the host's listens on port 22 (hexadecimal 16, state 0A)."""
        init = self._init()
        if init is None:
            return False
        rows = [line.split() for line in Path(f"/proc/{init}/net/tcp").read_text().splitlines()]
        return any(row[1].endswith(":0016") and row[3] == "0A" for row in rows)

    def _init(self) -> int | None:
        """The machine's pid of the host's first process."""
        assert self._process is not None, f"{self.name} is off"
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else None

    def poweroff(self) -> None:
        """A power cut: no process gets to know, no connection is ended towards its other end."""
        if self._process is None:
            return
        self.link.unplug()
        if self._process.poll() is None and (init := self._init()):
            os.kill(init, signal.SIGKILL)  # and with it the kernel ends all that the host runs
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._process = None
        os.close(self._network)

    def reboot(self, *, orderly: bool = False) -> None:
        """Off and on again. `orderly`: as by an administrator, with SIGTERM to all at first."""
        if orderly:
            self.sh("kill -TERM -1", "root", check=False)  # us too
            waiting.wait_until(lambda: not self.pids(), timeout_s=2, what="the users' processes")
        self.poweroff()
        self.boot()

    # sshd

    def sshd_stop(self) -> None:
        """New connections are refused; those that are open stay."""
        self._is_changed = True
        self.sh("kill $(cat /run/sshd.pid)", "root")
        waiting.wait_until(lambda: not self._listens(), what="the end of sshd")

    def sshd_start(self) -> None:
        self.sh(". /run/testbed/host/verbs.sh; start_sshd", "root")
        waiting.wait_until(self._listens, what=f"the sshd of {self.name}")

    # Commands

    def sh(
        self, command: str, user: str = "train", *, check: bool = True, timeout_s: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command of sh inside of the host without SSH, in the user's home and session.

        Raises AssertionError with its standard error where it fails and `check` is set.
        """
        init = self._init()
        enter = ["nsenter", "-t", str(init), "-m", "-u", "-i", "-n", "-p", "setsid", "setpriv"]
        become = ["--reuid", user, "--regid", user, "--init-groups", "--reset-env"]
        done = subprocess.run(
            [*enter, *become, "/bin/bash", "-c", f"cd; {command}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stderr}"
        return done

    def pids(self, user: str = "train") -> list[int]:
        """The processes of a user, by their pids on the host."""
        return [int(pid) for pid in self.sh(f"pgrep -u {user}", "root", check=False).stdout.split()]

    def change(self, verb: str, *words: object) -> None:
        """Does a line of `verbs.sh` now and at each boot until `reset`."""
        self._is_changed = True
        line = shlex.join([verb, *map(str, words)])
        with (self.folder / "changes.sh").open("a") as changes:
            changes.write(line + "\n")
        self.sh(f"set -e; . /run/testbed/host/verbs.sh; {line}", "root")

    # Between tests

    def kill_users(self) -> None:
        """Ends every process of `train` on the host, and returns when they are gone."""
        self.sh(f"while pkill -KILL -u {TRAIN_ID}; do sleep 0.005; done", "root")

    def reset(self) -> None:
        """The host as it was at first: up, nothing changed, nothing running, an empty home."""
        if self._is_changed:
            self.poweroff()
            (self.folder / "changes.sh").write_text("")
            self._is_changed = False
        elif self.is_up:
            self.kill_users()
            self.sh("find /tmp /var/tmp /dev/shm -mindepth 1 -delete", "root")
        self._fill_home()
        self.link.heal()
        self.link.delay(0)
        self.boot()

    def _fill_home(self) -> None:
        """The home of a new user who let the lab's key in; nothing else in the lasting folders."""
        for folder in ("home", "gpu", "crontabs"):
            empty(self.folder / folder)
        shutil.copytree("/etc/skel", self.home)
        keys = self.home / ".ssh" / "authorized_keys"
        keys.parent.mkdir(mode=0o700)
        keys.write_text(self._client_key)
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, TRAIN_ID, TRAIN_ID)


def empty(folder: Path) -> None:
    """Deletes what is in a folder that is a mount's source and has to stay itself."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
