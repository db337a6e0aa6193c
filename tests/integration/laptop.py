"""A laptop for the tests: a project folder, and the command line in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

TRAINER = Path(__file__).with_name("trainer.py")
SETTINGS = """\
[project]
name = "night"
train = "python3 train.py"
outputs = ["outputs"]

[knobs]
micro_batch = {{ flag = "--batch-size {{}}", value = 64 }}
accumulation = {{ flag = "--accum {{}}", value = 1 }}
resume = "--resume {{checkpoint}}"

[servers.gpu1]
host = "h1"
rest_s = 1
ssh_config = "{ssh_config}"
"""


class Laptop:
    """One laptop: a project folder, and the command line in it."""

    def __init__(self, project: Path, home: Path, ssh_config: Path) -> None:
        project.mkdir(parents=True)
        shutil.copy(TRAINER, project / "train.py")
        (project / "overnight.toml").write_text(SETTINGS.format(ssh_config=ssh_config))
        home.mkdir(parents=True, exist_ok=True)
        self.project = project
        self.variables = {**os.environ, "XDG_RUNTIME_DIR": str(home)}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "overnight", *words],
            cwd=self.project,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The command to its end; its exit code is part of what is tested."""
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, (words, process.returncode, out, err)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def refused(self, *words: str, code: int) -> str:
        """The command fails with this code and says it in two lines, which are returned."""
        done = self.run(*words, code=code)
        lines = [line for line in done.stderr.splitlines() if line]
        assert done.stdout == ""
        assert len(lines) == 2, done.stderr
        assert lines[0].startswith("overnight: ")
        assert lines[1].startswith("  next: ")
        return done.stderr

    def json(self, *words: str, code: int = 0, command: tuple[str, ...] | None = None) -> Any:
        rest = training(*command) if command is not None else []
        return json.loads(self.run(*words, "--json", *rest, code=code).stdout)

    def launch(self, name: str, *flags: str, code: int = 0) -> Any:
        return self.json(*launching(name), code=code, command=flags)

    def explain(self, name: str) -> Any:
        return self.json("explain", name)

    def wait(self, name: str) -> None:
        self.run("wait", name, "--timeout", "100")


def launching(name: str | None) -> list[str]:
    return ["run", *([name] if name else []), "--no-smoke"]


def training(*flags: str) -> list[str]:
    return ["--", "python3", "train.py", *flags]
