"""The testbed itself: its hosts behave as real servers do, in sickness and in health."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import waiting
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.testbed import pythons

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def ssh(lab: labs.Lab, name: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(lab.ssh_config), *options, name, command]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )


def start_sleeping(host: hosts.Host, user: str = "train", prefix: str = "") -> int:
    """A process of a user's that stays; its pid on the host."""
    return int(host.sh(f"{prefix} nohup sleep 1000 >/dev/null 2>&1 & echo $!", user).stdout)


def test_login_is_unprivileged_and_at_home(lab: labs.Lab, host: hosts.Host) -> None:
    """A login by key lands in the home that the test sees from outside."""
    (host.home / "note").write_text("from outside")
    done = ssh(lab, "h1", "id -un; hostname; pwd; cat note; ls /root")
    assert done.stdout.split("\n")[:4] == ["train", "h1", "/home/train", "from outside"]
    assert "Permission denied" in done.stderr


def test_commands_without_ssh_see_the_same_host(host: hosts.Host) -> None:
    """`sh` runs as the user in the host's own processes, names and files."""
    assert host.sh("id -un; hostname; pwd").stdout.split() == ["train", "h1", "/home/train"]
    assert host.sh("id -un", user="root").stdout == "root\n"
    with pytest.raises(AssertionError, match="no-such-command"):
        host.sh("no-such-command")


def test_no_traffic_leaves(lab: labs.Lab, host: hosts.Host) -> None:
    """Neither the laptop's side nor a host has a way out."""
    for command in (["ip", "route"], ["ssh", "-F", str(lab.ssh_config), host.name, "ip route"]):
        routes = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        assert len(routes) == 1
        assert routes[0].startswith("10.77.0.0/24")


def test_two_hosts_are_two_machines(lab: labs.Lab, host: hosts.Host, host2: hosts.Host) -> None:
    """The hosts share neither name, home, processes nor boot id."""
    pid = start_sleeping(host2)
    assert host2.pids() == [pid]
    assert host.pids() == []
    assert ssh(lab, "h2", "hostname").stdout == "h2\n"
    assert host.sh(BOOT_ID).stdout != host2.sh(BOOT_ID).stdout


def test_cut_is_silent_and_heal_mends(lab: labs.Lab, host: hosts.Host) -> None:
    """A cut host times out, as far as any client can tell; the host itself goes on."""
    pid = start_sleeping(host)
    host.cut()
    done = ssh(lab, "h1", "true", "-o", "ConnectTimeout=1")
    assert (done.returncode, "timed out" in done.stderr) == (255, True)
    assert host.pids() == [pid]
    host.heal()
    assert ssh(lab, "h1", "true").returncode == 0


