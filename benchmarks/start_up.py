"""Wall time and peak memory of the command line, compared with reading the files with pandas.

Run: python -m benchmarks.start_up SCORES LABELS LABEL
"""

import csv
import resource
import subprocess
import sys
import time

RUNS = 5


def measure(command: list[str]) -> tuple[float, float, float]:
    """Shortest and median seconds, and peak MB, of a command over several runs."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return min(times), sorted(times)[RUNS // 2], peak


def main(scores: str, labels: str, label: str) -> None:
    """Print one row per command; memory is the largest of all commands so far."""
    python, files = sys.executable, [scores, labels]
    metaeval = [python, "-m", "metaeval"]
    label_options = ["--label", label]
    read = "pandas.read_csv if f.endswith('csv') else pandas.read_parquet"
    commands = {
        "import pandas": [python, "-c", "import pandas"],
        "import metaeval": [python, "-c", "import metaeval"],
        "metaeval --help": [*metaeval, "--help"],
        "read with pandas": [python, "-c", f"import pandas; [({read})(f) for f in {files!r}]"],
        "check": [*metaeval, "check", *files],
        "compare, pairwise_accuracy": [
            *metaeval,
            "compare",
            *files,
            *label_options,
            "--statistic",
            "pairwise_accuracy",
        ],
        "compare, default statistic": [*metaeval, "compare", *files, *label_options],
    }
    out = csv.writer(sys.stdout)
    out.writerow(["command", "min_s", "median_s", "peak_mb"])
    for name, command in commands.items():
        shortest, median, peak = measure(command)
        out.writerow([name, f"{shortest:.3f}", f"{median:.3f}", f"{peak:.0f}"])


if __name__ == "__main__":
    main(*sys.argv[1:])
