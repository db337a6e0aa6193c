"""overnight sweep --search"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from overnight.cli import common
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app.sweep_plan import Wish

F = TypeVar("F", bound=Callable[..., Any])
TRIALS, AT_ONCE = 20, 4


def options(function: F) -> F:
    """--search and what belongs to it."""
    for option in (
        click.option("--no-prune", is_flag=True, help="With --search: let hopeless runs go on."),
        click.option(
            "--at-once",
            type=click.IntRange(min=1),
            metavar="K",
            help=f"With --search: so many trials run or wait at a time ({AT_ONCE}).",
        ),
        click.option(
            "--trials",
            type=click.IntRange(min=1),
            metavar="N",
            help=f"With --search: how many there are to be ({TRIALS}).",
        ),
        click.option(
            "--search",
            is_flag=True,
            help="Let Optuna choose the points: KEY=LOW..HIGH[:log] or KEY=a,b,c.",
        ),
    ):
        function = option(function)
    return function


def refuse_without_search(trials: int | None, at_once: int | None, no_prune: bool) -> None:
    given = {"--trials": trials, "--at-once": at_once, "--no-prune": no_prune or None}
    wrong = next((name for name, value in given.items() if value is not None), None)
    if wrong is not None:
        raise errors.UsageError(
            f"{wrong} belongs to a search",
            hint="overnight sweep --search lr=1e-5..1e-2:log --trials 20",
        )


def carried_out(
    wish: Wish,
    axes: list[str],
    *,
    trials: int | None,
    at_once: int | None,
    no_prune: bool,
    no_smoke: bool,
    as_json: bool,
) -> int:
    """Searches until the last trial has ended; typed again after a cut it goes on."""
    from overnight.core import search_space

    space = search_space.parse(axes)
    with common.project(as_json) as o:
        from overnight.app import search_trials, searching
        from overnight.cli import sweep_results

        wanted = search_trials.Wanted(
            wish=wish,
            space=space,
            trials=trials or TRIALS,
            at_once=at_once or AT_ONCE,
            prunes=not no_prune,
            with_smoke=not no_smoke,
        )
        found = searching.run(o, wanted)
        text = sweep_results.table(found.comparison).rstrip("\n")
        common.emit(found.to_json(), text, as_json)
    return 0
