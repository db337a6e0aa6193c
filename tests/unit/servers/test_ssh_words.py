"""What OpenSSH says, and what we make of it. The texts are those of OpenSSH 8.4 to 9.9."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.servers import ssh_words

PLACE = ssh_words.Place(name="gpu1", host="box", ssh_config=None)
CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Someone could be eavesdropping on you right now (man-in-the-middle attack)!
It is also possible that a host key has just been changed.
The fingerprint for the ED25519 key sent by the remote host is
SHA256:ICSpPiYQLgh/uOeZSP3uKDBR5EBzfNCIHFoNdQAxZm8.
Please contact your system administrator.
Add correct host key in {file} to get rid of this message.
Offending ED25519 key in {file}:2
Host key for [10.0.0.7]:2222 has changed and you have requested strict checking.
Host key verification failed.
"""
UNKNOWN = """\
No ED25519 host key is known for 10.0.0.7 and you have requested strict checking.
Host key verification failed.
"""
REFUSED = "me@10.0.0.7: Permission denied (publickey,gssapi-with-mic).\r\n"


@pytest.mark.parametrize(
    ("exit_code", "stderr", "kind", "says"),
    [
        (255, REFUSED, errors.LoginRefused, "gpu1 refused our key: me@10.0.0.7: Permission"),
        (255, "Received disconnect: Too many authentication failures\n", errors.LoginRefused, ""),
        (255, UNKNOWN, errors.Unreachable, "gpu1 shows a host key that this machine has never"),
        (
            255,
            "ssh: connect to host 10.0.0.7 port 22: Connection refused\r\n",
            errors.Unreachable,
            "gpu1 cannot be reached: ssh: connect to host 10.0.0.7 port 22: Connection refused",
        ),
        (
            255,
            "ssh: Could not resolve hostname box: Name or service not known\r\n",
            errors.Unreachable,
            "gpu1 cannot be reached: ssh: Could not resolve hostname box: Name or service not",
        ),
        (
            255,
            "mux_client_read_packet: read header failed: Broken pipe\r\n",
            errors.Unreachable,
            "gpu1 cannot be reached: the connection was lost",
        ),
        (255, "", errors.Unreachable, "gpu1 cannot be reached: the connection was lost"),
        (-9, "", errors.Unreachable, "gpu1 cannot be reached: the connection was lost"),
        (None, "Welcome!\n", errors.Unreachable, "gpu1 does not answer in time"),
        (0, "", errors.ServerError, "the login shell on gpu1 ended with exit code 0 before our"),
        (3, "no quota\n", errors.ServerError, "ended with exit code 3 before our command ran: no"),
        (
            1,
            "Traceback (most recent call last):\n  …\nImportError: no zlib\n",
            errors.ServerError,
            "the Python on gpu1 does not work: ImportError: no zlib",
        ),
    ],
)
def test_each_failure_has_its_words(
    exit_code: int | None, stderr: str, kind: type[errors.OvernightError], says: str
) -> None:
    """The server's name, what is wrong, and what to type: one line each."""
    found = ssh_words.explain(PLACE, exit_code, stderr)
    assert type(found) is kind
    assert says in found.message
    assert "gpu1" in found.message
    assert "box" in found.hint or "gpu1" in found.hint
    assert "\n" not in found.message + found.hint


def test_a_file_that_may_not_be_read_is_no_refused_login() -> None:
    """A start-up file's "Permission denied" is not about our key."""
    said = "bash: /home/me/.profile: Permission denied\nConnection closed by 10.0.0.7 port 22\n"
    found = ssh_words.explain(PLACE, 255, said)
    assert not isinstance(found, errors.LoginRefused)
    assert found.message.endswith("Connection closed by 10.0.0.7 port 22")


def key(folder: Path, name: str) -> tuple[str, str]:
    """A new key's line for known_hosts, and its fingerprint as ssh-keygen tells it."""
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    told = subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, text=True).stdout
    return " ".join(path.with_suffix(".pub").read_text().split()[:2]), told.split()[1]


def test_a_changed_key_shows_the_known_and_the_new_one(tmp_path: Path) -> None:
    """Both fingerprints; the command that forgets the key names the entry and the file."""
    file = tmp_path / "known hosts"
    (other, _), (known, fingerprint) = key(tmp_path, "a"), key(tmp_path, "b")
    file.write_text(f"elsewhere {other}\n[10.0.0.7]:2222 {known}\n")
    found = ssh_words.explain(PLACE, 255, CHANGED.format(file=file))
    assert isinstance(found, errors.HostKeyChanged)
    assert f"known {fingerprint}" in found.message
    assert "now SHA256:ICSpPiYQLgh/uOeZSP3uKDBR5EBzfNCIHFoNdQAxZm8" in found.message
    assert f"ssh-keygen -R '[10.0.0.7]:2222' -f '{file}'" in found.hint


def test_a_known_key_that_cannot_be_read_is_pointed_at(tmp_path: Path) -> None:
    """Without the file, the place where the known key should be is named."""
    file = tmp_path / "gone"
    found = ssh_words.explain(PLACE, 255, CHANGED.format(file=file))
    assert f"known see {file}:2" in found.message


def test_terminal_codes_of_a_server_are_harmless() -> None:
    """What a server says cannot move the cursor of whoever reads it."""
    found = ssh_words.explain(PLACE, 255, "\x1b[2Jgone\x07\n")
    assert found.message == "gpu1 cannot be reached: \\x1b[2Jgone\\x07"


def test_by_hand_is_a_line_to_paste() -> None:
    """The settings file is named where there is one, quoted for the shell."""
    place = ssh_words.Place(name="gpu1", host="box", ssh_config="/a b/config")
    assert place.by_hand == "ssh -F '/a b/config' box"
    assert PLACE.by_hand == "ssh box"
