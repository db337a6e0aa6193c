"""What this machine must offer for the testbed to work."""

from __future__ import annotations

import os
import shutil

from tests.testbed import namespaces

PROGRAMS = (
    *("ip", "nsenter", "unshare", "setpriv", "mount", "pkill", "ssh", "ssh-keygen", "sshd"),
    *("rsync", "tmux", "git", "csh", "fish", "gcc", "cron", "crontab"),
    *("/usr/bin/python3", "/bin/bash"),
)


def missing() -> str:
    """Why there can be no testbed here, in one line; empty where there can."""
    if os.geteuid() != 0:
        return "the testbed of SSH servers needs root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if absent:
        return f"missing {', '.join(absent)}: type scripts/debian-packages.sh"
    if not os.path.exists("/dev/net/tun"):
        return "the kernel offers no /dev/net/tun"
    try:
        os.close(namespaces.create())
    except OSError as error:
        return f"this machine refuses network namespaces: {error}"
    return ""
