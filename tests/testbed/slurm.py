"""A Slurm cluster on this machine: a real munged, slurmctld and one slurmd for each node.

It lives in a network namespace of its own, so that its ports are nobody else's. The nodes `n1` to
`n3` share this machine's files and processes; their GPUs are device files that swallow everything.
"""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests import waiting
from tests.testbed import namespaces

NODES = ("n1", "n2", "n3")
GPUS_PER_NODE = 4
CPUS_PER_NODE = 8
CONTROLLER_PORT, FIRST_NODE_PORT, ACCOUNTING_PORT, DATABASE_PORT = 6817, 6821, 6819, 3306
SETTINGS: Mapping[str, str] = {
    "ClusterName": "lab",
    "SlurmctldHost": "localhost(127.0.0.1)",
    "SlurmUser": "root",
    "SlurmdUser": "root",
    "AuthType": "auth/munge",
    # so many seconds a requeued job waits before it may start again; less counts as two minutes
    "AuthInfo": "socket={folder}/munge.socket,cred_expire=5",
    "CredType": "cred/munge",
    "SlurmctldPort": str(CONTROLLER_PORT),
    "StateSaveLocation": "{folder}/state",
    "SlurmctldPidFile": "{folder}/slurmctld.pid",
    "SlurmdPidFile": "{folder}/%n.pid",
    "SlurmdSpoolDir": "{folder}/spool/%n",
    "SlurmctldLogFile": "{folder}/slurmctld.log",
    "SlurmdLogFile": "{folder}/%n.log",
    "ProctrackType": "proctrack/linuxproc",
    "TaskPlugin": "task/none",
    "JobAcctGatherType": "jobacct_gather/linux",
    "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_Core_Memory",
    "GresTypes": "gpu",
    "ReturnToService": "2",
    "SlurmdTimeout": "5",
    "SlurmctldTimeout": "10",
    "InactiveLimit": "0",
    "KillWait": "2",
    "MinJobAge": "300",
    "MailProg": "/bin/true",
    "MpiDefault": "none",
    "SlurmdParameters": "config_overrides",
    "SchedulerParameters": "sched_interval=1,bf_interval=2,batch_sched_delay=0",
    "PreemptType": "preempt/partition_prio",
    "PreemptMode": "REQUEUE",
    "JobRequeue": "1",
}
NETWORK = (  # with loopback alone, Slurm's getaddrinfo (AI_ADDRCONFIG) knows no address at all
    "link set lo up",
    "link add lab0 type veth peer name lab1",
    "addr add 10.78.0.1/24 dev lab0",
    "link set lab0 up",
    "link set lab1 up",
)
NODE = "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={cpus} "
NODE += "RealMemory=4000 Gres=gpu:{gpus} State=UNKNOWN\n"
PARTITION = "PartitionName={name} Nodes=n[1-3] Default={default} MaxTime=01:00:00 "
PARTITION += "DefaultTime=00:10:00 State=UP PriorityTier={tier} DefMemPerCPU=100\n"
ACCOUNTING = {
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "AccountingStorageHost": "127.0.0.1",
    "AccountingStoragePort": str(ACCOUNTING_PORT),
    "AccountingStoragePass": "{folder}/munge.socket",
}
ACCOUNTING_SETTINGS = """\
AuthType=auth/munge
AuthInfo={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=lab
StorageLoc=slurm_acct
"""
GRANT = "create user {user} identified by 'lab'; grant all on slurm_acct.* to {user};"


