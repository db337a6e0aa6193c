"""Samples that cannot be decoded."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

BAD_SAMPLE = [
    "PIL.UnidentifiedImageError: cannot identify image file <_io.BytesIO object at 0x7f>",
    "OSError: image file is truncated (12 bytes not processed)",
    "OSError: broken data stream when reading image file",
    "SyntaxError: broken PNG file (chunk b'\\x00')",
    "pandas.errors.ParserError: Error tokenizing data. C error: Expected 5 fields in "
    "line 100, saw 6",
    "soundfile.LibsndfileError: Error opening 'a.wav': Format not recognised.",
    "tensorflow.python.framework.errors_impl.DataLossError: truncated record at 1234 "
    "[Op:IteratorGetNext]",
    "tarfile.ReadError: unexpected end of data",
    "cv2.error: OpenCV(4.8.0) /io/opencv/modules/imgproc/src/color.cpp:182: error: "
    "(-215:Assertion failed) !_src.empty() in function 'cvtColor'",
    "OSError: Can't synchronously read data (inflate() failed)",
    "OSError: Unable to open file (truncated file: eof = 96, sblock->base_addr = 0, "
    "stored_eof = 2048)",
    "pyarrow.lib.ArrowInvalid: Parquet magic bytes not found in footer. Either the "
    "file is corrupted or this is not a parquet file.",
    "gzip.BadGzipFile: Not a gzipped file (b'ab')",
    "tensorflow.python.framework.errors_impl.InvalidArgumentError: Unknown image file "
    "format. One of JPEG, PNG, GIF, BMP required. [Op:DecodeImage]",
    "RuntimeError: Failed to decode audio. /data/a.flac",
    "av.error.InvalidDataError: [Errno 1094995529] Invalid data found when processing "
    "input: 'a.mp4'",
]


@pytest.mark.parametrize("message", BAD_SAMPLE)
def test_bad_sample(message: str) -> None:
    """Messages of several libraries are taken for bad_sample."""
    assert logs.kind(logs.raising(message), exit_code=1) == "bad_sample"


def test_a_decoder_error_inside_a_worker() -> None:
    """The file of the sample is a fact."""
    message = "cannot identify image file 'data/cat/0003.png'"
    log = logs.progress() + logs.from_worker("PIL.UnidentifiedImageError", message)
    found = logs.diagnosed(log, exit_code=1)
    assert (found.kind, found.facts["sample"]) == ("bad_sample", "data/cat/0003.png")


def test_a_slip_inside_a_worker_is_a_slip() -> None:
    """Most exceptions of DataLoader workers are plain mistakes."""
    log = logs.from_worker("AttributeError", "'int' object has no attribute 'shape'")
    assert logs.kind(logs.progress() + log, exit_code=1) == "code"


@pytest.mark.parametrize(("before", "expected"), [(logs.progress(), "bad_sample"), ("", "shape")])
def test_a_sample_of_another_form(before: str, expected: str) -> None:
    """After good batches one sample is odd; in the first batch the code does not fit the data."""
    message = "permute(sparse_coo): number of dimensions in the tensor input does not match"
    log = logs.from_worker("RuntimeError", message, "return image.permute(2, 0, 1)")
    assert logs.kind(before + log, exit_code=1) == expected


def test_a_settings_file_that_is_no_json_is_no_sample() -> None:
    """Where the user's code reads its configuration."""
    frames = '  File "/home/ada/config.py", line 3, in load_config\n    return json.load(file)\n'
    error = "json.decoder.JSONDecodeError: Expecting value: line 3 column 1 (char 20)\n"
    assert logs.kind(logs.HEAD + frames + error, exit_code=1) == "config"
