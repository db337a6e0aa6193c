"""A laptop's project, its cluster, and what happens between them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.app import launching, preparing
from overnight.core import config, errors
from overnight.node import journal, layout, look, states
from overnight.node.slurm import records
from overnight.ports import Request
from overnight.train import launch, smoke
from tests.integration.local import world as local
from tests.testbed import slurm as clusters
from tests.waiting import wait_until

SERVER = """\
[servers.cluster]
kind = "slurm"
host = "{host}"
root = "{root}"
python = "{python}"
slurm = {{ {slurm} }}
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class World(local.World):
    """As on one server, with a cluster whose login node is this machine."""

    cluster: clusters.Cluster
    before: frozenset[str]  # jobs of earlier tests, which Slurm still remembers

    def set_up(
        self,
        *,
        project: str = "",
        more: str = "",
        slurm: str = 'time = "10"',
        host: str = "local",
        ssh_config: Path | None = None,
    ) -> None:
        """`slurm`: what stands in that table of the server's."""
        python = os.environ.get("OVERNIGHT_TEST_NODE_PYTHON", sys.executable)
        server = SERVER.format(root=self.root, python=python, slurm=slurm, host=host)
        server += f'ssh_config = "{ssh_config}"\n' if ssh_config else ""
        super().set_up(project=project, more=f"{server}\n{more}")

    def hang_up(self) -> None:
        """Ends the laptop's connection, with the master that is kept open for the next one."""
        with self.laptop() as o:
            o.server("cluster").hang_up()

    def launch(self, name: str, *words: str, argv: Sequence[str] = (), gpus: int = 1) -> None:
        with self.laptop() as o:
            command = list(argv) or self.training(*words)
            launching.run(o, name, "cluster", command, gpus, with_smoke=False)

    def launch_many(
        self, names: Sequence[str], *words: str, queue: Mapping[str, Any] | None = None
    ) -> list[launch.Began]:
        """As a sweep does: one request for all of them."""
        with self.laptop() as o:
            settings = config.choose_server(o.config, "cluster")
            plan = preparing.prepare(o.config, settings, self.training(*words), 1)
            synced = launching.sync(o, "cluster", plan.smoke_argv)
            made = dataclasses.replace(plan.spec, snapshot=synced.pushed.snapshot)
            made = dataclasses.replace(made, queue={**made.queue, **(queue or {})})
            specs = [dataclasses.replace(made, run=name, sweep={"name": name}) for name in names]
            return launch.launch_many(o.server("cluster"), specs, {})

    def launch_expecting_failure(self, name: str, argv: Sequence[str]) -> None:
        with contextlib.suppress(errors.RunFailed):
            self.launch(name, argv=argv)
        assert self.wait(name, timeout_s=60).state == states.FAILED, self.told(name)

    def job(self, name: str) -> str:
        """The run's job, once Slurm has numbered it."""

        def known() -> str:
            submission = records.read(self.run(name))
            return submission.job if submission is not None else ""

        return wait_until(known, what=f"the job of {name}")

    def jobs(self, start: str) -> list[str]:
        """This world's jobs whose names begin so."""
        return [job for job in self.cluster.jobs_named(start) if job not in self.before]

    def wait_for_job(self, name: str, state: str) -> None:
        job = self.job(name)
        wait_until(
            lambda: self.cluster.jobs().get(job) == state,
            timeout_s=60,
            what=f"job {job} to be {state}; {self.cluster.jobs()}",
        )

    def row(self, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The run's row as a laptop gets it, once it says so."""

        def holds() -> dict[str, Any] | None:
            found = look.row(self.run(name), 0, True)
            return found if condition(found) else None

        found = wait_until(holds, timeout_s=30, what=f"the row of {name}")
        assert found is not None
        return found

    def stop(self, name: str) -> None:
        with self.laptop() as o:
            server = o.server("cluster")
            server.call(Request("stop", {"project": o.project, "run": name, "by": "a test"}))

    def resume(self, name: str) -> None:
        with self.laptop() as o:
            server = o.server("cluster")
            server.call(Request("resume", {"project": o.project, "run": name}))

    def smoke(self) -> smoke.Verdict:
        with self.laptop() as o:
            return launching.smoke_test(o, "cluster", self.training(), 1, None)

    def run_names(self) -> list[str]:
        return [run.name for run in layout.runs(str(self.root))]

    def node(self, name: str) -> str:
        """Where the run's newest attempt was begun."""
        owner = records.owner_of(self.run(name), records.read(self.run(name)).n)
        assert owner is not None
        return owner.node

    def said(self, name: str) -> str:
        """What the run has printed so far."""
        path = Path(self.run(name).file("output.log"))
        return path.read_text() if path.exists() else ""

    def talk(self, name: str) -> str:
        """What the run's supervisors said."""
        return Path(self.run(name).file("supervisor.log")).read_text()

    def told(self, name: str) -> str:
        """Everything that helps to see why a test failed."""
        events = "\n".join(map(str, journal.read(self.run(name))))
        return f"{events}\n{self.talk(name)}\n{self.cluster.jobs()}"


@contextlib.contextmanager
def world(folder: Path, cluster: clusters.Cluster) -> Iterator[World]:
    before = frozenset(cluster.jobs())
    made = World(folder=folder, root=folder / "server", cluster=cluster, before=before)
    made.set_up()
    try:
        yield made
    finally:
        for job, state in cluster.jobs().items():
            if state in ("PENDING", "RUNNING"):
                cluster.works("scancel", job)
        made.tear_down()
