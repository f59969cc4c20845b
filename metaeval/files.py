"""Writing files whole, all of them or none."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

from metaeval.errors import MetaevalError

PLACE = "choose another place"


def write_all(files: Mapping[Path, bytes], cure: str = PLACE) -> None:
    """Write files, each whole, and none if one cannot be; folders must be there."""
    for target in files:
        if target.is_dir() or not target.name:
            raise MetaevalError(f"{str(target)!r} is a folder; name a file to write.")
    parts = {target: target.with_name(f".{target.name}.part") for target in files}
    try:
        for target, content in files.items():
            parts[target].write_bytes(content)
        for target, part in parts.items():
            part.replace(target)
    except OSError as error:
        raise MetaevalError(f"Cannot write {str(target)!r} ({error.strerror}); {cure}.") from None
    finally:
        for part in parts.values():
            with contextlib.suppress(OSError):  # there may be no such folder
                part.unlink()


def make_folder(path: Path, cure: str = PLACE) -> None:
    """Make a folder, and those above it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaevalError(
            f"Cannot make the folder {str(path)!r} ({error.strerror}); {cure}."
        ) from None
