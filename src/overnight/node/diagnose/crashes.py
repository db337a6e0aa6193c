"""Processes that die of themselves: faults of native code."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed

RULES = (
    printed(
        "code",
        "egmentation fault",
        r"^Segmentation fault|: \d+ Segmentation fault|Fatal Python error:"
        r" Segmentation|Signal: Seg",
        "bash, CPython's faulthandler, Open MPI",
        0.75,
        fatal=True,
    ),
    printed(
        "code",
        "Fatal Python error",
        r"^Fatal Python error: (?!Aborted|Bus error|Segmentation)",
        "CPython",
        0.7,
        fatal=True,
    ),
    printed(
        "code",
        "llegal instruction",
        r"^Illegal instruction|: \d+ Illegal instruction",
        "bash",
        0.7,
        fatal=True,
    ),
    printed(
        "code",
        "loating point exception",
        r"^Floating point exception|: \d+ Floating point exception",
        "bash",
        0.7,
        fatal=True,
    ),
    printed("code", "double free or corruption", "", "glibc", 0.7, fatal=True),
    printed("code", "corrupted size vs. prev_size", "", "glibc", 0.7, fatal=True),
    # whoever calls abort() has said before why
    printed(
        "code",
        "Aborted",
        r"^Aborted\b|: \d+ Aborted|Fatal Python error: Aborted",
        "bash, CPython",
        0.4,
        cascade=True,
        fatal=True,
    ),
)
