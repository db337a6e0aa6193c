"""What goes wrong with servers and with what people type: one clear line, the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.laptop import Laptop, launching, training
from tests.testbed import host as hosts
from tests.testbed import lab as labs


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda host: host.sshd_stop(), "refused"),
        (lambda host: host.cut(), "cannot be reached"),
        (lambda host: host.python(None), "has no python3"),
        (lambda host: host.old_python(), "has Python 3.7"),
        (lambda host: host.read_only("/home/train/overnight"), "cannot use the root folder"),
        (lambda host: host.bashrc("exit 0\n"), "before our command ran"),
        (lambda host: host.sh("rm .ssh/authorized_keys"), "refused our key"),
    ],
)
def test_a_server_that_cannot_be_used(
    laptop: Laptop, host: hosts.Host, spoil: Callable[[hosts.Host], None], says: str
) -> None:
    """It is named, with what is wrong and what to type; exit code 4; nothing is left there."""
    spoil(host)
    said = laptop.refused(*launching("train01"), *training(), code=4)
    assert "gpu1" in said
    assert says in said
    assert not (Path(host.home) / "overnight" / "projects" / "night" / "runs").exists()


def test_a_changed_host_key_shows_both(laptop: Laptop, host: hosts.Host) -> None:
    """The known and the new fingerprint, and no way around the check."""
    host.new_host_key()
    said = laptop.refused("sync", code=4)
    assert said.count("SHA256:") == 2
    assert "ssh-keygen -R" in said


@pytest.mark.parametrize(
    "prepare",
    [
        lambda host: host.shell("/bin/csh"),
        lambda host: host.shell("/usr/bin/fish"),
        lambda host: host.bashrc("echo Welcome to the lab; echo OVERNIGHT is nice >&2\n"),
        lambda host: host.without("rsync"),
        lambda host: host.without("tmux"),
        lambda host: host.flockless("/home/train/overnight"),
    ],
)
def test_a_server_that_is_only_odd(
    laptop: Laptop, host: hosts.Host, prepare: Callable[[hosts.Host], None]
) -> None:
    """Strange login shells, talkative start-up files, missing tools, no flock: it works."""
    prepare(host)
    laptop.launch("odd", "--epochs", "2")
    laptop.wait("odd")
    assert laptop.explain("odd")["state"] == "finished"


def test_doctor_names_what_is_weaker_without_flock(laptop: Laptop, host: hosts.Host) -> None:
    """A note, not a failure."""
    host.flockless("/home/train/overnight")
    findings = {each["check"]: each for each in laptop.json("doctor", "gpu1")["findings"]}
    assert findings["locks"]["level"] == "note"
    assert "two machines" in findings["locks"]["text"]
    assert findings["logout"]["level"] == "ok"


def test_doctor_asks_for_mending(laptop: Laptop, host: hosts.Host) -> None:
    """An environment that does not activate: exit code 6 and the line to mend."""
    settings = laptop.project / "overnight.toml"
    text = settings.read_text().replace("outputs =", 'env = { conda = "clip" }\noutputs =')
    settings.write_text(text)
    found = laptop.json("doctor", "gpu1", code=6)["findings"]
    broken = [each for each in found if each["level"] == "mend"]
    assert [each["check"] for each in broken] == ["environment"]
    assert broken[0]["mend"]
    assert host.is_up


@pytest.mark.usefixtures("host")
def test_what_people_mistype(laptop: Laptop) -> None:
    """Unknown servers, scripts, runs, keys: exit code 2, nothing sent."""
    assert "gpu1" in laptop.refused("sync", "gpu2", code=2)
    assert "trian.py" in laptop.refused(*launching("a"), "--", "python3", "trian.py", code=2)
    assert "no run 'nope'" in laptop.refused("logs", "nope", code=2)
    assert "cannot be a run name" in laptop.refused("run", "a b", code=2)
    (laptop.project / "id_rsa").write_text("key")
    assert "id_rsa" in laptop.run("sync", code=2).stderr
    (laptop.project / "overnight.toml").write_text("[project]\ntrian = 1\n")
    assert "overnight.toml:2" in laptop.run("sync", code=2).stderr


def test_strange_words_arrive_byte_for_byte(laptop: Laptop, host: hosts.Host) -> None:
    """Metacharacters, newlines, quotes, empty and undecodable words, through ssh and the shim."""
    words = ["a b", "$HOME", "`id`", "x\ny", "'", '"', "", "-n", "*", "!", "\\", "ä", "\udcff"]
    script = (
        "import os, sys; open('words', 'wb').write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"
    )
    laptop.run(*launching("words"), "--", "python3", "-c", script, *words)
    laptop.wait("words")
    found = Path(host.home) / "overnight/projects/night/runs/words/work/words"
    assert found.read_bytes() == b"\0".join(
        word.encode("utf-8", "surrogateescape") for word in words
    )


@pytest.mark.parametrize("name", ["with space", 'quote\'s "two"', "new\nline", "größe-日本"])
def test_strange_project_folders(
    lab: labs.Lab, host: hosts.Host, tmp_path: Path, user_home: Path, name: str
) -> None:
    """The path of the project on the laptop does not matter."""
    laptop = Laptop(tmp_path / name, user_home / "rt", lab.ssh_config)
    laptop.launch("there", "--epochs", "2")
    laptop.wait("there")
    assert (Path(host.home) / "overnight/projects/night/runs/there").is_dir()
