"""Run the command line: `metaeval` or `python -m metaeval`."""

import os
import signal
import sys


def main() -> None:
    """Start the command line; Ctrl-C ends it with one sentence."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # ignored in the background
        signal.signal(signal.SIGINT, _leave)
    try:
        from metaeval.cli import cli
    except Exception:  # 1 would be a verdict of `gate`
        import traceback

        traceback.print_exc()
        sys.exit(70)
    try:
        cli(prog_name="metaeval")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the result and its exit code stand


def _leave(number: int, frame: object) -> None:
    """End at once, with 130: an exception may pass through compiled code, which then aborts.

    Nothing is left behind: temporary files have no names (where the system does not support this,
    the next run removes them), and files are moved to their places with the signal deferred.
    """
    core = sys.modules.get("metaeval.core")
    interruption = getattr(core, "interruption", lambda: "Interrupted; no file was written.")
    os.write(2, f"Error: {interruption()}\n".encode(errors="backslashreplace"))
    os._exit(130)


if __name__ == "__main__":
    main()