class Cluster:
    """A context manager. `enter` moves the calling thread to where Slurm's commands work.

    `accounting`: with slurmdbd and its database, so that sacct answers.
    """

    def __init__(self, folder: Path, *, accounting: bool = False) -> None:
        self.folder = folder.resolve()
        self.accounting = accounting
        self.settings = dict(SETTINGS) | (ACCOUNTING if accounting else {})
        self.conf = self.folder / "slurm.conf"
        self._network = -1
        self._before: int | None = None
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def __enter__(self) -> Self:
        for name in ("state", "dev", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        self._network = namespaces.create()
        namespaces.ip(self._network, NETWORK)
        self._start_munge()
        self.write_settings()
        if self.accounting:
            self._start_accounting()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        self.wait_for_nodes()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel_all()
        self.leave()
        for name in reversed(list(self._daemons)):
            self.kill(name)
        end_steps(self.conf)
        os.close(self._network)

    # -- settings -----------------------------------------------------------------------------

    def write_settings(self) -> None:
        lines = [f"{name}={value}\n" for name, value in self.settings.items()]
        for number, name in enumerate(NODES):
            values = {"cpus": CPUS_PER_NODE, "gpus": GPUS_PER_NODE}
            lines.append(NODE.format(name=name, port=FIRST_NODE_PORT + number, **values))
        lines.append(PARTITION.format(name="gpu", default="YES", tier=1))
        lines.append(PARTITION.format(name="urgent", default="NO", tier=10))
        self.conf.write_text("".join(lines).replace("{folder}", str(self.folder)))
        self._write_gpus()

    def _write_gpus(self) -> None:
        lines = ["AutoDetect=off\n"]
        for node in NODES:
            for number in range(GPUS_PER_NODE):
                path = self.folder / "dev" / f"{node}-nvidia{number}"
                if not path.exists():
                    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # as /dev/null
            devices = self.folder / "dev" / f"{node}-nvidia[0-{GPUS_PER_NODE - 1}]"
            lines.append(f"NodeName={node} Name=gpu File={devices}\n")
        (self.folder / "gres.conf").write_text("".join(lines))

    def change(self, **settings: str) -> None:
        """Other values of slurm.conf from now on, as an administrator sets them."""
        self.settings.update(settings)
        self.write_settings()
        self.sh("scontrol", "reconfigure")

    # -- daemons ------------------------------------------------------------------------------

    def start(self, name: str, argv: Sequence[str]) -> None:
        """A daemon that the end of this process ends."""
        with (self.folder / f"{name}.out").open("ab") as talk:
            self._daemons[name] = subprocess.Popen(
                namespaces.inside(self._network, ["setpriv", "--pdeathsig", "KILL", *argv]),
                stdin=subprocess.DEVNULL,
                stdout=talk,
                stderr=subprocess.STDOUT,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SLURM_CONF": str(self.conf)},
                start_new_session=True,
            )

    def start_controller(self) -> None:
        self.start("slurmctld", ["slurmctld", "-i", "-D"])
        waiting.wait_until(lambda: self.works("squeue"), what="slurmctld")

    def stop(self, name: str) -> None:
        """Ends a daemon in its own way: a controller writes down what it knows."""
        daemon = self._daemons.pop(name)
        daemon.terminate()
        daemon.wait()

    def kill(self, name: str) -> None:
        daemon = self._daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        files = ("key", "socket", "pid", "log", "seed")
        options = [
            f"--{what}-file={self.folder}/munge.{what}" for what in files if what != "socket"
        ]
        socket = self.folder / "munge.socket"
        self.start("munged", ["munged", "--foreground", "--force", f"--socket={socket}", *options])
        waiting.wait_until(socket.exists, what="munged")

    def _start_accounting(self) -> None:
        data = self.folder / "database"
        data.mkdir()
        common = ["--no-defaults", "--user=root", f"--datadir={data}"]
        install = [*common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(["mariadb-install-db", *install], check=True, capture_output=True)
        socket = data / "socket"
        reach = [f"--socket={socket}", "--bind-address=127.0.0.1", f"--port={DATABASE_PORT}"]
        self.start("mariadbd", ["mariadbd", *common, *reach, "--innodb-buffer-pool-size=64M"])
        ping = ["mariadb-admin", f"--socket={socket}", "ping"]
        waiting.wait_until(lambda: succeeds(ping), what="mariadbd", timeout_s=60)
        grants = "".join(
            GRANT.format(user=f"'slurm'@'{host}'") for host in ("127.0.0.1", "localhost")
        )
        subprocess.run(["mariadb", f"--socket={socket}", "-e", grants], check=True)
        values = {"folder": self.folder, "port": ACCOUNTING_PORT, "database": DATABASE_PORT}
        conf = self.folder / "slurmdbd.conf"
        conf.write_text(ACCOUNTING_SETTINGS.format(**values))
        conf.chmod(0o600)
        self.start("slurmdbd", ["slurmdbd", "-D"])
        waiting.wait_until(lambda: self.works("sacctmgr", "-n", "show", "cluster"), timeout_s=60)

    # -- nodes --------------------------------------------------------------------------------

    def start_node(self, node: str) -> None:
        self.start(node, ["slurmd", "-N", node, "-D"])

    def kill_node(self, node: str) -> None:
        """As when the machine loses power: its daemon and all that its jobs run are gone."""
        self.kill(node)
        end_steps(self.conf, node)

    def kill_processes(self, node: str) -> None:
        """SIGKILL to all that the jobs of a node run; Slurm itself lives and sees it."""
        for step in steps(self.conf, node):
            for pid in below(step):
                kill(pid)

    def node_states(self) -> dict[str, str]:
        lines = self.sh("sinfo", "-h", "-N", "-p", "gpu", "-o", "%N %T").split("\n")
        return dict(line.split() for line in lines if line)

    def wait_for_nodes(self) -> None:
        """Until every node takes jobs."""

        def ready() -> bool:
            if not self.works("sinfo"):
                return False
            states = self.node_states().values()
            return len(states) == len(NODES) and all(each in ("idle", "mixed") for each in states)

        waiting.wait_until(ready, timeout_s=30, what=f"the nodes; see {self.folder}")

    # -- commands -----------------------------------------------------------------------------

    def enter(self) -> None:
        """Moves the calling thread, and what it starts from now on, into the cluster's network."""
        if self._before is None:
            self._before = namespaces.current()
            namespaces.enter(self._network)

    def leave(self) -> None:
        if self._before is not None:
            namespaces.enter(self._before)
            os.close(self._before)
            self._before = None

    def sh(self, *argv: str) -> str:
        """What a command of Slurm's prints. AssertionError where it fails."""
        done = self._run(argv)
        assert done.returncode == 0, f"{argv}: {done.stderr}"
        return done.stdout

    def works(self, *argv: str) -> bool:
        return self._run(argv).returncode == 0

    def _run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        command = namespaces.inside(self._network, argv)
        return subprocess.run(command, env=self.environ, capture_output=True, text=True)

    def jobs(self) -> dict[str, str]:
        """The state of each job that Slurm remembers."""
        lines = self.sh("squeue", "-h", "-r", "-t", "all", "-o", "%i %T").split("\n")
        return dict(line.split() for line in lines if line)

    def jobs_named(self, start: str) -> list[str]:
        """The jobs whose names begin so, whatever became of them."""
        lines = self.sh("squeue", "-h", "-r", "-t", "all", "-o", "%i %j").split("\n")
        pairs = [line.split() for line in lines if line]
        return [job for job, name in pairs if name.startswith(start)]

    def cancel_all(self) -> None:
        """Ends every job, and returns when none is left on a node."""
        ended = "PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "REQUEUED"
        if "slurmctld" not in self._daemons:
            return
        for job in [job for job, state in self.jobs().items() if state in ended]:
            self._run(["scancel", "--signal=KILL", "--full", job])
            self._run(["scancel", job])
        waiting.wait_until(
            lambda: not any(state in ended for state in self.jobs().values()),
            timeout_s=60,
            what="the end of all jobs",
        )


def succeeds(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True).returncode == 0


def end_steps(conf: Path, node: str | None = None) -> None:
    """Kills the step daemons of a cluster (on one node), and the processes they have started."""
    for step in steps(conf, node):
        for pid in [step, *below(step)]:  # nobody lives to record the end of its child
            kill(pid)


def steps(conf: Path, node: str | None) -> list[int]:
    """Its slurmstepd processes, known by what they tell those that they start."""
    wanted = {f"SLURM_CONF={conf}"} | ({f"SLURMD_NODENAME={node}"} if node else set())
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if text(f"/proc/{pid}/comm") == "slurmstepd":
            environs = [text(f"/proc/{child}/environ") for child in [pid, *below(int(pid))]]
            if any(wanted <= set(each.split("\0")) for each in environs):
                found.append(int(pid))
    return found


def below(pid: int) -> list[int]:
    """All processes under this one, parents first."""
    found: list[int] = []
    for task in entries(f"/proc/{pid}/task"):
        for child in text(f"/proc/{pid}/task/{task}/children").split():
            found += [int(child), *below(int(child))]
    return found


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def entries(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


if __name__ == "__main__":  # a cluster to play with: python -m tests.testbed.slurm FOLDER [dbd]
    with Cluster(Path(sys.argv[1]), accounting="dbd" in sys.argv[2:]) as made:
        print(f"export SLURM_CONF={made.conf}", flush=True)
        made.enter()
        subprocess.run([os.environ.get("SHELL", "/bin/sh")], env=made.environ)
