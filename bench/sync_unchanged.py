"""A sync that finds nothing to do: a project of 500 files, over an open master connection."""

from __future__ import annotations

from collections.abc import Iterator

from bench import pairs, rig, table

FILES = 500
PEER = "rsync -a"
TARGET = 0.5
TARGET_RTT_MS = 75


def measure(on: rig.Rig, rtts_ms: tuple[int, ...], repetitions: int) -> Iterator[table.Figure]:
    project = on.project("sync", files=FILES, train="print('hello')\n")
    copy = ["rsync", "-a", "-e", f"ssh -F {on.mux}", "--exclude=.git"]
    copy += ["--exclude=.overnight", f"{project}/", "h1:sync/"]
    for rtt_ms in rtts_ms:
        on.close_ours()
        on.close_theirs()
        on.host.delay(rtt_ms)
        # the first of each opens its master and sends what there is
        ours, theirs = pairs.alternate(
            repetitions,
            lambda _: on.overnight_ms(project, "sync"),
            lambda _: pairs.whole_process_ms(copy, environ=on.environ, folder=project),
        )
        yield table.Figure(
            name=f"sync of {FILES} unchanged files, {rtt_ms} ms",
            unit="ms",
            ours=ours,
            peer_name=PEER,
            peer=theirs,
            target=TARGET if rtt_ms == TARGET_RTT_MS else None,
        )
