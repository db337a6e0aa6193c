"""Messages to a person: where they go, what they look like there, and sending one.

The address may be a secret (whoever knows it can write there), so it lies in `notify.json` of the
project's folder with mode 0600, and never in argv, a log, the spec or the training's environment.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Any, NamedTuple

from overnight.node import fs, layout

NTFY, SLACK, JSON, NONE = "ntfy", "slack", "json", "none"
KINDS = (NTFY, SLACK, JSON)
MAX_PER_HOUR = 6
TIMEOUT_S = 10.0
LONGEST_TEXT = 3000
AGAIN_CODES = (408, 425, 429)

# How a sending ended. "unsure": it was written, and no answer came.
SENT, AGAIN, UNSURE, REFUSED = "sent", "again", "unsure", "refused"


class Settings(NamedTuple):
    """`since`: what ended before (Unix time) is nobody's news any more."""

    url: str
    kind: str
    token: str = ""
    max_per_hour: int = MAX_PER_HOUR
    since: float = 0.0


class Message(NamedTuple):
    """`urgent`: it needs a person. `events` are for programs, see docs/json.md."""

    title: str
    text: str
    urgent: bool
    events: list[dict[str, Any]]


class Post(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Outcome(NamedTuple):
    """`said` is for people and holds nothing of the address."""

    result: str
    said: str


def path(root: str, project: str) -> str:
    return os.path.join(layout.project_folder(root, project), "notify.json")


def keep(root: str, project: str, wanted: dict[str, Any] | None, now: float) -> None:
    """From now on messages of this project go there; None changes nothing, kind "none" ends them.

    OSError where it cannot be written.
    """
    if wanted is None:
        return
    place = path(root, project)
    if wanted.get("kind") == NONE:
        if os.path.exists(place):
            os.unlink(place)
        return
    before = read(root, project)
    fresh = settings_of({**wanted, "since": before.since if before else now})
    if fresh != before:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        fs.publish_json(place, fresh._asdict(), mode=0o600)


def read(root: str, project: str) -> Settings | None:
    """None where nobody wants messages."""
    try:
        return settings_of(fs.read_json(path(root, project)) or {})
    except ValueError:
        return None


def secrets(root: str, project: str) -> list[str]:
    """What of the settings nobody else should see."""
    settings = read(root, project)
    return [each for each in (settings.url, settings.token) if each] if settings else []


def settings_of(value: dict[str, Any]) -> Settings:
    """ValueError where it is not usable; what it says does not show the address."""
    url, kind = str(value.get("url") or ""), str(value.get("kind"))
    if not url.startswith(("http://", "https://")) or kind not in KINDS:
        raise ValueError("notify: not an address of http or https, or not a known kind")
    return Settings(
        url=url,
        kind=kind,
        token=str(value.get("token") or ""),
        max_per_hour=max(1, int(value.get("max_per_hour") or MAX_PER_HOUR)),
        since=float(value.get("since") or 0.0),
    )


# -- what it looks like there: pure -----------------------------------------------------------


def shaped(settings: Settings, message: Message) -> Post:
    """The request that this kind of service understands."""
    headers = {"User-Agent": "overnight"}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    if settings.kind == NTFY:
        headers["Title"] = message.title.encode("ascii", "replace").decode("ascii")
        headers["Priority"] = "high" if message.urgent else "default"
        headers["Content-Type"] = "text/plain; charset=utf-8"
        return Post(headers, message.text.encode("utf-8", "replace"))
    headers["Content-Type"] = "application/json"
    if settings.kind == SLACK:
        return Post(headers, fs.dump({"text": slack_text(f"{message.title}\n{message.text}")}))
    value = {**message._asdict(), "from": "overnight"}
    return Post(headers, fs.dump(value))


def slack_text(text: str) -> str:
    """Slack reads mentions and links between < and >."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, secrets: list[str]) -> str:
    """A line as it may leave the server: no secret, no control character, not too long."""
    for value in sorted(secrets, key=len, reverse=True):
        if len(value) >= 4:
            text = text.replace(value, "***")
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


# -- sending ----------------------------------------------------------------------------------


def send(settings: Settings, message: Message, timeout_s: float = TIMEOUT_S) -> Outcome:
    """One try. Redirects are not followed: they would lose the text, or take the token elsewhere.

    Bounded by `timeout_s` for each wait; a server that answers byte by byte is for the caller.
    """
    import http.client
    import urllib.error

    try:
        code = post(settings, message, timeout_s)
    except urllib.error.HTTPError as error:
        return outcome(error.code)
    except urllib.error.URLError as error:
        return Outcome(AGAIN, f"no connection: {reason(error.reason)}")
    except (TimeoutError, socket.timeout):
        return Outcome(UNSURE, f"no answer within {timeout_s:g} s")
    except (http.client.InvalidURL, ValueError):
        return Outcome(REFUSED, "the address is not valid")
    except (OSError, http.client.HTTPException) as error:
        return Outcome(AGAIN, f"the connection broke: {reason(error)}")
    return outcome(code)


def post(settings: Settings, message: Message, timeout_s: float) -> int:
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    headers, body = shaped(settings, message)
    request = urllib.request.Request(settings.url, data=body, headers=headers, method="POST")
    opener = urllib.request.build_opener(NoRedirect)
    with opener.open(request, timeout=timeout_s) as answer:
        return int(answer.status)


def outcome(code: int) -> Outcome:
    if 200 <= code < 300:
        return Outcome(SENT, "")
    if 300 <= code < 400:
        return Outcome(REFUSED, f"it redirects elsewhere (HTTP {code}); write the final address")
    if code >= 500 or code in AGAIN_CODES:
        return Outcome(AGAIN, f"HTTP {code}")
    return Outcome(REFUSED, f"HTTP {code}")


def reason(error: object) -> str:
    """Without the address, which some errors repeat."""
    said = getattr(error, "strerror", None)
    return str(said) if said else type(error).__name__


def test_message(server: str) -> Message:
    text = f"Messages from {server} arrive. You will get one when something needs you."
    event = {"type": "test", "server": server, "time": round(time.time(), 3)}
    return Message(f"overnight on {server}: a test", text, False, [event])
