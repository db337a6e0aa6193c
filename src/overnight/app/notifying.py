"""Where the servers send their messages, from the settings and the shell of this laptop."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Mapping
from typing import Any

from overnight.app import Overnight
from overnight.core import config, errors
from overnight.ports import Request

URL_VARIABLE = "OVERNIGHT_NOTIFY_URL"
TEST_TIMEOUT_S = 60.0


def wanted(settings: config.Notify, variables: Mapping[str, str]) -> dict[str, Any] | None:
    """What travels with a launch: {"url", "kind", "token", "max_per_hour"}; None without settings.

    `errors.UsageError` where a variable is missing or not an address; none shows its value.
    """
    if settings.kind == "none":
        return {"kind": "none"}
    url = variables.get(URL_VARIABLE) or settings.url
    if url is None:
        return None
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise errors.UsageError(
            f"{URL_VARIABLE} is not an address of http or https",
            hint=f"export {URL_VARIABLE}=https://ntfy.sh/my-topic",
        )
    return {
        "url": url,
        "kind": settings.kind or kind_of(url),
        "token": token(settings, variables),
        "max_per_hour": settings.max_per_hour,
    }


def token(settings: config.Notify, variables: Mapping[str, str]) -> str:
    if settings.token is None:
        return ""
    if not variables.get(settings.token):
        raise errors.UsageError(
            f"[notify] names the variable {settings.token}, which is not set here",
            hint=f"export {settings.token}=…   or take token out of [notify]",
        )
    return variables[settings.token]


def kind_of(url: str) -> str:
    """What the address leads to: Slack, and what takes the same (Mattermost, Discord's /slack)."""
    parts = urllib.parse.urlsplit(url)
    host, path = parts.hostname or "", parts.path.rstrip("/")
    if "ntfy" in host:
        return "ntfy"
    if host.endswith("slack.com") or path.startswith("/hooks/") or path.endswith("/slack"):
        return "slack"
    return "json"


def test_message(o: Overnight, server_name: str | None) -> str:
    """Sends one from the server, with today's settings; the name of the server.

    `errors.UsageError` without settings, `errors.CheckFailed` where it does not arrive.
    """
    settings = wanted(o.config.notify, os.environ)
    server = o.server(server_name)
    args = {"project": o.project, "notify": settings, "server": server.name}
    with o.talk.busy(f"sending from {server.name}"):
        answer = server.call(Request("test_message", args), timeout_s=TEST_TIMEOUT_S).data
    if answer["result"] == "none":
        raise errors.UsageError(
            "no address for messages is known",
            hint='write url = "https://ntfy.sh/my-topic" under [notify] in overnight.toml',
        )
    if answer["result"] != "sent":
        raise errors.CheckFailed(
            f"the message did not leave {server.name}: {answer['said']}",
            hint="mend [notify] in overnight.toml, or ask whether the server has a way out",
        )
    return server.name
