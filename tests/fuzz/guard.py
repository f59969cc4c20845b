"""One execution under guard: what it came to, and whether it took too long or too much memory."""

import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metaeval.core import MetaevalError

SECONDS = 5.0
"""CPU time of one execution beyond which it hangs."""
_WALL = 12 * SECONDS  # other work on the machine does not count, waiting for ever does
_SPARE = 200 << 20
_TIMES = 10
_DRIFT = 32 << 20


class Hang(BaseException):
    """An execution that takes too long; no `except Exception` stops it."""


@dataclass(frozen=True)
class Outcome:
    """What one execution came to.

    Parameters
    ----------
    kind : {"accepted", "refused", "crash", "hang", "memory"}
        Refused is a MetaevalError; a crash any other exception or a warning.
    place : str
        Of crashes and hangs the type and the innermost line of the package.
    message : str
        What was said.
    """

    kind: str
    place: str = ""
    message: str = ""


def guarded(action: Callable[[], object], size: int) -> Outcome:
    """Run an action on an input of `size` bytes; call it inside `limits`."""
    _unraisable.clear()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, _WALL)
    try:
        action()
        outcome = Outcome("accepted")
    except MetaevalError as error:
        outcome = Outcome("refused", message=str(error))
    except Hang as error:
        outcome = Outcome("hang", _place(error), f"over {SECONDS:g} s")
    except Exception as error:
        outcome = Outcome("crash", _place(error), str(error)[:300])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    if _unraisable:
        outcome = Outcome("crash", f"unraisable {_unraisable[0]}", _unraisable[0])
    if _memory.grown() > _TIMES * size + _SPARE:
        outcome = Outcome("memory", "memory", f"{_memory.grown() >> 20} MB for {size} bytes")
    _memory.settle()
    return outcome


@contextmanager
def limits():
    """Warnings are errors, and what takes too long is stopped."""
    handlers = {s: signal.signal(s, _stop) for s in (signal.SIGPROF, signal.SIGALRM)}
    hook, sys.unraisablehook = sys.unraisablehook, _keep
    _memory.reset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        sys.unraisablehook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _stop(*_):
    raise Hang


_unraisable: list[str] = []


def _keep(raised):
    _unraisable.append(f"{type(raised.exc_value).__name__}: {raised.exc_value}"[:300])


def _place(error: BaseException) -> str:
    """The type of an exception, and the innermost line of the package on its way."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append((code.co_filename, code.co_name, trace.tb_lineno))
        trace = trace.tb_next
    ours = [f for f in frames if f"{os.sep}metaeval{os.sep}" in f[0]] or frames[-1:]
    file, function, line = ours[-1]
    return f"{type(error).__name__} {Path(file).name}:{line} {function}"


class _Memory:
    """The highest use of memory since it was last reset, in bytes."""

    def __init__(self) -> None:
        self.floor = 0

    def grown(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - self.floor

    def settle(self) -> None:
        """Let memory that stays in use be no fault of the next execution."""
        if self.grown() > _DRIFT:
            self.reset()

    def reset(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.floor = pages * os.sysconf("SC_PAGE_SIZE")
        except OSError:  # not Linux: only growth over the highest use so far is seen
            self.floor = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


_memory = _Memory()
