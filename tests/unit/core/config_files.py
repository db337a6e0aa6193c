"""Projects for the tests of the configuration: write a file, load it, expect a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from overnight.core import config, errors


def load(folder: Path, text: str | bytes | None = None, user: str | None = None) -> config.Config:
    """Loads a project whose file is `text`, with `user` as the user-wide file."""
    if text is not None:
        content = text if isinstance(text, bytes) else text.encode()
        (folder / "overnight.toml").write_bytes(content)
    user_file = folder.parent / "user.toml"
    if user is not None:
        user_file.write_text(user)
    return config.load(folder, user_file=user_file)


def refused(folder: Path, text: str | bytes, user: str | None = None) -> errors.ConfigError:
    with pytest.raises(errors.ConfigError) as caught:
        load(folder, text, user)
    return caught.value
