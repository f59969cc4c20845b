"""Bins of forecasts, and weighted sums over the cases in each bin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from metaeval.core import Codes, Floats
from metaeval.curves.isotonic import pooled

BINNINGS = ("equal-mass", "equal-width")


def bins_of(
    forecast: Floats, weight: Floats, bins: int, binning: str, mirrored: bool = False
) -> Codes:
    """Bin of each forecast (row,): about equal weights, or equal widths, closed on the right.

    Equal forecasts are in the same bin. Mirrored forecasts and their bins lie in [1/2, 1].
    """
    if binning == "equal-width":
        edges = np.linspace(0.5 if mirrored else 0.0, 1.0, bins + 1)[1:-1]
        return np.searchsorted(edges, forecast, side="left")
    levels = pooled(forecast, weight)
    middle = np.cumsum(levels.weight) - levels.weight / 2
    return np.asarray((middle / levels.weight.sum() * bins).astype(np.intp)[levels.level])


class Cells(NamedTuple):
    """Sums over the cases of each unit in each bin, ordered by bin; empty cells are omitted.

    Replicates weight units, so cases enter through these sums only, as a sparse matrix.
    """

    unit: Codes  # (cell,)
    starts: Codes  # (bin + 1,) start of the cells of each bin
    sums: list[Floats]  # (cell,) each
    n_units: int

    def weighted(self, k: int, weights: Floats) -> Floats:
        """Sums of column k in each bin under weights (unit, replicate): (replicate, bin)."""
        from scipy.sparse import csr_array

        shape = (len(self.starts) - 1, self.n_units)
        table = csr_array((self.sums[k], self.unit, self.starts), shape=shape)
        return np.asarray((table @ weights).T)


def cells_of(
    bin_index: Codes, unit: Codes, columns: Sequence[Floats], shape: tuple[int, int]
) -> Cells:
    """Sum columns (row,) within bins and units: `bin_index`, `unit` (row,); shape (bin, unit)."""
    n_bins, n_units = shape
    order = np.lexsort((unit, bin_index))
    bin_index, unit = bin_index[order], unit[order]
    first = np.flatnonzero((np.diff(bin_index, prepend=-1) != 0) | (np.diff(unit, prepend=-1) != 0))
    starts = np.searchsorted(bin_index[first], np.arange(n_bins + 1)).astype(np.int32)
    sums = [np.add.reduceat(values[order], first) for values in columns]
    return Cells(unit[first].astype(np.int32), starts, sums, n_units)
