"""What this machine must offer for the testbed to work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from tests.testbed import namespaces

PROGRAMS = (
    *("ip", "nsenter", "unshare", "setpriv", "mount", "pkill", "ssh", "ssh-keygen", "sshd"),
    *("rsync", "tmux", "git", "csh", "fish", "gcc", "cron", "crontab"),
    *("/usr/bin/python3", "/bin/bash"),
)
SLURM = (
    *("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "munged", "setpriv", "ip", "nsenter"),
    *("ssh", "sshd", "ssh-keygen", "unshare"),
    *("slurmdbd", "sacct", "mariadbd", "mariadb", "mariadb-install-db", "mariadb-admin"),
)


def missing() -> str:
    """Why there can be no testbed here, in one line; empty where there can."""
    if os.geteuid() != 0:
        return "the testbed of SSH servers needs root"
    return absent(PROGRAMS) or no_relay() or no_namespaces()


def missing_for_slurm() -> str:
    """Why there can be no cluster of Slurm here, in one line; empty where there can."""
    if os.geteuid() != 0:
        return "the testbed of Slurm needs root"
    return absent(SLURM) or no_namespaces()


def absent(programs: Iterable[str]) -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    names = [name for name in programs if shutil.which(name, path=path) is None]
    return f"missing {', '.join(names)}: type scripts/debian-packages.sh" if names else ""


def no_relay() -> str:
    return "" if os.path.exists("/dev/net/tun") else "the kernel offers no /dev/net/tun"


def no_namespaces() -> str:
    try:
        os.close(namespaces.create())
    except OSError as error:
        return f"this machine refuses network namespaces: {error}"
    return ""