def test_delay_is_added_to_each_round_trip(lab: labs.Lab, host: hosts.Host) -> None:
    """A held-open connection answers one round trip later, and goes on without delay after it."""
    argv = ["ssh", "-F", str(lab.ssh_config), "h1", "cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as held:
        assert held.stdin is not None
        assert held.stdout is not None

        def echo_s() -> float:
            assert held.stdin is not None
            assert held.stdout is not None
            started_s = time.monotonic()
            held.stdin.write(b"ping\n")
            assert held.stdout.readline() == b"ping\n"
            return time.monotonic() - started_s

        echo_s()
        host.delay(75)
        echo_s()  # this one may meet the change of the cable
        assert 0.075 <= min(echo_s() for _ in range(3)) < 0.15
        host.delay(0)
        echo_s()
        assert min(echo_s() for _ in range(3)) < 0.05
        held.stdin.close()


def test_reboot_ends_all_processes(lab: labs.Lab, host: hosts.Host) -> None:
    """After a reboot the boot id is another, no process is left and the home is kept."""
    before = host.sh(BOOT_ID + "; touch kept /tmp/lost").stdout
    start_sleeping(host)
    host.reboot()
    assert host.sh(BOOT_ID).stdout != before
    assert host.pids() == []
    assert ssh(lab, "h1", "ls; ls /tmp").stdout == "kept\n"


def test_orderly_reboot_asks_first(host: hosts.Host) -> None:
    """An administrator's reboot gives processes SIGTERM and time to write a last word."""
    host.sh(
        "(trap 'echo asked > word; exit' TERM; touch ready; sleep 1000 & wait) >/dev/null 2>&1 &"
    )
    waiting.wait_until((host.home / "ready").exists)
    host.reboot(orderly=True)
    assert (host.home / "word").read_text() == "asked\n"


def test_power_cut_tells_nobody(lab: labs.Lab, host: hosts.Host) -> None:
    """A host that loses power leaves its connections open and new ones unanswered."""
    argv = ["ssh", "-F", str(lab.ssh_config), "h1", "echo in; cat"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"in\n"
        host.poweroff()
        assert "timed out" in ssh(lab, "h1", "true", "-o", "ConnectTimeout=1").stderr
        assert held.poll() is None
        host.boot()
        assert ssh(lab, "h1", "true").returncode == 0
        held.kill()


def test_stopped_sshd_refuses(lab: labs.Lab, host: hosts.Host) -> None:
    """Without sshd the host refuses connections at once, and accepts them when it is back."""
    host.sshd_stop()
    assert "Connection refused" in ssh(lab, "h1", "true").stderr
    host.sshd_start()
    assert ssh(lab, "h1", "true").returncode == 0


def test_changed_host_key_is_refused(lab: labs.Lab, host: hosts.Host) -> None:
    """A host with a new key is refused by who knew the old one; `reset` makes it known."""
    host.new_host_key()
    assert "HOST IDENTIFICATION HAS CHANGED" in ssh(lab, "h1", "true").stderr
    lab.reset(1)
    assert ssh(lab, "h1", "true").returncode == 0


@pytest.mark.parametrize(
    ("path", "command"), [("/bin/csh", "echo $shell"), ("/usr/bin/fish", "echo $FISH_VERSION")]
)
def test_login_shell(lab: labs.Lab, host: hosts.Host, path: str, command: str) -> None:
    """Commands given to ssh are read by the user's shell, whatever it is."""
    host.shell(path)
    assert ssh(lab, "h1", command).stdout.strip() != ""
    assert ssh(lab, "h1", "getent passwd train").stdout.strip().endswith(path)


def test_noisy_bashrc(lab: labs.Lab, host: hosts.Host) -> None:
    """The user's .bashrc speaks before the command does."""
    host.bashrc("echo welcome\n")
    assert ssh(lab, "h1", "echo command").stdout == "welcome\ncommand\n"


def test_python_3_7(lab: labs.Lab, host: hosts.Host) -> None:
    """A host whose Python is too old, even for whoever looks for newer ones by name."""
    host.old_python()
    code = "import sys, json; print(sys.version_info[:2] + (sys.version_info.major,))"
    assert ssh(lab, "h1", f"python3 -S -E -c '{code}'").stdout == "(3, 7, 3)\n"
    assert ssh(lab, "h1", "ls /usr/bin/python3.*").stdout == ""
    host.reboot()
    assert ssh(lab, "h1", "python3 -V").stdout.startswith("Python 3.")


def test_stand_in_for_python_3_7(lab: labs.Lab, host: hosts.Host) -> None:
    """Where the machine has no Python 3.7, its own one can call itself so."""
    host.change("calls_itself", "3.7.16", pythons.standard_library())
    code = "import sys, json; print(sys.version_info[:2] + (sys.version_info.major,))"
    assert ssh(lab, "h1", f"python3 -S -E -c '{code}'").stdout == "(3, 7, 3)\n"


def test_no_python(lab: labs.Lab, host: hosts.Host) -> None:
    """A host without any Python."""
    host.python(None)
    assert ssh(lab, "h1", "python3 -V").returncode == 127
    assert ssh(lab, "h1", "/usr/bin/python3 -V").returncode == 127


def test_without_programs(lab: labs.Lab, host: hosts.Host, host2: hosts.Host) -> None:
    """Programs are gone on one host, for good, and there on the other and on the machine."""
    host.without("rsync", "tmux")
    host.reboot()
    assert ssh(lab, "h1", "command -v rsync tmux").stdout == ""
    assert ssh(lab, "h2", "command -v rsync tmux").stdout.split() == [
        "/usr/bin/rsync",
        "/usr/bin/tmux",
    ]


def test_small_disk_fills(host: hosts.Host) -> None:
    """A disk of 2 MiB takes no third one until it is made larger."""
    host.small_disk("/home/train/overnight", 2)
    full = host.sh("head -c 3M /dev/zero > overnight/file", check=False)
    assert "No space left on device" in full.stderr
    host.small_disk("/home/train/overnight", 4)
    host.sh("head -c 3M /dev/zero > overnight/file")


def test_read_only_folder(host: hosts.Host) -> None:
    """A folder on a read-only disk can be read and not written."""
    host.read_only("/home/train/overnight")
    assert "Read-only file system" in host.sh("touch overnight/x", check=False).stderr


def test_labmate_is_seen_and_not_ours(host: hosts.Host) -> None:
    """A labmate's process is visible to the user, who may not signal it or read its environment."""
    host.labmate("ada")
    host.labmate("ben")
    pid = start_sleeping(host, "ada")
    assert (host.pids(), host.pids("ada"), host.pids("ben")) == ([], [pid], [])
    assert f"{pid} sleep" in host.sh("ps -e -o pid=,comm=").stdout
    assert "not permitted" in host.sh(f"kill {pid}", check=False).stderr
    assert "Permission denied" in host.sh(f"cat /proc/{pid}/environ", check=False).stderr


@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_storage_without_locks(lab: labs.Lab, host: hosts.Host, error: int) -> None:
    """Both kinds of lock fail below the folder, also in ssh, and work beside it."""
    host.sh("mkdir nfs nfs2")
    host.flockless("/home/train/nfs", error)
    code = (
        "import fcntl, sys\n"
        "for lock in (fcntl.flock, fcntl.lockf):\n"
        "    try: lock(open(sys.argv[1], 'w'), fcntl.LOCK_EX | fcntl.LOCK_NB); print(0)\n"
        "    except OSError as error: print(error.errno)\n"
    )
    (host.home / "lock.py").write_text(code)
    assert ssh(lab, "h1", "python3 lock.py nfs/lock").stdout.split() == [str(error)] * 2
    assert ssh(lab, "h1", "python3 lock.py nfs2/lock").stdout.split() == ["0", "0"]


def test_gpus(lab: labs.Lab, host: hosts.Host) -> None:
    """The stand-in for nvidia-smi lists cards by UUID and the processes that use them."""
    first, second = host.gpus(2)
    assert ssh(lab, "h1", "nvidia-smi -L").stdout.splitlines() == [
        f"GPU 0: NVIDIA H100 80GB HBM3 (UUID: {first})",
        f"GPU 1: NVIDIA H100 80GB HBM3 (UUID: {second})",
    ]
    ours = start_sleeping(
        host, prefix=f"CUDA_VISIBLE_DEVICES={second} FAKE_GPU_HOLD=1 FAKE_GPU_MIB=500"
    )
    apps = "nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader"
    assert ssh(lab, "h1", apps).stdout == f"{second}, {ours}, 500 MiB\n"
    memory = "nvidia-smi --query-gpu=index,uuid,memory.used,memory.total --format=csv,nounits"
    assert ssh(lab, "h1", memory).stdout.splitlines() == [
        "index, uuid, memory.used [MiB], memory.total [MiB]",
        f"0, {first}, 4, 81559",
        f"1, {second}, 504, 81559",
    ]


def test_gpu_of_a_labmate(host: hosts.Host) -> None:
    """A card that a labmate uses is shown to all, until the labmate's process ends."""
    uuid = host.gpus(1)[0]
    host.labmate("ada")
    pid = start_sleeping(host, "ada")
    host.cards.occupy(0, pid, 70000)
    query = "nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits"
    assert host.sh(query).stdout == f"{uuid}, {pid}, 70000\n"
    host.sh(f"kill {pid}", "ada")
    waiting.wait_until(lambda: not host.pids("ada"))
    assert host.sh(query).stdout == ""


def test_gpu_failures(host: hosts.Host) -> None:
    """A broken driver, an unknown field and a host without cards answer as such."""
    assert host.sh("nvidia-smi", check=False).returncode == 127
    host.gpus(1)
    assert host.sh("nvidia-smi --query-gpu=bogus --format=csv", check=False).returncode == 2
    host.cards.fail("driver")
    assert "couldn't communicate" in host.sh("nvidia-smi", check=False).stdout


def test_reset_undoes_everything(lab: labs.Lab, host: hosts.Host) -> None:
    """A host that was spoilt in every way is as new for the next test."""
    host.without("tmux")
    host.shell("/bin/csh")
    host.delay(50)
    start_sleeping(host)
    (host.home / "rubbish").mkdir()
    host.cut()
    host.poweroff()
    lab.reset(1)
    assert ssh(lab, "h1", "ls; command -v tmux; echo $SHELL").stdout == "/usr/bin/tmux\n/bin/bash\n"
    waiting.wait_until(lambda: not host.pids(), what="the login to be gone")


def test_orphans_are_reaped(host: hosts.Host) -> None:
    """The host's first process takes up what others leave, as every init does."""
    host.sh("for i in 1 2 3; do (sleep 0.01 &) ; done")
    waiting.wait_until(lambda: not host.pids(), timeout_s=5)


def test_lab_ends_with_its_process(lab: labs.Lab, tmp_path: Path) -> None:
    """A lab whose process is killed leaves no process, namespace or mount behind."""
    marker = tmp_path / "lab"
    code = (
        "import pathlib, sys, time\n"
        "from tests.testbed import lab\n"
        "with lab.Lab(pathlib.Path(sys.argv[1])) as made:\n"
        "    made.host(1).delay(20)\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", code, str(marker)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        assert processes_of(marker)
        os.kill(holder.pid, signal.SIGKILL)
    waiting.wait_until(lambda: not processes_of(marker), timeout_s=5)
    assert str(marker) not in Path("/proc/mounts").read_text()


def processes_of(folder: Path) -> list[str]:
    """The command lines of this machine's processes that name a folder."""
    done = subprocess.run(["pgrep", "-af", str(folder)], capture_output=True, text=True)
    return done.stdout.splitlines()


def test_by_hand(lab: labs.Lab) -> None:
    """`run` gives a command a lab of its own and passes its exit code on."""
    command = 'ssh -F "$LAB_SSH_CONFIG" h1 hostname && exit 5'
    argv = [sys.executable, "-m", "tests.testbed", "run", "--", "sh", "-c", command]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (5, "h1\n")


def test_waiting_says_for_what() -> None:
    """A condition that never comes true is named, with its last value."""
    with pytest.raises(AssertionError, match=r"waited 0.05 s for the moon; the last value: 0"):
        waiting.wait_until(lambda: 0, timeout_s=0.05, what="the moon")
