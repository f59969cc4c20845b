"""A progress bar on a terminal for work that takes more than two seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

_HIDDEN: ContextVar[bool] = ContextVar("hidden", default=False)
_PATIENCE = 2.0  # seconds without a bar

T = TypeVar("T")


@contextmanager
def hide_progress(hide: bool = True) -> Iterator[None]:
    """Hide progress bars in a block; elsewhere they are shown if standard error is a terminal."""
    token = _HIDDEN.set(hide)
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def with_progress(work: Iterable[T], total: int, what: str) -> Iterator[T]:
    """Iterate over `work`, with a progress bar once it has taken two seconds."""
    show = not _HIDDEN.get() and sys.stderr.isatty()
    started, bar = time.monotonic(), None
    try:
        for done, part in enumerate(work, start=1):
            yield part
            if show and bar is None and time.monotonic() - started > _PATIENCE:
                bar = _bar(what, total)
            if bar is not None:
                bar.update(bar.task_ids[0], completed=done)
    finally:
        if bar is not None:
            bar.stop()


def _bar(what: str, total: int) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    bar.add_task(what, total=total)
    bar.start()
    return bar
