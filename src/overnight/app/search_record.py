"""The record of a search on this laptop: `.overnight/search/NAME.json`, replaced as a whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from overnight.app import publishing
from overnight.core import errors, places
from overnight.train import search
from overnight.train.search import Trial

# What must be the same where a search is typed again.
SAME = {
    "space": "another space",
    "primary": "another primary metric",
    "goal": "another goal",
    "argv": "another command",
    "base": "another configuration to start from",
    "gpus": "another number of GPUs",
}


class Record:
    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.folder = root / places.STATE_FOLDER / "search"
        self.path = self.folder / f"{name}.json"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Two terminals must not ask for the same trial."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f"{self.name}.lock", "w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise errors.UsageError(
                    f"the search {self.name!r} is under way in another terminal",
                    hint=f"overnight sweep results {self.name}",
                ) from error
            yield

    def read(self) -> tuple[dict[str, Any] | None, list[Trial]]:
        """Its definition, None where it was never begun, and the trials so far."""
        try:
            value = json.loads(self.path.read_bytes())
            return value["definition"], [search.trial_from(each) for each in value["trials"]]
        except FileNotFoundError:
            return None, []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise errors.UsageError(
                f"{self.path} cannot be read: {error}",
                hint="its runs go on; begin another search: --name NAME",
            ) from error

    def write(self, definition: Mapping[str, Any], trials: Sequence[Trial]) -> None:
        """Durable when it returns: what follows may be launched."""
        value = {"definition": definition, "trials": [trial.to_json() for trial in trials]}
        self.folder.mkdir(parents=True, exist_ok=True)
        publishing.publish(self.path, json.dumps(value))

    def check_same(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """The same search may be typed again; another one of the same name is refused."""
        for key, words in SAME.items():
            if before.get(key) != now.get(key):
                raise errors.UsageError(
                    f"the search {self.name!r} was begun with {words}", hint="give another --name"
                )
        if before.get("snapshot") != now.get("snapshot"):
            raise code_has_changed(self.name)


def code_has_changed(name: str) -> errors.OvernightError:
    return errors.UsageError(
        f"the code has changed since the search {name!r} was begun, and its trials are to be "
        "compared; those that run go on",
        hint="git stash, and type the same again; or begin another search with --name",
    )
