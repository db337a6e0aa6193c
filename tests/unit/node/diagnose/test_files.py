"""Files that are missing, disks that are full, rights."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

MISSING_FILE = [
    "FileNotFoundError: [Errno 2] No such file or directory: 'data/train.csv'",
    "tensorflow.python.framework.errors_impl.NotFoundError: data/train.tfrecord; No "
    "such file or directory [Op:IteratorGetNext]",
    "OSError: /models/llama does not appear to have a file named config.json.",
    "OSError: models/bert is not a local folder and is not a valid model identifier "
    "listed on 'https://huggingface.co/models'",
    "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' "
    "or 'namespace/repo_name': '/models/llama/7b'.",
    "FileNotFoundError: Dataset 'coco128.yaml' images not found, missing path "
    "'/datasets/coco128/images'",
    "datasets.exceptions.DatasetNotFoundError: Dataset 'me/data' doesn't exist on the "
    "Hub or cannot be accessed.",
    "FileNotFoundError: [Errno 2] Unable to open file (unable to open file: name = "
    "'x.h5', errno = 2, error message = 'No such file or directory', flags = 0, "
    "o_flags = 0)",
    "RuntimeError: Dataset not found. You can use download=True to download it",
    "NotADirectoryError: [Errno 20] Not a directory: 'data/train.zip/x'",
]

DISK_FULL = [
    "OSError: [Errno 28] No space left on device: 'outputs/ckpt.pt'",
    "OSError: [Errno 122] Disk quota exceeded",
    "safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 28, "
    'kind: StorageFull, message: "No space left on device" })',
    "OSError: [Errno 28] Can't write data (file write failed: time = Mon, errno = 28, "
    "error message = 'No space left on device')",
    "sqlite3.OperationalError: database or disk is full",
    "RuntimeError: [enforce fail at inline_container.cc:626] . unexpected pos 4460352 vs 4460248",
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: "
    "ckpt/model.data-00000: No space left on device",
]

PERMISSION = [
    "PermissionError: [Errno 13] Permission denied: '/data/shared/cache'",
    "OSError: [Errno 30] Read-only file system: '/datasets/imagenet/cache'",
    "BlockingIOError: [Errno 11] Unable to open file (unable to lock file, errno = 11, "
    "error message = 'Resource temporarily unavailable')",
]


@pytest.mark.parametrize("message", MISSING_FILE)
def test_missing_file(message: str) -> None:
    """Messages of several libraries are taken for missing_file."""
    assert logs.kind(logs.raising(message), exit_code=1) == "missing_file"


@pytest.mark.parametrize("message", DISK_FULL)
def test_disk_full(message: str) -> None:
    """Messages of several libraries are taken for disk_full."""
    assert logs.kind(logs.raising(message), exit_code=1) == "disk_full"


@pytest.mark.parametrize("message", PERMISSION)
def test_permission(message: str) -> None:
    """Messages of several libraries are taken for permission."""
    assert logs.kind(logs.raising(message), exit_code=1) == "permission"


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("run.sh: line 4: pyhton: command not found", 127, "missing_file"),
        ("overnight-shim: 1: exec: pyhton: not found", 127, "missing_file"),
        (
            "python: can't open file 'trian.py': [Errno 2] No such file or directory",
            2,
            "missing_file",
        ),
        ("bash: ./train.sh: Permission denied", 126, "permission"),
        ("mkdir: cannot create directory '/scratch/x': Permission denied", 1, "permission"),
    ],
)
def test_what_shells_print(line: str, code: int, expected: str) -> None:
    """Before any training had begun."""
    assert logs.kind(f"{line}\n", exit_code=code) == expected


def test_the_file_is_a_fact() -> None:
    """Its name as the message has it."""
    found = logs.diagnosed(logs.raising(MISSING_FILE[0]), exit_code=1)
    assert found.facts["file"] == "data/train.csv"


def test_a_full_disk_under_a_checkpoint() -> None:
    """torch does not say that no space is left, neither at first nor at last."""
    log = logs.raising("RuntimeError: basic_ios::clear: iostream error") + logs.DURING
    last = "RuntimeError: [enforce fail at inline_container.cc:595] . unexpected pos 576 vs 470"
    assert logs.kind(log + logs.raising(last), exit_code=1) == "disk_full"


def test_a_disk_that_was_full_at_the_end_explains_a_silent_death() -> None:
    """The words themselves may not have fitted on it."""
    assert logs.kind(logs.progress(), exit_code=1, disk_full=True) == "disk_full"
