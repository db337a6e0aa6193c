"""`pipe`: held open by the laptop; one JSON line per request and answer.

Requests are answered in order. Each verb is idempotent, so the laptop may repeat any request
whose answer it has not seen. The pipe ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from overnight.node import fs, identity, layout, requests, server, wire


def main(root: str) -> None:
    root = layout.expand_root(root)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints by accident must not garble the frames
    try:
        os.makedirs(os.path.join(root, "projects"), mode=0o700, exist_ok=True)
        hello = greeting(root)
    except OSError as error:
        hello = {"error": {"code": "root_unusable", "message": f"{root}: {error.strerror}"}}
    wire.write(answers, f"{wire.SENTINEL} ".encode() + fs.dump(hello) + b"\n")
    if "error" not in hello:
        serve(root, wire.Reader(0), answers)


def greeting(root: str) -> dict[str, Any]:
    return {
        "root": root,
        "host": os.uname().nodename,
        "boot_id": identity.boot_id(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "rsync": on_path("rsync"),
        "time": time.time(),
    }


def on_path(program: str) -> bool:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in folders)


def serve(root: str, reader: wire.Reader, answers: int) -> None:
    if any(requests.active(root)):
        server.ensure_watch(root)
    while True:
        frame = reader.frame()
        if frame is None:
            return
        number = frame.head.get("id")
        try:
            value, payload = requests.answer(root, frame, reader)
            wire.write(answers, wire.encode({"id": number, "ok": value}, payload))
        except requests.Refused as error:
            wire.write(answers, wire.encode({"id": number, "error": error.to_json()}))
        server.reap()
