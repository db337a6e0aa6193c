"""A laptop and a server `h1` of the testbed, with what both ways of working need on them.

Ours and the peer reach the same sshd over the same cable. Each has a master connection of its
own, which can be closed to make the next login a fresh one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import pairs
from tests import waiting
from tests.testbed import host, lab, needs

OVERNIGHT = str(Path(sys.executable).with_name("overnight"))
MUX = """\
Host *
  ControlMaster auto
  ControlPath "{folder}/theirs-%C"
  ControlPersist 600
Include "{included}"
"""
SETTINGS = """\
[project]
name = "bench"
train = "python3 train.py"

[servers.h1]
ssh_config = "{ssh_config}"
"""


class Rig:
    """`fresh` and `mux` are ssh configurations of the peer's: without and with a master."""

    def __init__(self, folder: Path, made: lab.Lab) -> None:
        self.folder = folder
        self.host: host.Host = made.host(1)
        self.fresh = made.ssh_config
        self.mux = folder / "ssh_config_mux"
        self.mux.write_text(MUX.format(folder=folder, included=self.fresh))
        self.environ = laptop(folder)

    def overnight(self, project: Path, *words: str) -> str:
        """Standard output of `overnight WORDS` in the folder of a project."""
        return output([OVERNIGHT, *words], self.environ, project)

    def overnight_ms(self, project: Path, *words: str) -> float:
        argv = [OVERNIGHT, *words]
        return pairs.whole_process_ms(argv, environ=self.environ, folder=project)

    def project(self, name: str, *, files: int, train: str) -> Path:
        """A git project of so many modules of about 5 kB beside its training script."""
        place = self.folder / name
        place.mkdir()
        (place / "overnight.toml").write_text(SETTINGS.format(ssh_config=self.fresh))
        (place / "train.py").write_text(train)
        for number in range(files - 2):
            module = place / f"part{number // 50}" / f"module{number}.py"
            module.parent.mkdir(exist_ok=True)
            module.write_text(source(number))
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
            output(["git", *words], self.environ, place)
        return place

    def close_ours(self) -> None:
        """Ends our master connections: the next contact logs in anew."""
        for socket in (self.folder / "run").rglob("*"):
            if socket.is_socket():
                close_master(socket)

    def close_theirs(self) -> None:
        for socket in self.folder.glob("theirs-*"):
            close_master(socket)

    def wait_for_quiet(self) -> None:
        """Until no process of a run is left on the server, so that the next pair meets the same."""
        ours = "overnight.node.main"
        waiting.wait_until(
            lambda: not self.host.sh(f"pgrep -f '[o]{ours[1:]}'", "root", check=False).stdout,
            interval_s=0.1,
            what="the end of the node's processes",
        )


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """The rig, gone at the end. What the calling thread starts meanwhile is on its network."""
    with (
        TemporaryDirectory(prefix="ov-bench-", ignore_cleanup_errors=True) as folder,
        lab.Lab(Path(folder) / "lab") as made,
    ):
        made.enter()
        ready = Rig(Path(folder), made)
        try:
            yield ready
        finally:
            ready.close_ours()
            ready.close_theirs()


def missing() -> str:
    """Why there can be no rig here, in one line; empty where there can."""
    return needs.missing()


def laptop(folder: Path) -> dict[str, str]:
    """The variables of somebody without any settings, whose home is in `folder`."""
    (folder / "run").mkdir(mode=0o700)
    who = {
        f"GIT_{role}_{key}": "bench"
        for role in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        **who,
    }


def source(number: int) -> str:
    """A module as people write them: text that compresses as code does."""
    return "".join(
        f"def layer_{number}_{each}(x, width={each * number % 512}):\n"
        f"    return x * width + {each * 7919 % 1000} / 1000\n\n\n"
        for each in range(60)
    )


def output(argv: Sequence[str], environ: Mapping[str, str], folder: Path) -> str:
    """What a process prints. RuntimeError with its complaint where it fails."""
    done = subprocess.run(
        argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def close_master(socket: Path) -> None:
    subprocess.run(["ssh", "-S", str(socket), "-O", "exit", "any"], capture_output=True)
    waiting.wait_until(lambda: not socket.exists(), what=f"the end of the master of {socket}")
