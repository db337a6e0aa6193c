"""What kept a node from starting, as its starter said it, with the line that mends it."""

from __future__ import annotations

from typing import Any

from overnight.core import errors
from overnight.servers import bootstrap


def no_python(server: str, python: str | None) -> errors.ServerError:
    what = f"no program {python}" if python else "no python3"
    return errors.ServerError(
        f"{server} has {what} in the PATH of a non-interactive login",
        code="no_python",
        hint=settings_hint(server, "python", "/path/to/python3"),
    )


def refused(server: str, error: dict[str, Any]) -> errors.ServerError:
    """`error` is the starter's: {"code", "message"}."""
    code, message = str(error.get("code")), str(error.get("message"))
    if code == "python_too_old":
        oldest = ".".join(map(str, bootstrap.OLDEST_PYTHON))
        said = f"{server} has Python {message}; overnight needs {oldest} or newer there"
        hint = settings_hint(server, "python", "/path/to/newer/python3")
    elif code == "disk_full":
        said = f"{server}: the disk is full: {message}"
        hint = settings_hint(server, "root", "/a/folder/on/another/disk", "free some space, or ")
    elif code == "root_unusable":
        said = f"{server}: cannot use the root folder: {message}"
        hint = settings_hint(server, "root", "/a/folder/you/can/write")
    else:
        said, hint = f"{server}: {message}", "type the same again"
    return errors.ServerError(said, code=code, hint=hint)


def settings_hint(server: str, key: str, value: str, before: str = "") -> str:
    return f'{before}write {key} = "{value}" under [servers.{server}] in overnight.toml'
