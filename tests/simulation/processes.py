"""What `Popen` starts on the simulated machine: a verb of our node, or a shim with its command."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

from overnight.node import layout, server
from tests.simulation import kernel, trainings

SHIM = "overnight-shim"


def spawn(
    machine: kernel.Kernel, parent: kernel.Program, argv: list[str], options: dict[str, Any]
) -> Any:
    variables = dict(options.get("env") or {})
    if server.BOOT in argv:
        after = argv.index(server.BOOT) + 2
        program = start_verb(machine, argv[after], argv[after + 1 :], parent)
        program.variables = {key: variables[key] for key in (layout.MARKER,) if key in variables}
        return SimpleNamespace(pid=program.pid, returncode=None)
    if SHIM in argv:
        after = argv.index(SHIM) + 1
        shim = trainings.Shim(machine, parent, argv[after], argv[after + 1 :], variables)
        return SimpleNamespace(pid=shim.pid, returncode=None)
    raise FileNotFoundError(2, "No such file or directory", argv[0])


def start_verb(
    machine: kernel.Kernel, verb: str, arguments: list[str], parent: kernel.Proc | None
) -> kernel.Program:
    """One of our own processes; it needs a moment to come up."""
    module = importlib.import_module(f"overnight.node.{verb}")
    scopes = {"server", "gpu"} if verb == "watch" else {arguments[2], "gpu", "disk"}
    program = kernel.Program(
        machine, verb, lambda: module.main(*arguments), scopes=scopes, parent=parent
    )
    if verb != "watch":
        program.run = arguments[2]
    machine.start(program, machine.rng.uniform(0.03, 0.3))
    return program
