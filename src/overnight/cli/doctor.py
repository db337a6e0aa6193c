"""overnight doctor"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from overnight.cli import common, terminal
from overnight.core import errors

if TYPE_CHECKING:
    from overnight.app.doctor_findings import Finding

SIGNS = {"ok": "ok  ", "note": "note", "mend": "MEND"}


@common.verb(example="overnight doctor gpu1")
@click.argument("server", required=False)
@common.json_option
def command(server: str | None, as_json: bool) -> None:
    """Check a server: reachability, host key, Python, tools, disk, GPUs, environment, logout.

    Each finding comes with the command that mends it. Exit code 6 if something must be mended.
    """
    with common.project(as_json) as o:
        from overnight.app import doctor, doctor_findings

        found = []
        for each in doctor.examine(o, server):
            found.append(each)
            if not as_json:
                print(terminal.safe_text(line(each)), flush=True)
        if as_json:
            common.emit({"findings": [each.to_json() for each in found]}, "", as_json)
        if any(each.level == doctor_findings.MEND for each in found):
            raise click.exceptions.Exit(errors.CheckFailed.exit_code)


def line(finding: Finding) -> str:
    told = f"{SIGNS[finding.level]}  {finding.check:<12} {finding.text}"
    return told + (f"\n{'':19}{finding.mend}" if finding.mend else "")
