"""Logins, disks and names that are odd or broken: it works, or one line says what is wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.laptop import Laptop, launching
from tests.testbed import host as hosts
from tests.testbed import lab as labs
from tests.waiting import wait_until

ROOT = "overnight/projects/night"
WORDS = st.binary(max_size=30).map(lambda word: os.fsdecode(word.replace(b"\0", b"")))
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
KEEP = """\
import os, sys
with open(os.path.expanduser("~/arrived"), "wb") as file:
    file.write(b"\\0".join(map(os.fsencode, [*sys.argv[1:], os.environ["STRANGE"]])))
"""


def edit(laptop: Laptop, old: str, new: str) -> None:
    path = laptop.project / "overnight.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def other_ssh_config(laptop: Laptop, lab: labs.Lab, old: str, new: str) -> None:
    """The project gets settings of its own, in which `old` is `new`."""
    (laptop.project / "ssh_config").write_text(lab.ssh_config.read_text().replace(old, new))
    edit(laptop, str(lab.ssh_config), "ssh_config")


# -- who cannot be reached ----------------------------------------------------------------------


def test_a_host_key_that_nobody_has_seen(laptop: Laptop, lab: labs.Lab) -> None:
    """It is never accepted by us; a person compares the fingerprint by hand."""
    other_ssh_config(laptop, lab, f'"{lab.known_hosts}"', "/dev/null")
    said = laptop.refused("sync", code=4)
    assert "gpu1 shows a host key that this machine has never seen" in said
    assert f"ssh -F '{laptop.project}/ssh_config' h1" in said


def test_a_name_that_nobody_knows(laptop: Laptop) -> None:
    """A host that is neither in the settings nor in the DNS."""
    edit(laptop, 'host = "h1"', 'host = "nowhere.invalid"')
    said = laptop.refused("sync", code=4)
    assert "gpu1 cannot be reached: ssh: Could not resolve hostname nowhere.invalid" in said
    assert "nowhere.invalid" in said.splitlines()[1]


def test_settings_of_ssh_that_are_not_there(laptop: Laptop, lab: labs.Lab) -> None:
    """A mistake in overnight.toml, not a server that is away."""
    edit(laptop, str(lab.ssh_config), "no/such/file")
    assert "no/such/file cannot be read" in laptop.refused("sync", code=2)


def test_a_python_that_is_named_and_not_there(laptop: Laptop, host: hosts.Host) -> None:
    """The message repeats what overnight.toml says; mended, it works."""
    edit(laptop, 'host = "h1"', 'host = "h1"\npython = "~/py/bin/python"')
    assert "gpu1 has no program ~/py/bin/python" in laptop.refused("sync", code=4)
    host.sh("mkdir -p py/bin; ln -s /usr/bin/python3 py/bin/python")
    laptop.run("sync")


# -- what is odd and works ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "prepare",
    [
        lambda host: host.bashrc("sleep 1\n"),
        lambda host: host.bashrc("exec 2>&1; set -x; trap 'echo bye' EXIT\n"),
        lambda host: host.bashrc(
            "cd /; umask 077; export PYTHONHOME=/no PYTHONPATH=/no LC_ALL=C\n"
        ),
        lambda host: host.sh("echo 'echo csh talks; stty' > .cshrc") and host.shell("/bin/csh"),
    ],
)
def test_start_up_files(
    laptop: Laptop, host: hosts.Host, prepare: Callable[[hosts.Host], object]
) -> None:
    """Slow, talkative and meddling ones: the training runs."""
    prepare(host)
    laptop.run(*launching("odd"), "--", "/usr/bin/env", "-u", "PYTHONHOME", "python3", "train.py")
    laptop.wait("odd")


def test_a_talking_start_up_file_and_much_to_send(laptop: Laptop, host: hosts.Host) -> None:
    """rsync cannot work behind it; the pipe does."""
    host.bashrc("echo Welcome\n")
    (laptop.project / "data.bin").write_bytes(os.urandom(5_000_000))
    assert laptop.json("sync")["how"] == "pipe"
    host.bashrc("")
    (laptop.project / "data.bin").write_bytes(os.urandom(5_000_000))
    assert laptop.json("sync")["how"] == "rsync"


def test_strange_names_by_rsync(lab: labs.Lab, host: hosts.Host, tmp_path: Path) -> None:
    """Project, root and files with blanks, quotes, newlines and other alphabets, and linking."""
    laptop = Laptop(tmp_path / 'it\'s "a"\nprojekt ö', tmp_path / "rt", lab.ssh_config)
    edit(laptop, 'host = "h1"', 'host = "h1"\nroot = "~/it\'s \\"the\\" $HOME wurzel ö"')
    for name in ("a b", "-n", "'", '"', "$(id)", "new\nline", "日本", "[x]*", "back\\slash"):
        (laptop.project / name).write_bytes(os.urandom(700_000))
    first = laptop.json("sync")
    (laptop.project / "more").write_bytes(os.urandom(5_000_000))
    second = laptop.json("sync")
    assert (first["how"], second["how"], second["transferred_files"]) == ("rsync", "rsync", 1)
    snapshots = host.home / 'it\'s "the" $HOME wurzel ö' / "projects" / "night" / "snapshots"
    old, new = (snapshots / each["snapshot"] / "new\nline" for each in (first, second))
    assert old.stat().st_ino == new.stat().st_ino
    assert new.read_bytes() == (laptop.project / "new\nline").read_bytes()


@settings(
    max_examples=6,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(words=st.lists(WORDS, min_size=10, max_size=60), value=TEXTS)
def test_words_arrive_byte_for_byte(
    laptop: Laptop, host: hosts.Host, words: list[str], value: str
) -> None:
    """Arguments and variables pass the command line, JSON, ssh, the login shell and the shim."""
    (host.home / "arrived").unlink(missing_ok=True)
    toml = laptop.project / "overnight.toml"
    lines = [line for line in toml.read_text().split("\n") if not line.startswith("variables")]
    lines.insert(1, f"variables = {{ STRANGE = {in_toml(value)} }}")
    toml.write_text("\n".join(lines))
    laptop.run(*launching(None), "--", "python3", "-c", KEEP, *words)
    wait_until((host.home / "arrived").exists, what="the words")
    wait_until(
        lambda: (
            (host.home / "arrived").read_bytes() == b"\0".join(map(os.fsencode, [*words, value]))
        ),
        timeout_s=5,
        what="all of them",
    )


def in_toml(value: str) -> str:
    """A basic string of TOML: JSON's escapes are TOML's, but for DEL and pairs of surrogates."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- disks that fill up -------------------------------------------------------------------------


def test_a_disk_that_fills_up_under_a_training(laptop: Laptop, host: hosts.Host) -> None:
    """The run ends and says why; with room again it goes on, from its last whole checkpoint."""
    host.small_disk("/home/train/overnight", 8)
    laptop.launch("full", "--wait-for", "go", "--epochs", "4")
    host.sh("head -c 20M /dev/zero > overnight/ballast", check=False)
    host.sh(f"touch {ROOT}/runs/full/work/go")
    laptop.run("wait", "full", "--timeout", "60", code=3)
    explained = laptop.explain("full")
    assert explained["state"] == "failed"
    assert explained["failure"]["class"] == "disk_full"
    host.sh("rm overnight/ballast")
    laptop.run("resume", "full")
    laptop.wait("full")
    assert laptop.json("status")["servers"][0]["runs"][0]["epoch"] == 4
