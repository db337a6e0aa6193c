"""Where messages go: from the settings and the shell, without showing what could be secret."""

from __future__ import annotations

import pytest

from overnight.app import notifying
from overnight.core import config, errors

NTFY = "https://ntfy.sh/f00d"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (NTFY, "ntfy"),
        ("http://ntfy.lab.example:8080/f00d", "ntfy"),
        ("https://hooks.slack.com/services/T0/B0/f00d", "slack"),
        ("https://chat.lab.example/hooks/f00d", "slack"),
        ("https://discord.com/api/webhooks/1/f00d/slack", "slack"),
        ("https://example.org/f00d", "json"),
        ("https://notslack.example/f00d", "json"),
    ],
)
def test_the_kind_of_an_address(url: str, kind: str) -> None:
    """Slack's form is also taken by Mattermost and Discord."""
    assert notifying.kind_of(url) == kind


def test_the_variable_wins() -> None:
    """So that no file has to hold the address."""
    found = notifying.wanted(config.Notify(url=NTFY), {notifying.URL_VARIABLE: "https://x/y"})
    assert found == {"url": "https://x/y", "kind": "json", "token": "", "max_per_hour": 6}


def test_nothing_is_wanted() -> None:
    """Without an address the server keeps what it has; "none" ends it."""
    assert notifying.wanted(config.Notify(), {}) is None
    assert notifying.wanted(config.Notify(url=NTFY, kind="none"), {}) == {"kind": "none"}


def test_a_token_travels() -> None:
    """Its name stands in the file, its value in the shell."""
    settings = config.Notify(url=NTFY, token="TOKEN", max_per_hour=2)
    found = notifying.wanted(settings, {"TOKEN": "t0ken"})
    assert found == {"url": NTFY, "kind": "ntfy", "token": "t0ken", "max_per_hour": 2}


@pytest.mark.parametrize(
    ("settings", "variables"),
    [
        (config.Notify(url=NTFY, token="TOKEN"), {}),
        (config.Notify(), {notifying.URL_VARIABLE: "f00d"}),
    ],
)
def test_a_variable_that_is_wrong(settings: config.Notify, variables: dict[str, str]) -> None:
    """Named, but not shown."""
    with pytest.raises(errors.UsageError) as refused:
        notifying.wanted(settings, variables)
    assert "f00d" not in refused.value.message + refused.value.hint
