"""overnight servers"""

from __future__ import annotations

from overnight.cli import common, render


@common.verb(example="overnight servers")
@common.json_option
def command(as_json: bool) -> None:
    """The known servers: those of overnight.toml, those of the user-wide file, and `local`."""
    with common.project(as_json) as o:
        known = o.config.servers.values()
        value = [
            {"name": each.name, "kind": each.kind, "host": each.host, "root": each.root}
            for each in known
        ]
        rows = [
            [each.name, each.kind, each.host if each.kind == "ssh" else "", each.root]
            for each in known
        ]
        common.emit({"servers": value}, render.table(rows), as_json)
