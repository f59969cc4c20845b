"""Smooth calibration error at its fixed-point bandwidth.

The error is the integral of the absolute kernel-smoothed residuals, at the bandwidth that equals
the error (Blasiok and Nakkiran 2024, Smooth ECE). Residuals are summed on a grid; a Gaussian kernel
reflected at 0 and 1 multiplies each term of their cosine series, so smoothing costs one transform.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metaeval.core import Codes, Floats

N_CELLS = 2_000  # of the grid on [0, 1]: its step is a hundredth of typical bandwidths
_MIN_BANDWIDTH = 1e-3  # two cells: narrower kernels resolve the grid
_BISECTIONS = 40  # to a relative precision of 2**-40


def split_between_cells(forecast: Floats) -> tuple[Codes, Floats]:
    """Cell to the left of each forecast, and the fraction assigned to the next one: (row,)."""
    position = np.clip(forecast, 0.0, 1.0) * N_CELLS
    cell = np.minimum(position.astype(np.intp), N_CELLS - 1)
    return cell, position - cell


def residuals_by_cell(forecast: Floats, residual: Floats) -> Floats:
    """Sums of residuals (row,) at N_CELLS + 1 points from 0 to 1, split between neighbors."""
    cell, right = split_between_cells(forecast)
    left = np.bincount(cell, residual * (1 - right), N_CELLS + 1)
    return np.asarray(left + np.bincount(cell + 1, residual * right, N_CELLS + 1))


def symmetrize_cells(sums: Floats) -> Floats:
    """Sums (..., cell) of rows that count half in each order."""
    return np.asarray((sums - sums[..., ::-1]) / 2)


def cosines(sums: Floats) -> Floats:
    """Cosine series of sums on a uniform grid from 0 to 1: (..., frequency) from (..., cell).

    A kernel reflected at 0 and 1 acts by multiplying each term.
    """
    from scipy.fft import dct

    doubled = sums.copy()
    doubled[..., [0, -1]] *= 2  # an end point is its own reflection
    return np.asarray(dct(doubled, type=1) / 2)


def smooth_series(series: Floats, bandwidth: Floats | float) -> Floats:
    """A series (..., frequency) smoothed with a reflected Gaussian kernel: (..., cell)."""
    from scipy.fft import dct

    frequency = np.pi * np.arange(series.shape[-1])
    damped = np.exp(-0.5 * (np.asarray(bandwidth)[..., None] * frequency) ** 2)
    return np.asarray(dct(series * damped, type=1))


def error_at(series: Floats, bandwidth: Floats | float) -> Floats:
    """Integral over [0, 1] of the absolute smoothed sums, by the trapezoidal rule: (...,)."""
    size = np.abs(smooth_series(series, bandwidth))
    total = size.sum(axis=-1) - (size[..., 0] + size[..., -1]) / 2
    return np.asarray(total / (size.shape[-1] - 1))


def fixed_point_bandwidth(series: Floats, steps: int = _BISECTIONS) -> Floats:
    """Bandwidth that equals the error at it, by bisection: (...,).

    The error decreases as the bandwidth grows, so the root is unique. The search starts from
    [two cells, 1] and halves the interval `steps` times.
    """
    low = np.full(series.shape[:-1], _MIN_BANDWIDTH)
    high = np.ones(series.shape[:-1])
    for _ in range(steps):
        middle = (low + high) / 2
        above = error_at(series, middle) > middle
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray((low + high) / 2)


def smooth_errors(series: Floats, bandwidth: float, steps: int = 3) -> Floats:
    """Smooth calibration errors of replicates (replicate, frequency) near a known bandwidth.

    Secant steps from the known bandwidth, down to half of it; the few replicates below are
    restarted from there. Frequencies that the kernel damps to below rounding are dropped.
    """
    floor = max(bandwidth / 2, _MIN_BANDWIDTH)
    # At frequency 12 / bandwidth the kernel is exp(-72), below 1e-31.
    n = int(np.clip(12 / (np.pi * floor), 64, series.shape[-1] - 1))
    width = _secant(series[..., : n + 1], bandwidth, floor, steps)
    below = (width <= floor) & (floor > _MIN_BANDWIDTH)
    if below.any():
        width[below] = smooth_errors(series[below], floor, steps)
    return width


def _secant(series: Floats, bandwidth: float, floor: float, steps: int) -> Floats:
    """Bandwidths (replicate,) that equal their errors, at least `floor`."""
    last = np.full(len(series), bandwidth)
    excess = error_at(series, last) - last
    width = np.maximum(last + excess / 1.5, floor)
    for _ in range(steps):
        new, step = error_at(series, width) - width, width - last
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(step == 0, -1.0, (new - excess) / step)
        slope = np.minimum(slope, -1.0)  # the error does not increase with the bandwidth
        last, excess = width, new
        width = np.maximum(width - new / slope, floor)
    return width


def influence_of_signs(series: Floats, bandwidth: float) -> Callable[[Floats], Floats]:
    """First-order effect of a unit residual at a forecast on the smooth error: (row,).

    The signs of the smoothed sums are held fixed; the bandwidth changes with the error.
    """
    values = smooth_series(series, bandwidth)
    n = len(values) - 1
    ends = np.r_[0.5, np.ones(n - 1), 0.5]
    added = smooth_series(cosines(np.sign(values) * ends / n), bandwidth)
    h = 1e-4 * bandwidth
    slope = (error_at(series, bandwidth + h) - error_at(series, bandwidth - h)) / (2 * h)
    at = added / (1 - slope)

    def influence(forecast: Floats) -> Floats:
        cell, right = split_between_cells(forecast)
        return np.asarray(at[cell] * (1 - right) + at[cell + 1] * right)

    return influence
