"""What Slurm's commands answer, with and without accounts, read by our parsers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence

import pytest

from overnight.node.slurm import asking, jobs, polling, scontrol, sinfo, squeue
from tests.integration.slurm.conftest import lend, start
from tests.testbed import slurm as clusters
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("slurm")
MISSING = asking.Said("", "squeue: No such file or directory", is_missing=True)


@pytest.fixture
def accounts(
    tmp_path_factory: pytest.TempPathFactory, user_home: object, monkeypatch: pytest.MonkeyPatch
) -> Iterator[clusters.Cluster]:
    """A cluster with slurmdbd and its database."""
    for cluster in start(tmp_path_factory.mktemp("accounts") / "lab", accounting=True):
        yield from lend(cluster, monkeypatch)


def ask(argv: Sequence[str]) -> asking.Said:
    return asking.ask(list(argv), dict(os.environ))


def without_squeue(argv: Sequence[str]) -> asking.Said:
    return MISSING if argv[0] == "squeue" else ask(argv)


def submit(cluster: clusters.Cluster, *options: str, script: str = "exit 3") -> str:
    argv = ["sbatch", "--parsable", "-o/dev/null", *options, f"--wrap={script}"]
    return cluster.sh(*argv).strip()


def wait_for(cluster: clusters.Cluster, job: str, state: str) -> None:
    wait_until(lambda: cluster.jobs().get(job) == state, timeout_s=60, what=f"{job} {state}")


def table(wanted: Sequence[str], how: polling.Ask) -> polling.Table:
    return polling.asked(polling.Table(), list(wanted), how, os.getuid(), time.time())


def test_squeue_tells_of_all_jobs_at_once(cluster: clusters.Cluster) -> None:
    waits = submit(cluster, "-Jtrain01.ab", "--begin=now+1hour")
    array = submit(cluster, "-Jsweep.cd", "-a0-1", "--begin=now+1hour")
    failed = submit(cluster, "-Jtrain02.ef")
    wait_for(cluster, failed, "FAILED")
    found = table([waits, f"{array}_0", f"{array}_1", failed], ask)
    assert not found.problem
    assert found.by_id[waits].phase == jobs.WAITS
    assert found.by_id[waits].reason == "BeginTime"
    assert [each.id for each in found.named("sweep.cd", 1)] == [f"{array}_1"]
    assert found.by_id[failed] == jobs.Job(failed, "FAILED", "NonZeroExitCode", "n1", "train02.ef")


def test_without_squeue_scontrol_is_asked(cluster: clusters.Cluster) -> None:
    """And says of a job that it never had that it has none."""
    array = submit(cluster, "-Jsweep.cd", "-a0-1", "--begin=now+1hour")
    failed = submit(cluster, "-Jtrain02.ef")
    wait_for(cluster, failed, "FAILED")
    found = table([f"{array}_1", failed, "99999"], without_squeue)
    assert found.problem == MISSING.problem
    assert found.by_id[failed].exit == "3:0"
    assert jobs.how_ended(found.by_id[failed]) == "FAILED (NonZeroExitCode, exit code 3)"
    assert list(found.forgotten) == ["99999"]
    assert found.no_accounts_at > 0  # sacct: Slurm accounting storage is disabled


def test_what_the_controller_has_forgotten_sacct_remembers(accounts: clusters.Cluster) -> None:
    """Also of a job that was cancelled, by whom it was; and what nobody knows is forgotten."""
    failed = submit(accounts, "-Jtrain02.ef")
    cancelled = submit(accounts, "-Jtrain03.gh", "--begin=now+1hour")
    array = submit(accounts, "-Jsweep.cd", "-a0-1", script="true")
    accounts.sh("scancel", cancelled)
    wanted = [failed, cancelled, f"{array}_0", f"{array}_1"]

    def forgetful(argv: Sequence[str]) -> asking.Said:
        return asking.Said("") if argv[0] == "squeue" else ask(argv)

    wait_until(lambda: len(table(wanted, forgetful).by_id) == 4, timeout_s=60, what="the accounts")
    found = table([*wanted, "99999"], forgetful)
    assert found.by_id[failed] == jobs.Job(failed, "FAILED", "", "n1", "train02.ef", "3:0")
    assert found.by_id[cancelled].state == "CANCELLED"
    assert found.by_id[f"{array}_1"].state == "COMPLETED"
    assert list(found.forgotten) == ["99999"]


def test_the_partitions_and_their_gpus(cluster: clusters.Cluster) -> None:
    found = sinfo.parse(cluster.sh(*sinfo.argv()))
    assert sorted(found) == ["gpu", "urgent"]
    assert found["gpu"].is_default
    assert found["gpu"].is_up
    assert found["gpu"].has_gpus
    assert found["gpu"].time_limit == "1:00:00"


def test_steps_of_a_job(cluster: clusters.Cluster) -> None:
    job = submit(cluster, "-N2", "--ntasks-per-node=1", script="srun sleep 60")
    wait_until(lambda: steps(cluster, job) == [f"{job}.0"], what="the step")


def steps(cluster: clusters.Cluster, job: str) -> list[str]:
    return squeue.parse_steps(ask(squeue.steps_argv(job)).out)


def test_a_requeue_of_nothing_says_so(cluster: clusters.Cluster) -> None:
    assert "Invalid job id" in ask(scontrol.requeue_argv("99999")).problem
