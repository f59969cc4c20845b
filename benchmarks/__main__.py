"""Run the benchmarks, each in a process of its own; all of them also rewrite the table.

Run: python -m benchmarks [NAME ...] [--quick]

Without names the rows go to benchmarks/results.csv, and from it to the table in the README.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.timing import COLUMNS, Row, read

SCRIPTS = (
    *("swap_accuracy", "swap_pearson", "sign_flip", "bootstrap", "tie_calibration"),
    *("soft_pairwise", "kendall", "sign_kernel", "calibration", "million", "growth"),
)
ROOT = Path(__file__).parents[1]
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def run(script: str, flags: list[str]) -> list[Row]:
    """Rows of a script, printed as they come."""
    command = [sys.executable, "-m", f"benchmarks.{script}", *flags]
    # What OpenBLAS is told of another processor slows NumPy, ours and the peers'.
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


def write(rows: Iterable[Row]) -> None:
    """Keep the rows, and show those with a target in the README."""
    with (ROOT / "benchmarks" / "results.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
    page = ROOT / "README.md"
    with (ROOT / "benchmarks" / "results.csv").open() as file:
        page.write_text(with_table(page.read_text(), [row for row in read(file) if row["target"]]))


def with_table(page: str, rows: list[Row]) -> str:
    """The page with the table of the rows between the two markers."""
    row = rows[0]
    versions = ", ".join(f"{name} {row[name.lower()]}" for name in ("Python", "NumPy", "JAX"))
    where = f"{row['machine']}, {versions}"
    lines = [f"Shortest of at least five runs on {where}; ours once warm."]
    lines += ["", "| work | ours | peer | ratio | target |", "| --- | --- | --- | --- | --- |"]
    lines += [shown(row) for row in rows]
    before, rest = page.split(START)
    return "\n".join([f"{before}{START}", *lines, f"{END}{rest.split(END)[1]}"])


def shown(row: Row) -> str:
    """One row of the table; a star marks what was scaled."""
    memory = f", {row['peak_mb']} MB over the input" if row["peak_mb"] else ""
    ours = f"{rounded(row['ours_min_s'])} s, {row['ours']}{memory}"
    star = "\\*" if row["extrapolated"] else ""
    peer = f"{rounded(row['peer_min_s'])} s{star}, {row['peer']}"
    target = row["target"] if row["target"] == "reported" else rounded(row["target"])
    names = [name for name in ("items", "systems", "scorers") if row[name]]
    sizes = "".join(f", {thousands(float(row[name]))} {name}" for name in names if row[name] != "1")
    work = f"{row['work']}{sizes}, R = {thousands(float(row['resamples']))}"
    return f"| {work} | {ours} | {peer} | {rounded(row['ratio'])} | {target} |"


def rounded(number: str) -> str:
    """Two significant digits, thousands apart."""
    value = float(f"{float(number):.2g}")
    return thousands(value) if value >= 10 else f"{value:g}"


def thousands(value: float) -> str:
    """Digits in groups of three."""
    return f"{value:,.0f}".replace(",", " ")


def main(arguments: list[str]) -> None:
    flags = [word for word in arguments if word.startswith("--")]
    names = [word for word in arguments if word not in flags]
    unknown = set(names) - set(SCRIPTS)
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(sorted(unknown))}; there are {SCRIPTS}")
    rows = [row for script in names or SCRIPTS for row in run(script, flags)]
    if not arguments:
        write(rows)


if __name__ == "__main__":
    main(sys.argv[1:])
