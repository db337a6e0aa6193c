"""The rendezvous port of the programs that start several processes.

Sources: the documentation of torchrun, DeepSpeed's launcher and Accelerate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from overnight.core import knob_places, knobs, numbers

_PORT = knobs.Knob(template="--master_port|--main_process_port {}", number="port")
_ENDPOINT = re.compile(r"--rdzv[_-]endpoint(?:=(?P<value>.*))?")
_DEFAULT_PORT = 29500
_OWN_RENDEZVOUS = re.compile(r"--(standalone|rdzv[_-]\w+|nnodes(=.*)?|node[_-]rank(=.*)?)(=.*)?")


class Port(NamedTuple):
    """`place` as in `turnables`; `value` None where the launcher decides."""

    value: numbers.Value | None
    place: Mapping[str, Any]
    shown: str


def port(argv: Sequence[str]) -> Port | None:
    """Where the command says its port, or could. Raises `UnclearError`."""
    places = knob_places.typed(argv, _PORT)
    if places:
        last = places[-1]
        place = {"word": last.word, "start": last.start, "end": last.end}
        return Port(last.value, place, "the port in the command")
    if knob_places.is_shell(argv):
        return None
    return _endpoint(argv) or _default(argv)


def _endpoint(argv: Sequence[str]) -> Port | None:
    """`--rdzv_endpoint=localhost:29500`; port 0 means that a free one is taken."""
    for at, word in enumerate(argv):
        match = _ENDPOINT.fullmatch(word)
        if match is None:
            continue
        number = at if match["value"] is not None else at + 1
        text = argv[number] if number < len(argv) else ""
        found = re.search(r":(?P<port>[1-9][0-9]{0,4})\Z", text, re.ASCII)
        if found is None:
            return None
        place = {"word": number, "start": found.start("port"), "end": found.end("port")}
        return Port(int(found["port"]), place, "the port of --rdzv_endpoint")
    return None


def _default(argv: Sequence[str]) -> Port | None:
    """Started on one machine without a word about the port: it can be put after the launcher."""
    at = _after_launcher(argv)
    if at is None or any(_OWN_RENDEZVOUS.fullmatch(word) for word in argv):
        return None
    place = {"word": at, "start": 0, "end": 0, "add": ["--master_port={}"]}
    return Port(_DEFAULT_PORT, place, "--master_port")


def _after_launcher(argv: Sequence[str]) -> int | None:
    name = "".join(argv[:1]).rpartition("/")[2]
    if name in ("torchrun", "deepspeed"):
        return 1
    modules = ("torch.distributed.run", "torch.distributed.launch")
    if len(argv) > 2 and argv[1] == "-m" and argv[2] in modules:
        return 3
    return None
