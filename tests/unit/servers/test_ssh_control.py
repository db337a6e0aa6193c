"""The folder of master connections, and the settings that ssh is given."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.servers import ssh, ssh_control, ssh_words


@pytest.fixture
def runtime(user_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = user_home / "rt"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def settings(ssh_config: Path | None, host: str = "box") -> dict[str, str]:
    """What ssh makes of our options and files, as `ssh -G` tells it."""
    place = ssh_words.Place(name="gpu1", host=host, ssh_config=str(ssh_config or "") or None)
    link = ssh.SshLink(place, "~/overnight", None, alone=False)
    argv = [*link.ssh(), "-G", "--", host]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


def test_the_folder_is_ours_alone(runtime: Path) -> None:
    """Mode 0700; one that others can enter is refused with what to type."""
    folder = ssh_control.control_folder()
    assert folder == runtime / "overnight"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(errors.Unreachable) as refused:
        ssh_control.control_folder()
    assert refused.value.hint == f"remove it: rm -r {folder}"


def test_a_folder_that_is_a_link_is_refused(runtime: Path, tmp_path: Path) -> None:
    """Somebody else may have put it there."""
    (runtime / "overnight").symlink_to(tmp_path)
    with pytest.raises(errors.Unreachable):
        ssh_control.control_folder()


def test_long_paths_give_way_to_short_ones(
    user_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path has an end: macOS's TMPDIR is too long for one."""
    long = user_home / ("long" * 10)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(long))
    assert str(ssh_control.control_folder()).startswith("/tmp/overnight-")


def test_a_socket_fits_into_the_longest_folder(tmp_path: Path) -> None:
    """The limit leaves room for all that is appended, also while ssh makes the socket."""
    appended = f"/{'k' * 8}-{'c' * 40}.{'x' * 16}"
    assert ssh_control.LONGEST_FOLDER + len(appended) == 103


def test_the_users_settings_come_first(runtime: Path, tmp_path: Path) -> None:
    """Theirs hold; what they leave open is filled; what could hurt is off."""
    config = tmp_path / 'it\'s "mine" [x]\n.conf'
    config.write_text("Host box\n  HostName 10.0.0.7\n  ConnectTimeout 3\n  ForwardAgent yes\n")
    told = settings(config)
    assert (told["hostname"], told["connecttimeout"]) == ("10.0.0.7", "3")
    assert (told["serveraliveinterval"], told["serveralivecountmax"]) == ("5", "3")
    assert (told["forwardagent"], told["batchmode"]) == ("no", "yes")
    assert told["clearallforwardings"] == "yes"


def test_defaults_fill_the_gaps_below_any_host(runtime: Path, tmp_path: Path) -> None:
    """A file that ends within another host's block does not swallow them."""
    config = tmp_path / "config"
    config.write_text("Host other\n  HostName 10.0.0.8")
    assert settings(config)["connecttimeout"] == "10"


def test_a_changed_file_is_read_again(runtime: Path, tmp_path: Path) -> None:
    """Our copy of the settings is never older than theirs."""
    config = tmp_path / "config"
    for address in ("10.0.0.7", "10.0.0.8"):
        config.write_text(f"Host box\n  HostName {address}\n")
        assert settings(config)["hostname"] == address


def test_a_missing_file_is_the_users_mistake(runtime: Path, tmp_path: Path) -> None:
    """Its path and the line to mend; not a server that cannot be reached."""
    with pytest.raises(errors.ConfigError, match="nowhere cannot be read: No such file"):
        settings(tmp_path / "nowhere")


def test_servers_do_not_share_a_master(runtime: Path, tmp_path: Path) -> None:
    """Neither two hosts, nor one host by two files of settings."""
    paths = set()
    for name in ("a", "b"):
        config = tmp_path / name
        config.write_text("Host box*\n  HostName 10.0.0.7\n")
        paths |= {settings(config, host)["controlpath"] for host in ("box1", "box2")}
    assert len({Path(path).name.partition("-")[0] for path in paths}) == 4


def test_a_dead_master_is_let_go(runtime: Path) -> None:
    """A socket that nobody listens to goes; it counts as gone only where we used it."""
    masters = ssh_control.Masters("box", None)
    path = masters.folder / f"{masters.key}-dead"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    assert masters.sockets() == [path]
    masters.options()
    assert masters.drop_dead()
    assert masters.sockets() == []
    masters.options()
    assert not masters.drop_dead()
