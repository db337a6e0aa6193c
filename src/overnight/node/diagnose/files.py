"""Files: missing ones, full disks, rights."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

QUOTED = r"['\"](?P<file>[^'\"\n]{1,300})['\"]"

MISSING = (
    raised(
        "missing_file",
        r"^(?:\w+\.)*(?:FileNotFoundError|NotADirectoryError"
        rf"|IsADirectoryError)\b(?:[^\n]*?{QUOTED})?",
        "CPython",
        0.92,
    ),
    raised("missing_file", rf"No such file or directory(?:: {QUOTED})?|\[Errno 2\]", "libc", 0.9),
    raised(
        "missing_file",
        r"(?:Not found|NOT_FOUND|NotFoundError)[^\n]{0,20}:? (?P<file>[^\s;]+); No"
        r" such file",
        "tensorflow/core/platform",
        0.92,
    ),
    raised(
        "missing_file",
        r"Unable to (?:synchronously )?open file \(unable to open file: name ="
        r" '(?P<file>[^']+)'"
        r"[^\n]{0,40}errno = 2",
        "h5py",
        0.93,
    ),
    raised(
        "missing_file",
        r"(?:does not appear to have (?:a file|files) named|is not the path to a"
        r" directory containing"
        r"|Can't load (?:tokenizer|the (?:configuration|model)|config|feature extractor"
        r"|image processor) (?:for|of)|is not a local folder and is not a valid model"
        r" identifier"
        r"|no file named [^\n]{0,120} found in directory)",
        "transformers/utils/hub.py",
        0.85,
    ),
    raised(
        "missing_file",
        r"(?:HFValidationError|Repo id must (?:be in the form|use alphanumeric))",
        "huggingface_hub: a local path that is not there",
        0.85,
    ),
    raised(
        "missing_file",
        r"(?:EntryNotFoundError|DatasetNotFoundError|RevisionNotFoundError"
        r"|RemoteEntryNotFoundError)"
        r"|404 Client Error|Couldn't find (?:a dataset|any data|file)|HTTP Error 404",
        "huggingface_hub, datasets",
        0.84,
    ),
    raised(
        "missing_file",
        r"(?:dataset|Dataset|data|file|File|path|Path|folder|directory|Directory"
        r"|checkpoint|Checkpoint"
        r"|weights?|config|image|model)\b[^\n]{0,200}?(?:does(?:n't| not) exist|not"
        r" (?:be )?found\b|is missing|cannot be found"
        r"|could not be found|not exist\b)",
        "user code, torchvision, ultralytics, mmengine",
        0.75,
    ),
    raised(
        "missing_file",
        r"(?:Found no valid file for the classes|Couldn't find any class folder|Found"
        r" 0 (?:files|images)"
        r"|No (?:images|files|labels|data|samples) (?:were |was )?found)",
        "torchvision/datasets/folder.py, ultralytics",
        0.85,
    ),
    raised(
        "missing_file",
        r"(?:num_samples should be a positive integer value, but got num_samples=0)",
        "torch/utils/data/sampler.py: an empty data set",
        0.6,
    ),
    printed(
        "missing_file",
        "No such file or directory",
        r"^(?:/\S+/)?(?:ba|z|da|k)?sh: (?:line )?\d*:? ?(?P<file>[^:]+):|can't open"
        r" file '?(?P<script>[^':]+)"
        r"|^(?:\S+: )?(?:line \d+: )(?P<word>[^:]+): No such|^(?:env|nohup|stat|source"
        r"|cat|cp|ls|tar|sbatch|srun|exec|cd"
        r"|slurmstepd|torchrun|setsid|timeout|nice)\b[^\n]*: No such|exec[^\n]{0,60}:"
        r" No such",
        "bash, CPython, coreutils",
        0.88,
    ),
    printed(
        "missing_file",
        "ommand not found",
        r"(?P<file>[^\s:]+): (?:command not found|Command not found)",
        "bash",
        0.85,
    ),
    printed(
        "missing_file",
        ": not found",
        r"(?:\bsh: (?:line )?\d+: |exec: )(?P<file>\S+): not found",
        "dash",
        0.88,
    ),
    printed(
        "missing_file",
        "File does not exist",
        r"error: [^\n]*File does not exist: '?(?P<file>[^']+)",
        "jsonargparse",
        0.95,
        fatal=True,
    ),
    printed(
        "missing_file",
        "does not exist",
        r"rror:? [^\n]*(?:[Ff]ile|[Pp]ath|[Dd]irectory)[^\n]*does not exist|error:"
        r" argument"
        r"[^\n]*does not exist",
        "click, argparse types",
        0.9,
    ),
    printed(
        "missing_file",
        "not exist",
        r"^(?:ERROR|Error|error|FATAL|fatal)\b[^\n]{0,160}(?:does not|doesn't|not) exist",
        "user code",
        0.8,
    ),
    printed(
        "missing_file",
        "FileNotFoundError",
        rf"FileNotFoundError[^\n]{{0,60}}?{QUOTED}",
        "CPython",
        0.72,
    ),
    printed(
        "missing_file", "unable to stat", r"unable to (?:stat|open)[^\n]*No such", "slurm", 0.85
    ),
    printed(
        "missing_file",
        "File not found",
        r"^(?:ERROR|Error|error|FATAL)[^\n]{0,80}File not found[: ]+(?P<file>\S+)?",
        "various",
        0.7,
    ),
)

SPACE = (
    r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]|ENOSPC(?!:"
    r" System limit)|errno = 28|os error 28|code: 28\b"
)

FULL = (
    raised("disk_full", SPACE, "libc, through Python, Rust and HDF5", 0.94),
    raised(
        "disk_full",
        r"enforce fail at inline_container\.cc[^\n]{0,40}(?:unexpected pos|\."
        r" PytorchStreamWriter)"
        r"|PytorchStreamWriter failed writing|iostream error|unexpected pos \d+ vs \d+",
        "caffe2/serialize/inline_container.cc",
        0.95,
    ),
    raised(
        "disk_full",
        r"database or disk is full|(?:write|flush) failed[^\n]{0,60}(?:space|file"
        r" write failed)"
        r"|not enough (?:disk )?space|insufficient disk space|No usable temporary"
        r" directory|disk is full"
        r"|Not enough free disk space",
        "sqlite, HDF5, huggingface_hub, tempfile",
        0.93,
    ),
    printed(
        "disk_full", "No space left on device", r"(?!.*(?:/dev/shm|shared memory))", "libc", 0.86
    ),
    printed("disk_full", "Disk quota exceeded", "", "libc", 0.9),
    printed("disk_full", "disk is full", r"(?i)(?:database or )?disk is full", "sqlite", 0.85),
    printed(
        "disk_full",
        "inline_container.cc",
        r"enforce fail[^\n]*unexpected pos",
        "caffe2/serialize",
        0.93,
    ),
)

RIGHTS = (
    raised("permission", rf"^(?:\w+\.)*PermissionError\b(?:[^\n]*?{QUOTED})?", "CPython", 0.94),
    raised(
        "permission",
        r"(?:Permission denied|Read-only file system|Operation not permitted)(?::"
        rf" {QUOTED})?|\[Errno (?:13|30|1)\]"
        r"|os error 13|errno = 13",
        "libc",
        0.92,
    ),
    raised(
        "permission",
        r"(?:not|isn't|is not) (?:writ(?:e)?able|readable)|no (?:write|read)"
        r" (?:permission|access)"
        r"|don't have (?:the )?(?:write |read )?permission|cannot write to|detected"
        r" dubious ownership",
        "transformers, git, user code",
        0.8,
    ),
    raised("permission", r"unable to lock file", "h5py: a file that another process holds", 0.85),
    raised("permission", r"PERMISSION_DENIED|PermissionDeniedError", "tensorflow", 0.88),
    printed(
        "permission",
        "ermission denied",
        r"^(?:/\S+/)?(?:ba|z|da|k)?sh: [^\n]*: Permission denied|^\S+: line \d+:"
        r" [^\n]*: Permission"
        r"|cannot (?:create|open|touch|access|remove|write)[^\n]*Permission denied"
        r"|can't open file[^\n]*Permission denied"
        r"|exec:? [^\n]*Permission denied|mkdir:[^\n]*Permission"
        r"|docker[^\n]*permission denied|Got permission denied",
        "bash, coreutils, docker",
        0.88,
    ),
    printed(
        "permission", "PermissionError", rf"PermissionError[^\n]{{0,60}}?{QUOTED}", "CPython", 0.72
    ),
    printed("permission", "Read-only file system", "", "libc", 0.8),
)

RULES = MISSING + FULL + RIGHTS
