"""Feed damaged files through `check`: `python -m tests.damage` prints the table of counts."""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path


def main() -> int:
    """Print the table, and what was read wrongly without a word; the exit code tells of these."""
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=__doc__)
    parser.add_argument("--all", action="store_true", help="all damages of each file, not 30")
    parser.add_argument("--show", action="store_true", help="what was said of each")
    given = parser.parse_args()
    from .verdicts import judged, table_of, variants

    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        made = variants(None) if given.all else variants()
        verdicts = [judged(*variant, Path(folder)) for variant in made]
    print("\n".join(table_of(verdicts)))
    for verdict in verdicts:
        if given.show or verdict.outcome in ("noted", "silent"):
            print(f"{verdict.outcome}: {verdict.damage}, {verdict.sheet}: {verdict.message}")
    return int(any(verdict.outcome == "silent" for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
