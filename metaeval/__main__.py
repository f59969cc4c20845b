"""Run the command line: `metaeval` or `python -m metaeval`."""

import os
import signal
import sys


def main() -> None:
    """Start the command line; Ctrl-C while it loads is one sentence, too."""
    signal.signal(signal.SIGINT, _leave)
    try:
        from metaeval.cli import cli
    except Exception:  # 1 would be a verdict of `gate`
        import traceback

        traceback.print_exc()
        sys.exit(70)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        cli(prog_name="metaeval")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the result and its exit code stand


def _leave(number: int, frame: object) -> None:
    """End at once: nothing has been read or written yet."""
    os.write(2, b"Interrupted; no file was written.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
