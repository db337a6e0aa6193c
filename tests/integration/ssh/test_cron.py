"""cron starts what watches the runs: Debian's own crontab and daemon on a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop
from tests.testbed import host as hosts
from tests.waiting import wait_until

OTHERS = 'MAILTO=""\n# mine: 50\\%\n0 3 * * 1 /home/train/backup  # every Monday\n'
INSTALL = ("servers", "cron", "gpu1", "--yes")
FORGET = ("servers", "forget", "gpu1")


def crontab(host: hosts.Host) -> str:
    return host.sh("crontab -l", check=False).stdout


def write_crontab(host: hosts.Host, text: str) -> None:
    host.sh(f"crontab - <<'X'\n{text}X")


def run_folder(host: hosts.Host, name: str) -> Path:
    return Path(host.home) / "overnight/projects/night/runs" / name


def watches(host: hosts.Host) -> list[str]:
    """The watches that run on the host."""
    found = host.sh("pgrep -af 'watch /home/train/[o]vernight$'", check=False).stdout
    return found.splitlines()


def sockets(laptop: Laptop) -> list[Path]:
    """The connections that are kept open."""
    folder = Path(laptop.variables["XDG_RUNTIME_DIR"]) / "overnight"
    return [path for path in folder.iterdir() if path.is_socket()]


def test_lines_come_and_go(laptop: Laptop, host: hosts.Host) -> None:
    """With consent, once, and without a trace; what others wrote stays byte for byte."""
    write_crontab(host, OTHERS)
    assert "nobody is here to agree" in laptop.refused("servers", "cron", "gpu1", code=2)
    assert crontab(host) == OTHERS
    assert laptop.json(*INSTALL)["changed"]
    ours = crontab(host)[len(OTHERS) :].splitlines()
    assert [line.split(" /bin/sh")[0] for line in ours] == ["@reboot", "*/5 * * * *"]
    assert not laptop.json(*INSTALL)["changed"]
    assert len(crontab(host).splitlines()) == len(OTHERS.splitlines()) + 2
    (gpu1, _) = sorted(laptop.json("servers")["servers"], key=lambda each: each["name"])
    assert (gpu1["name"], gpu1["cron"]) == ("gpu1", "installed")
    left = laptop.json(*FORGET)
    assert (left["reached"], left["watch_stopped"], left["cron_problem"]) == (True, True, "")
    assert crontab(host) == OTHERS


def test_a_reboot_without_the_laptop(laptop: Laptop, host: hosts.Host) -> None:
    """With the link cut: the power fails in the middle, and cron's @reboot lets the run go on."""
    host.cron()
    laptop.run(*INSTALL)
    laptop.launch("night", "--epochs", "40", "--epoch-s", "0.1")
    outputs = run_folder(host, "night") / "work" / "outputs"
    wait_until(lambda: (outputs / "ckpt_3.pt").exists(), what="some checkpoints")
    host.cut()
    host.reboot()
    state = run_folder(host, "night") / "state.json"
    wait_until(lambda: '"state":"finished"' in state.read_text(), what="the run to finish alone")
    summary = json.loads((Path(host.home) / "overnight" / "summary.json").read_bytes())
    assert summary["rebooted_at"]
    host.heal()
    explained = laptop.explain("night")
    assert [attempt["cause"] for attempt in explained["attempts"]] == ["reboot", None]
    assert explained["attempts"][1]["checkpoint"]
    (found,) = laptop.json("incidents")["incidents"]
    assert (found["class"], found["ended"]) == ("reboot", "went on")


def test_the_line_finds_a_newer_node(laptop: Laptop, host: hosts.Host) -> None:
    """What cron calls keeps its name when the node is replaced; an older one may be gone."""
    laptop.run(*INSTALL)
    laptop.launch("held", "--wait-for", "go")
    host.sh("cd overnight/node; for each in */; do mv $each 0123456789abcdef; done")
    host.sh("pkill -9 -f 'watch /home/train/[o]vernight$'; pkill -9 -f '[s]upervise.*held'")
    line = crontab(host).splitlines()[0].replace("@reboot ", "")
    host.sh(f"env -i HOME=$HOME LOGNAME=train SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c '{line}'")
    wait_until(lambda: watches(host), what="the watch")
    assert "/0123456789abcdef watch" in watches(host)[0]
    wait_until(lambda: host.sh("pgrep -f '[s]upervise.*held'", check=False).stdout, what="it")
    (run_folder(host, "held") / "work" / "go").touch()
    laptop.wait("held")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [("program", "no crontab program"), ("permission", "allows you no crontab")],
)
def test_a_server_without_crontabs(laptop: Laptop, host: hosts.Host, spoil: str, says: str) -> None:
    """A finding that says what is weaker; `doctor` has it as a note."""
    if spoil == "program":
        host.without("crontab")
    else:
        host.no_crontabs()
    refused = laptop.refused(*INSTALL, code=6)
    assert says in refused
    assert "goes on when a laptop asks next" in refused
    found = {each["check"]: each for each in laptop.json("doctor", "gpu1")["findings"]}
    assert found["cron"]["level"] == "note"
    assert says in found["cron"]["text"]


def test_leaving_while_a_run_is_active(laptop: Laptop, host: hosts.Host) -> None:
    """Refused; with --yes our watch ends and a labmate's program of the same name does not."""
    host.labmate("mate")
    laptop.run(*INSTALL)
    laptop.launch("held", "--wait-for", "go")
    assert sockets(laptop)
    wait_until(lambda: watches(host), what="the watch")
    program = "import time; time.sleep(1000)"
    words = "watch /home/train/overnight"
    host.sh(f"nohup python3 -c '{program}' {words} >/dev/null 2>&1 &", user="mate")
    assert "still active there: night/held" in laptop.refused(*FORGET, code=2)
    said = laptop.run(*FORGET, "--yes").stdout
    assert "these runs go on without a watch: night/held" in said
    assert "to remove that too: ssh h1 'rm -rf -- /home/train/overnight'" in said
    assert "overnight watch" not in crontab(host)
    assert len(watches(host)) == 1
    assert host.pids("mate")
    assert not sockets(laptop)
    (run_folder(host, "held") / "work" / "go").touch()
    laptop.wait("held")


def test_leaving_a_server_that_is_away(laptop: Laptop, host: hosts.Host) -> None:
    """Refused, since its lines would stay; with --yes it is forgotten here alone."""
    laptop.run(*INSTALL)
    host.sshd_stop()
    host.sh("pkill -u train sshd", "root")  # and with it the connection that was kept open
    assert "cannot be ended now" in laptop.refused(*FORGET, code=4)
    left = laptop.json(*FORGET, "--yes")
    assert (left["reached"], left["by_hand"]) == (False, "ssh h1 'rm -rf -- ~/overnight'")
    assert laptop.json("servers")["servers"][0]["reachable"] is None
