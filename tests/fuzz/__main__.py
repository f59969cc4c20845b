"""Attack a reader by hand: `python -m tests.fuzz csv --minutes 10 --executions 50000 --seed 0`."""

import argparse
import pickle
import sys
from pathlib import Path


def main() -> int:
    """Run, print what was found, and say by the exit code whether anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("reader", help="one of those that --list prints, or all", nargs="?")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--executions", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bytes", action="store_true", help="guided by coverage; needs atheris")
    parser.add_argument("--save", type=Path, help="folder for the cases that were found")
    parser.add_argument("--list", action="store_true", help="names of readers")
    given = parser.parse_args()
    if given.bytes:  # before anything of the package is imported
        import atheris

        included = ["metaeval.readers", "metaeval.statistics.parsing"]
        with atheris.instrument_imports(include=included):
            import metaeval.readers
            import metaeval.statistics.parsing  # noqa: F401
    from .targets import TARGETS

    if given.list or given.reader is None:
        print("\n".join(TARGETS))
        return 0
    names = list(TARGETS) if given.reader == "all" else [given.reader]
    reports = [_attacked(name, TARGETS[name], given) for name in names]
    return int(any(report.found for report in reports))


def _attacked(name, target, given):
    from .making import CORPUS
    from .running import attack, attack_bytes

    how = {"executions": given.executions, "seconds": 60 * given.minutes, "seed": given.seed}
    if given.bytes:
        report = attack_bytes(name, target, **how, corpus=CORPUS)
    else:
        report = attack(name, target, **how)
    print("\n".join(report.lines()), flush=True)
    if given.save:
        given.save.mkdir(parents=True, exist_ok=True)
        for number, (case, outcome, _) in enumerate(report.found.values()):
            found = given.save / f"{name}-{number}.pickle"
            found.write_bytes(pickle.dumps((case, outcome)))
    return report


if __name__ == "__main__":
    sys.exit(main())
