"""Sending a message: the shapes that services understand, and services that misbehave."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.node import notify
from tests import webhooks

MESSAGE = notify.Message("train01 on gpu1: failed", "loss <nan> & é", True, [{"run": "train01"}])


@pytest.fixture
def service() -> Iterator[webhooks.Service]:
    with webhooks.service() as made:
        yield made


def sent(service: webhooks.Service, kind: str = "json", **more: Any) -> notify.Outcome:
    settings = notify.Settings(url=service.url, kind=kind, **more)
    return notify.send(settings, MESSAGE, timeout_s=0.5)


def test_ntfy(service: webhooks.Service) -> None:
    """The text is the body; title and priority are headers; the token is sent."""
    assert sent(service, "ntfy", token="t0ken").result == "sent"
    (got,) = service.got
    assert (got.method, got.path, got.body.decode()) == ("POST", "/topic-f00d", MESSAGE.text)
    assert got.headers["title"] == MESSAGE.title
    assert got.headers["priority"] == "high"
    assert got.headers["authorization"] == "Bearer t0ken"


def test_slack(service: webhooks.Service) -> None:
    """{"text": …}, in which nothing is taken for a mention or a link."""
    assert sent(service, "slack").result == "sent"
    assert json.loads(service.got[0].body) == {
        "text": "train01 on gpu1: failed\nloss &lt;nan&gt; &amp; é"
    }
    assert "authorization" not in service.got[0].headers


def test_json(service: webhooks.Service) -> None:
    """For programs: the text and what it was made of."""
    assert sent(service).result == "sent"
    value = json.loads(service.got[0].body)
    assert (value["title"], value["text"], value["urgent"]) == MESSAGE[:3]
    assert value["events"] == [{"run": "train01"}]
    assert service.got[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "result", "says"),
    [
        (204, "sent", ""),
        (500, "again", "HTTP 500"),
        (503, "again", "HTTP 503"),
        (429, "again", "HTTP 429"),
        (401, "refused", "HTTP 401"),
        (404, "refused", "HTTP 404"),
        ("hang", "unsure", "no answer within 0.5 s"),
        ("break", "again", "the connection broke"),
    ],
)
def test_how_it_is_answered(
    service: webhooks.Service, answer: int | str, result: str, says: str
) -> None:
    """What may be tried again, and what would be the same again; the address is never shown."""
    service.answers = [answer]
    outcome = sent(service)
    assert outcome.result == result
    assert outcome.said.startswith(says)
    assert "f00d" not in outcome.said


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(service: webhooks.Service, code: int) -> None:
    """It would lose the text, or carry the token to somebody else."""
    with webhooks.service() as elsewhere:
        service.answers, service.location = [code], elsewhere.url
        outcome = sent(service, token="t0ken")
        assert (outcome.result, elsewhere.got) == ("refused", [])
        assert "redirects" in outcome.said


def test_nobody_listens() -> None:
    """A service that is down may be up later."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/f00d"
        outcome = notify.send(notify.Settings(url, "json"), MESSAGE, timeout_s=0.5)
    assert outcome == ("again", "no connection: Connection refused")


@pytest.mark.parametrize("url", ["http://a b/f00d", "http://[f00d", "http://x:f00d/"])
def test_an_address_that_is_none(url: str) -> None:
    """Refused without showing it."""
    outcome = notify.send(notify.Settings(url, "json"), MESSAGE, timeout_s=0.5)
    assert outcome == ("refused", "the address is not valid")


# -- the settings -----------------------------------------------------------------------------

WANTED = {"url": "https://ntfy.sh/f00d", "kind": "ntfy", "token": "t0ken", "max_per_hour": 2}


def test_settings_are_kept_where_nobody_else_can_read_them(tmp_path: Path) -> None:
    """Mode 0600; `since` is when messages were first wanted."""
    root = str(tmp_path)
    notify.keep(root, "p", WANTED, 100.0)
    notify.keep(root, "p", {**WANTED, "max_per_hour": 9}, 200.0)
    notify.keep(root, "p", None, 300.0)
    assert stat.S_IMODE(Path(notify.path(root, "p")).stat().st_mode) == 0o600
    assert notify.read(root, "p") == ("https://ntfy.sh/f00d", "ntfy", "t0ken", 9, 100.0)


def test_messages_can_be_ended(tmp_path: Path) -> None:
    """Kind "none", which may be said twice."""
    root = str(tmp_path)
    notify.keep(root, "p", WANTED, 100.0)
    for _ in range(2):
        notify.keep(root, "p", {"kind": "none"}, 200.0)
        assert notify.read(root, "p") is None


@pytest.mark.parametrize(
    "value", [{}, {"url": "file:///etc/f00d", "kind": "json"}, {**WANTED, "kind": "fax"}]
)
def test_settings_that_are_none(tmp_path: Path, value: dict[str, Any]) -> None:
    """Refused, and nothing of them is kept or shown."""
    with pytest.raises(ValueError, match="not an address") as refused:
        notify.keep(str(tmp_path), "p", value, 100.0)
    assert "f00d" not in str(refused.value)
    assert notify.read(str(tmp_path), "p") is None


def test_text_is_made_harmless() -> None:
    """No secret, no control character, and an end."""
    assert notify.plain("key hunter22\x1b[2J\nok", ["hunter22", "ok"]) == "key *** [2J\nok"
    assert len(notify.plain("x" * 100_000, [])) == notify.LONGEST_TEXT
