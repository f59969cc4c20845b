"""Run the benchmarks, each in its own process, and rewrite the tables.

Run: python -m benchmarks [NAME ...] [--quick]

The rows replace those of the same scripts in benchmarks/results.csv, from which the tables in
docs/speed.md are written; a quick run writes nothing.
"""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import COLUMNS, Row, read

SCRIPTS = (
    *("swap_accuracy", "swap_pearson", "sign_flip", "bootstrap", "tie_calibration"),
    *("soft_pairwise", "kendall", "sign_kernel", "calibration", "million", "growth", "posteriors"),
)
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.csv"
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def run(script: str, flags: list[str]) -> list[Row]:
    """Run a script and return its rows, which are printed as they come."""
    command = [sys.executable, "-m", f"benchmarks.{script}", *flags]
    # OpenBLAS settings for another processor slow down NumPy, for us and for the peers.
    tuned = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    env = {name: value for name, value in os.environ.items() if name not in tuned}
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise SystemExit(f"benchmarks.{script} failed")
    return list(read(lines))


def write(rows: list[Row]) -> None:
    """Write the rows to the CSV file, and those with a target to docs/speed.md."""
    with RESULTS.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    page = ROOT / "docs" / "speed.md"
    page.write_text(with_table(page.read_text(), [row for row in rows if row["target"]]))


def others(rows: list[Row]) -> list[Row]:
    """Return the rows of the CSV file for work that is not in `rows`."""
    again = {row["work"] for row in rows}
    with RESULTS.open() as file:
        return [row for row in read(file) if row["work"] not in again]


def with_table(page: str, rows: list[Row]) -> str:
    """Return the page with tables of the rows between the two markers, one per machine."""
    lines = []
    for where, machine_rows in itertools.groupby(rows, _where):
        lines += [f"Shortest of at least five runs on {where}; ours after a warm-up run.", ""]
        lines += ["| work | ours | peer | ratio | target |", "| --- | --- | --- | --- | --- |"]
        lines += [*(shown(row) for row in machine_rows), ""]
    before, rest = page.split(START)
    return "\n".join([f"{before}{START}", *lines[:-1], f"{END}{rest.split(END)[1]}"])


def _where(row: Row) -> str:
    """Machine and versions with which a row was measured."""
    versions = ", ".join(f"{name} {row[name.lower()]}" for name in ("Python", "NumPy", "JAX"))
    return f"{row['machine']}, {versions}"


def shown(row: Row) -> str:
    """Format a row of the table; a star marks scaled times."""
    memory = f", {row['peak_mb']} MB beyond the input" if row["peak_mb"] else ""
    ours = f"{rounded(row['ours_min_s'])} s, {row['ours']}{memory}"
    star = "\\*" if row["extrapolated"] else ""
    peer = f"{rounded(row['peer_min_s'])} s{star}, {row['peer']}" if row["peer"] else ""
    target = row["target"] if row["target"] == "reported" else rounded(row["target"])
    names = [name for name in ("items", "systems", "scorers") if row[name]]
    sizes = "".join(f", {thousands(float(row[name]))} {name}" for name in names if row[name] != "1")
    resamples = f", R = {thousands(float(row['resamples']))}" if row["resamples"] else ""
    ratio = rounded(row["ratio"]) if row["ratio"] else ""
    return f"| {row['work']}{sizes}{resamples} | {ours} | {peer} | {ratio} | {target} |"


def rounded(number: str) -> str:
    """Format with two significant digits and thousands separators."""
    value = float(f"{float(number):.2g}")
    return thousands(value) if value >= 10 else f"{value:g}"


def thousands(value: float) -> str:
    """Format a whole number with thousands separators."""
    return f"{value:,.0f}"


def main(arguments: list[str]) -> None:
    flags = [word for word in arguments if word.startswith("--")]
    names = [word for word in arguments if word not in flags]
    unknown = set(names) - set(SCRIPTS)
    if unknown:
        raise SystemExit(
            f"There is no benchmark {', '.join(sorted(unknown))}; use one of {SCRIPTS}."
        )
    rows = [row for script in names or SCRIPTS for row in run(script, flags)]
    if not flags:
        write([*(others(rows) if names else []), *rows])


if __name__ == "__main__":
    main(sys.argv[1:])
