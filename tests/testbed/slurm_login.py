"""The login node of a cluster as laptops reach it: an sshd in the cluster's network."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import waiting
from tests.testbed import slurm

PORT = 2222
SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/id.pub
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PrintMotd no
PrintLastLog no
SetEnv SLURM_CONF={conf}
"""
SSH = """\
Host login
  HostName 127.0.0.1
  Port {port}
  User root
  IdentityFile "{folder}/id"
  IdentitiesOnly yes
  UserKnownHostsFile "{folder}/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
"""
# It wants a folder in /run, which is not ours: it gets a /run of its own.
START = 'mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -p "$1" -f "$2"'


def start(cluster: slurm.Cluster, folder: Path) -> Path:
    """Starts the sshd, which lives as long as the cluster. The configuration for `ssh -F`."""
    folder.mkdir()
    for name in ("host_key", "id"):
        key = str(folder / name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    kind, key = (folder / "host_key.pub").read_text().split()[:2]
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{PORT} {kind} {key}\n")
    (folder / "sshd_config").write_text(SSHD.format(folder=folder, conf=cluster.conf))
    config = folder / "ssh_config"
    config.write_text(SSH.format(folder=folder, port=PORT))
    unshare = ["unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sshd"]
    cluster.start("sshd", [*unshare, str(PORT), str(folder / "sshd_config")])
    waiting.wait_until(
        lambda: cluster.works("ssh", "-F", str(config), "login", "true"), what="the sshd"
    )
    return config
