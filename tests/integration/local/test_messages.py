"""Messages of real runs to a real web service: each once, and never at the cost of a run."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.node import states
from tests import webhooks
from tests.integration.local import laws
from tests.integration.local.world import World, kill_and_wait
from tests.waiting import wait_until

SOON_S = 30.0


@pytest.fixture
def service() -> Iterator[webhooks.Service]:
    with webhooks.service() as made:
        yield made


def set_up(world: World, service: webhooks.Service, **settings: Any) -> None:
    """The project's [notify] leads to the service."""
    lines = {"url": service.url, "kind": "json", **settings}
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items())
    world.set_up(more=f"\n[notify]\n{text}\n")


def titles(service: webhooks.Service) -> list[str]:
    return [json.loads(got.body)["title"] for got in list(service.got)]


def wait_for(service: webhooks.Service, *wanted: str) -> None:
    wait_until(lambda: titles(service) == list(wanted), timeout_s=SOON_S, what="the messages")


def wait_for_the_end_of_the_watch(world: World) -> None:
    wait_until(lambda: not world.processes(["watch", str(world.root)]), what="the watch to end")


def ledger(world: World) -> dict[str, Any]:
    path = world.root / "projects" / "local" / "messages.json"
    value: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return value


def test_a_run_that_fails_beside_one_that_goes_on(world: World, service: webhooks.Service) -> None:
    """Told at once, and nothing else until all has ended; then the watch ends too."""
    set_up(world, service)
    world.launch("good", "--gate", "2")
    world.launch("bad", "--die", "2:exit-1")
    wait_for(service, "bad on local: failed")
    (event,) = json.loads(service.got[0].body)["events"]
    assert (event["run"], event["state"], event["server"]) == ("bad", "failed", "local")
    assert event["next"] == ["overnight explain bad"]
    world.open_gate(2)
    wait_for(service, "bad on local: failed", "all done on local")
    assert "1 finished (good)" in json.loads(service.got[1].body)["text"]
    wait_for_the_end_of_the_watch(world)
    assert len(service.got) == 2


def test_the_watch_is_killed_before_and_after(world: World, service: webhooks.Service) -> None:
    """The supervisor sees to it that somebody tells; whoever is started later tells nothing."""
    set_up(world, service)
    world.launch("r", "--gate", "2", "--die", "2:exit-1")
    wait_until(lambda: world.processes(["watch", str(world.root)]), what="the watch")
    kill_and_wait(*world.processes(["watch", str(world.root)]))
    world.open_gate(2)
    wait_for(service, "r on local: failed")
    kill_and_wait(*world.processes(["watch", str(world.root)]))
    world.launch("s")
    assert world.wait("s").state == states.FINISHED
    wait_for(service, "r on local: failed", "all done on local")
    wait_for_the_end_of_the_watch(world)


@pytest.mark.parametrize("answer", ["hang", "drip", 500])
def test_a_service_that_misbehaves_delays_no_repair(
    world: World, service: webhooks.Service, answer: str | int
) -> None:
    """While the message about one run hangs, another one is repaired and finishes."""
    service.answers = [answer]
    set_up(world, service)
    world.launch_expecting_failure("bad", world.training("--die", "2:exit-1"))
    wait_until(lambda: service.got, timeout_s=SOON_S, what="the first try")
    world.launch("good", "--batch-size", "64", "--accum", "1", "--oom-above", "16")
    assert world.wait("good").state == states.FINISHED
    assert len(laws.check(world, "good").repairs) == 2
    assert ledger(world)["outbox"][0]["message"]["title"] == "bad on local: failed"


def test_a_try_that_failed_is_made_again(world: World, service: webhooks.Service) -> None:
    """After a pause, by the watch, which stays for it although no run is active."""
    service.answers = [500, 200]
    set_up(world, service)
    world.launch_expecting_failure("r", world.training("--die", "2:exit-1"))
    wait_until(lambda: ledger(world).get("problem"), timeout_s=SOON_S, what="the first try")
    wait_until(lambda: not ledger(world)["outbox"], timeout_s=60.0, what="the second")
    assert titles(service) == ["r on local: failed"] * 2
    wait_for_the_end_of_the_watch(world)


def test_what_is_secret_stays_secret(
    world: World, service: webhooks.Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Address and token: in no command line, spec, event, log or training; the run's own too."""
    monkeypatch.setenv("MY_TOKEN", "t0ken-f00d")
    monkeypatch.setenv("WANDB_API_KEY", "wandb-f00d")
    monkeypatch.setenv("OVERNIGHT_NOTIFY_URL", service.url)
    world.set_up(more='[notify]\ntoken = "MY_TOKEN"\n')
    program = "import os; raise KeyError(str(sorted(os.environ.items())))"
    world.launch("other", "--gate", "2")
    world.launch_expecting_failure("r", ["/usr/bin/env", "python3", "-c", program])
    wait_for(service, "r on local: failed")
    assert service.got[0].headers["authorization"] == "Bearer t0ken-f00d"
    assert b"f00d" not in service.got[0].body
    for secret in (b"topic-f00d", b"t0ken-f00d"):
        assert {path.name for path in holding(world.root, secret)} == {"notify.json"}
    words = [Path(f"/proc/{each.pid}/cmdline").read_bytes() for each in world.processes()]
    assert b"f00d" not in b"".join(words)
    mode = (world.root / "projects" / "local" / "notify.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def holding(folder: Path, needle: bytes) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if path.is_file() and needle in path.read_bytes():
                yield path


def test_a_message_for_trying(world: World, service: webhooks.Service) -> None:
    """It leaves from the server at once; what keeps it from leaving is said without the address."""
    assert "no address" in world.refused("servers", "test-message", code=2)
    set_up(world, service)
    assert "a message has left local" in world.typed("servers", "test-message")
    assert titles(service) == ["overnight on local: a test"]
    service.answers = [403]
    said = world.refused("servers", "test-message", "local", code=6)
    assert "HTTP 403" in said
    assert "f00d" not in said


def test_a_smoke_test_is_nobodys_news(world: World, service: webhooks.Service) -> None:
    """Nor is a run that somebody stops."""
    set_up(world, service)
    world.typed("servers", "test-message")
    smoke = [*world.training("--die", "1:exit-1")]
    world.refused("smoke", "--", *smoke, code=6)
    world.launch("r", "--gate", "2")
    world.typed("stop", "r")
    wait_for_the_end_of_the_watch(world)
    assert titles(service) == ["overnight on local: a test"]


def test_incidents(world: World) -> None:
    """Every failure of every run with how it ended, also when the server's root is gone."""
    world.launch("oom", "--batch-size", "64", "--accum", "1", "--oom-above", "32")
    world.launch_expecting_failure("bad", world.training("--die", "2:exit-1"))
    world.wait("oom")
    found = json.loads(world.typed("incidents", "--json"))["incidents"]
    assert {(each["run"], each["class"], each["ended"]) for each in found} >= {
        ("oom", "cuda_oom", "went on")
    }
    assert ("bad", "failed") in {(each["run"], each["ended"]) for each in found}
    (one,) = json.loads(world.typed("incidents", "oom", "--json", "--cached"))["incidents"]
    assert re.match("batch 64 -> batch 32 x 2", one["repair"])
    assert "no run 'odd'" in world.refused("incidents", "odd", code=2)
