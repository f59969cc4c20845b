"""Writing files: each one whole, all of them or none, and nothing left behind.

A new content is complete before any name shows it. It is written to a file without a name
(`O_TMPFILE`) that the system drops with the process, however that ends; where the system has no
such files, to one with a random name that nobody else can have opened before.
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

PLACE = "choose another place"
_PART = re.compile(r"\.metaeval-[0-9a-f]{32}\.part")
_STREAM = re.compile(r"/(?:dev|proc/([^/]+))/fd/(\d+)")
_MOST_LINKS = 40

written: list[Path] = []
"""Every file that this process has written, in order: what an interrupted command left."""


def write_all(
    files: Mapping[Path, bytes],
    cure: str = PLACE,
    *,
    folders: bool = False,
    last: Path | None = None,
) -> None:
    """Write files, each whole, and none if one cannot be.

    Links are followed, devices and pipes are written to, modes and owners of old files stay. With
    `folders` missing folders are made. `last` is one of the files: its old version is removed
    before any other is replaced, and it is written after them, so that it never stands beside files
    of another run.
    """
    target = next(iter(files), Path())
    order = sorted(files, key=lambda path: path == last)
    parts: dict[Path, _Part] = {}
    made: list[Path] = []
    try:
        for target in order:
            place = _regular(target)
            if place is not None:
                parts[target] = _prepared(place, files[target], folders)
        with _uninterrupted():
            if last in parts:
                parts[last].place.unlink(missing_ok=True)
            for target, part in parts.items():
                _make_folders(part.place.parent, made)
                part.move()
                written.append(target)
            for folder in {part.place.parent for part in parts.values()}:
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
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # it holds files
                folder.rmdir()


def check_writable(folder: Path, cure: str = PLACE) -> None:
    """Refuse a folder that could not be made or written to, before anything is computed."""
    try:
        there = _nearest(folder)
        good = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except (OSError, ValueError) as error:
        raise MetaevalError(
            f"Cannot make the folder {str(folder)!r} ({_reason(error)}); {cure}."
        ) from None
    if not good:
        why = "it may not be written to" if there.is_dir() else f"{str(there)!r} is not a folder"
        raise MetaevalError(f"Cannot make the folder {str(folder)!r} ({why}); {cure}.")


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _nearest(folder: Path) -> Path:
    """The folder itself, or the lowest one above it that is there."""
    folder = Path(os.path.abspath(folder))
    return next((p for p in (folder, *folder.parents) if os.path.lexists(p)), folder)


def _regular(target: Path) -> Path | None:
    """The path of a file behind all links, which may not be there yet; None for anything else."""
    if not target.name or target.is_dir():
        raise MetaevalError(f"{str(target)!r} is a folder; name a file to write.")
    place = _resolved(target)
    if _own_stream(place) is not None:
        return None
    return place if not place.exists() or stat.S_ISREG(place.stat().st_mode) else None


def _resolved(target: Path) -> Path:
    """The path behind all links, but not behind those that name an open stream."""
    path = os.path.abspath(target)
    for _ in range(_MOST_LINKS):
        folder = os.path.realpath(os.path.dirname(path))
        path = os.path.join(folder, os.path.basename(path))
        if not os.path.islink(path) or _own_stream(Path(path)) is not None:
            return Path(path)
        path = os.path.normpath(os.path.join(folder, os.readlink(path)))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _own_stream(place: Path) -> int | None:
    """The number of a stream that this process has open, such as 1 for /dev/stdout."""
    found = _STREAM.fullmatch(str(place))
    own = found is not None and found[1] in (None, "self", "thread-self", str(os.getpid()))
    return int(found[2]) if found is not None and own else None


@dataclass
class _Part:
    """A complete content on its way to its place; without a name where the system allows that."""

    place: Path
    descriptor: int
    name: Path | None
    old: int | None = None  # what it replaces is held open: its space is freed after all moves

    def move(self) -> None:
        """Put it in its place, at once."""
        if self.name is None and not os.path.lexists(self.place):
            with contextlib.suppress(FileExistsError):
                return self._link(self.place)
        if self.name is None:
            name = _part_name(self.place.parent)
            self._link(name)
            self.name = name
        os.replace(self.name, self.place)
        self.name = None

    def _link(self, name: Path) -> None:
        own = f"/proc/self/fd/{self.descriptor}"  # an absolute path: the folder does not matter
        os.link(own, name, src_dir_fd=self.descriptor, follow_symlinks=True)

    def drop(self) -> None:
        """Let go of it."""
        for descriptor in (self.descriptor, self.old):
            if descriptor is not None:
                os.close(descriptor)
        if self.name is not None:
            with contextlib.suppress(OSError):
                self.name.unlink()


def _part_name(folder: Path) -> Path:
    return folder / f".metaeval-{secrets.token_hex(16)}.part"


def _prepared(place: Path, content: bytes, folders: bool) -> _Part:
    """A content in the file system of its place, on the disk, with the mode of what it replaces."""
    folder = _nearest(place.parent) if folders else place.parent
    _drop_stale(folder)
    old = os.stat(place) if place.exists() else None
    if old is not None and not os.access(place, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    part = _opened(place, folder)
    try:
        with open(part.descriptor, "wb", closefd=False) as file:
            file.write(content)
        if old is not None and hasattr(os, "fchmod"):
            with contextlib.suppress(OSError):  # only the superuser may give files away
                os.fchown(part.descriptor, old.st_uid, old.st_gid)
            os.fchmod(part.descriptor, stat.S_IMODE(old.st_mode))
            with contextlib.suppress(OSError):
                part.old = os.open(place, os.O_RDONLY)
        os.fsync(part.descriptor)
    except BaseException:
        part.drop()
        raise
    return part


def _opened(place: Path, folder: Path) -> _Part:
    """An empty part that no other process can have opened."""
    with contextlib.suppress(OSError, AttributeError):  # not every system has nameless files
        flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
        descriptor = os.open(folder, flags, 0o666)
        if os.path.exists(f"/proc/self/fd/{descriptor}"):
            _lock(descriptor)
            return _Part(place, descriptor, None)
        os.close(descriptor)
    while True:
        name = _part_name(folder)
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(name, flags | getattr(os, "O_BINARY", 0), 0o666)
        _lock(descriptor)
        if name.exists():  # a process that tidies may have come before the lock
            return _Part(place, descriptor, name)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Mark a part as being written; False where another process holds it."""
    try:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return False
    except OSError:
        return False
    return True


def _drop_stale(folder: Path) -> None:
    """Remove parts of processes that were killed: named as ours, of this user, and not locked."""
    try:
        names = [entry.path for entry in os.scandir(folder) if _PART.fullmatch(entry.name)]
    except OSError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                own = not hasattr(os, "geteuid") or os.fstat(descriptor).st_uid == os.geteuid()
                if own and _lock(descriptor):
                    os.unlink(name)
            finally:
                os.close(descriptor)


def _stream(target: Path, content: bytes) -> None:
    """Write to a device, a pipe, or a stream that is open already."""
    own = _own_stream(_resolved(target))
    descriptor = os.open(target, os.O_WRONLY) if own is None else os.dup(own)
    with open(descriptor, "wb") as file:
        file.write(content)


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _sync_folder(folder: Path) -> None:
    """Have the names of a folder on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back while files get their names, which takes milliseconds."""
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
