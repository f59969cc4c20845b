"""Exit codes, one-sentence errors, and output that cannot be written.

0, 1 and 3 are verdicts (1 and 3 of `gate` only); no error has the codes 1 and 3.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from typing import Any, TextIO

import click

from metaeval.core import MetaevalError, interruption, printable, shortened, written

REFUSED, FAILED, UNWRITABLE, INTERRUPTED = 2, 70, 74, 130  # 70 and 74 as in sysexits.h
TABLE = "metaeval.table"  # key in `Context.meta` of the table that a command has read


class Refused(click.ClickException):
    """An error that the user can fix: one sentence."""

    exit_code = REFUSED


class Unwritable(click.ClickException):
    """Standard output is full or closed."""

    exit_code = UNWRITABLE


class Interrupted(click.ClickException):
    """Ctrl-C: one sentence."""

    exit_code = INTERRUPTED


class Group(click.Group):
    """Commands whose errors are one sentence; `--debug` adds the traceback."""

    def main(self, *args: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command line and exit with its code."""
        run: Any = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **options)
        _open_closed_streams()
        before = len(written)
        try:
            returned = run(*args, standalone_mode=False, **options)
            with _output():
                sys.stdout.flush()
            code = returned if isinstance(returned, int) else 0
        except click.ClickException as error:
            code = _show(error)
        except (KeyboardInterrupt, EOFError, click.Abort):
            code = _show(Interrupted(interruption(before)))
        except Exception:
            traceback.print_exc()
            code = FAILED
        sys.exit(code)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parse the options of the group; its help is printed here."""
        with _output():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        before = len(written)
        try:
            with _output():
                return super().invoke(ctx)
        except MetaevalError as error:
            if "--debug" in sys.argv:
                traceback.print_exc()
            _warn(ctx)
            raise Refused(str(error)) from None
        except KeyboardInterrupt:
            raise Interrupted(interruption(before)) from None


def say(line: object, err: bool = False) -> None:
    """Print one line; hidden characters are escaped."""
    click.echo(printable(line), err=err)


def _warn(ctx: click.Context) -> None:
    """Print the warnings about the data, which may explain the error of a command."""
    table = ctx.meta.pop(TABLE, None)
    for line in table.alignment.warnings if table is not None else ():
        say(f"Warning: {line}", err=True)


def _show(error: click.ClickException) -> int:
    error.message = shortened(printable(error.message, keep="\n"))  # type: ignore[misc]
    with contextlib.suppress(OSError):  # standard error may be closed
        error.show()
    if isinstance(error, Unwritable):
        _drop_output()
    return error.exit_code


@contextlib.contextmanager
def _output() -> Any:
    """Convert operating-system errors to one sentence."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        if error.filename is not None:
            name = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else None
            name = name or str(error.filename)
            raise Refused(f"Cannot use {name!r} ({why}).") from None
        if error.errno == errno.EBADF:
            why = "it is closed"
        raise Unwritable(
            f"Cannot write to standard output ({why}); the output is incomplete. Redirect it to "
            "a file."
        ) from None


def _drop_output() -> None:
    """Redirect standard output to the null device, so that it is not flushed again at exit."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout.fileno() == 1:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)


def _open_closed_streams() -> None:
    """Occupy the file descriptors of closed standard streams, so that later files do not get them.

    A closed standard output becomes one that refuses every byte, so no output is lost silently.
    Characters that the encoding of a stream lacks are escaped.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # takes the lowest free number
    if sys.stdout is None:
        sys.stdout = _text_stream(1)
    if sys.stderr is None:
        sys.stderr = _text_stream(2)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _text_stream(number: int) -> TextIO:
    return io.TextIOWrapper(os.fdopen(number, "wb", closefd=False), encoding="utf-8")
