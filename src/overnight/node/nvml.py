"""NVML, the driver's own library, through ctypes; nvidia-smi asks it the same questions.

A call into a broken driver may never return, so all of them happen in a process of its own, which
is also the only one to load the library. Structures and codes are those of NVIDIA's nvml.h.
"""

from __future__ import annotations

import os
from typing import Any

from overnight.node import apart, fs, gpus

PCI = "/sys/bus/pci/devices"
VENDOR = "0x10de"  # NVIDIA's number
LIBRARY = "libnvidia-ml.so.1"  # as dlopen finds it; empty: there is none

OK = 0
NOT_SUPPORTED = 3
NO_PERMISSION = 4
NOT_LOADED = 9
INSUFFICIENT_SIZE = 7
FALL_BACK = (12, 13)  # a stub or an incomplete library: nvidia-smi may know more
ERRORS = {
    1: "Uninitialized",
    2: "Invalid Argument",
    NOT_SUPPORTED: "Not Supported",
    NO_PERMISSION: "Insufficient Permissions",
    5: "Already Initialized",
    6: "Not Found",
    INSUFFICIENT_SIZE: "Insufficient Size",
    8: "Insufficient External Power",
    NOT_LOADED: "Driver Not Loaded",
    10: "Timeout",
    11: "Interrupt Request Issue",
    12: "NVML Shared Library Not Found",
    13: "Function Not Found",
    14: "Corrupted infoROM",
    15: "GPU is lost",
    16: "GPU requires reset",
    17: "GPU access blocked by the operating system",
    18: "Driver/library version mismatch",
    19: "In use by another client",
    20: "Insufficient Memory",
    21: "No data",
    23: "Insufficient Resources",
    25: "Argument version mismatch",
    26: "Deprecated",
    27: "Not ready",
    28: "GPU not found",
    999: "Unknown Error",
}
# What may be refused of a card that can be used: permissions, old versions, no figures yet.
OPTIONAL = (2, NOT_SUPPORTED, NO_PERMISSION, 13, 21, 25, 26)
MIB = 1 << 20
NOT_TOLD = (1 << 64) - 1  # where the driver does not know how much memory a process holds
TEXT_BYTES = 96
PCI_BYTES = 68  # nvmlPciInfo_t; older forms are shorter and begin alike
MEMORY_V2 = 2 << 24  # the version in the first field of nvmlMemory_v2_t, plus its size
PROCESS_BYTES = (24, 32)  # some drivers of the 535 series append a field to each process
UNWRITTEN = b"\xa5"
PROCESS_TRIES = 5


class NotHereError(Exception):
    """There is no such library; the text says what the loader said."""


class UnusableError(Exception):
    """The library is there but lacks what we need, or is only a stub."""


class CallError(Exception):
    """The driver refused a call."""

    def __init__(self, code: int) -> None:
        super().__init__(ERRORS.get(code, f"error {code}"))
        self.code = code


not_used: dict[str, dict[str, Any]] = {}  # why, by library: what was so at first stays so


def query(timeout_s: float = 5.0) -> gpus.Table:
    """What the driver says. NotHereError or UnusableError where others have to be asked."""
    if not LIBRARY:
        raise NotHereError("no library")
    said = not_used.get(LIBRARY)
    if said is None:
        try:
            said = apart.call(lambda: answer(LIBRARY), limit_s=timeout_s)
        except apart.FailedError as error:
            return gpus.Table(problem=f"NVML did not answer: {error}")
    if "table" in said:
        return gpus.from_json(said["table"])
    not_used[LIBRARY] = said
    if "missing" in said:
        raise NotHereError(said["missing"])
    raise UnusableError(said["unusable"])


def answer(library: str) -> dict[str, Any]:
    """A JSON value: one of `table`, `missing` and `unusable`."""
    try:
        return {"table": gpus.to_json(Driver(library).table())}
    except (NotHereError, ImportError) as error:  # some Pythons have no ctypes
        return {"missing": str(error)}
    except UnusableError as error:
        return {"unusable": str(error)}


