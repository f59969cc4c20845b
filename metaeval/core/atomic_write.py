"""Atomic writes of one or several files: all of them or none, with no temporary files left.

Content is complete before it becomes visible. It is written to an unnamed file (`O_TMPFILE`),
which the system discards when the process ends, however it ends; where the system has no unnamed
files, it is written to a file with a random name that no other process can have opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import signal
import stat
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from metaeval.core.errors import MetaevalError
from metaeval.core.printable_text import printable
from metaeval.core.validation import join_names

OTHER_DESTINATION = "choose another path"
_PART = re.compile(r"\.metaeval-[0-9a-f]{32}\.part")
_STREAM = re.compile(r"/(?:dev|proc/([^/]+))/fd/(\d+)")
_MOST_LINKS = 40

written: list[Path] = []
"""Files that this process has written, in order; reported when a command is interrupted."""


def write_all(
    files: Mapping[Path, bytes],
    cure: str = OTHER_DESTINATION,
    *,
    folders: bool = False,
    last: Path | None = None,
) -> None:
    """Write files completely, or none of them if one cannot be written.

    Links are followed, devices and pipes are written to directly, and existing files keep their
    mode and owner. With `folders`, missing folders are created. `last` is one of the files: its old
    version is removed before any other file is replaced, and it is written after all others, so
    that it never coexists with files of another run.
    """
    target = next(iter(files), Path())
    order = sorted(files, key=lambda path: path == last)
    parts: dict[Path, _Part] = {}
    created: list[Path] = []
    try:
        for target in order:
            destination = _regular(target)
            if destination is not None:
                parts[target] = _prepared(destination, files[target], folders)
        with _uninterrupted():
            if last in parts:
                parts[last].destination.unlink(missing_ok=True)
            for target, part in parts.items():
                _make_folders(part.destination.parent, created)
                part.move()
                written.append(target)
            for folder in {part.destination.parent for part in parts.values()}:
                _sync_folder(folder)
        for target in (path for path in order if path not in parts):
            written.append(target)
            _stream(target, files[target])
    except (OSError, ValueError) as error:  # a name with a NUL is a ValueError
        if isinstance(error, MetaevalError):
            raise
        raise MetaevalError(f"Cannot write {str(target)!r} ({_reason(error)}); {cure}.") from None
    finally:
        for part in parts.values():
            part.drop()
        for folder in reversed(created):
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


def interruption(before: int = 0) -> str:
    """Return the message after Ctrl-C; it lists the files written after the first `before`."""
    files = [str(path) for path in written[before:]]
    if not files:
        return "Interrupted; no file was written."
    return printable(f"Interrupted; files written so far: {join_names(files)}.")


def check_writable(folder: Path, cure: str = OTHER_DESTINATION) -> None:
    """Raise if a folder cannot be created or written to, before anything is computed."""
    try:
        existing = _nearest(folder)
        good = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise MetaevalError(
            f"Cannot create the folder {str(folder)!r} ({_reason(error)}); {cure}."
        ) from None
    if not good:
        why = "permission denied" if existing.is_dir() else f"{str(existing)!r} is not a folder"
        raise MetaevalError(f"Cannot create the folder {str(folder)!r} ({why}); {cure}.")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _nearest(folder: Path) -> Path:
    """The folder itself, or its nearest existing parent."""
    folder = Path(os.path.abspath(folder))
    return next((p for p in (folder, *folder.parents) if os.path.lexists(p)), folder)


def _regular(target: Path) -> Path | None:
    """The path of a regular file, links resolved; it need not exist. None for anything else."""
    if not target.name or target.is_dir():
        raise MetaevalError(f"{str(target)!r} is a folder; give the path of a file.")
    path = _resolved(target)
    if _own_stream(path) is not None:
        return None
    return path if not path.exists() or stat.S_ISREG(path.stat().st_mode) else None


def _resolved(target: Path) -> Path:
    """The path with all links resolved, except those that name an open stream."""
    path = os.path.abspath(target)
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(os.path.dirname(path))
        path = os.path.join(folder, os.path.basename(path))
        if not os.path.islink(path) or _own_stream(Path(path)) is not None:
            return Path(path)
        path = os.path.normpath(os.path.join(folder, os.readlink(path)))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _own_stream(path: Path) -> int | None:
    """Descriptor of a stream that this process has open, such as 1 for /dev/stdout."""
    match = _STREAM.fullmatch(str(path))
    is_ours = match is not None and match[1] in (None, "self", "thread-self", str(os.getpid()))
    return int(match[2]) if match is not None and is_ours else None


@dataclass
class _Part:
    """Complete content on its way to its destination; unnamed where the system allows it."""

    destination: Path
    descriptor: int
    name: Path | None
    old: int | None = None  # the replaced file, held open: its space is freed after all moves

    def move(self) -> None:
        """Move the file to its destination atomically."""
        if self.name is None and not os.path.lexists(self.destination):
            with contextlib.suppress(FileExistsError):
                return self._link(self.destination)
        if self.name is None:
            name = _part_name(self.destination.parent)
            self._link(name)
            self.name = name
        os.replace(self.name, self.destination)
        self.name = None

    def _link(self, name: Path) -> None:
        source = f"/proc/self/fd/{self.descriptor}"  # an absolute path: src_dir_fd is ignored
        os.link(source, name, src_dir_fd=self.descriptor, follow_symlinks=True)

    def drop(self) -> None:
        """Release the descriptors and remove the file if it was not moved."""
        for descriptor in (self.descriptor, self.old):
            if descriptor is not None:
                os.close(descriptor)
        if self.name is not None:
            with contextlib.suppress(OSError):
                self.name.unlink()


def _part_name(folder: Path) -> Path:
    return folder / f".metaeval-{secrets.token_hex(16)}.part"


def _prepared(destination: Path, content: bytes, folders: bool) -> _Part:
    """Content on the file system of its destination, synced, with the mode of the old file."""
    folder = _nearest(destination.parent) if folders else destination.parent
    _drop_stale(folder)
    old = os.stat(destination) if destination.exists() else None
    if old is not None and not os.access(destination, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    part = _opened(destination, folder)
    try:
        with open(part.descriptor, "wb", closefd=False) as file:
            file.write(content)
        if old is not None and hasattr(os, "fchmod"):
            with contextlib.suppress(OSError):  # only the superuser may change owners
                os.fchown(part.descriptor, old.st_uid, old.st_gid)
            os.fchmod(part.descriptor, stat.S_IMODE(old.st_mode))
            with contextlib.suppress(OSError):
                part.old = os.open(destination, os.O_RDONLY)
        os.fsync(part.descriptor)
    except BaseException:
        part.drop()
        raise
    return part


def _opened(destination: Path, folder: Path) -> _Part:
    """An empty temporary file that no other process can have opened."""
    with contextlib.suppress(OSError, AttributeError):  # not every system has unnamed files
        flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
        descriptor = os.open(folder, flags, 0o666)
        if os.path.exists(f"/proc/self/fd/{descriptor}"):
            _lock(descriptor)
            return _Part(destination, descriptor, None)
        os.close(descriptor)
    while True:
        name = _part_name(folder)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(name, flags | getattr(os, "O_BINARY", 0), 0o666)
        _lock(descriptor)
        if name.exists():  # another process may have removed it as stale before the lock
            return _Part(destination, descriptor, name)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a temporary file; False if another process holds the lock."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return False
    except OSError:
        return False
    return True


def _drop_stale(folder: Path) -> None:
    """Remove temporary files left by killed processes: named by us, of this user, not locked."""
    try:
        names = [entry.path for entry in os.scandir(folder) if _PART.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                is_ours = not hasattr(os, "geteuid") or os.fstat(descriptor).st_uid == os.geteuid()
                if is_ours and _lock(descriptor):
                    os.unlink(name)
            finally:
                os.close(descriptor)


def _stream(target: Path, content: bytes) -> None:
    """Write to a device, a pipe or an already open stream."""
    number = _own_stream(_resolved(target))
    descriptor = os.open(target, os.O_WRONLY) if number is None else os.dup(number)
    with open(descriptor, "wb") as file:
        file.write(content)


def _make_folders(folder: Path, created: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        created.append(path)


def _sync_folder(folder: Path) -> None:
    """Sync a folder to disk, where the system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Defer Ctrl-C while files are moved, which takes milliseconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
