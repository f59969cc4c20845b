"""Make figures by name, and write each with its data frame and a text summary."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import pandas as pd

from metaeval import style
from metaeval.core import check_writable, require_known, write_all
from metaeval.plots import save
from paper_figures import real

NAMES = (
    *("families", "tie_policies", "calibration", "gaps", "sizes"),
    *("listing_order", "shrinkage", "thresholds", "speed"),
)
HERE = Path(__file__).parent
PICTURES = HERE / "images"


def make(names: Sequence[str], folder: Path, quick: bool = False) -> None:
    """Draw the named figures, or all, and write them to a folder."""
    for name in names:
        require_known("figure", name, NAMES)
    real.data()  # raises an error before anything is drawn
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    for name in names or NAMES:
        with style("acl"):
            importlib.import_module(f"paper_figures.{name}").draw(folder, quick)
        plt.close("all")


def keep(folder: Path, name: str, figure: Any, frame: pd.DataFrame, lines: Iterable[str]) -> None:
    """Write a figure as PDF and PNG, its frame as CSV and its summary, also printed, as text."""
    summary = "".join(f"{line}\n" for line in lines)
    save(figure, folder / name)
    table = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    files = {folder / f"{name}.csv": table.encode(), folder / f"{name}.txt": summary.encode()}
    write_all(files, folders=True)
    print(f"{name}\n{summary}", flush=True)


def copy_pictures(names: Sequence[str], folder: Path) -> None:
    """Copy reduced figures and their summaries for the README."""
    from PIL import Image

    for name in names or NAMES:
        with Image.open(folder / f"{name}.png") as image:
            size = [round(0.4 * side) for side in image.size]  # 120 dots per inch
            small = (
                image.convert("RGB")
                .resize(size, Image.Resampling.LANCZOS)
                .quantize(256, dither=Image.Dither.NONE)
            )
        small.save(PICTURES / f"{name}.png", optimize=True, dpi=(120, 120))
        (PICTURES / f"{name}.txt").write_bytes((folder / f"{name}.txt").read_bytes())


def percent(row: Any, digits: int = 1) -> str:
    """Format a proportion with its interval, in percent."""
    value, low, high = (100 * row[end] for end in ("estimate", "lower", "upper"))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