class Driver:
    """The loaded library. Its process ends soon, so nothing is shut down."""

    def __init__(self, library: str) -> None:
        import ctypes

        self.c = ctypes
        try:
            self.library = ctypes.CDLL(library)
        except OSError as error:
            raise NotHereError(str(error)) from error
        self.name = library

    def table(self) -> gpus.Table:
        try:
            self.call("nvmlInit_v2")
        except CallError as error:
            if error.code in FALL_BACK:
                raise UnusableError(f"NVML: {error}") from error
            if error.code == NOT_LOADED and not is_any_card():
                raise NotHereError("the library is there, but no card") from error
            return gpus.Table(problem=f"NVML: {error}")
        driver = None
        try:
            driver = self.text("nvmlSystemGetDriverVersion")
            count = self.number("nvmlDeviceGetCount_v2")
        except CallError as error:
            return gpus.Table(driver=driver, problem=f"NVML: {error}")
        found, problems = self.every(count)
        if problems:
            return gpus.Table(tuple(found), driver, "; ".join(problems))
        return gpus.Table(gpus.in_bus_order(found), driver)

    def every(self, count: int) -> tuple[list[gpus.Gpu], list[str]]:
        """Those that answer; what is wrong with the others. Cards closed to us are left out."""
        found, problems = [], []
        for index in range(count):
            device = self.c.c_void_p()
            try:
                self.call(
                    "nvmlDeviceGetHandleByIndex_v2", self.c.c_uint(index), self.c.byref(device)
                )
            except CallError as error:
                if error.code != NO_PERMISSION:
                    problems.append(f"NVML: GPU {index}: {error}")
                continue
            try:
                found.append(self.gpu(index, device))
            except CallError as error:
                problems.append(f"NVML: GPU {index}: {error}")
        return found, problems

    def gpu(self, index: int, device: Any) -> gpus.Gpu:
        uuid = self.text("nvmlDeviceGetUUID", device)
        total, used = self.memory(device)
        return gpus.Gpu(
            index,
            uuid,
            self.text("nvmlDeviceGetName", device),
            total,
            used,
            self.utilization(device),
            self.apps(device, uuid),
            self.bus(device),
            gpus.MIG_NOTE if self.is_mig(device) else "",
        )

    def memory(self, device: Any) -> tuple[int | None, int | None]:
        """(total, used), MiB; both None for cards that share the memory of the machine.

        The second form of the call tells what is in use without what the driver keeps back, as
        nvidia-smi does.
        """
        second = (self.c.c_ulonglong * 5)(MEMORY_V2 | 40)  # version, total, reserved, free, used
        first = (self.c.c_ulonglong * 3)()  # total, free, used
        try:
            if self.try_call("nvmlDeviceGetMemoryInfo_v2", device, second) == OK:
                return second[1] // MIB, second[4] // MIB
            self.call("nvmlDeviceGetMemoryInfo", device, first)
        except CallError as error:
            if error.code == NOT_SUPPORTED:
                return None, None
            raise
        return first[0] // MIB, first[2] // MIB

    def utilization(self, device: Any) -> int | None:
        rates = (self.c.c_uint * 2)()  # of the GPU, of its memory; percent
        done = self.try_call("nvmlDeviceGetUtilizationRates", device, rates)
        return rates[0] if done == OK else None

    def bus(self, device: Any) -> str:
        """As nvidia-smi writes it, from domain, bus and device after a short text of 16 bytes."""
        info = self.c.create_string_buffer(PCI_BYTES)
        for name in ("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2"):
            if self.try_call(name, device, info) == OK:
                domain, bus, place = (self.c.c_uint * 3).from_buffer_copy(info, 16)
                return f"{domain:08X}:{bus:02X}:{place:02X}.0"
        return ""

    def is_mig(self, device: Any) -> bool:
        now, pending = self.c.c_uint(), self.c.c_uint()
        done = self.try_call(
            "nvmlDeviceGetMigMode", device, self.c.byref(now), self.c.byref(pending)
        )
        return done == OK and now.value == 1

    def apps(self, device: Any, uuid: str) -> tuple[gpus.App, ...]:
        """Of each process once; who computes and draws, computes."""
        found: dict[int, gpus.App] = {}
        for kind, graphics in (("Compute", False), ("Graphics", True)):
            for pid, used in self.processes(kind, device):
                used_mib = None if used == NOT_TOLD else used // MIB
                found.setdefault(pid, gpus.App(uuid, pid, used_mib, graphics))
        return tuple(found[pid] for pid in sorted(found))

    def processes(self, kind: str, device: Any) -> list[tuple[int, int]]:
        """(pid, bytes) of each. There may be more of them at each try."""
        room = 64
        for _ in range(PROCESS_TRIES):
            buffer = self.c.create_string_buffer(UNWRITTEN * (room * PROCESS_BYTES[-1]))
            count = self.c.c_uint(room)
            done, entry = self.ask_for_processes(kind, device, count, buffer)
            if done == INSUFFICIENT_SIZE:
                room = max(count.value, room) * 2
                continue
            if done == NOT_SUPPORTED:
                return []
            if done != OK:
                raise CallError(done)
            return self.entries(buffer.raw, min(count.value, room), entry)
        raise CallError(INSUFFICIENT_SIZE)

    def ask_for_processes(self, kind: str, device: Any, count: Any, buffer: Any) -> tuple[int, int]:
        """(code, bytes of an entry); 0 bytes: what was written tells."""
        name = f"nvmlDeviceGet{kind}RunningProcesses"
        for version, entry in (("_v3", 0), ("_v2", 0), ("", 16)):
            if hasattr(self.library, name + version):
                function = getattr(self.library, name + version)
                return function(device, self.c.byref(count), buffer), entry
        if kind == "Graphics":
            return NOT_SUPPORTED, 0
        raise UnusableError(f"{self.name} lacks {name}")

    def entries(self, raw: bytes, count: int, entry: int) -> list[tuple[int, int]]:
        short, long = PROCESS_BYTES
        if not entry:
            beyond = raw[count * short : count * long]
            entry = long if beyond.strip(UNWRITTEN) else short
        pids = [self.c.c_uint.from_buffer_copy(raw, at * entry).value for at in range(count)]
        used = self.c.c_ulonglong
        return [
            (pid, used.from_buffer_copy(raw, at * entry + 8).value) for at, pid in enumerate(pids)
        ]

    # -- calls

    def call(self, name: str, *arguments: Any) -> None:
        """CallError for what the driver refuses, UnusableError where there is no such function."""
        function = getattr(self.library, name, None)
        if function is None:
            raise UnusableError(f"{self.name} lacks {name}")
        code = function(*arguments)
        if code != OK:
            raise CallError(code)

    def try_call(self, name: str, *arguments: Any) -> int:
        """The code, for what a card or an old driver need not tell; others are CallErrors."""
        function = getattr(self.library, name, None)
        code = NOT_SUPPORTED if function is None else int(function(*arguments))
        if code != OK and code not in OPTIONAL:
            raise CallError(code)
        return code

    def number(self, name: str) -> int:
        value = self.c.c_uint()
        self.call(name, self.c.byref(value))
        return value.value

    def text(self, name: str, *device: Any) -> str:
        buffer = self.c.create_string_buffer(TEXT_BYTES)
        self.call(name, *device, buffer, self.c.c_uint(TEXT_BYTES))
        return buffer.value.decode("utf-8", "replace")


def is_any_card() -> bool:
    """Whether the machine has a card of NVIDIA's, or does not show what it has."""
    try:
        devices = os.listdir(PCI)
    except OSError:
        return True
    return any(fs.read_text(f"{PCI}/{device}/vendor") == VENDOR for device in devices)
