"""Making figures by name, and keeping each with its frame and what is said of it."""

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
    """Draw the named figures, or all, into a folder."""
    for name in names:
        require_known("figure", name, NAMES)
    real.data()  # refused before anything is drawn
    check_writable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    for name in names or NAMES:
        with style("acl"):
            importlib.import_module(f"paper_figures.{name}").draw(folder, quick)
        plt.close("all")


def keep(folder: Path, name: str, drawn: Any, frame: pd.DataFrame, lines: Iterable[str]) -> None:
    """Write a figure as PDF and PNG, its frame as CSV and what it says as text, and print that."""
    said = "".join(f"{line}\n" for line in lines)
    save(drawn, folder / name)
    table = frame.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    files = {folder / f"{name}.csv": table.encode(), folder / f"{name}.txt": said.encode()}
    write_all(files, folders=True)
    print(f"{name}\n{said}", flush=True)


def copy_pictures(names: Sequence[str], folder: Path) -> None:
    """Small copies of figures and of what they say, for the README."""
    from PIL import Image

    for name in names or NAMES:
        with Image.open(folder / f"{name}.png") as whole:
            size = [round(0.4 * side) for side in whole.size]  # 120 dots per inch
            small = (
                whole.convert("RGB")
                .resize(size, Image.Resampling.LANCZOS)
                .quantize(256, dither=Image.Dither.NONE)
            )
        small.save(PICTURES / f"{name}.png", optimize=True, dpi=(120, 120))
        (PICTURES / f"{name}.txt").write_bytes((folder / f"{name}.txt").read_bytes())


def percent(row: Any, digits: int = 1) -> str:
    """A share with its interval, in percent."""
    value, low, high = (100 * row[end] for end in ("estimate", "lower", "upper"))
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
