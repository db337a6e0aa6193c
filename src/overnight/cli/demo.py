"""overnight demo"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from overnight.cli import common, render

if TYPE_CHECKING:
    import subprocess

    from rich.console import Console
    from rich.table import Table

    from overnight.app import Overnight
    from overnight.core import views

KILL_AT_EPOCH = 8
AWAY_S = 6.0
REFRESH_S = 0.25
BAR = 24


@common.verb(example="overnight demo")
@click.option("--keep", is_flag=True, help="Keep the demo's folder to look around in.")
def command(keep: bool) -> None:
    """The whole pipeline on this machine, in about a minute: no GPU, no torch, no server.

    A real small training runs three times. Two of the runs are broken on purpose, and the
    process that steers them is killed in the middle and comes back.
    """
    from rich.console import Console

    from overnight.app import demo

    demo.check_needs()
    console = Console(highlight=False)
    with folder(keep) as place:
        project = demo.make_project(place)
        with common.project(start=project) as o:
            show(console, o, project)
        farewell(console, project, keep)


@contextmanager
def folder(keep: bool) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="overnight-demo-"))
    try:
        yield place
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)


def show(console: Console, o: Overnight, project: Path) -> None:
    """The acts of the demo. Whatever happens, nothing of it runs on afterwards."""
    from overnight.app import demo

    began = time.monotonic()
    introduce(console)
    smoke(console, o)
    controller = demo.start_controller(project)
    try:
        first_half(console, o, controller)
        second_half(console, o)
    finally:
        demo.kill(controller)
        stop_all(o)
    outcome(console, o)
    console.print(f"\nThat took {time.monotonic() - began:.0f} s.")


def introduce(console: Console) -> None:
    from overnight.app import demo

    console.print(
        "[bold]A real training on this machine[/]: handwritten digits, a network in numpy."
    )
    console.print("It runs three times; [bold]two of the runs are broken on purpose[/]:")
    for run in demo.RUNS:
        console.print(f"  {run.name:<8} {run.what}")


def smoke(console: Console, o: Overnight) -> None:
    from overnight.app import launching

    console.print("\n[bold]1  smoke[/]  a short run in the foreground; it must pass")
    verdict = launching.smoke_test(o, "local", [], 0, None)
    words = "passed" if verdict.passed else "did not pass: " + "; ".join(verdict.problems)
    console.print(f"   {words}")


def first_half(console: Console, o: Overnight, controller: subprocess.Popen[bytes]) -> None:
    """Watches until the runs are well under way, then kills the process that steers them."""
    from overnight.app import demo

    console.print(
        "\n[bold]2  run[/]    three runs are launched by a process of its own: the laptop"
    )
    watch(console, o, until=lambda runs: under_way(runs) or controller.poll() is not None)
    demo.kill(controller)
    console.print(
        f"   [bold red]SIGKILL to that process (pid {controller.pid})[/]: the laptop is closed;"
    )
    console.print(f"   nobody looks for {AWAY_S:.0f} s, and the runs go on:")
    watch(console, o, until=lambda _runs: False, limit_s=AWAY_S, blind=True)


def under_way(runs: list[views.RunView]) -> bool:
    from overnight.app import demo

    return len(runs) == len(demo.RUNS) and all((run.epoch or 0) >= KILL_AT_EPOCH for run in runs)


def second_half(console: Console, o: Overnight) -> None:
    console.print("\n[bold]3  back[/]   the laptop is opened again and asks what has happened")
    watch(console, o, until=lambda runs: bool(runs) and all(run.ended for run in runs))
    for run in sorted(all_runs(o), key=lambda run: run.name):
        for repair in run.repairs:
            console.print(
                f"   {run.name}: {repair.failure} at {render.clock(repair.at)}, "
                f"mended on the server: {repair.change}"
            )


def watch(
    console: Console,
    o: Overnight,
    *,
    until: Callable[[list[views.RunView]], bool],
    limit_s: float = 240.0,
    blind: bool = False,
) -> None:
    """A table that moves on a terminal, and is printed once elsewhere."""
    from rich.live import Live

    from overnight.app import following

    began = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while time.monotonic() - began < limit_s:
            if not blind:
                following.status(o)
            runs = all_runs(o)
            live.update(pictured(runs), refresh=console.is_terminal)
            if until(runs):
                break
            time.sleep(REFRESH_S)
        following.status(o)
        live.update(pictured(all_runs(o)), refresh=True)


def all_runs(o: Overnight) -> list[views.RunView]:
    from overnight.app import demo, following

    known = {run.name: run for run in following.view(o, "local", asked=True, problem="").runs}
    return [known[run.name] for run in demo.RUNS if run.name in known]


def pictured(runs: list[views.RunView]) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for run in runs:
        done = (run.epoch or 0.0) / (run.epochs or 1.0)
        bar = "━" * round(BAR * done)
        loss = f"loss {run.loss:.4f}" if run.loss is not None else ""
        note = f"[yellow]{render.repaired(run)}[/]" if run.repairs else ""
        grid.add_row(f"   {run.name}", run.state, f"[green]{bar:<{BAR}}[/]", run.place, loss, note)
    return grid


def stop_all(o: Overnight) -> None:
    from overnight.app import following, steering

    for server in following.status(o):
        for run in server.runs:
            if not run.ended:
                steering.stop(o, run.name, server.name)


def outcome(console: Console, o: Overnight) -> None:
    from overnight.app import comparing, demo
    from overnight.results.tables import terminal

    console.print("\n[bold]4  results[/]  fetched, verified, compared; every repair is shown\n")
    found = comparing.compared(o, [run.name for run in demo.RUNS])
    width = console.width if console.is_terminal else None
    print(terminal.table(found, color=console.is_terminal, width=width), end="", flush=True)


def farewell(console: Console, project: Path, keep: bool) -> None:
    console.print("\n[bold]Now yours:[/] in the folder of your own training, type")
    console.print("  overnight init          writes overnight.toml and says what it found")
    console.print("  overnight doctor gpu1   checks a server of your ~/.ssh/config")
    console.print("  overnight run           sync, smoke test, launch; then close the laptop")
    if keep:
        console.print(f"\nThe demo's folder was kept: {project}")
