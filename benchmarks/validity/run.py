"""Simulate blocks of data sets, skipping those that are stored already."""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np

from benchmarks.validity.designs import GRID, Population, draw
from benchmarks.validity.measurements import design_of, measure, statistics_of

BLOCK = 100  # data sets in a file


def simulate(population: Population, block: int) -> dict[str, np.ndarray]:
    """One block of data sets; their seeds depend on the design and the block only."""
    found: dict[str, list[np.ndarray]] = {}
    statistics = statistics_of(population)
    for k in range(BLOCK):
        seed = [zlib.crc32(population.name.encode()), block, k]
        table = draw(population, population.n_items, np.random.default_rng(seed))
        design = design_of(table, population)
        for name, statistic in statistics.items():
            for quantity, values in measure(design, statistic, block * BLOCK + k).items():
                found.setdefault(f"{name}: {quantity}", []).append(values)
    return {name: np.stack(values) for name, values in found.items()}


def main() -> None:
    """Simulate the grid, or the named designs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--designs", default="")
    parser.add_argument("--part", type=int, nargs=2, default=(0, 1))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    chosen = [p for p in GRID if options.designs in p.name]
    for block in range(-(-options.sets // BLOCK)):
        for k, population in enumerate(chosen):
            path = options.folder / f"{zlib.crc32(population.name.encode()):08x}-{block:03d}.npz"
            if k % options.part[1] == options.part[0] and not path.exists():
                found = simulate(population, block)
                part = path.with_suffix(".part.npz")
                np.savez_compressed(part, **found)
                part.rename(path)
                print(block, population.name, flush=True)


if __name__ == "__main__":
    main()
