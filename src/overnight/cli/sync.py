"""overnight sync"""

from __future__ import annotations

import click

from overnight.cli import common, screen


@common.verb(example="overnight sync gpu1")
@click.argument("server", required=False)
@common.json_option
def command(server: str | None, as_json: bool) -> None:
    """Bring the code to SERVER as a new snapshot; costs one round trip where nothing changed.

    Only code travels: large files and files that look like secrets are refused with the list.
    """
    with common.project(as_json) as o:
        common.opened(o, server)
        from overnight.app import launching

        done = launching.sync(o, server)
        pushed = done.pushed
        what = (
            "nothing changed"
            if pushed.how == "unchanged"
            else f"{pushed.transferred_files} files, {screen.size(pushed.transferred_bytes)} sent"
        )
        count = len(pushed.manifest.entries)
        text = f"{done.server}  snapshot {pushed.snapshot}  {count} files  {what}"
        common.emit(done.to_json(), text, as_json)
