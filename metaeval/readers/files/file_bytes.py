"""Bytes of a file, plain or gzipped, checked and counted in blocks before parsing."""

from __future__ import annotations

import codecs
import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from metaeval.core import MetaevalError, did_you_mean

MAX_CELLS = 200_000_000  # 20 GB at the peak of reading, by the memory per cell below
BLOCK = 1 << 20
LONGEST_LINE = 1 << 24  # 16 MB, beyond any row of texts; Arrow parses blocks of whole rows
# Numbers are short and texts long: a file of more bytes than this per allowed cell is too large to
# parse, whatever its delimiters suggest.
BYTES_PER_CELL = 64

# Bytes of a cell at the peak of reading: its text, a pointer to it, a number, and copies.
_MEMORY_PER_CELL = 100


def cells_that_fit() -> int:
    """Return the number of cells that fit in half of the free memory, at most MAX_CELLS."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # unknown on this system
        return MAX_CELLS
    return max(min(MAX_CELLS, free // 2 // _MEMORY_PER_CELL), 1_000_000)


_DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)


def require_file(path: Path) -> None:
    """Raise unless `path` is a non-empty file."""
    if path.is_dir():
        raise MetaevalError(
            f"Expected a file, got the folder {path}. Pass the files in it, or, if it contains "
            "metric-scores and human-scores, use format='mtme' (--format mtme)."
        )
    if not path.exists():
        folder = path.parent
        siblings = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        where = f"in {folder.resolve().name!r}" if folder.is_dir() else f"and no folder {folder}"
        raise MetaevalError(
            f"There is no file {path.name!r} {where}.{did_you_mean(path.name, siblings)} Check the "
            "path."
        )
    if not path.stat().st_size:
        raise MetaevalError(f"{path.name} is empty; expected a table with a header and rows.")


def is_gzipped(path: Path) -> bool:
    """Return whether a file starts as gzip does, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def open_bytes(path: Path) -> BinaryIO:
    """Open the content of a file, decompressed."""
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")


def first_bytes(path: Path, n: int) -> bytes:
    """Return the first `n` bytes of the content."""
    require_file(path)
    try:
        with open_bytes(path) as file:
            return file.read(n)
    except _DAMAGED as error:
        raise damaged_error(path, error) from None


def damaged_error(path: Path, error: Exception) -> MetaevalError:
    """Build the error for a gzip file that cannot be decompressed."""
    return MetaevalError(
        f"{path.name} cannot be decompressed ({error}); it is damaged or truncated. Download it "
        "again, or decompress it manually."
    )


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the content in blocks of one megabyte; refuse damaged and binary files."""
    with open_bytes(path) as file:
        while True:
            try:
                block = file.read(BLOCK)
            except _DAMAGED as error:
                raise damaged_error(path, error) from None
            if not block:
                return
            require_text(path, block)
            yield block


def require_text(path: Path, block: bytes) -> None:
    """Raise if a block cannot be text; the message names what it looks like."""
    if block.startswith(b"PAR1"):
        raise MetaevalError(
            f"{path.name} contains Parquet data, not text; change its extension to .parquet."
        )
    if b"\0" in block:
        utf16 = block.startswith((b"\xff\xfe", b"\xfe\xff"))
        kind = "looks like UTF-16 text" if utf16 else "contains binary data (a NUL byte)"
        raise MetaevalError(
            f"{path.name} {kind}, not UTF-8 text; save it as CSV, JSON or Parquet in UTF-8."
        )


def scan(path: Path, *, mark: bytes, weight: int, max_cells: int, by_line: bool) -> None:
    """Read a file once, in bounded memory, and refuse what cannot be parsed.

    Parameters
    ----------
    path : Path
        The file.
    mark : bytes
        The byte that is counted: a newline, or a comma for JSON.
    weight : int
        Number of cells per mark.
    max_cells : int
        The largest number of cells that is accepted.
    by_line : bool
        Whether the file is parsed line by line, so that the length of a line is limited.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    marks = size = line = newlines = 0
    for block in blocks(path):
        _require_utf8(path, block, decoder, newlines)
        marks += block.count(mark)
        newlines += block.count(b"\n")
        size += len(block)
        if max(marks * weight, size // BYTES_PER_CELL) > max_cells:
            raise too_large_error(path.name, max_cells)
        end = block.rfind(b"\n")
        line = line + len(block) if end < 0 else len(block) - end - 1
        if by_line and line > LONGEST_LINE:
            raise MetaevalError(
                f"{path.name} has a line of more than {LONGEST_LINE >> 20} MB (line "
                f"{newlines + 1}); expected one row per line. Check that it is a table."
            )
    _require_utf8(path, b"", decoder, newlines, final=True)


def too_large_error(name: str, max_cells: int) -> MetaevalError:
    """Build the error for a table with too many cells."""
    return MetaevalError(
        f"{name} has more than {max_cells:,} cells, the maximum that can be read at once. Save "
        "only the needed columns as Parquet, or split the table by task."
    )


def _require_utf8(
    path: Path,
    block: bytes,
    decoder: codecs.IncrementalDecoder,
    newlines: int,
    final: bool = False,
) -> None:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        line = newlines + error.object.count(b"\n", 0, error.start) + 1
        raise MetaevalError(
            f"{path.name} is not UTF-8: byte 0x{error.object[error.start]:02x} on line {line}. "
            "Save it as UTF-8."
        ) from None
