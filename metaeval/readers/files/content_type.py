"""The kind of a text file by name and content, and its beginning as text."""

from __future__ import annotations

import json
from pathlib import Path

from metaeval.core import MetaevalError
from metaeval.readers.files import file_bytes

KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def extension(path: Path) -> str:
    """Return the extension of a file in lower case, without `.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def kind_of(path: Path, head: str) -> str:
    """Return the kind of a text file by its extension, else by its content."""
    kind = KINDS.get(extension(path))
    if kind:
        return kind
    if head.lstrip()[:1] not in ("[", "{"):
        return "csv"
    first, _, rest = head.strip().partition("\n")
    return "jsonl" if is_object(first) and rest.lstrip().startswith("{") else "json"


def require_content(path: Path, head: str, kind: str) -> None:
    """Raise if the content does not match the extension."""
    first = head.lstrip()[:1]
    mismatch = None
    if kind in ("csv", "tsv") and first in ("{", "["):
        mismatch = ("JSON", ".json, or to .jsonl if it has one object per line")
    elif kind in ("json", "jsonl") and first not in ("{", "["):
        mismatch = ("something other than JSON", ".csv or .tsv if it is a text table")
    elif kind == "jsonl" and first == "[":
        mismatch = ("a JSON array, not one object per line", ".json")
    if mismatch:
        raise MetaevalError(
            f"{path.name} contains {mismatch[0]}; change its extension to {mismatch[1]}."
        )


def read_text_head(path: str | Path, n: int = 65536) -> str:
    """Return the beginning of a text file, decompressed.

    Parameters
    ----------
    path : str or Path
        A text file, gzipped or not.
    n : int
        How many bytes to read.

    Raises
    ------
    MetaevalError
        If the file does not exist, or is empty, a folder, binary or not UTF-8.
    """
    path = Path(path)
    head = file_bytes.first_bytes(path, n)
    if not head.strip():
        raise MetaevalError(f"{path.name} is empty; expected a table with a header and rows.")
    file_bytes.require_text(path, head)
    return decode_head(path, head, complete=len(head) < n)


def decode_head(path: Path, head: bytes, *, complete: bool) -> str:
    """Decode the beginning of a file; drop a character that is cut off at its end."""
    try:
        return head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not complete and error.start >= len(head) - 3:
            return head[: error.start].decode("utf-8-sig")
        line = head.count(b"\n", 0, error.start) + 1
        raise MetaevalError(
            f"{path.name} is not UTF-8: byte 0x{head[error.start]:02x} on line {line}. "
            "Save it as UTF-8."
        ) from None


def is_object(text: str) -> bool:
    """Return whether a line is a JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def as_utf8(text: str) -> str:
    r"""Return a text that can be encoded; a lone surrogate becomes its escape sequence.

    >>> print(as_utf8("a" + chr(0xD800)))
    a\ud800
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
