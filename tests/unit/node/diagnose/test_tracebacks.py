"""Exceptions in all the ways in which they are printed."""

from __future__ import annotations

from overnight.node import diagnose
from overnight.node.diagnose import tracebacks
from tests.unit.node.diagnose import logs

MISSING = "FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'"


def parsed(text: str) -> list[tracebacks.Raised]:
    return tracebacks.parse(diagnose.Log.of_bytes(text.encode()).lines)


def test_name_text_and_frames() -> None:
    """Of a plain traceback."""
    one = parsed(logs.progress() + logs.raising("torch.OutOfMemoryError: oh no"))[0]
    assert (one.name, one.short(), one.text) == (
        "torch.OutOfMemoryError",
        "OutOfMemoryError",
        "oh no",
    )
    assert "go(batch)" in one.frames


def test_an_exception_that_python_could_not_print() -> None:
    """A signal's handler raised while another traceback was being printed."""
    for shown, whole in (
        ("RuntimeError('worker (pid 5) is killed')", "RuntimeError: worker (pid 5) is killed"),
        ("ConnectionRefusedError(111, 'no')", "ConnectionRefusedError: 111, 'no'"),
    ):
        dump = (
            "         ^object address  : 0x7f481c5fb2c0\n"
            "object refcount : 2\n"
            "object type     : 0x7f483f04b880\n"
            f"object type name: {shown.partition('(')[0]}\n"
            f"object repr     : {shown}\n"
            "lost sys.stderr\n"
        )
        (one,) = parsed(logs.progress() + logs.HEAD + dump)
        assert one.whole().startswith(whole)


def test_a_chain_remembers_what_came_first() -> None:
    """Both ways of Python to link exceptions."""
    for link in (logs.DURING, logs.BECAUSE):
        first, second = parsed(logs.raising(MISSING) + link + logs.raising("KeyError: 'x'"))
        assert (first.after, second.after) == (None, 0)


def test_the_first_of_a_chain_is_the_cause() -> None:
    """What happened while it was handled is not."""
    log = logs.raising(MISSING) + logs.DURING + logs.raising("TypeError: oh")
    found = logs.diagnosed(log, exit_code=1)
    assert found.kind == "missing_file"
    assert found.evidence[-1]["text"] == MISSING


def test_a_plain_first_gives_way_to_a_telling_second() -> None:
    """A KeyError on the way to the real message says little."""
    log = logs.raising("KeyError: 'cuda'") + logs.DURING
    log += logs.raising("RuntimeError: No CUDA GPUs are available")
    assert logs.kind(log, exit_code=1) == "driver"


def test_ctrl_c_while_something_was_handled() -> None:
    """It was meant, whatever else was under way."""
    log = logs.raising("KeyboardInterrupt") + logs.DURING + logs.raising("RuntimeError: closed")
    assert logs.kind(log, exit_code=1) == "interrupted"


def test_ranks_are_read_apart() -> None:
    """Lines of two ranks that mix are two tracebacks."""
    lines = zip(
        logs.of_rank(0, logs.raising("TypeError: a")).splitlines(),
        logs.of_rank(1, logs.raising("ValueError: b")).splitlines(),
        strict=True,
    )
    found = parsed("\n".join(line for pair in lines for line in pair))
    assert [(one.source, one.whole()) for one in found] == [
        ("0", "TypeError: a"),
        ("1", "ValueError: b"),
    ]


def test_a_box_of_rich() -> None:
    """The exception stands below the box."""
    log = (
        "╭──────── Traceback (most recent call last) ────────╮\n"
        "│ /home/ada/train.py:3 in <module>                  │\n"
        "│ ❱ 3 import foo                                    │\n"
        "╰───────────────────────────────────────────────────╯\n"
        "ModuleNotFoundError: No module named 'foo'\n"
    )
    assert logs.kind(log, exit_code=1) == "missing_module"


def test_a_group_of_exceptions() -> None:
    """What is in it says more than the group."""
    log = (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "a.py", line 3, in <module>\n  |     raise ExceptionGroup("x", [])\n'
        "  | ExceptionGroup: two shards failed (2 sub-exceptions)\n"
        "  +-+---------------- 1 ----------------\n    | PermissionError: [Errno 13] 'a.csv'\n"
        "    +------------------------------------\n"
    )
    assert logs.kind(log, exit_code=1) == "permission"


def test_an_ignored_exception_is_ignored() -> None:
    """Python says so itself."""
    ignored = "Exception ignored in: <function __del__>\n" + logs.raising(
        "OSError: [Errno 28] full"
    )
    assert logs.kind(logs.progress() + ignored) == "running"


def test_a_metric_called_error_is_no_exception() -> None:
    """`TestError: 0.12` is good news."""
    assert logs.kind(logs.progress() + "TestError: 0.12\nRelativeError: 3.1e-2\n") == "running"


def test_the_message_goes_on_in_further_lines() -> None:
    """NCCL tells at the end what the driver said."""
    message = (
        "torch.distributed.DistBackendError: NCCL error in: Process.cpp:1970, unhandled system "
        "error\nncclSystemError: System call failed.\nLast error:\n"
        "nvmlInit_v2() failed: Driver/library version mismatch"
    )
    assert logs.kind(logs.raising(message), exit_code=1) == "driver"
