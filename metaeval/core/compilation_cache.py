"""The persistent cache of compiled kernels, and removal of damaged entries."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

_PLACES = ("XDG_CACHE_HOME", "LOCALAPPDATA")
_ENTRY = re.compile(r"jit_.+-[0-9a-f]{32,}-(cache|atime)")
_CHECKED = "checked"  # its modification time is that of the last check
_TICKS = 5.0  # seconds: file systems round modification times, FAT to 2 s
_ZSTD = b"\x28\xb5\x2f\xfd"


def enable_compilation_cache() -> None:
    """Cache compiled kernels in the user's cache folder, unless `METAEVAL_CACHE` is 0.

    Damaged entries are removed, so that they are recompiled once instead of causing a warning in
    every run.
    """
    import jax
    from jax.experimental.compilation_cache.compilation_cache import reset_cache

    # another process may be writing the entry just read; it is then compiled here as well
    warnings.filterwarnings("ignore", r"Error (reading|writing) persistent compilation cache")
    setting = os.environ.get("METAEVAL_CACHE", "")
    config: Any = jax.config
    if setting == "0" or config.jax_compilation_cache_dir is not None:
        return
    folder = Path(setting) if setting else cache_folder()
    if folder is None or not _writable(folder):
        return
    drop_damaged(folder)
    config.update("jax_compilation_cache_dir", str(folder))
    config.update("jax_persistent_cache_min_compile_time_secs", 0)
    config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # older versions look for the folder once, when they first compile anything
    reset_cache()


def cache_folder() -> Path | None:
    """The user's cache folder; None if the user has no home directory."""
    configured = [os.environ[name] for name in _PLACES if os.environ.get(name)]
    try:
        home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    except RuntimeError:
        return Path(configured[0]) / "metaeval" / "jax" if configured else None
    return (Path(configured[0]) if configured else home) / "metaeval" / "jax"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except (OSError, ValueError):
        return False


def drop_damaged(folder: Path) -> None:
    """Remove damaged entries among those modified since the last check."""
    stamp = folder / _CHECKED
    with contextlib.suppress(OSError):
        last = stamp.stat().st_mtime - _TICKS if stamp.is_file() else 0.0
        new = [
            Path(entry.path)
            for entry in os.scandir(folder)
            if _ENTRY.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime >= last
        ]
        for path in new:
            if not _is_sound(path):
                _drop(path)
        stamp.write_bytes(b"")
        os.utime(stamp)


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()


def _is_sound(path: Path) -> bool:
    """Whether an entry decompresses, which verifies its checksum."""
    if path.name.endswith("atime"):
        return path.is_file()
    try:
        content = path.read_bytes()
        return bool(_zstd(content) if content.startswith(_ZSTD) else zlib.decompress(content))
    except Exception:  # exceptions of optional libraries cannot be named here
        return False


def _zstd(content: bytes) -> bytes:
    """Decompress Zstandard, which JAX uses where it is available."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        import zstandard as zstd  # type: ignore[import-not-found, unused-ignore, no-redef]

        return bytes(zstd.ZstdDecompressor().decompress(content))
    return bytes(zstd.decompress(content))
